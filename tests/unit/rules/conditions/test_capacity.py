"""Memory and storage that fill up: predicted in time, and never from a level that is merely high."""

from __future__ import annotations

import random
from dataclasses import replace
from statistics import median

import pytest

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Clear, Evidence, Finding, Memory, Severity, Unknown
from bot.domain.charts import what_is_left
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Part
from bot.domain.jobs import JobState
from bot.domain.metrics import (
    CACHE_UTILIZATION,
    EPHEMERAL_STORAGE_UTILIZATION,
    GPU_MEMORY,
    MEMORY,
    MetricPoint,
    MetricSeries,
)
from bot.domain.observations import Observation
from bot.rules.catalog import rule_named
from tests.unit.rules.observing import MINUTE, REF, START, context, gap, job
from tests.unit.rules.runs import GPU_LIMIT, HOST_LIMIT, Gauge, Run, change, healthy, watch

RULES = ("gpu_memory_pressure", "host_memory_pressure", "storage_pressure")


def one_gpu(level: Gauge) -> Run:
    run = Run(nodes=1)
    run.set(GPU_MEMORY, lambda minute: None if (value := level(minute)) is None else value * GPU_LIMIT, gpu=3)
    return run


def one_disk(level: Gauge) -> Run:
    run = Run(nodes=1)
    run.set(EPHEMERAL_STORAGE_UTILIZATION, level)
    return run


def one_host(level: Gauge) -> Run:
    run = Run(nodes=1)
    run.set(MEMORY, lambda minute: None if (value := level(minute)) is None else value * HOST_LIMIT)
    return run


def leak(start: float, full_after: float, onset: float = 90) -> Gauge:
    return lambda minute: min(1.0, start + (1 - start) * max(0.0, minute - onset) / full_after)


def test_a_leaking_gpu_is_predicted_in_time_and_once() -> None:
    seen = watch(one_gpu(leak(0.6, 180)), "gpu_memory_pressure", minutes=269, every=1)

    (evidence,) = seen.evidence
    assert seen.found_at is not None
    assert 35 <= 90 + 180 - seen.found_at <= 50
    assert "GPU 3 is running out of memory." == evidence.summary
    assert START + 270 * MINUTE == evidence.expected_at
    assert (("Grows", "GPU 3"), ("Predicted from", "the last 1 h")) == evidence.facts


def test_the_evidence_charts_the_climb_to_the_limit() -> None:
    """A chart that changes at each poll is not news: the evidence stays equal."""
    (evidence,) = watch(one_gpu(leak(0.6, 180)), "gpu_memory_pressure", minutes=269, every=1).evidence
    chart = evidence.chart
    assert chart is not None
    assert ("GPU memory", "GiB", ["GPU 3"], [("limit", 75)]) == (
        chart.title,
        chart.unit,
        [one.name for one in chart.lines],
        [(one.name, round(one.value)) for one in chart.levels],
    )
    used = [point.y for point in chart.lines[0].points]
    assert 20 == len(used)
    assert used == sorted(used)
    left = [point.y for point in what_is_left(chart).lines[0].points]
    assert left[0] > 1.5 * left[-1] > 0


@pytest.mark.parametrize("level", [0.85, 0.97, 0.995, 1.0])
def test_high_but_steady_gpu_memory_is_clear(level: float) -> None:
    assert watch(one_gpu(lambda _: level), "gpu_memory_pressure", minutes=300).found_at is None


@pytest.mark.parametrize(
    "level",
    [
        lambda minute: 0.87 if minute < 130 else 0.98,
        lambda minute: 0.75 if 100 < minute % 150 < 112 else 0.97,
        lambda minute: 0.97 - 0.3 * 2 ** (-minute / 15),
        lambda minute: 0.5 + 0.3 * min(1.0, minute / 200),
        lambda minute: 0.9 + 0.0001 * minute,
    ],
    ids=["a jump", "dips", "growth that fades", "far from the limit", "years"],
)
def test_other_shapes_are_not_leaks(level: Gauge) -> None:
    assert watch(one_gpu(level), "gpu_memory_pressure", minutes=400, every=1).found_at is None


