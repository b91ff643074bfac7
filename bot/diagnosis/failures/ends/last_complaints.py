"""Find the complaint with which a log ends, of a program that neither exits with an error nor has a fatal word.

A healthy log that somebody cut may end with a complaint, too. So a line without a level counts only if it states what
cannot be done or what does not fit, after training or with a mark such as `***`.
"""

import re
from collections.abc import Callable, Container, Sequence
from typing import Protocol

from bot.diagnosis.failures.ends.last_words import EndRow, states_survival
from bot.diagnosis.failures.ends.start_errors import is_optional
from bot.diagnosis.failures.reasons import Grade
from bot.diagnosis.failures.subjects import is_progress, names_failure, without_bar
from bot.diagnosis.failures.vague_lines import is_vague
from bot.domain.logs import Level

MAX_CLOSING = 3
"""Number of lines after the complaint with which a program closes: `Stopping the profiler`, `end of the process`."""
_CLOSING = re.compile(
    r"(?i)^(?:\w+=\w+ ){0,2}(?:msg=)?\"?(?:\[[\w./ -]{1,40}\]:? ?|[\w.-]{1,30}(?: \d+)?: )?\W*"
    r"(?:(?:now )?(?:stopping|closing|leaving|exiting|ending|quitting"
    r"|shutting down|cleaning up|flushing|bye|goodbye)\b|(?:re-?)?rais(?:e|ing)\b"
    r"|(?:the )?(?:end|fin|fine|fim) (?:of|del|de|du|do|della) |done\W*$|terminat(?:ed|ing)\b)"
)
_CANNOT = re.compile(
    r"(?i)\b(?:cannot|can ?not|can't|could not|couldn't|unable to|not able to|impossible to|refus(?:es|ed|ing) to) \w"
    r"|\b(?:has|have|had|holds?|contains?) (?:0|no|only \d+) (?:\w+ ){0,3}\w+\b.{0,40}"
    r"\b(?:but|need|expect|require|cannot)"
)
_MARK = re.compile(r"^(?:\*{2,}|!{2,}|>{3,}|#{3,}|x{3,}|(?i:oops|sorry|ouch|uh-oh|problem|trouble)\b)")
_ELSEWHERE = re.compile(
    r"(?i)^\W*(?:erreur|fehler|errore|erro|\u043e\u0448\u0438\u0431\u043a\u0430|\u9519\u8bef|\u932f\u8aa4"
    r"|\u30a8\u30e9\u30fc|\uc624\ub958) ?[:\uff1a] ?[^\s\d]"
)
"""An error in French, German, Italian, Portuguese, Russian, Chinese, Japanese or Korean."""
_NO_EVENT = re.compile(
    r"(?i)\b(?:0|no|zero|without) (?:\w+ )?(?:errors?|fail\w*|corrupt\w*|missing|invalid|problems?|warnings?"
    r"|exceptions?)\b"
    r"|\b(?:error|failure|accuracy|rate|loss|recall|precision)s?\W{0,3}(?:rate\W{0,3})?\d"
    r"|\b(?:errors?|corrupt\w*|\w*correct\w*|lost|dropped|failures?|failed|invalid)\b(?: \w+){0,2}\W{0,3}0\b"
    r"|\b(?:text|pred\w*|true|target|outputs?|inputs?|samples?|prompt|response|answer|hyp\w*|stderr|stdout)\b"
    r" ?[=|:]|^\u3010|^[A-Za-z]\w{0,20}> "
    r"|\b(?:ignor|skipp|dropp|discard|exclud|filter|remov|clipp|cut off|replac|disable|fallback|default)\w*"
    r"|\b(?:instead|using|slow(?:er)?|install|consider|please|recommend\w*|deprecated|optional|experimental)\b"
)
"""What a line has that counts, that quotes, that states what a program does instead, or that only advises."""
_SERVICE = re.compile(
    r"(?i)\b(?:replicas?|peers?|controller|consumers?|members?|brokers?|leader|pods?|api|http|workers?|routes?)\b"
)
"""What fails in a service that goes on."""
_LACK = re.compile(r"(?i)\b(?:not|no|nothing|never|without|needed|required|must|gone)\b|n't\b")
HEAD_CHARS = 30
"""Number of characters with which a repeated complaint starts."""
_BAR_START = "\u2026 "


class WholeLog(Protocol):
    """What is known about a log besides its last lines."""

    @property
    def before(self) -> bytes:
        """The text before them."""

    @property
    def has_trained(self) -> bool:
        """Had the run logged progress?"""

    @property
    def is_harmless(self) -> Callable[[str], bool]:
        """Is the message of a line known not to be a failure?"""


def find_last_complaint(rows: Sequence[EndRow], judged: Container[int], log: WholeLog) -> int | None:
    """Return the index of the complaint with which the rows end; None if they end with something else.

    Args:
        rows: the end of the log, from its last line of progress on.
        judged: numbers of lines that are known not to be worth a page.
        log: whose end they are.
    """
    statements = [index for index, row in enumerate(rows) if not row.is_detail]
    closing = 0
    while closing < min(MAX_CLOSING, len(statements)) and _CLOSING.match(rows[statements[-1 - closing]].text):
        closing += 1
    if closing >= len(statements):
        return None
    index = statements[-1 - closing]
    row, text = rows[index], without_bar(rows[index].text).removeprefix(_BAR_START)
    is_known = row.number in judged or log.is_harmless(text) or is_optional(text) or row.is_of_part
    if is_known or any(one.goes_on for one in rows[: index + 1]) or _NO_EVENT.search(text) or is_vague(text):
        return None
    if row.is_aside or states_survival(text):
        return None
    if row.level is not None:
        is_end = row.level >= Level.ERROR and row.is_error and (log.has_trained or _SERVICE.search(row.raw) is None)
        is_end &= not row.raw.startswith("{") or names_failure(text)
    else:
        is_marked = _MARK.match(text) is not None
        is_clear = _CANNOT.search(text) is not None or (row.grade >= Grade.REASON and (row.complains or is_marked))
        is_foreign = _ELSEWHERE.match(text) is not None
        is_end = (is_clear or is_foreign) and row.is_plain and not row.is_value and not is_progress(text)
        is_end &= log.has_trained or is_marked or is_foreign
    return index if is_end and not _is_repeated(text, log.before) else None


def states_lack(text: str) -> bool:
    """Does a statement before a failure say what something lacks, is not or needs?"""
    return _LACK.search(text) is not None


def _is_repeated(text: str, before: bytes) -> bool:
    """Had the program gone on after the same complaint before?"""
    return text[:HEAD_CHARS].encode("utf-8", "replace") in before
