"""Find the error with which a program gave up at its start, where the log has neither its exit nor a fatal word."""

import re
from collections.abc import Callable, Container, Sequence

from bot.diagnosis.failures.ends.last_words import EndRow
from bot.diagnosis.failures.life_signs import LifeKind
from bot.diagnosis.reading.attempts import is_given_up
from bot.domain.logs import Level

_WORK = frozenset({LifeKind.ITEM, LifeKind.TRIAL, LifeKind.ANSWERED, LifeKind.REFUSED, LifeKind.FAILED})
"""What shows that a program worked before."""
_NEEDED = re.compile(
    r"(?i)\b(?:models?|weights|checkpoints?|data ?sets?|samples|config\w*|settings|repository|repositories|collections?"
    r"|tables?|shards?|engine|credentials?|tokens?|licen[cs]e|address|port|arguments?|definitions?|gpus?|base path"
    r"|folders?|directory|directories)\b"
)
"""What a program cannot work without."""
_OPTIONAL = re.compile(
    r"(?i)\b(?:optional|plug-?ins?|cache[ds]?|telemetry|tracing|metrics|monitoring|profiler|tensorboard|disabled"
    r"|(?<!\.)defaults?|instead|without|using|fused|history|update check|re-?building)\b"
)
"""What it can, or what its line has where it does."""


def find_start_error(
    rows: Sequence[EndRow], lines_after: int, judged: Container[int], is_harmless: Callable[[str], bool]
) -> int | None:
    """Return the index of an error with a reason near the end of the log of a program that has not worked yet.

    Args:
        rows: the end of the log.
        lines_after: maximum number of statements after the error.
        judged: numbers of lines that are known not to be worth a page.
        is_harmless: is the message of a line known not to be a failure?
    """
    if any(row.goes_on or row.kind in _WORK for row in rows):
        return None
    statements = [index for index, row in enumerate(rows) if not row.is_detail]
    for index in statements[-1 - lines_after :]:
        row = rows[index]
        is_last = all(_is_error(rows[later]) for later in statements if later > index)
        is_end = index == statements[-1] and is_given_up(row.text)
        is_needed = is_end or (not row.is_of_part and (is_last or _NEEDED.search(row.text) is not None))
        is_known = row.number in judged or is_harmless(row.text)
        is_reason = _is_error(row) and (row.states_reason or is_end) and not is_optional(row.text)
        if is_reason and is_needed and not is_known:
            return index
    return None


def is_optional(text: str) -> bool:
    """Is a line about what a program can do without?"""
    return _OPTIONAL.search(text) is not None


def _is_error(row: EndRow) -> bool:
    return row.level is not None and row.level >= Level.ERROR
