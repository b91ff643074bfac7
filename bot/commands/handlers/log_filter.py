"""Apply a LogFilter to lines, whatever the platform applied before, and count the dropped lines by reason. Pure.

One RE2 search per message is faster than one search over a joined page (docs/benchmarks.md): building the page costs
what it saves. It is also exact for messages with line breaks, where a joined page is not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from bot.commands.subcommands.logs import Cut, CutReason
from bot.domain.logs import LogFilter, LogLine
from bot.domain.regex import Pattern, compile_typed_pattern

Stage = Callable[[Sequence[LogLine]], list[LogLine]]


@dataclass(frozen=True, slots=True)
class Filtered:
    """The lines that pass a filter, in their order, and how many do not."""

    lines: Sequence[LogLine]
    dropped: Mapping[CutReason, int]
    """Number of dropped lines by reason; a line counts once, for the first reason that applies."""


class LineFilter:
    """A compiled LogFilter, to apply page by page."""

    def __init__(self, wanted: LogFilter) -> None:
        """Compile the filter.

        Raises:
            UsageError: the pattern is invalid.
        """
        self._stages = tuple(_stages(wanted))

    def apply(self, lines: Sequence[LogLine]) -> Filtered:
        """Keep the lines that pass every test."""
        dropped: dict[CutReason, int] = {}
        for reason, stage in self._stages:
            kept = stage(lines)
            if len(kept) < len(lines):
                dropped[reason] = len(lines) - len(kept)
            lines = kept
        return Filtered(lines, dropped)


def cuts_of(dropped: Mapping[CutReason, int], pushed_down: Sequence[str], wanted: LogFilter) -> tuple[Cut, ...]:
    """Filters that cancel out, and the lines that filters dropped: here, whose number is known, and on the platform."""
    here = (*_contradictions(wanted), *(Cut(reason, count) for reason, count in dropped.items()))
    return (*here, Cut(CutReason.FILTERED_BY_PLATFORM, None, tuple(pushed_down))) if pushed_down else here


def _contradictions(wanted: LogFilter) -> tuple[Cut, ...]:
    """Each line with an included text also has an excluded one, if that is a part of it."""
    pairs = ((one, other) for one in wanted.includes for other in wanted.excludes if other in one)
    return tuple(
        Cut(CutReason.CANCEL_OUT, None, (f"--include {one}", f"--exclude {other}")) for one, other in islice(pairs, 1)
    )


def pushed_down_options(fields: frozenset[str]) -> tuple[str, ...]:
    """The options that a person types for these fields of LogFilter."""
    return tuple(option for field, option in _OPTION_OF_FIELD.items() if field in fields)


_OPTION_OF_FIELD = {
    "min_level": "--level", "grep": "--grep", "includes": "--include", "excludes": "--exclude",
    "replicas": "--replica", "ranks": "--rank", "request_id": "--request-id",
    "component": "--component",
}  # fmt: skip


def _stages(wanted: LogFilter) -> list[tuple[CutReason, Stage]]:
    """The tests in the order of their cost: the pattern last, on the lines that remain."""
    stages: list[tuple[CutReason, Stage]] = []
    level, request_id = wanted.min_level, wanted.request_id
    ranks = frozenset(wanted.ranks)
    if level is not None:
        from bot.domain.levels import reaches  # noqa: PLC0415 - most filters start faster without it

        is_at_least = reaches(level)
        stages.append((CutReason.BELOW_LEVEL, lambda lines: [line for line in lines if is_at_least(line)]))
    if request_id is not None:
        stages.append((CutReason.OTHER_REQUEST, lambda lines: [one for one in lines if one.request_id == request_id]))
    if wanted.replicas or ranks:
        from bot.diagnosis.reading.line_sources import comes_from, rank_of  # noqa: PLC0415 - as above
    if wanted.replicas:
        is_from = comes_from(wanted.replicas)
        stages.append((CutReason.OTHER_REPLICA, lambda lines: [line for line in lines if is_from(line) is not False]))
        stages.append((CutReason.NO_REPLICA, lambda lines: [line for line in lines if is_from(line)]))
    if ranks:
        wanted_or_none = {*ranks, None}
        stages.append((CutReason.OTHER_RANK, lambda lines: [line for line in lines if rank_of(line) in wanted_or_none]))
        stages.append((CutReason.NO_RANK, lambda lines: [line for line in lines if rank_of(line) is not None]))
    if wanted.includes:
        stages.append((CutReason.NOT_INCLUDED, _with_all(wanted.includes)))
    if wanted.excludes:
        stages.append((CutReason.EXCLUDED, _with_none(wanted.excludes)))
    if wanted.grep is not None:
        stages.append((CutReason.NOT_MATCHED, _matching(compile_typed_pattern(wanted.grep))))
    return stages


def _with_all(texts: Sequence[str]) -> Stage:
    """Test two texts per pass, because a pass over the lines costs as much as a search."""
    pairs = [(one, other) for one, other in zip_longest(texts[::2], texts[1::2], fillvalue="")]

    def stage(lines: Sequence[LogLine]) -> list[LogLine]:
        kept = list(lines)
        for one, other in pairs:
            kept = [line for line in kept if one in (message := line.message) and other in message]
        return kept

    return stage


def _with_none(texts: Sequence[str]) -> Stage:
    pairs = [(one, other) for one, other in zip_longest(texts[::2], texts[1::2], fillvalue=texts[0])]

    def stage(lines: Sequence[LogLine]) -> list[LogLine]:
        kept = list(lines)
        for one, other in pairs:
            kept = [line for line in kept if one not in (message := line.message) and other not in message]
        return kept

    return stage


def _matching(pattern: Pattern[str]) -> Stage:
    contains = pattern.contains

    def contains_safely(message: str) -> bool:
        """Search a lone surrogate, which stands for a byte that is not UTF-8, as a question mark."""
        try:
            return contains(message)
        except UnicodeEncodeError:
            return contains(message.encode("utf-8", "replace").decode())

    def stage(lines: Sequence[LogLine]) -> list[LogLine]:
        try:
            return [line for line in lines if contains(line.message)]
        except UnicodeEncodeError:
            return [line for line in lines if contains_safely(line.message)]

    return stage
