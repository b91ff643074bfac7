"""Idle GPUs: when the rule fires, when it does not, and which cause it guesses."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable

import pytest

from bot.domain.alerts import Clear, Finding, Memory, Unknown, Verdict
from bot.domain.jobs import JobState
from bot.domain.metrics import CPU_USAGE, GPU_MEMORY, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.rules.conditions.gpu_utilization import low_gpu_utilization
from bot.rules.metrics.causes import GUESSES, Cause
from tests.unit.rules.observing import MINUTE, REF, START, context, gpu, job, line

SETTINGS: dict[str, Setting] = {"for": 300.0, "warmup": 0.0}


def watch_gpus(*polls: tuple[MetricSeries, ...], settings: dict[str, Setting] | None = None) -> list[Verdict]:
    """Feed polls five minutes apart; the memory goes through JSON as it does in the database."""
    memory: Memory = {}
    verdicts: list[Verdict] = []
    for index, series in enumerate(polls):
        observation = Observation(REF, START + (index + 1) * 5 * MINUTE, job(), series=series)
        chosen = SETTINGS if settings is None else settings
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, chosen, memory))
        memory = json.loads(json.dumps(memory))
        verdicts.append(verdict)
    return verdicts


def at(minute: int, *values: float, index: int = 0) -> MetricSeries:
    return gpu(values, index=index, start=START + minute * MINUTE)


def test_low_for_the_hold_time_is_found_and_names_the_gpu() -> None:
    (verdict,) = watch_gpus((at(0, *[0.9] * 6), at(0, *[0.05] * 6, index=3)))

    assert isinstance(verdict, Finding)
    assert ("Low", "GPU 3") in verdict.evidence.facts
    assert verdict.evidence.first_at == START


def test_low_for_less_than_the_hold_time_is_clear() -> None:
    assert isinstance(watch_gpus((at(0, *[0.05] * 5),))[0], Clear)


def test_one_good_sample_restarts_the_hold() -> None:
    assert isinstance(watch_gpus((at(0, 0.05, 0.05, 0.05, 0.9, 0.05, 0.05),))[0], Clear)


def test_two_gpus_that_are_low_in_turn_are_clear() -> None:
    taking_turns = (at(0, 0.05, 0.05, 0.05, 0.9, 0.9, 0.9), at(0, 0.9, 0.9, 0.9, 0.05, 0.05, 0.05, index=1))

    assert isinstance(watch_gpus(taking_turns)[0], Clear)


def test_between_threshold_and_recovery_it_stays_low() -> None:
    polls = ((at(0, *[0.05] * 6),), (at(6, 0.25, 0.25),), (at(8, 0.35),))

    assert [Finding, Finding, Clear] == [type(verdict) for verdict in watch_gpus(*polls)]


def test_time_without_samples_does_not_count_as_low() -> None:
    assert isinstance(watch_gpus((at(0, 0.05),), (at(9, 0.05),))[1], Clear)


def test_missing_series_are_unknown_never_low() -> None:
    assert [Unknown, Unknown] == [type(verdict) for verdict in watch_gpus((), (gpu(()),))]


def test_stale_samples_are_unknown() -> None:
    assert isinstance(watch_gpus((at(-30, *[0.05] * 6),))[0], Unknown)


def test_warm_up_is_ignored() -> None:
    settings: dict[str, Setting] = {"for": 300.0, "warmup": 600.0}

    assert isinstance(watch_gpus((at(0, *[0.0] * 6),), settings=settings)[0], Clear)


def test_nodes_are_judged_separately() -> None:
    series = (gpu([0.05] * 6, node="node-1"), gpu([0.9] * 6, node="node-0"))

    (verdict,) = watch_gpus(series)

    assert isinstance(verdict, Finding)
    assert ("Low", "node-1 GPU 0") in verdict.evidence.facts


def test_overlapping_polls_count_samples_once() -> None:
    series = (at(0, *[0.05] * 6),)

    assert [Finding, Finding] == [type(verdict) for verdict in watch_gpus(series, series)]


def test_only_a_running_job_is_judged() -> None:
    for state, expected in ((JobState.QUEUED, Clear), (JobState.SUCCEEDED, Clear), (JobState.UNKNOWN, Unknown)):
        observation = Observation(REF, START + 6 * MINUTE, job(state), series=(at(0, *[0.0] * 6),))
        verdict, _ = low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS))
        assert expected is type(verdict)


def test_a_gpu_that_works_five_seconds_of_every_minute_is_low() -> None:
    values = [(index * 5 / 60, 1.0 if index % 12 == 0 else 0.0) for index in range(1, 20 * 12)]
    points = tuple(MetricPoint(value, START + minute * MINUTE) for minute, value in values)
    observation = Observation(REF, START + 20 * MINUTE, job(), series=(MetricSeries("gpu_utilization_ratio", points),))

    verdict, _ = low_gpu_utilization(context("low_gpu_utilization", observation, {"for": 900.0, "warmup": 0.0}))

    assert isinstance(verdict, Finding)


def test_a_low_gpu_whose_samples_stop_is_unknown() -> None:
    polls = ((at(0, *[0.05] * 6), at(0, *[0.9] * 6, index=1)), (at(6, *[0.9] * 15, index=1),))
    memory: Memory = {}
    for now, series in ((5, polls[0]), (21, polls[1])):
        observation = Observation(REF, START + now * MINUTE, job(), series=series)
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS, memory))

    assert isinstance(verdict, Unknown)


def eight(values: Callable[[int], Iterable[float]]) -> tuple[MetricSeries, ...]:
    return tuple(gpu(values(index), index=index) for index in range(8))


def held(*gigabytes: float) -> tuple[MetricSeries, ...]:
    return tuple(
        MetricSeries(GPU_MEMORY, (MetricPoint(value * 1e9, START + 39 * MINUTE),), gpu=index)
        for index, value in enumerate(gigabytes)
    )


def cpu(cores: float, limit: float | None = 96.0) -> tuple[MetricSeries, ...]:
    points = tuple(MetricPoint(cores, START + minute * MINUTE) for minute in range(40))
    return (MetricSeries(CPU_USAGE, points, limit=limit),)


WORKED = [0.9] * 15
IDLE = eight(lambda _: [*WORKED, *[0.0] * 25])
ONE_AT_ZERO = eight(lambda index: [*WORKED, *([0.0] if index == 3 else [1.0]) * 25])


@pytest.mark.parametrize(
    ("series", "cause"),
    [
        (ONE_AT_ZERO, Cause.RANK_STUCK),
        ((*ONE_AT_ZERO, *held(70, 70, 70, 0.5, 70, 70, 70, 70)), Cause.RANK_GONE),
        ((*ONE_AT_ZERO, *held(70, 70, 70, 69, 70, 70, 70, 70)), Cause.RANK_STUCK),
        (eight(lambda index: [*WORKED, *[0.15 if index == 3 else 0.9] * 25]), Cause.UNEVEN),
        (eight(lambda _: [0.0] * 40), Cause.NOT_STARTED),
        ((*eight(lambda _: [0.0] * 40), *cpu(80)), Cause.NOT_STARTED),
        ((*IDLE, *cpu(80)), Cause.CPU_BOUND),
        ((*IDLE, *cpu(2)), Cause.STOPPED),
        ((*IDLE, *cpu(30)), Cause.UNKNOWN),
        ((*IDLE, *cpu(80, limit=None)), Cause.UNKNOWN),
        (IDLE, Cause.UNKNOWN),
        ((*eight(lambda _: [*WORKED, *[0.12] * 25]), *cpu(2)), Cause.UNKNOWN),
    ],
)
def test_the_cause_is_marked_as_a_guess(series: tuple[MetricSeries, ...], cause: Cause) -> None:
    observation = Observation(REF, START + 40 * MINUTE, job(), series=series)

    verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, {"warmup": 0.0}))

    assert isinstance(verdict, Finding)
    assert memory["cause"] == {"of": [f"GPU {index}" for index in _low(series)], "is": cause}
    assert ("Likely cause", f"{GUESSES[cause].likely} ({GUESSES[cause].why})") in verdict.evidence.facts
    assert (verdict.evidence.hint or "").endswith("(This is a guess.)")


def _low(series: tuple[MetricSeries, ...]) -> list[int]:
    return [one.gpu or 0 for one in series if one.name == "gpu_utilization_ratio" and one.points[-1].value < 0.2]


def test_alternating_load_suggests_data_loading() -> None:
    values = [1.0] * 20 + [1.0 if index % 12 == 0 else 0.0 for index in range(1, 30 * 12)]
    points = tuple(MetricPoint(value, START + index * MINUTE / 12) for index, value in enumerate(values))
    series = (MetricSeries("gpu_utilization_ratio", points, gpu=0),)
    observation = Observation(REF, points[-1].at or START, job(), series=series)

    verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, {"warmup": 0.0}))

    assert isinstance(verdict, Finding)
    assert memory["cause"] == {"of": ["GPU 0"], "is": Cause.SAWTOOTH}


def test_a_guess_stays_while_the_same_gpus_are_low() -> None:
    chance = random.Random(7)
    memory: Memory = {}
    distinct = set()
    for now in range(40, 200):
        window = range(now - 3, now + 1) if now > 40 else range(41)
        series = tuple(
            MetricSeries(
                "gpu_utilization_ratio",
                tuple(MetricPoint(0.9 if m < 10 else chance.uniform(0, 0.1), START + m * MINUTE) for m in window),
                gpu=index,
            )
            for index in range(8)
        )
        used = MetricSeries(CPU_USAGE, (MetricPoint(chance.uniform(0, 90), START + now * MINUTE),), limit=96.0)
        observation = Observation(REF, START + now * MINUTE, job(), series=(*series, used))
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, {"warmup": 0.0}, memory))
        memory = json.loads(json.dumps(memory))
        assert isinstance(verdict, Finding)
        distinct.add(verdict.evidence)

    assert 1 == len(distinct)


def test_an_unknown_stored_cause_is_guessed_again() -> None:
    observation = Observation(REF, START + 40 * MINUTE, job(), series=IDLE)
    _, memory = low_gpu_utilization(context("low_gpu_utilization", observation, {"warmup": 0.0}))
    old = {**memory, "cause": {"of": [f"GPU {index}" for index in range(8)], "is": "gremlins"}}

    verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, {"warmup": 0.0}, old))

    assert isinstance(verdict, Finding)
    assert memory["cause"] == {"of": [f"GPU {index}" for index in range(8)], "is": Cause.UNKNOWN}


def test_a_busy_gpu_keeps_only_its_last_sample_time() -> None:
    def poll(minute: int, value: float, memory: Memory) -> tuple[Verdict, Memory]:
        observation = Observation(REF, START + minute * MINUTE, job(), series=(at(minute - 5, *[value] * 6),))
        return low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS, memory))

    _, memory = poll(5, 0.9, {})
    row = {"last_at": "2026-03-13T10:05:00Z"}
    fuller = {**memory, "gpus": {"GPU 0": {**row, "low_since": None, "low": False}}}

    assert {"GPU 0": row} == memory["gpus"]
    assert poll(10, 0.05, memory) == poll(10, 0.05, fuller)


WAIT = "WARNING data.loader: waited {seconds}.3 s for shard train-00{shard}.tar (median 0.2 s)"


def test_warnings_of_the_data_loader_are_the_likely_cause() -> None:
    """Counted over all polls since the GPUs are low; the longest wait is quoted."""
    memory: Memory = {}
    for minute in range(8):
        texts = [WAIT.format(seconds=8 * minute, shard=482 + minute), "WARNING other", "INFO data: 1 batch took 4 s"]
        lines = tuple(line(text, second=60 * minute) for text in texts)
        series = tuple(at(0, *[0.03] * (minute + 1), index=index) for index in range(2))
        observation = Observation(REF, START + minute * MINUTE, job(), lines, series)
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS, memory))
        memory = json.loads(json.dumps(memory))

    assert isinstance(verdict, Finding)
    evidence = verdict.evidence
    wait = "data.loader: waited 56.3 s for shard train-00489.tar (median 0.2 s)"
    assert evidence.summary == f"2 of 2 GPUs below 20%; {wait} \u00d78"
    assert ("Likely cause", f"data loading (the log has 8 warnings, the longest wait: {wait})") in evidence.facts
    assert ("Other warnings", "8 warnings, the latest: other") in evidence.facts


def test_a_guess_without_evidence_is_marked_as_one() -> None:
    (verdict,) = watch_gpus((at(0, *[0.9] * 2, *[0.15] * 8),))

    assert isinstance(verdict, Finding)
    assert (
        "Likely cause",
        "data loading or storage (the most common cause; no other evidence)",
    ) in verdict.evidence.facts


def test_warnings_from_before_the_gpus_were_idle_do_not_count() -> None:
    observation = Observation(REF, START + 6 * MINUTE, job(), (line(WAIT, second=-60),), (at(0, *[0.03] * 7),))
    verdict, _ = low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS))

    assert isinstance(verdict, Finding)
    facts = dict(verdict.evidence.facts)
    assert "shard" not in verdict.evidence.summary + facts["Likely cause"]
    assert facts["Newest log line"].startswith("data.loader: waited")
