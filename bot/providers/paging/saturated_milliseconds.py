"""Reads one millisecond that fills a whole page: from both ends, in narrower queries, and says whether that is all.

`time_windows` comes here when a page does not reach beyond a single millisecond, the finest step that such a
platform can be asked for. Pure but for the `Fetch` it is handed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, Order
from bot.providers.paging.scan_direction import Fetch, Window
from bot.providers.paging.seen_lines import identity


@dataclass(frozen=True, slots=True)
class Burst:
    """What could be read of one millisecond."""

    lines: list[LogLine]
    gap: Gap | None
    """None when these are proven to be all."""


async def read_burst(fetch: Fetch, narrower: Sequence[Fetch], ms: int, known: list[LogLine], limit: int) -> Burst:
    """All lines of a millisecond that can be got.

    Args:
        fetch: asks for the lines wanted.
        narrower: the same query narrowed further, each its own way.
        ms: the millisecond.
        known: lines of it that earlier requests gave.
        limit: the longest page to ask for.
    """
    window = Window(ms - 1, ms + 1, Order.ASC, limit)
    first, last = await fetch(window), await fetch(window._replace(order=Order.DESC))
    lines = union(union(known, _within(first, ms)), _within(last, ms))
    if _are_all(lines, first, last, ms):
        return Burst(lines, None)
    for one in narrower:
        for order in Order:
            lines = union(lines, _within(await one(window._replace(order=order)), ms))
    gap = Gap(
        part=Part.LOGS,
        reason=GapReason.UNREACHABLE_LINES,
        public=f"One millisecond of the log fills a whole page: {len(lines)} lines were read, some may be missing.",
        start_ns=ms * NS_PER_MS,
        end_ns=(ms + 1) * NS_PER_MS - 1,
    )
    return Burst(lines, gap)


def union(known: list[LogLine], more: list[LogLine]) -> list[LogLine]:
    """All of `known` and what `more` has beyond it, copies counted."""
    left = Counter(map(identity, known))
    beyond = []
    for line in more:
        if left[identity(line)] > 0:
            left[identity(line)] -= 1
        else:
            beyond.append(line)
    return known + beyond


def _are_all(lines: list[LogLine], first: list[LogLine], last: list[LogLine], ms: int) -> bool:
    """Whether the pages from both ends prove that the millisecond has no more than `lines`.

    One that reaches past the millisecond was not cut within it. Two that give the same lines were not cut either, if
    the platform sorts by nanosecond: cut ones would each lack the other's end.
    """
    if any(line.timestamp_ns // NS_PER_MS > ms for line in first):
        return True
    if any(line.timestamp_ns // NS_PER_MS < ms for line in last):
        return True
    first, last = _within(first, ms), _within(last, ms)
    rising, falling = [line.timestamp_ns for line in first], [line.timestamp_ns for line in last]
    sorts = rising == sorted(rising) and falling == sorted(falling, reverse=True) and rising[:1] != rising[-1:]
    return sorts and len(lines) == len(first) == len(last)


def _within(lines: list[LogLine], ms: int) -> list[LogLine]:
    return [line for line in lines if line.timestamp_ns // NS_PER_MS == ms]
