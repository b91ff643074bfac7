"""GPU stragglers: found when they last, and never from noise, idle GPUs, warm-up or missing samples."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bot.domain.alerts import Clear, Finding, Unknown
from bot.domain.gaps import Part
from bot.domain.jobs import JobState
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION
from bot.domain.observations import Observation
from bot.rules.conditions.stragglers import gpu_straggler
from tests.unit.rules.observing import MINUTE, REF, START, context, gap, job
from tests.unit.rules.runs import Gauge, RuleRun, Run, change, healthy, watch

ONSET = 60


def even(gpus: int = 8, nodes: int = 1, level: float = 0.9) -> Run:
    """GPUs in step, without noise."""
    run = Run(nodes, gpus)
    for node in range(nodes):
        for gpu in range(gpus):
            run.set(GPU_UTILIZATION, lambda _: level, node=node, gpu=gpu)
            run.set(GPU_MEMORY, lambda _: 70e9, node=node, gpu=gpu)
    return run


def after(value: float | None, begin: float = ONSET, end: float = 1e9, level: float = 0.9) -> Gauge:
    return lambda minute: value if begin <= minute < end else level


def seen(run: Run, minutes: float = 150, every: float = 1) -> RuleRun:
    return watch(run, "gpu_straggler", minutes=minutes, every=every)


def test_one_gpu_at_zero_is_found_after_the_hold_time() -> None:
    run = even()
    run.set(GPU_UTILIZATION, after(0.0), gpu=3)
    result = seen(run)

    assert result.found_at is not None
    assert ONSET + 10 <= result.found_at <= ONSET + 12
    (evidence,) = result.evidence
    assert "GPU 3 does nothing while the rest work." == evidence.summary
    assert (("At 0 %", "GPU 3"),) == evidence.facts
    assert START + ONSET * MINUTE == evidence.first_at


def test_one_gpu_at_zero_without_memory_is_a_dead_rank() -> None:
    run = even()
    run.set(GPU_UTILIZATION, after(0.0), gpu=3)
    run.set(GPU_MEMORY, after(4e8, level=70e9), gpu=3)

    (evidence,) = seen(run).evidence

    assert (("At 0 %, memory released", "GPU 3"),) == evidence.facts
    assert "Probably a dead rank" in (evidence.hint or "")


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        (0.6, ("Less busy than the rest", "GPU 3, by about 30 points")),
        (0.98, ("Busier than the rest", "GPU 3, by about 40 points")),
    ],
)
def test_both_directions_count(value: float, fact: tuple[str, str]) -> None:
    level = 0.9 if value < 0.9 else 0.6
    run = even(level=level)
    run.set(GPU_UTILIZATION, after(value, level=level), gpu=3)

    (evidence,) = seen(run).evidence

    assert (fact,) == evidence.facts


def test_a_whole_node_is_named_instead_of_its_gpus() -> None:
    run = even(nodes=4)
    for gpu in range(8):
        run.set(GPU_UTILIZATION, after(0.5), node=2, gpu=gpu)

    (evidence,) = seen(run).evidence

    assert "All GPUs of node-2 are less busy than the rest." == evidence.summary


def test_nodes_without_per_gpu_metrics_are_compared() -> None:
    run = Run(nodes=4)
    for node in range(4):
        run.set(GPU_UTILIZATION, after(0.4) if node == 1 else (lambda _: 0.9), node=node)

    (evidence,) = seen(run).evidence

    assert "node-1 GPUs are less busy than the rest." == evidence.summary


@pytest.mark.parametrize("end", [ONSET + 5, ONSET + 8])
def test_less_than_the_hold_time_is_clear(end: float) -> None:
    run = even()
    run.set(GPU_UTILIZATION, after(0.0, end=end), gpu=0)

    assert seen(run).found_at is None


def test_occasional_dips_are_clear() -> None:
    run = even()
    run.set(GPU_UTILIZATION, lambda minute: 0.0 if minute % 10 < 6 else 0.9, gpu=0)

    assert seen(run).found_at is None


def test_a_straggler_recovers_close_to_the_median() -> None:
    run = even()
    run.set(GPU_UTILIZATION, lambda m: 0.6 if 60 <= m < 90 else 0.78 if 90 <= m < 120 else 0.88, gpu=3)

    states = {minute: type(verdict) for minute, verdict in seen(run, 180).polls}

    assert [Clear, Finding, Finding, Clear] == [states[minute] for minute in (65, 80, 118, 130)]


@pytest.mark.parametrize("gpus", [1, 2, 3])
def test_fewer_than_four_gpus_are_not_compared(gpus: int) -> None:
    run = even(gpus)
    run.set(GPU_UTILIZATION, after(0.0), gpu=0)

    assert seen(run).found_at is None


def test_one_of_four_gpus_is_found() -> None:
    run = even(4)
    run.set(GPU_UTILIZATION, after(0.0), gpu=0)

    assert seen(run).found_at is not None


def test_idle_gpus_are_not_compared() -> None:
    run = even(level=0.0)
    run.set(GPU_UTILIZATION, after(1.0, level=0.0), gpu=0)

    assert seen(run).found_at is None


def test_a_straggler_is_unknown_once_all_gpus_are_idle() -> None:
    run = even()
    for gpu in range(8):
        run.set(GPU_UTILIZATION, lambda m, odd=gpu == 3: 0.0 if m >= 100 or (odd and m >= 60) else 0.9, gpu=gpu)  # type: ignore[misc]

    states = {minute: type(verdict) for minute, verdict in seen(run).polls}

    assert [Finding, Unknown] == [states[minute] for minute in (90, 140)]


def test_two_equal_halves_have_no_straggler() -> None:
    run = even()
    for gpu in range(4):
        run.set(GPU_UTILIZATION, after(0.2), gpu=gpu)

    assert seen(run).found_at is None


def test_warm_up_is_ignored() -> None:
    run = even()
    run.set(GPU_UTILIZATION, after(0.0, begin=0, end=15), gpu=0)

    assert seen(run).found_at is None


def test_missing_samples_are_not_zero() -> None:
    run = even()
    run.set(GPU_UTILIZATION, after(None), gpu=3)

    assert seen(run).found_at is None


def test_a_straggler_whose_samples_stop_is_unknown_and_then_forgotten() -> None:
    run = even()
    run.set(GPU_UTILIZATION, lambda m: 0.9 if m < 60 else 0.0 if m < 90 else None, gpu=3)

    states = {minute: type(verdict) for minute, verdict in seen(run, 200).polls}

    assert [Finding, Unknown, Clear] == [states[minute] for minute in (85, 110, 180)]


def test_missing_series_are_unknown() -> None:
    for observation in (
        Observation(REF, START, job()),
        Observation(REF, START, job(), gaps=(gap(Part.METRICS),)),
        Observation(REF, START, None),
        Observation(REF, START, job(JobState.UNKNOWN)),
    ):
        assert isinstance(gpu_straggler(context("gpu_straggler", observation))[0], Unknown)


def test_a_finished_job_is_clear() -> None:
    observation = Observation(REF, START, job(JobState.SUCCEEDED))

    assert (Clear(), {}) == gpu_straggler(context("gpu_straggler", observation))


def test_state_is_bounded() -> None:
    assert seen(even(), 600, every=5).memory_bytes < 2_500


FAULTS: dict[str, Callable[[float], float]] = {
    "dead": lambda value: 0.0,
    "slower": lambda value: max(0.0, value - 0.3),
    "waited for": lambda value: min(1.0, value + 0.35),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_stragglers_in_noisy_runs_are_found_within_half_an_hour(fault: str) -> None:
    """50 seeds; usually after eleven minutes, later when an uneven evaluation intervenes."""
    found = [_finds(fault, seed) for seed in range(50)]

    assert sum(found) >= 0.95 * len(found)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_straggler_in_a_noisy_run_is_found_within_half_an_hour(fault: str) -> None:
    assert _finds(fault, seed=101)


def _finds(fault: str, seed: int) -> bool:
    chance = random.Random(seed)
    onset, node, gpu = chance.uniform(60, 180), chance.randrange(2), chance.randrange(8)
    run = healthy(seed, minutes=240)
    if fault == "waited for":
        for index in range(16):
            change(run, GPU_UTILIZATION, lambda _, value: value * 0.6, node=index // 8, gpu=index % 8)
    change(
        run,
        GPU_UTILIZATION,
        lambda minute, value: FAULTS[fault](value) if minute >= onset else value,
        node=node,
        gpu=gpu,
    )
    result = seen(run, minutes=onset + 30, every=2)
    named = [evidence for evidence in result.evidence if f"node-{node} GPU {gpu}" in str(evidence.facts)]
    return result.found_at is not None and result.found_at > onset and len(named) == len(result.evidence) == 1