def test_a_leak_with_checkpoint_dips_is_found() -> None:
    steady = leak(0.7, 200)
    run = one_gpu(lambda minute: (steady(minute) or 0) - (0.2 if minute % 40 < 4 else 0.0))

    found_at = watch(run, "gpu_memory_pressure", minutes=285, every=1).found_at

    assert found_at is not None
    assert 90 + 200 - found_at >= 20


def test_a_leak_that_stops_is_clear() -> None:
    grows = leak(0.7, 150)
    seen = watch(one_gpu(lambda minute: grows(min(minute, 215))), "gpu_memory_pressure", minutes=330, every=1)

    assert seen.found_at is not None
    assert isinstance(seen.polls[-1][1], Clear)


def test_a_prediction_changes_only_when_it_moves_far() -> None:
    def level(minute: float) -> float:
        slow = 0.8 + 0.003 * max(0.0, minute - 90)
        return min(1.0, slow + (0.012 * (minute - 145) if minute > 145 else 0))

    assert len(watch(one_gpu(level), "gpu_memory_pressure", minutes=153, every=1).evidence) <= 3


def test_nearly_full_host_memory_is_found_until_clearly_below() -> None:
    run = one_host(lambda minute: 0.6 if minute < 100 else 0.96 if minute < 150 else 0.92 if minute < 200 else 0.85)
    seen = watch(run, "host_memory_pressure", minutes=260, every=1)

    states = {minute: type(verdict) for minute, verdict in seen.polls}
    assert [Clear, Finding, Finding, Clear] == [states[minute] for minute in (95, 120, 190, 230)]
    assert ["Over 95% full: host memory."] == [evidence.summary for evidence in seen.evidence]


def test_filling_storage_is_predicted() -> None:
    seen = watch(one_disk(leak(0.3, 240)), "storage_pressure", minutes=329, every=1)

    assert seen.found_at is not None
    assert 50 <= 90 + 240 - seen.found_at <= 65
    assert "Ephemeral storage is filling up." == seen.evidence[0].summary
    assert START + 330 * MINUTE == seen.evidence[0].expected_at


