"""The time-window reader on long logs and at 2,000 lines per second. Takes about a minute."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

import pytest

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, LogQuery, Order
from bot.providers.paging.time_windows import TimeWindow
from tests.unit.providers.paging.fake_logs import JOB, START_NS, FakeLog, Reading, doubled, endpoint, lost, read_all

pytestmark = pytest.mark.slow

SEED = 20261120


@dataclass
class IndexedLog(FakeLog):
    """Serves long logs fast: finds windows by bisection and sorts once per poll."""

    index: list[LogLine] = field(default_factory=list)

    def show(self) -> None:
        """Index the lines that are visible now."""
        self.index = sorted(self.visible, key=lambda line: line.timestamp_ns)

    async def fetch(self, window: TimeWindow) -> list[LogLine]:
        first = window.start_ms if self.start_inclusive else window.start_ms + 1
        last = window.end_ms if self.end_inclusive else window.end_ms - 1
        begin = bisect_left(self.index, first * NS_PER_MS, key=lambda line: line.timestamp_ns)
        end = bisect_left(self.index, (last + 1) * NS_PER_MS, key=lambda line: line.timestamp_ns)
        if window.order is Order.ASC:
            return self.index[begin : min(end, begin + window.limit)]
        return self.index[max(begin, end - window.limit) : end][::-1]


def crowded_lines(count: int) -> list[LogLine]:
    """Lines crowded into single milliseconds, with duplicates and silences."""
    chance = random.Random(SEED)
    lines: list[LogLine] = []
    at_ms = START_NS // NS_PER_MS
    while len(lines) < count:
        at_ms += 600_000 if chance.random() < 0.0001 else chance.choice([0, 1, 1, 2, 7, 7, 40])
        for _ in range(chance.choice([1, 1, 2, 7, 60, 300])):
            at_ns = at_ms * NS_PER_MS + chance.choice([0, 0, 5, 999_999])
            lines.append(LogLine(at_ns, f"step {chance.randrange(50)}", replica=f"r{chance.randrange(4)}"))
    return lines[:count]


@pytest.mark.parametrize("start_inclusive", [True, False])
@pytest.mark.parametrize("end_inclusive", [True, False])
@pytest.mark.parametrize("order", list(Order))
async def test_a_long_crowded_log_is_read_exactly(start_inclusive: bool, end_inclusive: bool, order: Order) -> None:
    lines = crowded_lines(120_000)
    log = IndexedLog([(line, 0) for line in lines], start_inclusive, end_inclusive, now_ns=START_NS + 10**15)
    log.show()
    reading = Reading()
    await read_all(log, LogQuery(JOB, START_NS, order=order), endpoint(log), reading)
    fullest = max(Counter(line.timestamp_ns // NS_PER_MS for line in lines).values())
    assert fullest < 1000
    assert ([], [], []) == (lost(reading, lines), doubled(reading, lines), reading.gaps)


async def test_2000_lines_per_second_are_followed_through_restarts_with_a_bounded_cursor() -> None:
    chance = random.Random(SEED)
    lines = [LogLine(START_NS + number * 500_000, f"step {number % 900}", replica="r") for number in range(120_000)]
    lines += lines[::1000]
    late = [(line, line.timestamp_ns + chance.choice([0] * 9 + [1, 20, 80]) * 10**9) for line in lines]
    log, reading = IndexedLog(late, now_ns=START_NS), Reading()
    query, known, sizes = LogQuery(JOB, START_NS, follow=True), endpoint(log), list[int]()
    for poll in range(20):
        log.now_ns += 10 * 10**9
        log.show()
        if poll % 4 == 3:
            known = endpoint(log)
        query = await read_all(log, query, known, reading)
        assert query.cursor is not None
        sizes.append(len(query.cursor.state))
    assert ([], []) == (lost(reading, lines), doubled(reading, lines))
    assert max(sizes) < 8 * 2_000 * 100
