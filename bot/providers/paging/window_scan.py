"""Decide how to read a log exactly from a platform that is queried by time window. Pure.

Such a platform takes two milliseconds, an order and a limit. It gives lines no identity and does not say whether there
are more. Its documents leave open whether bounds are inclusive and whether it cuts pages below the limit. Four rules
keep the reading exact either way:

1. Only whole milliseconds are emitted. The last millisecond of a page may be cut, so it waits for the next page, which
   begins one millisecond earlier in case the bound is exclusive. Lines emitted before are subtracted (`SeenLines`).
2. An empty page ends a window. A page smaller than the limit ends it if the last lines of the window, requested from
   its other end, are the last lines of the page.
3. A millisecond that fills a page is read in every possible way (`saturated_milliseconds`). A Gap reports any doubt.
4. A follower's scan begins one overlap before its newest line and emits the lines not emitted before. It believes most
   small pages without asking, because a later scan finds what they lack.

Example: lines A and B are of millisecond 5, C of 7, and eight lines of 9. The platform cuts every page at six lines
without saying so. The scan covers milliseconds 0 to 20, oldest first, with a limit of 1,000:

    request                 answer          conclusion
    -1..21   asc   1000     A B C 9 9 9     below the limit: is this the end?
    -1..21   desc     4     9 9 9 9         no, the end has four 9s. A, B and C are complete: emit them
     8..21   asc   1000     9 9 9 9 9 9     only 9s, but not all of the end (asked again as above)
     8..21   asc   1000     9 9 9 9 9 9     both asked again, in case lines have just arrived
     9..21   asc   1000     9 9 9 9 9 9     the bound is inclusive and 9 fills the page: a saturated millisecond
     8..10   asc, desc      ...             emit what can be read of it, here all eight, with a Gap
    10..21   asc   1000     nothing         the end

Had the first page held all eleven lines, the second request would have confirmed that these are all.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.errors import BadRequest
from bot.providers.http.errors import BodyTooLarge
from bot.providers.paging.cursors import pack_cursor
from bot.providers.paging.mistimed_lines import UNTIMED_NS, MistimedLines
from bot.providers.paging.saturated_milliseconds import read_saturated, union
from bot.providers.paging.scan_state import Endpoint, PageLines, ScanDirection, ScanState, Steps, WindowRequest
from bot.providers.paging.seen_lines import LONGEST_OVERLAP, identity

AHEAD_MS = 60_000
"""How far an open end reaches past the clock, for timestamps of a machine whose clock is ahead."""

_TOLERANCE_MS = 1_000
"""How far outside its window a line may lie, for bounds that are rounded."""

_SMALLEST_CUT = 50
"""Platforms are assumed not to cut pages below this, when there is no other evidence."""

_DOUBT_EVERY = 16
"""One in this number of scans of a follower believes no small page."""


@dataclass(slots=True)
class WindowScan:
    """The reading of one page: each `step` yields the requests to send and takes the lines that come back."""

    query: LogQuery
    state: ScanState
    endpoint: Endpoint
    now_ms: int
    narrower: int = 0
    """The number of narrower queries."""
    direction: ScanDirection = field(init=False)
    page: PageLines = field(init=False)
    first: int = field(init=False)
    """The position where the scan began, as far as the query reaches."""
    end: int = field(init=False)
    position: int = field(init=False)
    """Where the next request begins. All lines before it are emitted."""
    page_size: int = field(init=False)
    """The largest page to ask for."""
    request_limit: int = field(init=False)
    """The page size to ask for now."""
    mistimed: MistimedLines = field(init=False)
    """Lines outside the windows that they came in."""
    repeated_at: int | None = None
    """The position requested twice because its page reached no further."""
    gap: Gap | None = None
    done: bool = False

    def __post_init__(self) -> None:
        """Find the position and the end; choose them when a scan begins."""
        state, query = self.state, self.query
        if state.follow and state.position is None:
            state.end_ns = end_of(query, self.now_ms * NS_PER_MS)
        self.direction = ScanDirection(state.newest_first)
        self.page = PageLines(state, self.direction, query.limit)
        self.mistimed = MistimedLines(state.mistimed)
        # One millisecond more on either side, as the bounds may be exclusive. `PageLines` cuts to the nanosecond.
        bounds_ms = state.start_ns // NS_PER_MS - 1, state.end_ns // NS_PER_MS + 1
        self.first, self.end = sorted(self.direction.position(ms) for ms in bounds_ms)
        begin = self.first if state.floor_ms is None else max(self.first, state.floor_ms)
        self.position = begin if state.position is None else state.position
        self.page_size = self.endpoint.page_size
        self.request_limit = min(self.page_size, query.limit + self.page.seen_from(self.position) + 16)

    def step(self) -> Steps[bool]:
        """Read one page of the platform; return whether this page of the query is complete."""
        is_full = yield from self._read()
        self._record()
        lines = self.page.lines
        return self.done or self.gap is not None or len(lines) == self.query.limit or (is_full and bool(lines))

    def result(self) -> LogPage:
        """Return the page read so far."""
        state, seen = self.state, self.page.seen
        state.position = None if self.done else self.position
        state.scans += self.done
        state.seen_base_ms, state.seen = seen.base_ms, seen.packed()
        mistimed = self.mistimed.placed(self._last_ns(), self.query.limit - len(self.page.lines))
        state.mistimed = self.mistimed.remembered
        return LogPage(
            lines=[*self.page.lines, *mistimed] if self.mistimed.shown else self.page.lines,
            cursor=pack_cursor(state) if self.query.follow or not self.done else None,
            more=not self.done,
            gaps=tuple(gap for gap in (self.gap, self.mistimed.gap()) if gap is not None),
            reached_ns=None if self.done else self._reached_ns(),
        )

    def _reached_ns(self) -> int:
        """The first nanosecond, in the direction of the scan, of the millisecond at which the next request begins."""
        first_ns = self.direction.position(self.position) * NS_PER_MS
        return min(first_ns + NS_PER_MS - 1, self.state.end_ns) if self.state.newest_first else first_ns

    def _last_ns(self) -> int:
        """The time of the last line emitted; without one, where the query begins."""
        if self.page.lines:
            return self.page.lines[-1].timestamp_ns
        begin_ns = min(self.state.end_ns, self.now_ms * NS_PER_MS) if self.state.newest_first else self.state.start_ns
        return self.state.newest_ns or begin_ns

    def _read(self) -> Steps[bool]:
        """Read a page and emit what is certain; return whether the page was full."""
        lines, window_end = yield from self._request_page(self.position)
        if not lines:
            self._leave_window(window_end)
            return False
        last = self.direction.position_of(lines[-1])
        goes_on = last > self.position + 1
        is_full = len(lines) >= self.request_limit or (goes_on and 0 < self.state.cut_at <= len(lines))
        if not is_full and (self._is_believed(lines, window_end) or (yield from self._is_end(lines, window_end))):
            if self._emit(lines):
                self._leave_window(window_end)
        elif goes_on:
            if self._emit(self.direction.before(lines, last)):
                self.position = last - 1
        elif self.repeated_at != self.position:
            # Our limit may have cut the page, or lines have just arrived.
            self.repeated_at, self.request_limit = self.position, self.page_size
        else:
            yield from self._step_over(last, lines)
        return is_full

    def _request_page(self, position: int) -> Steps[tuple[list[LogLine], int]]:
        """Request the lines from a position on; return them in order, and the position where the window ended."""
        longest_ms, fallback_ms = _in_ms(self.endpoint.longest), _in_ms(self.endpoint.fallback)
        while position < self.end:
            window_end = min(position + longest_ms, self.end)
            try:
                lines = yield WindowRequest(self.direction.window(position, window_end, self.request_limit))
            except BodyTooLarge:
                if self.request_limit == 1:
                    raise
                self.request_limit = self.page_size = max(1, self.request_limit // 4)
            except BadRequest:
                if window_end - position <= fallback_ms:
                    raise
                longest_ms = fallback_ms
            else:
                self.endpoint.longest = timedelta(milliseconds=longest_ms)
                self.endpoint.largest = max(self.endpoint.largest, len(lines))
                return self._timely(lines, position, window_end), window_end
        return [], self.end

    def _timely(self, lines: list[LogLine], begin: int, end: int) -> list[LogLine]:
        """Order the lines of a window, and take out those that cannot be in it.

        Lines of a later window of this query are left out: that window has them.
        """
        lines, position_of = self.direction.ordered(lines), self.direction.position_of
        first, last = begin - _TOLERANCE_MS, end + _TOLERANCE_MS
        if not lines or (first <= position_of(lines[0]) and position_of(lines[-1]) <= last):
            return lines
        outside = [line for line in lines if not first <= position_of(line) <= last and not self._is_later(line, last)]
        excluded = [line for line in outside if self._is_excluded(line)]
        self.mistimed.add([line for line in outside if not self._is_excluded(line)], excluded)
        return [line for line in lines if first <= position_of(line) <= last]

    def _is_later(self, line: LogLine, last: int) -> bool:
        """Whether a later window of this query has the line."""
        return self.direction.position_of(line) > last and self.state.start_ns <= line.timestamp_ns <= self.state.end_ns

    def _is_excluded(self, line: LogLine) -> bool:
        """Whether the query asks for other times."""
        query, stamp_ns = self.query, line.timestamp_ns
        is_early = query.start_ns is not None and stamp_ns < query.start_ns
        is_late = query.end_ns is not None and stamp_ns > query.end_ns
        return stamp_ns != UNTIMED_NS and (is_early or is_late)

    def _is_believed(self, lines: list[LogLine], window_end: int) -> bool:
        """Whether a follower takes a small page for the end without asking.

        It does when the page reaches its newest line, no page of this size was ever cut, and its next scan begins
        before anything that the page may lack.
        """
        state, last_ns = self.state, lines[-1].timestamp_ns
        if not state.follow or window_end < self.end or state.scans % _DOUBT_EVERY == _DOUBT_EVERY - 1:
            return False
        reaches = last_ns == state.newest_ns or (last_ns > state.newest_ns and len(lines) < self.endpoint.largest)
        return reaches and self._floor_ms() <= last_ns // NS_PER_MS

    def _is_end(self, lines: list[LogLine], window_end: int) -> Steps[bool]:
        """Whether a small page is the end of its window: whether the window's other end has the same last lines."""
        last = self.direction.position_of(lines[-1])
        ending = self.direction.at_or_after(lines, last)
        # Reach further back, to show a line before the last millisecond: that millisecond is complete then.
        begin = max(self.first, min(self.position, window_end - _in_ms(self.endpoint.fallback)))
        size = min(len(ending) + len(self.mistimed.shown) + self.mistimed.excluded + 1, self.page_size)
        window = self.direction.window(begin, window_end, size, from_end=True)
        found = self._timely((yield WindowRequest(window)), begin, window_end)
        emitted = self.direction.position(self.state.newest_ns // NS_PER_MS) if self.state.newest_ns else last
        if len(lines) > len(ending) or begin < emitted < last:
            is_complete = len(found) > len(ending)
        else:
            is_complete = len(ending) < max(self.endpoint.largest, _SMALLEST_CUT)
        found_ending = self.direction.at_or_after(found, last)
        if is_complete and Counter(map(identity, found_ending)) == Counter(map(identity, ending)):
            return True
        self.state.cut_at = max(self.state.cut_at, len(lines))
        return False

    def _step_over(self, position: int, lines: list[LogLine]) -> Steps[None]:
        """Emit the one millisecond that keeps the page from reaching further, as completely as possible."""
        here = self.direction.at_or_after(lines, position)
        after, _ = yield from self._request_page(position)
        again = self.direction.before(after, position + 1)
        if len(again) < len(after) and len(union(again, here)) == len(again):
            found, gap = again, None  # The bound is inclusive: this page holds all of the millisecond.
        else:
            ms, known = self.direction.position(position), union(here, again)
            found, gap = yield from read_saturated(ms, known, self.page_size, self.narrower)
        if self._emit(self.direction.before(lines, position) + self.direction.ordered(found)):
            self.gap = gap
            # A bound that returns lines of its own millisecond is inclusive, so it is safe to pass the full page.
            self.position = position + 1 if again and len(again) == len(after) else position

    def _emit(self, lines: list[LogLine]) -> bool:
        """Emit what is new of these whole milliseconds; return False when the query's page has no room for all."""
        if self.page.add(lines):
            return True
        self.position = max(self.position, self.direction.position_of(self.page.lines[-1]) - 1)
        return False

    def _leave_window(self, window_end: int) -> None:
        if window_end >= self.end:
            self.done = True
        else:
            self.position = window_end - 1

    def _record(self) -> None:
        """Remember the emitted lines that later requests may return again, and no others."""
        state = self.state
        if self.done and not state.follow:
            return
        keep_from = self.position
        last_ns = self.page.lines[-1].timestamp_ns if self.page.lines else state.newest_ns
        state.newest_ns = max(state.newest_ns, last_ns) if state.follow else last_ns
        if state.follow:
            floor_ms = max(self._floor_ms(), state.floor_ms or 0)
            keep_from = floor_ms if self.done else min(floor_ms, self.position)
        self.page.remember(keep_from)
        if state.follow and self.done:
            state.floor_ms = self.page.next_floor(keep_from)

    def _floor_ms(self) -> int:
        """Return where a follower's next scan begins: one overlap before its newest line, but within one window.

        So a poll of a quiet job costs one request. The scan has reached the time when it began, at most: neither a
        timestamp in the future nor a pause within the scan moves the next one past lines that may still arrive.
        """
        reached_ms = min(self.now_ms, self.state.end_ns // NS_PER_MS - AHEAD_MS)
        newest_ms = min(self.state.newest_ns // NS_PER_MS, reached_ms)
        overlap_ms = _in_ms(min(self.query.overlap, LONGEST_OVERLAP))
        return max(newest_ms - overlap_ms, reached_ms - _in_ms(self.endpoint.longest) * 3 // 4)


def end_of(query: LogQuery, now_ns: int) -> int:
    """Return the last nanosecond to read; without an end in the query, some time after now."""
    return now_ns + AHEAD_MS * NS_PER_MS if query.end_ns is None else query.end_ns


def _in_ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
