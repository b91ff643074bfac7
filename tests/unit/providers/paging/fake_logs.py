"""An adversarial log server in memory: everything the documents leave open is a parameter."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.durations import NS_PER_MS
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogQuery, Order
from bot.errors import BadRequest, Unavailable
from bot.providers.paging.time_windows import Endpoint, TimeWindow, read_page_by_time

JOB = JobRef("fake", "job")
START_MS = 1_700_000_000_000
START_NS = START_MS * NS_PER_MS


@dataclass
class FakeLog:
    """Lines with the time from which they are visible, and the platform's quirks."""

    lines: list[tuple[LogLine, int]] = field(default_factory=list)
    start_inclusive: bool = True
    end_inclusive: bool = False
    page_cap: int = 1000
    uneven: int = 0
    """A page may be longer than `page_cap` by up to this number of lines, chosen at random."""
    shuffle: bool = False
    by_ms: bool = False
    """Within a millisecond lines keep one order, whichever end is requested."""
    window_ms: int = 7 * 60_000
    failures: float = 0.0
    seed: int = 0
    now_ns: int = 10**19
    requests: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    @property
    def visible(self) -> list[LogLine]:
        return [line for line, seen_at_ns in self.lines if seen_at_ns <= self.now_ns]

    async def fetch(self, window: TimeWindow) -> list[LogLine]:
        self.requests += 1
        if self.random.random() < self.failures:
            raise Unavailable("reset")
        if not 0 < window.end_ms - window.start_ms <= self.window_ms:
            raise BadRequest("window too long or empty")
        first = window.start_ms if self.start_inclusive else window.start_ms + 1
        last = window.end_ms if self.end_inclusive else window.end_ms - 1
        found = [line for line in self.visible if first <= line.timestamp_ns // NS_PER_MS <= last]
        sign = -1 if window.order is Order.DESC else 1
        if self.shuffle:
            self.random.shuffle(found)
        unit_ns = NS_PER_MS if self.shuffle or self.by_ms else 1
        found.sort(key=lambda line: sign * (line.timestamp_ns // unit_ns))
        return found[: min(window.limit, self.page_cap + self.random.randint(0, self.uneven))]


@dataclass
class Reading:
    lines: list[LogLine] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)


def endpoint(log: FakeLog) -> Endpoint:
    """Windows of minutes instead of days, so that a test has many."""
    return Endpoint(timedelta(minutes=7), timedelta(minutes=2))


async def read_all(
    log: FakeLog, query: LogQuery, known: Endpoint, reading: Reading | None = None, *, most_pages: int = 3_000
) -> LogQuery:
    """Follow cursors to the end and repeat failed calls; return the query to continue with."""
    reading = reading if reading is not None else Reading()
    for _ in range(most_pages):
        try:
            page = await read_page_by_time(
                query, known, log.fetch, start_ns=query.start_ns or START_NS, now_ns=log.now_ns
            )
        except Unavailable:
            continue
        assert len(page.lines) <= query.limit
        reading.lines += page.lines
        reading.gaps += page.gaps
        reading.pages.append(len(page.lines))
        query = LogQuery(
            query.job, query.start_ns, query.end_ns, query.order, query.limit, query.filter, page.cursor, query.follow,
            query.overlap,
        )  # fmt: skip
        if not page.more:
            return query
    assert most_pages < 3_000, "the reader does not reach the end"
    return query


def lost(reading: Reading, expected: list[LogLine]) -> list[LogLine]:
    return list((Counter(expected) - Counter(reading.lines)).elements())


def doubled(reading: Reading, expected: list[LogLine]) -> list[LogLine]:
    return list((Counter(reading.lines) - Counter(expected)).elements())
