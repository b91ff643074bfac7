"""Simulated kills, faults, pauses and clock jumps lose no alert and double none; bugs that do are found."""

from __future__ import annotations

import pytest

from bot.domain.grouping import STANDARD
from bot.domain.subscriptions import NotifyLevel
from tests.simulation.planted_bugs import (
    CrashesAtFirst,
    HoldsClaims,
    IgnoresClaims,
    MarksBeforeSending,
    NeverRepeatsEdits,
    SendsBeforeCommitting,
)
from tests.simulation.process import LEASE, SimulatedProcess
from tests.simulation.scenario import Event, Scenario, SlackFaults, draw
from tests.simulation.seeds import CHUNK, Chunk, run_chunk
from tests.simulation.simulation import run_scenario

SEEDS = 1000


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_is_lost_and_nothing_doubled(first: int) -> None:
    result = run_chunk(Chunk(first, CHUNK))

    assert {} == result.violations, "python -m tests.simulation --replay SEED"
    assert result.posts > 0


@pytest.mark.parametrize("first", range(SEEDS, SEEDS + 100, CHUNK))
def test_nothing_is_lost_when_the_history_cannot_be_read(first: int) -> None:
    result = run_chunk(Chunk(first, CHUNK, can_read_history=False))

    assert {} == result.violations


@pytest.mark.parametrize("seed", [10998, 12534, 14201])
def test_seeds_that_once_violated_an_invariant_do_not_any_more(seed: int) -> None:
    """In turn: a poll while the clock was set back, a storm after a lost answer, a late edit after a jump ahead."""
    assert [] == run_scenario(draw(seed)).violations


@pytest.mark.parametrize(
    ("bug", "invariant"),
    [
        (MarksBeforeSending, "lost"),
        (CrashesAtFirst, "crash"),
        (SendsBeforeCommitting, "doubled"),
        (HoldsClaims, "lost"),
        (NeverRepeatsEdits, "stale"),
        (IgnoresClaims, "doubled"),
    ],
)
def test_a_planted_bug_is_found(bug: type[SimulatedProcess], invariant: str) -> None:
    scenarios = [one for one in map(draw, range(SEEDS)) if bug is not IgnoresClaims or _may_take_over(one)]
    found = (one.invariant for scenario in scenarios for one in run_scenario(scenario, bug).violations)

    assert next(found, None) == invariant


def _may_take_over(scenario: Scenario) -> bool:
    """Whether a process may poll a job again whose poller was paused for longer than its lease."""
    pauses = [event.number for event in scenario.events if event.what.startswith("pause")]
    return scenario.processes > 1 and max(pauses, default=0) > LEASE.total_seconds()


def test_a_seed_replays_exactly() -> None:
    traces = [run_scenario(draw(seed)).trace for seed in (3, 34, 3)]

    assert traces[0] == traces[2]
    assert traces[0] != traces[1]


def test_messages_wait_for_slack_although_the_outcome_of_every_attempt_is_unknown() -> None:
    outage = Scenario(
        seed=1,
        jobs=("p/job",),
        subscriptions=(("C1", "p/job"), ("C2", "p/job")),
        processes=1,
        events=(Event(20, "fail", "p/job"),),
        slack_faults=SlackFaults(),
        slack_outages=((15, 60),),
        platform_outages=(),
        platform_error_rate=0.0,
        platform_slow_rate=0.0,
        notify=NotifyLevel.FAILURES,
        storm_size=STANDARD.storm_size,
        can_read_history=True,
    )

    outcome = run_scenario(outage)

    assert [] == outcome.violations
    assert outcome.posts > 0
