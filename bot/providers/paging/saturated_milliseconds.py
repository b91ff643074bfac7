"""Read a millisecond that holds at least as many lines as a page: from both ends, then by narrower queries. Pure.

A time-windowed API cannot be asked for less than one millisecond, so `window_scan` reads such a millisecond here.
"""

from collections import Counter

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, Order
from bot.providers.paging.scan_state import Steps, TimeWindow, WindowRequest
from bot.providers.paging.seen_lines import identity


def read_saturated(ms: int, known: list[LogLine], limit: int, narrower: int) -> Steps[tuple[list[LogLine], Gap | None]]:
    """Read as many lines of a millisecond as the platform gives, by `narrower` narrower queries if necessary.

    `known` are lines that earlier requests returned; `limit` is the largest page to ask for. The Gap is None when the
    lines are provably all.
    """
    window = TimeWindow(ms - 1, ms + 1, Order.ASC, limit)
    first = yield WindowRequest(window)
    last = yield WindowRequest(window._replace(order=Order.DESC))
    lines = union(union(known, _within(first, ms)), _within(last, ms))
    if _are_all(lines, first, last, ms):
        return lines, None
    for query in range(1, narrower + 1):
        for order in Order:
            found = yield WindowRequest(window._replace(order=order), query)
            lines = union(lines, _within(found, ms))
    gap = Gap(
        part=Part.LOGS,
        reason=GapReason.UNREACHABLE_LINES,
        public=f"One millisecond of the log fills a whole page: {len(lines)} lines were read, some may be missing.",
        start_ns=ms * NS_PER_MS,
        end_ns=(ms + 1) * NS_PER_MS - 1,
    )
    return lines, gap


def union(known: list[LogLine], more: list[LogLine]) -> list[LogLine]:
    """Return `known` and the lines that `more` has in addition; a line counts as often as it occurs."""
    left = Counter(map(identity, known))
    additional = []
    for line in more:
        if left[identity(line)] > 0:
            left[identity(line)] -= 1
        else:
            additional.append(line)
    return known + additional


def _are_all(lines: list[LogLine], first: list[LogLine], last: list[LogLine], ms: int) -> bool:
    """Whether the pages from both ends prove that the millisecond has no lines but `lines`.

    A page that reaches past the millisecond was not cut within it. Two pages with the same lines were not cut either,
    if the platform sorts by nanosecond: otherwise each would lack the other's end.
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
