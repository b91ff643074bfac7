"""Compare every filter on every platform with a simple reference implementation."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emulator.quirks import BasetenQuirks, FireworksQuirks
from emulator.world import to_ns
from tests.acceptance.logs import REFERENCES, hostile_lines, put
from tests.acceptance.program import ANCHOR, ANCHOR_NS, Machine, expected_rows
from tests.acceptance.reference import Options, wanted
from tests.support.waiting import LONGEST_S

MINUTE_NS = 60 * 10**9
EACH = (
    Options(),
    Options(order="asc"),
    Options(order="desc"),
    Options(everything=True),
    Options(everything=True, order="desc"),
    Options(limit=7),
    Options(limit=1500, order="asc"),
    Options(limit=1500, order="desc"),
    Options(tail=33),
    Options(tail=33, order="asc"),
    Options(start_ns=ANCHOR_NS - 20 * MINUTE_NS, everything=True),
    Options(end_ns=ANCHOR_NS - 20 * MINUTE_NS, everything=True),
    Options(end_ns=ANCHOR_NS - 20 * MINUTE_NS, limit=40),
    Options(start_ns=ANCHOR_NS - 40 * MINUTE_NS + 123, end_ns=ANCHOR_NS - 10 * MINUTE_NS - 321, everything=True),
    Options(start_ns=ANCHOR_NS + MINUTE_NS, everything=True),
    *(Options(level=level, everything=True) for level in ("debug", "info", "warning", "error", "critical")),
    Options(level="error", tail=20),
    Options(grep="loss=0\\.[13]", everything=True),
    Options(grep="(?i)TRACEBACK|größe", everything=True),
    Options(grep="(?i)valueerror", limit=30, order="asc"),
    Options(grep="^$", everything=True),
    Options(grep="(?m)^ValueError: \\w+$", everything=True),
    Options(include=("loss",), everything=True),
    Options(include=("Gr\u00f6\u00dfe", "7"), everything=True),
    Options(include=("1", "2", "3"), everything=True),
    Options(exclude=("loss", "Traceback", "control"), everything=True),
    Options(include=("*bold* <@U123>",), exclude=("`5",), limit=50, order="desc"),
    Options(replica=("r1abc",), everything=True),
    Options(replica=("r0abc", "r2abc"), everything=True),
    Options(rank=(3,), everything=True),
    Options(rank=(0, 2), tail=60),
    Options(request_id="req-3", everything=True),
    Options(request_id="req-99", everything=True),
    Options(level="warning", grep="[24680]$", exclude=("Gr\u00f6\u00dfe",), replica=("r0abc",), everything=True),
)  # fmt: skip


def any_options(rng: random.Random) -> Options:
    """Combine random options."""
    options = rng.choice(EACH)
    for other in (rng.choice(EACH), rng.choice(EACH)):
        if other.grep and rng.random() < 0.7:
            options = replace(options, grep=other.grep)
        if other.include or other.exclude:
            options = replace(options, include=other.include, exclude=other.exclude)
        if other.start_ns and other.end_ns:
            options = replace(options, start_ns=other.start_ns, end_ns=other.end_ns)
        if other.level and rng.random() < 0.5:
            options = replace(options, level=other.level)
        if other.rank and rng.random() < 0.3:
            options = replace(options, rank=other.rank)
    return options


async def compare(machine: Machine, system: str, tried: list[Options]) -> None:
    """Run each command and list those with unexpected lines."""
    lines = hostile_lines(1_800, system)
    ref = put(machine.world, system, lines)
    rows = expected_rows(lines, system)
    failures = []
    for options in tried:
        ended = await machine.call("logs", ref, "--json", *options.words())
        if (0, wanted(rows, options)) != (ended.code, ended.rows):
            failures.append((options.words(), ended.err, len(wanted(rows, options)), len(ended.rows)))
    assert [] == failures


@pytest.mark.parametrize("system", REFERENCES)
async def test_each_filter_matches_the_reference(machine: Machine, system: str) -> None:
    await compare(machine, system, list(EACH))


@pytest.mark.parametrize("system", REFERENCES)
async def test_combined_filters_match_the_reference(machine: Machine, system: str) -> None:
    machine.on.quirks.baseten = BasetenQuirks(end_inclusive=True, page_cap=300, training_methods="post")
    machine.on.quirks.fireworks = FireworksQuirks(page_cap=300, empty_pages=True)
    rng = random.Random(20260313)
    await compare(machine, system, [any_options(rng) for _ in range(25)])


@pytest.mark.parametrize("system", REFERENCES)
async def test_since_is_relative_to_now(machine: Machine, system: str) -> None:
    lines = hostile_lines(1_800, system)
    ref = put(machine.world, system, lines)
    rows = expected_rows(lines, system)
    # Ignore lines near the bound, because the command uses a later `now`.
    slack_ns = int(LONGEST_S) * 10**9
    for minutes_of_log in (15, 30):
        now = datetime.now(UTC)
        now_ns, minutes = to_ns(now), (now - ANCHOR) // timedelta(minutes=1) + minutes_of_log
        ended = await machine.call("logs", ref, "--json", "--all", "--since", f"{minutes}m")
        bound_ns = now_ns - timedelta(minutes=minutes) // timedelta(microseconds=1) * 1000
        surely = wanted(rows, Options(start_ns=bound_ns + slack_ns, everything=True))
        perhaps = wanted(rows, Options(start_ns=bound_ns - slack_ns, everything=True))
        assert surely == ended.rows[len(ended.rows) - len(surely) :]
        assert ended.rows == perhaps[len(perhaps) - len(ended.rows) :]
        assert 0 < len(surely) < len(rows)


@pytest.mark.parametrize("system", REFERENCES)
async def test_filtered_lines_are_counted_on_stderr(machine: Machine, system: str) -> None:
    lines = hostile_lines(500, system)
    ref = put(machine.world, system, lines)
    rows = expected_rows(lines, system)
    ended = await machine.call("logs", ref, "--json", "--all", "--grep", "loss")
    dropped = len(rows) - len(wanted(rows, Options(grep="loss", everything=True)))
    assert "--grep" in ended.err
    if system != "baseten-model":  # this platform filters lines itself and reports no count
        assert f"{dropped} lines" in ended.err
