"""Reads a log exactly from a platform that is asked by time: two milliseconds, an order, at most so many lines.

Such a platform gives no identity and no "there is more", and its documents leave open whether bounds are inclusive and
whether it cuts pages shorter than asked. Four rules make the reading exact whatever the answers are:

1. Only whole milliseconds are given out. The last millisecond of a page may be cut, so it waits for the next page,
   which begins one millisecond before it (in case the bound is exclusive). What was given is subtracted (`SeenLines`).
2. An empty page ends a window. A page shorter than asked ends it when the window, asked for a few lines from its other
   end, has none that the page lacks.
3. A millisecond that fills a page is read in every way there is (`bursts`); what stays in doubt is a Gap.
4. A follower's scan begins an overlap behind its newest line and gives what was not given before. It believes most
   short pages without asking, as what they lack is found by a later scan.

An example: A and B are of millisecond 5, C is of 7, eight lines are of 9, and the platform never sends more than six
lines, without saying so. Read are the milliseconds 0 to 20, oldest first, a thousand lines a page:

    request                 answer          what follows
    -1..21   asc   1000     A B C 9 9 9     short of a thousand: is it the end?
    -1..21   desc     4     9 9 9 9         no, the end has four 9s. A, B and C are whole and given out
     8..21   asc   1000     9 9 9 9 9 9     the 9s again, but still not those of the end (asked like the last time):
     8..21   asc   1000     9 9 9 9 9 9     both asked once more, as lines may just have come
     9..21   asc   1000     9 9 9 9 9 9     the bound is inclusive, and 9 fills the page: all that `bursts` can get of
     8..10   asc, desc      ...             it is given out, here all eight, and a Gap says that it may not be all
    10..21   asc   1000     nothing         the end

Had the platform sent all eleven lines at once, the second request would have confirmed that these are all. Pure but for
the `Fetch` it is handed; `bot.providers.baseten` makes those. Platforms with page tokens read in their own way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import BadRequest, CursorLost, ProviderError
from bot.providers.http.errors import BodyTooLarge
from bot.providers.paging.saturated_milliseconds import Burst, read_burst, union
from bot.providers.paging.scan_direction import Direction, Fetch, Window
from bot.providers.paging.seen_lines import (
    LONGEST_OVERLAP,
    MOST_SEEN,
    SeenLines,
    identity,
    pack_cursor,
    retry_on_malformed_response,
    unpack_cursor,
)

__all__ = ["Endpoint", "Fetch", "Window", "read_page"]

AHEAD_MS = 60_000
"""How far past the clock an open end reaches, for stamps of a machine whose clock is ahead."""

_MOST_REQUESTS = 10
"""Requests without a full page after which a call returns what it has, so that a slow platform's progress is kept."""

_SMALLEST_CAP = 50
"""No platform is thought to cut its pages shorter than this, when nothing else tells."""

_DOUBTS_EVERY = 16
"""Of so many scans a follower makes one without believing short pages."""


@dataclass(slots=True)
class Endpoint:
    """What is known of one log endpoint: its documented bounds, and what its answers have taught so far."""

    longest: timedelta
    """The longest window it takes."""
    fallback: timedelta
    """The longest window an older version of it takes; tried when it refuses a longer one."""
    page_size: int = 1000
    largest: int = 0
    """The longest page it ever gave: a shorter one was hardly cut."""


