"""Tell the lines that state at which step something failed from those that state progress.

`Error at step 512: loss is nan, stopping` contains a step, but no work follows it. The same holds for the details of a
fatal error, such as `Step 2345: 13 atoms outside the box` below `ERROR: Lost atoms`.
"""

import re

from bot.diagnosis.reading.prefixes import split_prefix
from bot.diagnosis.training.progress import Sample
from bot.domain.regex import compile_pattern

DETAIL_LINES = 8
"""Number of lines below a fatal statement among which steps of another form than before are its details."""
CONTEXT = 2048
"""Number of bytes in which these lines are."""
_COUNTER = r"(?:(?:global|train(?:ing)?|optimi[sz]er|time|md|scf)[ _-]?)?"
_COUNTER += r"(?:step|iteration|iter|epoch|batch|update|time)"
_OUTCOMES = (
    r"failed|failure|fails|crash(?:ed|es)?|abort(?:ed|ing)?|diverged|exploded|exception|panicked|fatal|died|killed|oom"
    r"|out of memory|(?:not|non-?) ?finite|nan|stopped|stopping|interrupted|terminated|exiting|lost \w+|unstable"
    r"|blew up|raised"
)
_OUTCOME = rf"(?:(?<!no )(?<!0 )error|{_OUTCOMES})"
_AT = rf"(?:at|in|on|during|near|after) (?:the )?{_COUNTER}"
_FAILED_AT = re.compile(
    rf"\b{_OUTCOME}\b.{{0,80}}\b{_AT}\b\W{{0,4}}(?:no\. ?)?"
    r"\d[\d,.]{0,15}(?!\s?[:=]\s?[-+]?[\d.])"
)
"""Something failed at a step, but not a metric such as `error at epoch 5: 0.12`."""
_STEP_FAILED = re.compile(
    rf"^\W{{0,4}}{_COUNTER}\W{{0,4}}\d[\d,.]{{0,15}}(?: ?(?:/|of) ?\d+)?\b.{{0,160}}?"
    r"\b(?:abort(?:ing|ed)?|crash(?:ed|ing)?|explod(?:ed|ing)|(?<!\d )failed|failure|fatal|(?:not|non-?) ?finite"
    r"|unstable|diverged|blew up|giving up|gave up|terminat(?:ing|ed)|exiting|unrecoverable|error:(?! ?[-+]?[\d.])"
    r"|is (?:nan|infinite)(?=[,.;!]? (?:stopping|quitting)))\b"
)
_GOES_ON = re.compile(
    r"\b(?:skip|retry|retri|continu|ignor|reset|resum|recover|roll|rewind|restart|reload|fall)\w*\b"
    r"|\b(?:(?:failed|failures?|errors?|aborted|crashed)['\"_\w]* ?[:=] ?(?:0|none|false)\b)"
)
_MAY_FAIL = (
    rf"(?i:(?:error|{_OUTCOMES}).*\b{_AT}|^.{{0,16}}{_COUNTER}.*"
    r"(?:abort|crash|explod|fail|fatal|finite|unstable|diverged|blew|g[ia]v|terminat|exit|unrecover|error:|is nan"
    r"|is inf))"
)
"""Matches each line that one of the two matches, and few others."""
_MAY_STATE_STEP = compile_pattern(_MAY_FAIL.encode())
_STATEMENT = re.compile(
    r"^\W{0,4}(?:FATAL|[Ff]atal [Ee]rror|PANIC|panic:|ERROR:|[Ee]rror:|Traceback \(most|terminate called|Check failed)"
    r"|^thread '.{1,80}' panicked|\b\w*(?:Error|Exception): \S"
)
"""What the details of a failure follow."""
_MAY_BE_STATEMENT = compile_pattern(
    r"(?m)FATAL|[Ff]atal [Ee]rror|PANIC|panic:|ERROR:|[Ee]rror:|Traceback \(most|terminate called|Check failed"
    rf"|panicked|Exception: |{_MAY_FAIL}".encode()
)
_DIGITS = re.compile(r"\d[\d,.]*")
_FORM_CHARS = 40


def states_failed_step(text: str) -> bool:
    """Does a line name the step at which something failed, after which nothing goes on?"""
    if not _MAY_STATE_STEP.contains(text.encode("utf-8", "replace")):
        return False
    text = text.lower()
    if _GOES_ON.search(text):
        return False
    return (_FAILED_AT.search(text) or _STEP_FAILED.search(text)) is not None


def is_bare_step(sample: Sample) -> bool:
    """Does a line state a step, but nothing that only training has?"""
    is_measured = sample.loss is not None or sample.grad_norm is not None or sample.learning_rate is not None
    return not (is_measured or sample.total is not None or sample.speed is not None)


def is_failure_detail(text: str, before: bytes, known: str) -> bool:
    """Is a bare step one of the details below a fatal statement?

    Args:
        text: of its line.
        before: the log before it.
        known: the newest step line before it; lines of the same form are progress.
    """
    if not _MAY_BE_STATEMENT.contains(before) or (known and _form(known) == _form(text)):
        return False
    lines = before.removesuffix(b"\n").rsplit(b"\n", DETAIL_LINES)[-DETAIL_LINES:]
    if not any(_MAY_BE_STATEMENT.contains(line) for line in lines):
        return False
    texts = (line.decode("utf-8", "replace") for line in lines)
    split = ((text, split_prefix(text).text) for text in texts)
    return any(_STATEMENT.search(raw) or _STATEMENT.search(one) or states_failed_step(one) for raw, one in split)


def _form(text: str) -> str:
    return _DIGITS.sub("0", split_prefix(text).text.strip().lower())[:_FORM_CHARS]
