"""Reads a batch job's log exactly: each entry once, whatever the pages, tokens and equal times. Fetches nothing.

Entries have no id and tokens do not last, so a reader that must go on later goes on by time, and then meets entries
again. `ahead` holds the entries it has given out and will meet, `behind` those it has met since it last began at a
time; both are multisets, so true duplicates stay as many as they were. Following is the same with a longer look back:
each round begins `overlap` behind the newest entry. The requests are `provider`'s, the answers' form is `wire`'s.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zlib import crc32

import msgspec

from bot.domain.durations import format_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.given import GivenLines
from bot.providers.reading import MOST_SEEN, in_order, pack_cursor, unpack_cursor

LARGEST_PAGE = 10_000
"""The gateway cuts a larger pageSize to this (documented)."""
_MOST_EMPTY = 20
_MOST_RESTARTS = 500
_TOKENS_KEPT = 16
_FAR_FUTURE_NS = 2**63 - 1
_NOTHING = GivenLines().packed()


class Position(msgspec.Struct, array_like=True):
    """Where a reader stands; the content of a LogCursor."""

    start_ns: int
    """Where the present round began: entries before it, in reading order, are passed over."""
    last_ns: int
    """The time of the last entry met."""
    newest_ns: int
    """The time of the newest entry ever met; one from the future counts as of now."""
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
    ahead: bytes = _NOTHING
    behind: bytes = _NOTHING


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
    ahead: GivenLines = field(default_factory=GivenLines)
    behind: GivenLines = field(default_factory=GivenLines)

    @classmethod
    def resume(cls, query: LogQuery, now_ns: int) -> Reader:
        """Begin at the query's cursor or at its start.

        Raises:
            CursorLost: the cursor is none of ours.
        """
        if query.cursor is not None:
            position = unpack_cursor(query.cursor, Position)
            try:
                ahead, behind = GivenLines.unpacked(position.ahead), GivenLines.unpacked(position.behind)
            except ValueError as error:
                raise CursorLost from error
            return cls(query, now_ns, position, ahead, behind)
        if query.order is Order.ASC:
            start_ns = max(0, query.start_ns or 0)
        else:
            start_ns = _FAR_FUTURE_NS if query.end_ns is None else query.end_ns
        reader = cls(query, now_ns, Position(start_ns, start_ns, newest_ns=0, floor_ns=start_ns))
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
        ordered = in_order(lines, newest_first=self._descending)
        fresh, dealt_with, stop = self._fresh(ordered)
        self._remember(fresh)
        if stop is _Stop.BOUND or (stop is None and not token):
            return self._end(fresh)
        position.empty = 0 if lines else position.empty + 1
        if position.empty > _MOST_EMPTY:
            return self._broken_off()
        if fresh:
            position.restarts = 0
        if stop is _Stop.LIMIT:
            self._again(ordered[:dealt_with])
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

    def _fresh(self, ordered: Sequence[LogLine]) -> tuple[list[LogLine], int, _Stop | None]:
        """The lines not given out before, how many of all it has dealt with and moved past, and why no more."""
        position = self.position
        sign = -1 if self._descending else 1
        bound_ns = self.query.start_ns if self._descending else self.query.end_ns
        fresh: list[LogLine] = []
        for number, line in enumerate(ordered):
            stamp = line.timestamp_ns
            if stamp * sign < position.start_ns * sign:
                continue
            if bound_ns is not None and stamp * sign > bound_ns * sign:
                return fresh, number, _Stop.BOUND
            if self.ahead and self.ahead.remove(line):
                self.behind.add(line)
            elif len(fresh) >= self._limit:
                return fresh, number, _Stop.LIMIT
            else:
                fresh.append(line)
            if stamp * sign > position.last_ns * sign:
                position.last_ns = stamp
        return fresh, len(ordered), None

    def _remember(self, fresh: Sequence[LogLine]) -> None:
        """Remember what may be met again: the last moment, and when following, all from the floor on."""
        position = self.position
        if self._descending:
            first_ns, last_ns = 0, position.last_ns
        else:
            position.newest_ns = max(position.newest_ns, min(position.last_ns, self.now_ns))
            look_back_ns = self.query.overlap // timedelta(microseconds=1) * 1000
            floor_ns = position.newest_ns - look_back_ns if self.query.follow else position.last_ns
            position.floor_ns = max(position.floor_ns, min(floor_ns, position.last_ns))
            first_ns, last_ns = position.floor_ns, _FAR_FUTURE_NS
        for line in fresh:
            if first_ns <= line.timestamp_ns <= last_ns:
                self.behind.add(line)
        if len(self.behind) > MOST_SEEN and not self._descending:
            first_ns = position.floor_ns = min(position.last_ns, self.behind.newest_since(MOST_SEEN // 2))
        self.behind = self.behind.between(first_ns, last_ns)

    def _begin(self, start_ns: int) -> None:
        """Begin a round at a time: what was given out from there on will be met again."""
        position, known = self.position, self.ahead.merged(self.behind)
        if self._descending:
            self.ahead, self.behind = known.between(0, start_ns), GivenLines()
        else:
            self.ahead, self.behind = known.between(start_ns, _FAR_FUTURE_NS), known.between(0, start_ns - 1)
        position.start_ns = position.last_ns = start_ns
        position.token, position.tokens = "", []
        far = self._descending and start_ns != _FAR_FUTURE_NS
        position.page_size = LARGEST_PAGE if far else min(LARGEST_PAGE, self._limit + len(self.ahead))

    def _restart(self) -> None:
        self._begin(self.position.last_ns)
        self.position.restarts += 1

    def _again(self, met: Sequence[LogLine]) -> None:
        """The rest of this answer comes next: found by its time, or, as there is no end time, by the same token.

        By the token only what was met in this answer is met again, not its like in the answers before.
        """
        if not self._descending:
            self._begin(self.position.last_ns)
            return
        last_ns = self.position.start_ns = self.position.last_ns
        self.ahead = self.ahead.between(0, last_ns)
        for line in met:
            if line.timestamp_ns == last_ns and self.behind.remove(line):
                self.ahead.add(line)

    def _broken_off(self) -> LogPage:
        text = "Fireworks says that there is more of this log but does not send it; the rest may be missing."
        return self._end((), Gap(Part.LOGS, GapReason.PROTOCOL, text, start_ns=self.last_ns))

    def _end(self, fresh: Sequence[LogLine], *gaps: Gap) -> LogPage:
        if self.query.follow:
            self._begin(self.position.floor_ns)
            self.position.empty = self.position.restarts = 0
        return self._page(fresh, more=False, gaps=gaps)

    def _page(self, fresh: Sequence[LogLine], *, more: bool, gaps: tuple[Gap, ...] = ()) -> LogPage:
        cursor = None
        if more or self.query.follow:
            self.position.ahead, self.position.behind = self.ahead.packed(), self.behind.packed()
            cursor = pack_cursor(self.position)
        filters = self.query.filter
        applied = [("ranks", bool(filters.ranks)), ("includes", len(filters.includes) == 1)]
        return LogPage(fresh, cursor, more, gaps, frozenset(name for name, complete in applied if complete))
