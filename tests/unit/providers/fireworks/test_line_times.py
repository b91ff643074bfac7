"""Times that lines state themselves."""

from __future__ import annotations

import pytest

from bot.domain.durations import format_ns
from bot.providers.fireworks.line_times import Anchor, LineClock, parse_line_time, split_lines

STATED = {
    b"2026-03-13T10:00:00.123456789Z step 1": "2026-03-13T10:00:00.123456789Z",
    b"2026-03-13 10:00:00,123 INFO trainer: step 1": "2026-03-13T10:00:00.123000000Z",
    b"[2026-03-13 10:00:00] step 1": "2026-03-13T10:00:00.000000000Z",
    b"INFO 2026-03-13 10:00:00 loading": "2026-03-13T10:00:00.000000000Z",
    b"[rank0]: 2026/03/13 10:00:00 loading": "2026-03-13T10:00:00.000000000Z",
    b"2026-03-13T12:00:00+02:00 step": "2026-03-13T10:00:00.000000000Z",
    b'{"timestamp": 1773396000.5, "step": 1}': "2026-03-13T10:00:00.500000000Z",
    b'{"level": "info", "time": 1773396000123}': "2026-03-13T10:00:00.123000000Z",
    b'{"ts": "2026-03-13T10:00:00Z"}': "2026-03-13T10:00:00.000000000Z",
    b'{"ts": 1773396000123456789}': "2026-03-13T10:00:00.123456789Z",
    b"step 1 loss 0.5": None,
    b"": None,
    b"2026-13-40T10:00:00Z": None,
    b'{"timestamp": true}': None,
    b"Loaded the shard that was written by the exporter on 2026-03-13 10:00:00": None,
}


@pytest.mark.parametrize(("text", "expected"), STATED.items())
def test_a_time_is_read_at_the_start_or_in_a_field(text: bytes, expected: str | None) -> None:
    found = parse_line_time(text, {})
    assert expected == (None if found is None else format_ns(found))


def test_times_never_go_back_and_far_ones_are_not_the_lines_own() -> None:
    first_ns = 1_773_396_000 * 10**9
    text = b"2026-03-13 10:00:05 a\nb\n2026-03-13 10:00:04 c\n1999-01-01 00:00:00 d\n2026-03-13 10:00:06 e\n"
    clock = LineClock(Anchor(first_ns), first_ns, first_ns + 10**12)
    times = [timed.time_ns - first_ns for timed in clock.read(split_lines(text, 0, is_end=True))]
    assert [5 * 10**9] * 4 + [6 * 10**9] == times