def test_storage_that_fills_in_steps_is_found_at_its_threshold() -> None:
    """A checkpoint every 20 minutes, none deleted."""
    run = one_disk(lambda minute: min(1.0, 0.1 + 0.06 * (minute // 20)))

    found_at = watch(run, "storage_pressure", minutes=299, every=1).found_at

    assert found_at is not None
    assert found_at <= 275


def test_the_cache_counts_as_storage() -> None:
    run = one_disk(lambda _: 0.2)
    run.set(CACHE_UTILIZATION, lambda _: 0.93)

    (evidence,) = watch(run, "storage_pressure", minutes=60).evidence

    assert "Over 90% full: cache." == evidence.summary


@pytest.mark.parametrize("rule", RULES)
def test_missing_metrics_are_unknown(rule: str) -> None:
    found = rule_named(rule)
    assert found is not None
    unlimited = MetricSeries(GPU_MEMORY, (MetricPoint(79e9, START),), gpu=0)
    for observation in (
        Observation(REF, START, job()),
        Observation(REF, START, job(), gaps=(gap(Part.METRICS),)),
        Observation(REF, START, job(JobState.UNKNOWN)),
        Observation(REF, START, job(), series=(unlimited,)),
    ):
        assert isinstance(found.condition(context(rule, observation))[0], Unknown)


def test_a_filling_gpu_whose_samples_stop_is_unknown() -> None:
    steady = leak(0.6, 180)
    run = one_gpu(lambda minute: steady(minute) if minute < 240 else None)

    states = {minute: type(verdict) for minute, verdict in watch(run, "gpu_memory_pressure", minutes=270).polls}

    assert [Finding, Unknown] == [states[minute] for minute in (240, 265)]


@pytest.mark.parametrize("rule", RULES)
def test_state_is_bounded(rule: str) -> None:
    assert watch(healthy(1), rule, minutes=1440, every=30).memory_bytes < 5_000


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("rule", RULES)
def test_a_leak_in_a_noisy_run_is_found_before_it_is_full(rule: str, seed: int) -> None:
    assert _warned(rule, seed)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_leaks_in_noisy_runs_are_found_ten_minutes_before_they_are_full(rule: str) -> None:
    """50 seeds; leaks that fill up in one to four hours."""
    warned = [_warned(rule, seed) for seed in range(50)]

    assert sum(warned) >= 0.95 * len(warned)


def _warned(rule: str, seed: int) -> bool:
    chance = random.Random(seed)
    onset, total = chance.uniform(60, 180), chance.uniform(60, 240)
    node, gpu = chance.randrange(2), chance.randrange(8)
    metric, limit = {
        "gpu_memory_pressure": (GPU_MEMORY, GPU_LIMIT),
        "host_memory_pressure": (MEMORY, HOST_LIMIT),
        "storage_pressure": (EPHEMERAL_STORAGE_UTILIZATION, 1.0),
    }[rule]
    index = gpu if metric == GPU_MEMORY else None
    run = healthy(seed, minutes=440)
    around = (run.gauges[metric, node, index](minute) for minute in range(int(onset) - 20, int(onset) + 20))
    rate = (limit - median(value for value in around if value is not None)) / total
    change(run, metric, lambda m, value: min(limit, value + rate * max(0.0, m - onset)), node=node, gpu=index)
    seen = watch(run, rule, minutes=onset + total, every=2)
    return (
        seen.found_at is not None
        and onset < seen.found_at <= onset + total - 10
        and f"node-{node}" in str(seen.evidence[0].facts)
        and len(seen.evidence) <= 6
    )


def test_the_poll_interval_does_not_change_the_result() -> None:
    found = [watch(one_gpu(leak(0.6, 180)), "gpu_memory_pressure", minutes=269, every=pace).found_at for pace in (1, 9)]

    assert None not in found
    assert abs((found[0] or 0) - (found[1] or 0)) <= 9


def test_a_late_subscription_finds_the_leak_at_its_first_poll() -> None:
    assert watch(one_gpu(leak(0.6, 180)), "gpu_memory_pressure", minutes=245, begin=245).found_at == 245


def test_evidence_has_the_time_of_the_observation() -> None:
    (evidence,) = watch(one_disk(lambda _: 0.95), "storage_pressure", minutes=40, begin=40).evidence

    assert START + 40 * MINUTE == evidence.first_at


def _leaking(*, failure: Failure | None, state: JobState = JobState.RUNNING) -> tuple[Evidence | None, Memory]:
    """The evidence of a poll after one that predicted, with a failure in the log by then."""
    steady = leak(0.6, 180)
    run = one_gpu(steady)
    seen = watch(run, "gpu_memory_pressure", minutes=260, every=1)
    found = rule_named("gpu_memory_pressure")
    assert found is not None
    now = START + 275 * MINUTE
    observation = Observation(REF, now, job(state), series=run.series(255, 275))
    asked = context("gpu_memory_pressure", observation, memory=seen.memory)
    diagnosis = Diagnosis((failure,) if failure else ())
    verdict, memory = found.condition(replace(asked, diagnosis=diagnosis))
    return (verdict.evidence if isinstance(verdict, Finding) else None), memory


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FAILED])
def test_a_prediction_is_dropped_once_the_log_shows_the_failure(state: JobState) -> None:
    last_ns = ns_from_datetime(START + 270 * MINUTE)
    oom = Failure(
        severity=Severity.PAGE, category="gpu_memory", signature="cuda_oom", title="GPU out of memory", hint="", line=1,
        ranks=(3,), last_ns=last_ns,
    )  # fmt: skip
    evidence, _ = _leaking(failure=oom, state=state)

    assert evidence is not None
    assert (evidence.summary, evidence.expected_at) == ("GPU 3 ran out of memory.", None)
    assert evidence.hint is None


def test_a_prediction_whose_time_has_passed_is_dropped() -> None:
    evidence, _ = _leaking(failure=None)

    assert evidence is None or evidence.expected_at is None or evidence.expected_at > START + 275 * MINUTE


def test_the_end_of_the_job_ends_a_prediction() -> None:
    evidence, memory = _leaking(failure=None, state=JobState.FAILED)

    assert (evidence, memory) == (None, {})
