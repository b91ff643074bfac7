"""Reads a batch job's log exactly: each entry once, whatever the pages, tokens and equal times. Fetches nothing.

Entries have no id and tokens do not last, so a reader that must go on later goes on by time, and then meets entries
again. `given` holds those it has given out and may meet, and `met` those of the last moment that it has met since it
began; an entry is new when more of its like were met than given. Following is the same with a longer look back: each
round begins `overlap` behind the newest entry. The requests are `provider`'s, the answers' form is `wire`'s.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zlib import crc32

import msgspec

from bot.domain.durations import format_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.delivered_lines import DeliveredLines, LineKey, key_of
from bot.providers.paging.cursors import pack_cursor, unpack_cursor
from bot.providers.paging.seen_lines import MOST_SEEN, in_order

LARGEST_PAGE = 10_000
"""The gateway cuts a larger pageSize to this (documented)."""
_MOST_EMPTY = 20
_MOST_RESTARTS = 500
_TOKENS_KEPT = 16
_FAR_FUTURE_NS = 2**63 - 1
_NOTHING = (b"", b"")


class Position(msgspec.Struct, array_like=True):
    """Where a reader stands; the content of a LogCursor."""

    start_ns: int
    """Where the present round began: entries before it, in reading order, are passed over."""
    last_ns: int
    """The time of the last entry met."""
    newest_ns: int
    """The time of the newest entry ever met; one from after the round's beginning counts as of then."""
    floor_ns: int
    """Every entry given out from here on is remembered."""
    page_size: int = 0
    token: str = ""
    tokens: list[int] = []
    """Checksums of the last tokens sent: one that comes again would lead in a circle."""
    empty: int = 0
    """Answers in a row without an entry and with a token."""
    restarts: int = 0
    """Tokens in a row that were refused or led in a circle, with nothing new between them."""
    began_ns: int = 0
    """When this round began; 0 before."""
    given: tuple[bytes, bytes] = _NOTHING
    met: tuple[bytes, bytes] = _NOTHING


class _Stop(enum.Enum):
    """Why an answer was not taken to its end."""

    LIMIT = enum.auto()
    BOUND = enum.auto()


