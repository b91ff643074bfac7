"""Reads a log exactly from a platform that is asked by time: two milliseconds, an order, at most so many lines.

Such a platform gives no identity and no "there is more", and its documents leave open whether bounds are inclusive.
Three rules make the reading exact whatever the answers are:

1. Only whole milliseconds are given out. The last millisecond of a page may be cut, so it waits for the next page,
   which begins one millisecond before it (in case the bound is exclusive). What was given is subtracted (`SeenLines`).
2. A short page ends a window only when this scan has seen a longer one: a platform may cap pages and not say so.
   Otherwise the reader asks once more from the seam.
3. A millisecond that fills a page is read from both ends and in narrower queries; what stays in doubt is a Gap.

A follower's scan begins an overlap behind its newest line and gives what it has not given before. Pure but for the
`Fetch` it is handed; `bot.providers.baseten` makes those. Platforms with page tokens read in their own way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import msgspec

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import BadRequest, CursorLost, RateLimited, Unavailable
from bot.providers.reading import LONGEST_OVERLAP, MOST_SEEN, SeenLines, in_order, pack_cursor, unpack_cursor
from bot.providers.replies import BodyTooLarge

AHEAD_MS = 60_000
"""How far past the clock an open end reaches, for stamps of a machine whose clock is ahead."""

_SMALLEST_CAP = 50
"""A page of this many lines in one millisecond is taken for cut; no platform caps its pages lower."""

_MOST_REQUESTS = 40
"""Requests without a new line after which a call returns an empty page with `more`."""


class Window(NamedTuple):
    """One request: the lines between two milliseconds, in an order, at most `limit`."""

    start_ms: int
    end_ms: int
    order: Order
    limit: int


Fetch = Callable[[Window], Awaitable[list[LogLine]]]
"""Asks the platform once. Raises BadRequest when the window is too long for it."""


@dataclass(slots=True)
class Endpoint:
    """What is known of one log endpoint: its documented bounds, and what its answers have taught so far."""

    longest: timedelta
    """The longest window it takes."""
    fallback: timedelta
    """The longest window an older version of it takes; tried when it refuses a longer one."""
    page_size: int = 1000
    largest: int = 0
    """The longest page it ever gave; only followers rely on it, they ask again anyway."""


class _State(msgspec.Struct, array_like=True):
    """A cursor's content. Places are milliseconds, negated when reading newest first: reading always ascends."""

    follow: bool
    newest_first: bool
    start_ns: int
    """No line before it is given."""
    end_ns: int
    """No line after it is given; pinned when a scan begins."""
    place: int | None = None
    """Where the next request begins; None before a scan. Every line given at or behind it is in `seen`."""
    largest: int = 0
    """The longest page of this scan."""
    floor_ms: int | None = None
    """Where a follower's next scan begins; None before the first is complete."""
    newest_ns: int = 0
    seen_base_ms: int = 0
    seen: bytes = b""


