"""The rank and the names of the process that wrote a log line: those in the line's own prefixes, else the platform's.

A launcher numbers all processes of a run, a platform often only its machines. So a rank in the line wins, in
filters, in rows and in the diagnosis.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bot.diagnosis.reading.prefixes import StatedSource, read_source
from bot.domain.alerts import ExcerptLine
from bot.domain.logs import LogLine, source_name, source_tag
from bot.domain.regex import Pattern, compile_pattern

_MAX_PREFIX_CHARS = 400
"""Prefixes are searched within this many characters."""
_MAY_STATE_RANK = compile_pattern(r"(?i:rank|default|worker)[ :=_-]{0,2}\d|\d: |\d\]<std")
_MAY_STATE_NAME = compile_pattern(r"[(|\[]|\d: |^\w{3} +\d+ \d\d:")
"""Whether the prefixes of a line may state a rank or a name: most lines need no more than this."""
_LABEL = re.compile(r"(?:\d[\d:.,TZ-]* )?\s{0,6}\d{1,5}: ")
_ANSI = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")


class RankedText(NamedTuple):
    """A message without its ranks, and its rank."""

    rank: int | None
    text: str


def are_labelled(messages: Iterable[str]) -> bool:
    """Whether `3: ` at the start of these messages is a rank: most of them start so, as with `srun --label`."""
    labels = [_LABEL.match(message) is not None for message in messages]
    return sum(labels) > max(1, len(labels) / 2)


def split_rank(message: str, rank: int | None = None, *, has_labels: bool = False) -> RankedText:
    """Return the rank of a message and the message without the rank's prefixes, also on its further lines.

    Args:
        message: as logged.
        rank: the platform's rank, which counts if the message states none.
        has_labels: as `are_labelled` of the messages around it: without that, `3: ` may number a list.
    """
    if not _may_state(_MAY_STATE_RANK, message):
        return RankedText(rank, message)
    first, newline, rest = message.partition("\n")
    found = _read(first, has_labels=has_labels)
    if found.rank is None:
        return RankedText(rank, message)
    if newline and _may_state(_MAY_STATE_RANK, rest):
        parts = ((line, _read(line, has_labels=has_labels)) for line in rest.split("\n"))
        rest = "\n".join(part.text if part.rank == found.rank else line for line, part in parts)
    return RankedText(found.rank, found.text + newline + rest)


def with_rank_tag(message: str, *, has_labels: bool = False) -> str:
    """Return the message with a tag such as `r3` instead of the prefixes that state its rank."""
    rank, text = split_rank(message, has_labels=has_labels)
    return text if rank is None else f"{source_tag(rank, None)} {text}"


def rank_of(line: LogLine | ExcerptLine) -> int | None:
    """The rank in the line's prefixes, else the platform's; None if neither states one."""
    if not _may_state(_MAY_STATE_RANK, line.message):
        return line.rank
    rank = _read(line.message.partition("\n")[0]).rank
    return line.rank if rank is None else rank


def source_of(line: LogLine | ExcerptLine, *, has_labels: bool = False) -> str | None:
    """The source as shown to people: `rank 3`, or the replica's id."""
    return source_name(split_rank(line.message, line.rank, has_labels=has_labels).rank, line.replica)


def comes_from(names: Iterable[str]) -> Callable[[LogLine], bool | None]:
    """Return a test of whether a line comes from one of these replicas, pods, workers or hosts; None: it names none.

    The platform's replica and every name in the line's prefixes count. Of `pod/container`, each counts alone as well.
    """
    wanted = frozenset(names)

    def test(line: LogLine) -> bool | None:
        if line.replica in wanted:
            return True
        stated = _read(line.message.partition("\n")[0]).names if _may_state(_MAY_STATE_NAME, line.message) else ()
        if any(name in wanted or not wanted.isdisjoint(name.split("/")) for name in stated):
            return True
        return False if stated or line.replica else None

    return test


def _read(line: str, *, has_labels: bool = True) -> StatedSource:
    return read_source(_ANSI.sub("", line) if "\x1b" in line[:_MAX_PREFIX_CHARS] else line, has_labels=has_labels)


def _may_state(prefilter: Pattern[str], message: str) -> bool:
    try:
        return prefilter.contains(message[:_MAX_PREFIX_CHARS])
    except UnicodeEncodeError:  # a lone surrogate, from bytes that were not UTF-8
        return True
