"""Read from a line whether what it reports is tried again or given up."""

import re

_COUNT = re.compile(
    r"(?i)\b(?:attempts?|try|tries)\W{0,3}(\d{1,4}) ?(?:/|of|out of) ?(\d{1,4})\b"
    r"|\bretr(?:y|ies)\W{0,3}(\d{1,4}) ?(?:/|of|out of) ?(\d{1,4})\W{1,3}(?:has |also )?(?:fail|time|error|exhaust)"
    r"|(?<![\w./])(\d{1,4}) ?(?:/|of|out of) ?(\d{1,4}) (?:attempts|tries|retries)\b"
)
"""How many attempts there were of how many."""
_FAILS = re.compile(
    r"(?i)\b(?:fail|error|exception|time[ds]?[ -]?out|refused|denied|unreachable|reset by|unable|could ?n.t|could not"
    r"|cannot|can't|lost|expired|no route|unavailable)|(?:Error|Exception)\b"
)
_GIVES_UP = re.compile(
    r"(?i)(?<!before )(?<!without )(?<!instead of )(?<!not )(?<!never )(?<!n't )\b(?:giving|gave|given) up\b"
    r"(?: (?:on )?retrying)?"
    r"|\bno (?:more |further )(?:retries|attempts|tries)\b|\bno (?:retries|attempts|tries) (?:left|remain\w*)"
    r"|\b(?:retries|attempts|retry (?:limit|budget|count)) (?:are |were |is |was |has been |have been )?"
    r"(?:exhausted|used up|exceeded|reached)\b"
    r"|\bexhausted (?:all |the |its |\d+ )*(?:retries|attempts|retry)\b"
    r"|\b(?:not|no longer|never|n't|stop\w*|quit) (?:be )?retr(?:y(?:ing)?|ied)\b"
)
_GOES_ON = re.compile(
    r"(?i)\b(?:retry(?:ing)? (?:in|after|with|at|later|again|now)|re-?trying|will (?:re-?try|try)"
    r"|try(?:ing)? (?:again|another|the|a different)|reconnect|fall(?:s|ing)? ?back|fell back"
    r"|instead|without|offline|skip|ignor|dropp|discard|exclud"
    r"|(?:re-?)?queued|re-?start|resum|restor|ok\b|succe|worked|recovered|connected|done\b|passed)"
    r"|(?<!training )(?<!run )(?<!job )\b(?:continu|proceed)\w*(?! (?:with )?(?:the )?(?:training|run|job)\b)"
)
"""What the same line says if the program has an alternative, tries again or has succeeded at last."""


def is_given_up(text: str) -> bool:
    """Does a line report the failure of the last attempt, or that something is given up, with no alternative?"""
    given_up = _GIVES_UP.search(text)
    if given_up is None and not _is_last(text):
        return False
    rest = text if given_up is None else text[: given_up.start()] + text[given_up.end() :]
    return _GOES_ON.search(rest) is None


def _is_last(text: str) -> bool:
    found = _COUNT.search(text)
    if found is None or _FAILS.search(text) is None:
        return False
    count, total = (int(number) for number in found.groups() if number)
    return count >= total