async def read_page(
    query: LogQuery, endpoint: Endpoint, fetch: Fetch, *, start_ns: int, now_ns: int, narrower: Sequence[Fetch] = ()
) -> LogPage:
    """One page of `query`, following its cursor when it has one.

    Args:
        query: what is asked; `query.start_ns` is ignored in favour of `start_ns`.
        endpoint: shared by all calls to the same endpoint.
        fetch: asks the platform, with everything but the window bound in.
        start_ns: the query's start, or the beginning of the log; only looked at without a cursor.
        now_ns: the moment of the call.
        narrower: the same query narrowed further, each its own way, for a millisecond that does not fit into a page.

    Raises:
        CursorLost: the cursor cannot be read, or belongs to another query.
    """
    newest_first = query.order is Order.DESC
    if query.cursor is None:
        end_ns = now_ns + AHEAD_MS * NS_PER_MS if query.end_ns is None else query.end_ns
        state = _State(query.follow, newest_first, start_ns, end_ns)
    else:
        state = unpack_cursor(query.cursor, _State)
        if (state.follow, state.newest_first) != (query.follow, newest_first):
            raise CursorLost("That position in the log belongs to another query.")
    return await _Call(query, state, endpoint, fetch, now_ns // NS_PER_MS, narrower).page()


@dataclass(slots=True)
class _Call:
    """One call: asks from the state's place on until there are new lines or nothing is left."""

    query: LogQuery
    state: _State
    endpoint: Endpoint
    fetch: Fetch
    now_ms: int
    narrower: Sequence[Fetch]
    seen: SeenLines = field(init=False)
    new: list[LogLine] = field(default_factory=list)
    recorded: int = 0
    """How many of `new` are in `seen`, or were left out because they cannot come again."""
    gap: Gap | None = None
    place: int = 0
    end: int = 0
    ask: int = 0
    done: bool = False

    async def page(self) -> LogPage:
        self.seen = SeenLines(self.state.seen_base_ms, self.state.seen)
        self._begin()
        ahead = len(self.seen) if self.state.newest_first else self.seen.count(self.place)
        self.ask = min(self.endpoint.page_size, self.query.limit + ahead + 16)
        await self._advance()
        self._settle()
        return LogPage(
            lines=self.new,
            cursor=pack_cursor(self.state) if self.query.follow or not self.done else None,
            more=not self.done,
            gaps=(self.gap,) if self.gap else (),
        )

    def _begin(self) -> None:
        """Find the place and the end; set them when a scan begins."""
        state = self.state
        if state.follow and state.place is None:
            state.end_ns = (self.now_ms + AHEAD_MS) * NS_PER_MS if self.query.end_ns is None else self.query.end_ns
            state.largest = self.endpoint.largest
        # One millisecond further on either side: the platform's bounds may be exclusive. `_within` cuts exactly.
        first, last = state.start_ns // NS_PER_MS - 1, state.end_ns // NS_PER_MS + 1
        begin, self.end = (-last, -first) if state.newest_first else (first, last)
        if state.place is not None:
            self.place = state.place
        else:
            self.place = begin if state.floor_ms is None else max(begin, state.floor_ms)

    async def _advance(self) -> None:
        """Go on until a full page has come, or the end. A failure after some way is left for the next call to meet."""
        begin = self.place
        for _ in range(_MOST_REQUESTS):
            try:
                full = await self._step()
            except (RateLimited, Unavailable):
                if self.place == begin:
                    raise
                return
            self._record()
            if self.done or self.gap or len(self.new) == self.query.limit or (full and self.new):
                return

    async def _step(self) -> bool:
        """One request, and what follows from it; whether its page was full."""
        if self.place >= self.end:
            self.done = True
            return False
        lines, window_end = await self._ask(self.place)
        count, longest = len(lines), self.state.largest
        self.state.largest = max(longest, count)
        self.endpoint.largest = max(self.endpoint.largest, count)
        if not lines or (count < self.ask and count < longest):
            if self._give(lines):
                self._leave_window(window_end)
            return False
        last = self._place_of(lines[-1])
        if last > self.place + 1:
            if self._give(self._before(lines, last)):
                self.place = last - 1
        elif count >= self.ask and self.ask < self.endpoint.page_size:
            self.ask = self.endpoint.page_size
        else:
            await self._step_over(last, lines)
        return count >= self.ask

    async def _step_over(self, place: int, lines: list[LogLine]) -> None:
        """Read the one millisecond that keeps the page from reaching further, all of it if that can be, and go on."""
        here, full = self._from(lines, place), len(lines) >= self.ask
        after, window_end = await self._ask(place)
        again = self._before(after, place + 1)
        whole, gap = _union(here, again), None
        # A bound that gives lines of its own millisecond is inclusive; one that does not is exclusive.
        beyond = place + 1 if again else place
        more = after if len(again) < len(after) else (await self._ask(beyond))[0]
        if not 0 < len(again) < len(after):
            cut = full or bool(more) or len(whole) >= _SMALLEST_CAP
            whole, gap = await self._from_both_ends(place, whole, cut=cut, twice_same=len(whole) == len(here))
        if not self._give(self._before(lines, place) + self._ordered(whole)):
            return
        self.gap = gap
        if more:
            self.place = beyond if len(again) == len(after) else place
        else:
            self._leave_window(window_end)

    async def _from_both_ends(
        self, place: int, known: list[LogLine], *, cut: bool, twice_same: bool
    ) -> tuple[list[LogLine], Gap | None]:
        """All that can be got of a millisecond that may fill a page, and a Gap when there may be more.

        When the other end brings nothing new there is no more, unless lines of one nanosecond came in the same order
        from both ends of a page that was `cut`, or the platform's order is not the same each time.
        """
        ms = abs(place)
        ahead, back = (Order.DESC, Order.ASC) if self.state.newest_first else (Order.ASC, Order.DESC)
        whole = _union(known, await self._one_millisecond(self.fetch, ms, back))
        sorted_apart = twice_same and known[0].timestamp_ns != known[-1].timestamp_ns
        if len(whole) == len(known) and (sorted_apart or not cut):
            return whole, None
        for narrower in self.narrower:
            for order in (ahead, back):
                whole = _union(whole, await self._one_millisecond(narrower, ms, order))
        gap = Gap(
            part=Part.LOGS,
            reason=GapReason.UNREACHABLE_LINES,
            public=f"One millisecond of the log fills a whole page: {len(whole)} lines were read, some may be missing.",
            start_ns=ms * NS_PER_MS,
            end_ns=(ms + 1) * NS_PER_MS - 1,
        )
        return whole, gap

    async def _one_millisecond(self, fetch: Fetch, ms: int, order: Order) -> list[LogLine]:
        lines = await fetch(Window(ms - 1, ms + 1, order, self.endpoint.page_size))
        return [line for line in lines if line.timestamp_ns // NS_PER_MS == ms]

    async def _ask(self, place: int) -> tuple[list[LogLine], int]:
        """The lines from `place` on, in order, and the place where the window asked for ended."""
        longest_ms = self.endpoint.longest // timedelta(milliseconds=1)
        fallback_ms = self.endpoint.fallback // timedelta(milliseconds=1)
        while True:
            window_end = min(place + longest_ms, self.end)
            try:
                lines = await self.fetch(self._window(place, window_end))
            except BodyTooLarge:
                if self.ask == 1:
                    raise
                self.ask = max(1, self.ask // 4)
            except BadRequest:
                if window_end - place <= fallback_ms:
                    raise
                longest_ms = fallback_ms
            else:
                self.endpoint.longest = timedelta(milliseconds=longest_ms)
                return self._ordered(lines), window_end

    def _window(self, place: int, window_end: int) -> Window:
        if self.state.newest_first:
            return Window(-window_end, -place, Order.DESC, self.ask)
        return Window(place, window_end, Order.ASC, self.ask)

    def _give(self, lines: list[LogLine]) -> bool:
        """Take what is new of these whole milliseconds; False when not all of it fitted into the page."""
        inside = self._within(lines)
        # What is behind the last line seen is new; only what is before it costs a hash each.
        last_seen = -self.seen.first_ms if self.state.newest_first else self.seen.last_ms
        new = self.seen.unseen(self._before(inside, last_seen + 1)) + self._from(inside, last_seen + 1)
        room = self.query.limit - len(self.new)
        self.new += new[:room]
        if len(new) <= room:
            return True
        self.place = max(self.place, self._place_of(self.new[-1]) - 1)
        return False

    def _leave_window(self, window_end: int) -> None:
        if window_end >= self.end:
            self.done = True
        else:
            self.place = window_end - 1

    def _record(self) -> None:
        """Remember of the lines given those that may come again, and no others."""
        state, seen = self.state, self.seen
        keep_from = self.place
        if state.follow:
            state.newest_ns = max([state.newest_ns, *(line.timestamp_ns for line in self.new[-1:])])
            keep_from = max(self._floor_ms(), state.floor_ms or 0)
            keep_from = keep_from if self.done else min(keep_from, self.place)
        if state.newest_first:
            seen.keep(0, -keep_from)
        else:
            seen.keep(keep_from)
        seen.add(self._from(self.new[self.recorded :], keep_from))
        self.recorded = len(self.new)
        if state.follow and self.done:
            state.floor_ms = keep_from if len(seen) < MOST_SEEN else max(keep_from, seen.first_ms + 1)

    def _settle(self) -> None:
        """Write into the state where to go on."""
        self.state.place = None if self.done else self.place
        self.state.seen_base_ms, self.state.seen = self.seen.base_ms, self.seen.packed()

    def _floor_ms(self) -> int:
        """Where a follower's next scan begins: an overlap behind its newest line, but within one window of the clock.

        So a quiet job costs one request a poll. A line stamped in the future does not move it past the clock.
        """
        overlap_ms = min(self.query.overlap, LONGEST_OVERLAP) // timedelta(milliseconds=1)
        newest_ms = min(self.state.newest_ns // NS_PER_MS, self.now_ms)
        window_ms = self.endpoint.longest // timedelta(milliseconds=1)
        return max(newest_ms - overlap_ms, self.now_ms - window_ms * 3 // 4)

    def _within(self, lines: list[LogLine]) -> list[LogLine]:
        start_ns, end_ns = self.state.start_ns, self.state.end_ns
        if not lines or (start_ns <= lines[0][0] <= end_ns and start_ns <= lines[-1][0] <= end_ns):
            return lines
        return [line for line in lines if start_ns <= line[0] <= end_ns]

    def _place_of(self, line: LogLine) -> int:
        ms = line[0] // NS_PER_MS
        return -ms if self.state.newest_first else ms

    def _before(self, lines: list[LogLine], place: int) -> list[LogLine]:
        return lines[: bisect_left(lines, place, key=self._place_of)]

    def _from(self, lines: list[LogLine], place: int) -> list[LogLine]:
        return lines[bisect_left(lines, place, key=self._place_of) :]

    def _ordered(self, lines: list[LogLine]) -> list[LogLine]:
        return in_order(lines, newest_first=self.state.newest_first)


def _union(known: list[LogLine], more: list[LogLine]) -> list[LogLine]:
    """All of `known` and what `more` has beyond it, copies counted."""
    return known + list((Counter(more) - Counter(known)).elements())