class _State(msgspec.Struct, array_like=True):
    """A cursor's content."""

    follow: bool
    newest_first: bool
    start_ns: int
    """No line before it is given."""
    end_ns: int
    """No line after it is given; pinned when a scan begins."""
    place: int | None = None
    """Where the next request begins (`places`); None before a scan. Every line given at or behind it is in `seen`."""
    cut_at: int = 0
    """The longest page that was shorter than asked and yet not the end; 0 when there was none."""
    floor_ms: int | None = None
    """Where a follower's next scan begins; None before the first is complete."""
    newest_ns: int = 0
    """The newest line that a follower has given; of other readers, the last."""
    seen_base_ms: int = 0
    seen: bytes = b""
    scans: int = 0
    """How many a follower has completed."""


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
        state = _State(query.follow, newest_first, start_ns, _end_ns(query, now_ns))
    else:
        state = unpack_cursor(query.cursor, _State)
        if (state.follow, state.newest_first) != (query.follow, newest_first):
            raise CursorLost("That position in the log belongs to another query.")
    narrower = [retry_on_malformed_response(one) for one in narrower]
    return await _Call(query, state, endpoint, retry_on_malformed_response(fetch), now_ns // NS_PER_MS, narrower).page()


@dataclass(slots=True)
class _Call:
    """One call: asks from the state's place on until there are new lines or nothing is left."""

    query: LogQuery
    state: _State
    endpoint: Endpoint
    fetch: Fetch
    now_ms: int
    narrower: Sequence[Fetch]
    way: Direction = field(init=False)
    seen: SeenLines = field(init=False)
    new: list[LogLine] = field(default_factory=list)
    recorded: int = 0
    """How many of `new` are in `seen`, or were left out because they cannot come again."""
    gap: Gap | None = None
    begin: int = 0
    """Where the scan began."""
    place: int = 0
    end: int = 0
    page_size: int = 0
    """The longest page to ask for."""
    ask: int = 0
    """The page to ask for now."""
    retried: int | None = None
    """The place that was asked from twice because its page did not reach further."""
    done: bool = False

    async def page(self) -> LogPage:
        self.way = Direction(self.state.newest_first)
        self.seen = SeenLines(self.state.seen_base_ms, self.state.seen)
        self._begin()
        await self._advance()
        self.state.place = None if self.done else self.place
        self.state.scans += self.done
        self.state.seen_base_ms, self.state.seen = self.seen.base_ms, self.seen.packed()
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
            state.end_ns = _end_ns(self.query, self.now_ms * NS_PER_MS)
        # One millisecond further on either side: the platform's bounds may be exclusive. `_within` cuts exactly.
        first, last = state.start_ns // NS_PER_MS - 1, state.end_ns // NS_PER_MS + 1
        self.begin, self.end = sorted((self.way.place(first), self.way.place(last)))
        scan_begin = self.begin if state.floor_ms is None else max(self.begin, state.floor_ms)
        self.place = scan_begin if state.place is None else state.place
        ahead = len(self.seen) if state.newest_first else self.seen.count(self.place)
        self.page_size = self.endpoint.page_size
        self.ask = min(self.page_size, self.query.limit + ahead + 16)

    async def _advance(self) -> None:
        """Go on until a full page has come, or the end. A failure after some way is left for the next call to meet."""
        begin = self.place
        for _ in range(_MOST_REQUESTS):
            try:
                full = await self._step()
            except ProviderError:
                if self.place == begin:
                    raise
                return
            self._record()
            if self.done or self.gap or len(self.new) == self.query.limit or (full and self.new):
                return

    async def _step(self) -> bool:
        """One page, and what follows from it; whether it was full."""
        lines, window_end = await self._ask(self.place)
        if not lines:
            self._leave_window(window_end)
            return False
        last = self.way.place_of(lines[-1])
        goes_on = last > self.place + 1
        full = len(lines) >= self.ask or (goes_on and 0 < self.state.cut_at <= len(lines))
        if not full and (self._is_believed(lines, window_end) or await self._is_end(lines, window_end)):
            if self._give(lines):
                self._leave_window(window_end)
        elif goes_on:
            if self._give(self.way.before(lines, last)):
                self.place = last - 1
        elif self.retried != self.place:
            # Our limit may have cut it, or lines have come just now.
            self.retried, self.ask = self.place, self.page_size
        else:
            await self._step_over(last, lines)
        return full

    def _is_believed(self, lines: list[LogLine], window_end: int) -> bool:
        """Whether a follower takes a short page for the end: it reaches its newest line and no page as short was cut.

        Only where its next scan begins before what the page may lack.
        """
        state, last_ns = self.state, lines[-1].timestamp_ns
        if not state.follow or window_end < self.end or state.scans % _DOUBTS_EVERY == _DOUBTS_EVERY - 1:
            return False
        reaches = last_ns == state.newest_ns or (last_ns > state.newest_ns and len(lines) < self.endpoint.largest)
        return reaches and self._floor_ms() <= last_ns // NS_PER_MS

    async def _is_end(self, lines: list[LogLine], window_end: int) -> bool:
        """Whether its window holds nothing behind this short page: it does not when its other end is the page's own."""
        last = self.way.place_of(lines[-1])
        here = self.way.since(lines, last)
        # Reaching further back, so that it shows a line before the last millisecond: that one is whole then.
        begin = max(self.begin, min(self.place, window_end - self.endpoint.fallback // timedelta(milliseconds=1)))
        window = self.way.window(begin, window_end, min(len(here) + 1, self.page_size), from_end=True)
        found = self.way.ordered(await self.fetch(window))
        given = self.way.place(self.state.newest_ns // NS_PER_MS) if self.state.newest_ns else last
        if len(lines) > len(here) or begin < given < last:
            is_whole = len(found) > len(here)
        else:
            is_whole = len(here) < max(self.endpoint.largest, _SMALLEST_CAP)
        if is_whole and Counter(map(identity, self.way.since(found, last))) == Counter(map(identity, here)):
            return True
        self.state.cut_at = max(self.state.cut_at, len(lines))
        return False

    async def _step_over(self, place: int, lines: list[LogLine]) -> None:
        """Give the one millisecond that keeps the page from reaching further, all of it if that can be, and go on."""
        here = self.way.since(lines, place)
        after, _ = await self._ask(place)
        again = self.way.before(after, place + 1)
        if len(again) < len(after) and len(union(again, here)) == len(again):
            burst = Burst(again, None)  # The bound is inclusive, so this page holds all of the millisecond.
        else:
            known = union(here, again)
            burst = await read_burst(self.fetch, self.narrower, abs(place), known, self.page_size)
        if self._give(self.way.before(lines, place) + self.way.ordered(burst.lines)):
            self.gap = burst.gap
            # A bound that gives lines of its own millisecond is inclusive: behind a filled page, pass it.
            self.place = place + 1 if again and len(again) == len(after) else place

    async def _ask(self, place: int) -> tuple[list[LogLine], int]:
        """The lines from `place` on, in order, and the place where the window asked for ended."""
        longest_ms = self.endpoint.longest // timedelta(milliseconds=1)
        fallback_ms = self.endpoint.fallback // timedelta(milliseconds=1)
        while place < self.end:
            window_end = min(place + longest_ms, self.end)
            try:
                lines = await self.fetch(self.way.window(place, window_end, self.ask))
            except BodyTooLarge:
                if self.ask == 1:
                    raise
                self.ask = self.page_size = max(1, self.ask // 4)
            except BadRequest:
                if window_end - place <= fallback_ms:
                    raise
                longest_ms = fallback_ms
            else:
                self.endpoint.longest = timedelta(milliseconds=longest_ms)
                self.endpoint.largest = max(self.endpoint.largest, len(lines))
                return self.way.ordered(lines), window_end
        return [], self.end

    def _give(self, lines: list[LogLine]) -> bool:
        """Take what is new of these whole milliseconds; False when not all of it fitted into the page."""
        inside = self._within(lines)
        # What is behind the last line seen is new; only what is before it costs a hash each.
        last_seen = self.way.place(self.seen.first_ms if self.state.newest_first else self.seen.last_ms)
        new = self.seen.unseen(self.way.before(inside, last_seen + 1)) + self.way.since(inside, last_seen + 1)
        room = self.query.limit - len(self.new)
        self.new += new[:room]
        if len(new) <= room:
            return True
        self.place = max(self.place, self.way.place_of(self.new[-1]) - 1)
        return False

    def _leave_window(self, window_end: int) -> None:
        if window_end >= self.end:
            self.done = True
        else:
            self.place = window_end - 1

    def _record(self) -> None:
        """Remember of the lines given those that may come again, and no others."""
        state, seen = self.state, self.seen
        if self.done and not state.follow:
            return
        keep_from = self.place
        last_ns = self.new[-1].timestamp_ns if self.new else state.newest_ns
        state.newest_ns = max(state.newest_ns, last_ns) if state.follow else last_ns
        if state.follow:
            keep_from = max(self._floor_ms(), state.floor_ms or 0)
            keep_from = keep_from if self.done else min(keep_from, self.place)
        if state.newest_first:
            seen.keep(0, -keep_from)
        else:
            seen.keep(keep_from)
        seen.add(self.way.since(self.new[self.recorded :], keep_from))
        self.recorded = len(self.new)
        if state.follow and self.done:
            state.floor_ms = keep_from if len(seen) < MOST_SEEN else max(keep_from, seen.first_ms + 1)

    def _floor_ms(self) -> int:
        """Where a follower's next scan begins: an overlap behind its newest line, but within one window of its reach.

        So a quiet job costs one request a poll. It reached to where the clock stood when this scan began: neither a
        line stamped in the future nor a pause within the scan moves the next one past what may still come.
        """
        overlap_ms = min(self.query.overlap, LONGEST_OVERLAP) // timedelta(milliseconds=1)
        window_ms = self.endpoint.longest // timedelta(milliseconds=1)
        reached_ms = min(self.now_ms, self.state.end_ns // NS_PER_MS - AHEAD_MS)
        newest_ms = min(self.state.newest_ns // NS_PER_MS, reached_ms)
        return max(newest_ms - overlap_ms, reached_ms - window_ms * 3 // 4)

    def _within(self, lines: list[LogLine]) -> list[LogLine]:
        start_ns, end_ns = self.state.start_ns, self.state.end_ns
        if not lines or (start_ns <= lines[0][0] <= end_ns and start_ns <= lines[-1][0] <= end_ns):
            return lines
        return [line for line in lines if start_ns <= line[0] <= end_ns]


def _end_ns(query: LogQuery, now_ns: int) -> int:
    return now_ns + AHEAD_MS * NS_PER_MS if query.end_ns is None else query.end_ns