@dataclass(slots=True)
class Reader:
    """One call of `query_logs`: says what to ask, takes the answers, gives the page."""

    query: LogQuery
    now_ns: int
    position: Position
    given: DeliveredLines = field(default_factory=DeliveredLines)
    met: DeliveredLines = field(default_factory=DeliveredLines)

    @classmethod
    def resume(cls, query: LogQuery, now_ns: int) -> Reader:
        """Begin at the query's cursor or at its start.

        Raises:
            CursorLost: the cursor is none of ours.
        """
        if query.cursor is not None:
            position = unpack_cursor(query.cursor, Position)
            try:
                reader = cls(query, now_ns, position, DeliveredLines(*position.given), DeliveredLines(*position.met))
            except ValueError as error:
                raise CursorLost from error
            position.began_ns = position.began_ns or now_ns
            return reader
        if query.order is Order.ASC:
            start_ns = max(0, query.start_ns or 0)
        else:
            start_ns = _FAR_FUTURE_NS if query.end_ns is None else query.end_ns
        reader = cls(query, now_ns, Position(start_ns, start_ns, newest_ns=0, floor_ns=start_ns, began_ns=now_ns))
        reader._begin(start_ns)
        return reader

    def params(self) -> list[tuple[str, str]]:
        """The query parameters of the next request; with a token they are those of the call that gave it."""
        position, filters = self.position, self.query.filter
        params = [("ranks", str(rank)) for rank in filters.ranks]
        params.append(("pageSize", str(position.page_size)))
        start_ns = max(0, self.query.start_ns or 0) if self._descending else position.start_ns
        # Never left out: without a start the gateway gives one page and no token.
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
        """The time of the last entry met; before the first one, newest first, the present."""
        return min(self.position.last_ns, self.now_ns)

    def token_expired(self) -> bool:
        """After a refusal: go on by time instead; False when no token was sent, so that it was something else."""
        if not self.position.token or self.position.restarts > _MOST_RESTARTS:
            return False
        self._restart()
        return True

    def take(self, lines: list[LogLine], token: str) -> LogPage | None:
        """Take an answer; the page to give out, or None when another request is needed first."""
        position, checksum = self.position, crc32(token.encode())
        if token and checksum in position.tokens:
            # In a circle: what this answer really adds is found by its time.
            self._restart()
            return self._broken_off() if position.restarts > _MOST_RESTARTS else None
        met_before = DeliveredLines(*self.met.packed())
        fresh, stop = self._fresh(in_order(lines, newest_first=self._descending))
        if stop is _Stop.BOUND or (stop is None and not token):
            return self._end(fresh)
        position.empty = 0 if lines else position.empty + 1
        if position.empty > _MOST_EMPTY:
            return self._broken_off()
        if fresh:
            position.restarts = 0
        if stop is _Stop.LIMIT:
            self._again(met_before)
        else:
            position.token = token
            position.tokens = [*position.tokens, checksum][-_TOKENS_KEPT:]
        return self.pause(fresh) if fresh else None

    def pause(self, fresh: Sequence[LogLine] = ()) -> LogPage:
        """The page so far, with more to come."""
        return self._page(fresh, more=True)

    @property
    def _descending(self) -> bool:
        """Newest first, which is the gateway's own direction."""
        return self.query.order is Order.DESC

    @property
    def _limit(self) -> int:
        return max(1, self.query.limit)

    def _fresh(self, ordered: Sequence[LogLine]) -> tuple[list[LogLine], _Stop | None]:
        """The lines that were not given out before; moves on past every line it has dealt with."""
        position = self.position
        sign, limit = -1 if self._descending else 1, self._limit
        bound_ns = self.query.start_ns if self._descending else self.query.end_ns
        unmet = self._unmet(ordered)
        fresh: list[LogLine] = []
        met: list[LogLine] = []
        stop = None
        for line in ordered:
            stamp = line.timestamp_ns
            if stamp * sign < position.start_ns * sign:
                continue
            if bound_ns is not None and stamp * sign > bound_ns * sign:
                stop = _Stop.BOUND
                break
            if unmet and unmet[key := key_of(line)] > 0:
                unmet[key] -= 1
            elif len(fresh) >= limit:
                stop = _Stop.LIMIT
                break
            else:
                fresh.append(line)
            met.append(line)
            if stamp * sign > position.last_ns * sign:
                position.last_ns = stamp
        self._remember(fresh, met)
        return fresh, stop

    def _unmet(self, ordered: Sequence[LogLine]) -> Counter[LineKey]:
        """Of the times of these lines: what was given out and has not been met again."""
        if not ordered:
            return Counter()
        first_ns, last_ns = sorted((ordered[0].timestamp_ns, ordered[-1].timestamp_ns))
        unmet = self.given.counts(first_ns, last_ns)
        unmet.subtract(self.met.counts(first_ns, last_ns))
        return unmet

    def _remember(self, fresh: Iterable[LogLine], met: Iterable[LogLine]) -> None:
        """Remember what may be met again: the last moment, and when following, all from the floor on."""
        position = self.position
        last_ns = position.last_ns
        self.met.keep(last_ns, last_ns)
        self.met.add(key_of(line) for line in met if line.timestamp_ns == last_ns)
        if self._descending:
            span = 0, last_ns
        else:
            position.newest_ns = max(position.newest_ns, min(last_ns, position.began_ns))
            look_back_ns = self.query.overlap // timedelta(microseconds=1) * 1000
            floor_ns = position.newest_ns - look_back_ns if self.query.follow else last_ns
            if len(self.given) > MOST_SEEN:
                floor_ns = max(floor_ns, self.given.newest_since(MOST_SEEN // 2))
            position.floor_ns = max(position.floor_ns, min(floor_ns, last_ns))
            span = position.floor_ns, _FAR_FUTURE_NS
        self.given.add(key_of(line) for line in fresh if span[0] <= line.timestamp_ns <= span[1])
        self.given.keep(*span)

    def _begin(self, start_ns: int) -> None:
        """Begin a round at a time: what was given out from there on will be met again."""
        position = self.position
        self.met = DeliveredLines()
        position.start_ns = position.last_ns = start_ns
        position.token, position.tokens = "", []
        far = self._descending and start_ns != _FAR_FUTURE_NS
        again = len(self.given) if self._descending else self.given.count_since(start_ns)
        position.page_size = LARGEST_PAGE if far else min(LARGEST_PAGE, self._limit + again)

    def _restart(self) -> None:
        self._begin(self.position.last_ns)
        self.position.restarts += 1

    def _again(self, met_before: DeliveredLines) -> None:
        """The rest of this answer comes next: found by its time, or, as there is no end time, by the same token.

        By the token only what was met in this answer is met again, not its like in the answers before.
        """
        if not self._descending:
            self._begin(self.position.last_ns)
            return
        last_ns = self.position.start_ns = self.position.last_ns
        met_before.keep(last_ns, last_ns)
        self.met = met_before

    def _broken_off(self) -> LogPage:
        text = "Fireworks says that there is more of this log but does not send it; the rest may be missing."
        return self._end((), Gap(Part.LOGS, GapReason.PROTOCOL, text, start_ns=self.last_ns))

    def _end(self, fresh: Sequence[LogLine], *gaps: Gap) -> LogPage:
        if self.query.follow:
            self._begin(self.position.floor_ns)
            self.position.empty = self.position.restarts = self.position.began_ns = 0
        return self._page(fresh, more=False, gaps=gaps)

    def _page(self, fresh: Sequence[LogLine], *, more: bool, gaps: tuple[Gap, ...] = ()) -> LogPage:
        cursor = None
        if more or self.query.follow:
            self.position.given, self.position.met = self.given.packed(), self.met.packed()
            cursor = pack_cursor(self.position)
        filters = self.query.filter
        applied = [("ranks", bool(filters.ranks)), ("includes", len(filters.includes) == 1)]
        return LogPage(fresh, cursor, more, gaps, frozenset(name for name, complete in applied if complete))
