"""Read the log of a batch job exactly: each entry once, whatever the pages, tokens and equal timestamps. Pure.

Entries have no id and tokens expire, so a reader that resumes later resumes by time and gets some entries again.
`delivered` holds the entries it has emitted and may get again. `reread` holds those of the last timestamp that it has
read since the round began. An entry is new if it was read more often than it was delivered. Following works the same
way, but each round begins one overlap before the newest entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zlib import crc32

import msgspec

from bot.domain.durations import NS_PER_SECOND, format_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.delivered_lines import DeliveredLines, LineKey, key_of
from bot.providers.paging.cursors import pack_cursor, unpack_cursor
from bot.providers.paging.mistimed_lines import TOLERANCE_NS, MistimedLines
from bot.providers.paging.seen_lines import MOST_SEEN, in_order

LARGEST_PAGE = 10_000
"""The gateway cuts larger values of pageSize to this (documented)."""
_MOST_EMPTY = 20
_MOST_RESTARTS = 500
_TOKENS_KEPT = 16
_DAY_NS = 86_400 * NS_PER_SECOND
_FAR_FUTURE_NS = 2**63 - 1
_NOTHING = (b"", b"")


class TokenPosition(msgspec.Struct, array_like=True):
    """The content of a cursor. It is stored by position, so new fields go to the end."""

    start_ns: int
    """Where the current round began. Entries before it, in reading order, are skipped."""
    last_ns: int
    """The timestamp of the last entry read."""
    newest_ns: int
    """The newest timestamp ever read, capped at the beginning of its round."""
    floor_ns: int
    """`delivered` holds every entry emitted at or after this."""
    page_size: int = 0
    token: str = ""
    tokens: list[int] = []
    """Checksums of the last tokens sent; a token that returns would lead in a circle."""
    empty: int = 0
    """The number of consecutive responses with a token but without an entry."""
    restarts: int = 0
    """The number of consecutive tokens that expired or led in a circle, without a new entry in between."""
    began_ns: int = 0
    """When this round began; 0 before the first."""
    delivered: tuple[bytes, bytes] = _NOTHING
    reread: tuple[bytes, bytes] = _NOTHING
    mistimed: bytes = b""
    """The entries with wrong times that were counted, as a follower may get them again."""


@dataclass(slots=True)
class TokenReader:
    """Reads one page of a query: `params` is the next request, `take` takes its response."""

    query: LogQuery
    now_ns: int
    position: TokenPosition
    delivered: DeliveredLines = field(default_factory=DeliveredLines)
    reread: DeliveredLines = field(default_factory=DeliveredLines)
    most: int = MOST_SEEN
    """The maximum number of delivered lines to remember; beyond it, the overlap shrinks."""
    mistimed: MistimedLines = field(default_factory=MistimedLines)

    @classmethod
    def resume(cls, query: LogQuery, now_ns: int, *, most: int = MOST_SEEN) -> TokenReader:
        """Begin at the query's cursor or at its start. Raises CursorLost if the cursor cannot be read."""
        if query.cursor is not None:
            position = unpack_cursor(query.cursor, TokenPosition)
            try:
                delivered, reread = DeliveredLines(*position.delivered), DeliveredLines(*position.reread)
            except ValueError as error:
                raise CursorLost from error
            position.began_ns = position.began_ns or now_ns
            return cls(query, now_ns, position, delivered, reread, most, MistimedLines(position.mistimed))
        if query.order is Order.ASC:
            start_ns = max(0, query.start_ns or 0)
        else:
            start_ns = _FAR_FUTURE_NS if query.end_ns is None else query.end_ns
        position = TokenPosition(start_ns, start_ns, newest_ns=0, floor_ns=start_ns, began_ns=now_ns)
        reader = cls(query, now_ns, position, most=most)
        reader._begin(start_ns)
        return reader

    def params(self) -> list[tuple[str, str]]:
        """Return the query parameters of the next request; a token requires those of the request that returned it."""
        position, filters = self.position, self.query.filter
        params = [("pageSize", str(position.page_size))]
        start_ns = max(0, self.query.start_ns or 0) if self._descending else position.start_ns
        # Always sent: without a start the gateway returns one page and no token.
        params.append(("startTime", format_ns(start_ns)))
        if not self._descending:
            params.append(("startFromHead", "true"))
        if filters.includes:
            params.append(("filter", max(filters.includes, key=len)))
        if position.token:
            params.append(("pageToken", position.token))
        return params

    @property
    def last_ns(self) -> int:
        """The timestamp of the last entry read; the current time before the first, when newest first."""
        return min(self.position.last_ns, self.now_ns)

    def token_expired(self) -> bool:
        """Resume by time after a refused request; return False if it had no token, so the cause is another."""
        if not self.position.token or self.position.restarts > _MOST_RESTARTS:
            return False
        self._restart()
        return True

    def take(self, lines: list[LogLine], token: str) -> LogPage | None:
        """Take a response; return the page, or None when another request is needed first."""
        position, checksum = self.position, crc32(token.encode())
        if token and checksum in position.tokens:
            # The tokens lead in a circle. Resume by time, to find what this response really adds.
            self._restart()
            return self._incomplete() if position.restarts > _MOST_RESTARTS else None
        reread_before = DeliveredLines(*self.reread.packed())
        sign = -1 if self._descending else 1
        bound_ns = self.query.start_ns if self._descending else self.query.end_ns
        # Ranks are a little out of order, and one wrong time does not end the log: the page's last line decides.
        is_past_end = bool(lines) and bound_ns is not None and lines[-1].timestamp_ns * sign > bound_ns * sign
        ordered = in_order(list(lines), newest_first=self._descending)
        ordered = [line for line in ordered if line.timestamp_ns * sign >= position.start_ns * sign]
        inside = [line for line in ordered if bound_ns is None or line.timestamp_ns * sign <= bound_ns * sign]
        if len(inside) < len(lines):
            self.mistimed.add((), self._select_mistimed(lines))
        fresh, is_cut = self._select_new(inside)
        if not is_cut and (is_past_end or not token):
            return self._end(fresh)
        position.empty = 0 if lines else position.empty + 1
        if position.empty > _MOST_EMPTY:
            return self._incomplete()
        if fresh:
            position.restarts = 0
        if is_cut:
            self._repeat(reread_before)
        else:
            position.token = token
            position.tokens = [*position.tokens, checksum][-_TOKENS_KEPT:]
        return self.pause(fresh) if fresh else None

    def pause(self, fresh: Sequence[LogLine] = ()) -> LogPage:
        """Return the page so far, with more to come."""
        return self._page(fresh, more=True)

    @property
    def _descending(self) -> bool:
        """Newest first, which is the gateway's own direction."""
        return self.query.order is Order.DESC

    @property
    def _limit(self) -> int:
        return max(1, self.query.limit)

    def _select_new(self, ordered: Sequence[LogLine]) -> tuple[list[LogLine], bool]:
        """Return the lines not delivered before, and whether the limit cut them; move past every line dealt with."""
        limit, not_yet_reread = self._limit, self._not_yet_reread(ordered)
        fresh: list[LogLine] = []
        read: list[LogLine] = []
        for line in ordered:
            if not_yet_reread and not_yet_reread[key := key_of(line)] > 0:
                not_yet_reread[key] -= 1
            elif len(fresh) >= limit:
                break
            else:
                fresh.append(line)
            read.append(line)
        if read:
            further = min if self._descending else max
            self.position.last_ns = further(self.position.last_ns, read[-1].timestamp_ns)
        self._remember(fresh, read)
        return fresh, len(read) < len(ordered)

    def _select_mistimed(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return the lines that the gateway sent for this request although their times lie far outside it.

        Lines past the end are expected at the end of the log: they have wrong times if a line of the window follows.
        """
        sign = -1 if self._descending else 1
        bound_ns = self.query.start_ns if self._descending else self.query.end_ns
        wrong: list[LogLine] = []
        beyond: list[LogLine] = []
        has_begun = is_past = False
        for line in lines:
            past_ns = 0 if bound_ns is None else (line.timestamp_ns - bound_ns) * sign
            before_ns = 0 if self._descending else self.position.start_ns - line.timestamp_ns
            if past_ns > 0:
                is_past = True
                beyond += [line] if past_ns > TOLERANCE_NS else []
            elif before_ns <= 0:
                wrong += beyond
                beyond, has_begun, is_past = [], True, False
            elif before_ns > (TOLERANCE_NS if has_begun else _DAY_NS):
                (beyond if is_past else wrong).append(line)
        return wrong if has_begun else []

    def _not_yet_reread(self, ordered: Sequence[LogLine]) -> Counter[LineKey]:
        """Return what was delivered within the time of these lines and not read again since."""
        if not ordered:
            return Counter()
        first_ns, last_ns = sorted((ordered[0].timestamp_ns, ordered[-1].timestamp_ns))
        counts = self.delivered.counts(first_ns, last_ns)
        counts.subtract(self.reread.counts(first_ns, last_ns))
        return counts

    def _remember(self, fresh: Iterable[LogLine], read: Iterable[LogLine]) -> None:
        """Remember what may be read again: the last timestamp, and for followers all at or after the floor."""
        position = self.position
        last_ns = position.last_ns
        self.reread.keep(last_ns, last_ns)
        self.reread.add(key_of(line) for line in read if line.timestamp_ns == last_ns)
        if self._descending:
            span = 0, last_ns
        else:
            position.newest_ns = max(position.newest_ns, min(last_ns, position.began_ns))
            overlap_ns = self.query.overlap // timedelta(microseconds=1) * 1000
            floor_ns = position.newest_ns - overlap_ns if self.query.follow else last_ns
            if len(self.delivered) > self.most:
                floor_ns = max(floor_ns, self.delivered.newest_since(self.most // 2))
            position.floor_ns = max(position.floor_ns, min(floor_ns, last_ns))
            span = position.floor_ns, _FAR_FUTURE_NS
        self.delivered.add(key_of(line) for line in fresh if span[0] <= line.timestamp_ns <= span[1])
        self.delivered.keep(*span)

    def _begin(self, start_ns: int) -> None:
        """Begin a round at a time; everything delivered at or after it will be read again."""
        position = self.position
        self.reread = DeliveredLines()
        position.start_ns = position.last_ns = start_ns
        position.token, position.tokens = "", []
        far = self._descending and start_ns != _FAR_FUTURE_NS
        again = len(self.delivered) if self._descending else self.delivered.count_since(start_ns)
        position.page_size = LARGEST_PAGE if far else min(LARGEST_PAGE, self._limit + again)

    def _restart(self) -> None:
        self._begin(self.position.last_ns)
        self.position.restarts += 1

    def _repeat(self, reread_before: DeliveredLines) -> None:
        """Get the rest of this response next: by its time, or newest first, without an end time, by the same token.

        The same token returns the lines of this response again, but not equal lines of earlier responses.
        """
        if not self._descending:
            self._begin(self.position.last_ns)
            return
        last_ns = self.position.start_ns = self.position.last_ns
        reread_before.keep(last_ns, last_ns)
        self.reread = reread_before

    def _incomplete(self) -> LogPage:
        text = "Fireworks reports more lines of this log but does not send them; the rest may be missing."
        return self._end((), Gap(Part.LOGS, GapReason.PROTOCOL, text, start_ns=self.last_ns))

    def _end(self, fresh: Sequence[LogLine], *gaps: Gap) -> LogPage:
        if self.query.follow:
            self._begin(self.position.floor_ns)
            self.position.empty = self.position.restarts = self.position.began_ns = 0
        return self._page(fresh, more=False, gaps=gaps)

    def _page(self, fresh: Sequence[LogLine], *, more: bool, gaps: tuple[Gap, ...] = ()) -> LogPage:
        cursor = None
        if more or self.query.follow:
            self.position.mistimed = self.mistimed.remembered
            self.position.delivered, self.position.reread = self.delivered.packed(), self.reread.packed()
            cursor = pack_cursor(self.position)
        pushed_down = frozenset({"includes"} if len(self.query.filter.includes) == 1 else ())
        mistimed = self.mistimed.gap()
        return LogPage(fresh, cursor, more, gaps if mistimed is None else (*gaps, mistimed), pushed_down)
