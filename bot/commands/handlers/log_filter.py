"""A LogFilter applied to lines here, whatever the platform applied before: which stay, and why the others do not. Pure.

Measured (docs/benchmarks.md): one RE2 search a message is faster than one search over a joined page, because building
the page costs what it saves; and it is exact for messages with line breaks, where a joined page is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bot.commands.subcommands.logs import Cut
from bot.domain.logs import Level, LogFilter, LogLine
from bot.domain.regex import Pattern, compile_typed_pattern

Stage = Callable[[Sequence[LogLine]], list[LogLine]]


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter made of some lines."""

    lines: Sequence[LogLine]
    """Those that pass, in their order."""
    dropped: Mapping[str, int]
    """How many lines each reason took; a line counts once, for the first reason that took it."""


class LineFilter:
    """A LogFilter ready to be applied, page after page."""

    def __init__(self, wanted: LogFilter) -> None:
        """Compile the filter.

        Raises:
            UsageError: the pattern is none.
        """
        self._stages = tuple(_stages(wanted))

    def apply(self, lines: Sequence[LogLine]) -> Filtered:
        """Keep the lines that pass every test."""
        dropped: dict[str, int] = {}
        for reason, stage in self._stages:
            kept = stage(lines)
            if len(kept) < len(lines):
                dropped[reason] = len(lines) - len(kept)
            lines = kept
        return Filtered(lines, dropped)


def cuts_of(dropped: Mapping[str, int], pushed_down: Sequence[str]) -> tuple[Cut, ...]:
    """Why lines are missing: those dropped here with their number, those that the platform kept back without."""
    here = tuple(Cut(reason, count) for reason, count in dropped.items())
    there = (Cut(f"may have been left out by the platform itself ({', '.join(pushed_down)})", None),)
    return here + (there if pushed_down else ())


def pushed_down_options(fields: frozenset[str]) -> tuple[str, ...]:
    """Names of LogFilter fields as a person types them, in the order of help."""
    return tuple(option for field, option in _OPTION_OF_FIELD.items() if field in fields)


_OPTION_OF_FIELD = {
    "min_level": "--level",
    "grep": "--grep",
    "includes": "--include",
    "excludes": "--exclude",
    "replicas": "--replica",
    "ranks": "--rank",
    "request_id": "--request-id",
}


_NO_RANK = "did not say their rank; where a platform tells replicas, use --replica"
_NO_REPLICA = "did not say their replica; where a platform tells ranks, use --rank"


def _stages(wanted: LogFilter) -> list[tuple[str, Stage]]:
    """The tests in the order of their cost: the pattern last, on what is left."""
    stages: list[tuple[str, Stage]] = []
    if wanted.min_level is not None:
        level = wanted.min_level
        stages.append(
            ("had no level, which --level leaves out", lambda lines: [line for line in lines if line.level is not None])
        )
        stages.append((f"did not reach --level {level.name.lower()}", _at_least(level)))
    if wanted.request_id is not None:
        request_id = wanted.request_id
        stages.append(
            ("belonged to other requests", lambda lines: [line for line in lines if line.request_id == request_id])
        )
    if wanted.replicas:
        replicas = frozenset(wanted.replicas)
        stages.append((_NO_REPLICA, lambda lines: [line for line in lines if line.replica]))
        stages.append(("came from other replicas", _from_replicas(replicas)))
    if wanted.ranks:
        stages.append((_NO_RANK, lambda lines: [line for line in lines if line.rank is not None]))
        stages.append(("came from other ranks", _from_ranks(frozenset(wanted.ranks))))
    if wanted.includes:
        stages.append(("lacked an --include text", _with_all(wanted.includes)))
    if wanted.excludes:
        stages.append(("held an --exclude text", _with_none(wanted.excludes)))
    if wanted.grep is not None:
        stages.append(("did not match --grep", _matching(compile_typed_pattern(wanted.grep))))
    return stages


def _at_least(level: Level) -> Stage:
    return lambda lines: [line for line in lines if line.level is not None and line.level >= level]


def _from_replicas(replicas: frozenset[str]) -> Stage:
    return lambda lines: [line for line in lines if line.replica in replicas]


def _from_ranks(ranks: frozenset[int]) -> Stage:
    return lambda lines: [line for line in lines if line.rank in ranks]


def _with_all(texts: Sequence[str]) -> Stage:
    """Two texts a pass: each pass over the lines costs as much as one search."""
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
        """A lone surrogate, kept from bytes that were no UTF-8, is searched as a question mark."""
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
