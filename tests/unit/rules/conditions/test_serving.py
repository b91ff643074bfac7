"""Rules on the GPUs of deployments: without requests they have nothing to do, and replicas are not peers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from bot.domain.alerts import Clear, Finding, Memory, Unknown, Verdict
from bot.domain.metrics import GPU_MEMORY, REPLICAS, REQUESTS_IN_FLIGHT, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.rules.conditions.capacity import gpu_memory_pressure
from bot.rules.conditions.gpu_utilization import low_gpu_utilization
from bot.rules.conditions.stragglers import gpu_straggler
from bot.rules.metrics.causes import GUESSES, Cause
from tests.unit.rules.observing import MINUTE, REF, START, context, gpu, job

IDLE, BUSY = [0.02] * 20, [0.9] * 20
REPLICA = "k2v9x"


def plain(name: str, values: Sequence[float], node: str | None = None, limit: float | None = None) -> MetricSeries:
    points = tuple(MetricPoint(value, START + minute * MINUTE) for minute, value in enumerate(values))
    return MetricSeries(name, points, node, limit=limit)


def judge(*series: MetricSeries) -> Verdict:
    """The verdict of `low_gpu_utilization` on one poll of 20 minutes, with a hold time of ten."""
    observation = Observation(REF, START + 20 * MINUTE, job(), series=series)
    return low_gpu_utilization(context("low_gpu_utilization", observation, {"for": 600.0, "warmup": 0.0}))[0]


@pytest.mark.parametrize(
    ("gpus", "in_flight", "expected"),
    [
        (IDLE, [0.0] * 20, Clear),  # nobody asks
        (IDLE, [0.3] * 20, Clear),  # a request now and then
        (IDLE, [2.0] * 20, Finding),
        (BUSY, [2.0] * 20, Clear),
        (IDLE, [0.0] * 12 + [3.0] * 8, Clear),  # in flight for less than the hold time
        (IDLE, [0.0] * 5 + [3.0] * 15, Finding),
        (IDLE, [3.0, 0.0] * 10, Clear),  # one by one
    ],
)
def test_idle_gpus_count_only_while_requests_are_in_flight(
    gpus: list[float], in_flight: list[float], expected: type[Verdict]
) -> None:
    assert isinstance(judge(gpu(gpus, node=REPLICA), plain(REQUESTS_IN_FLIGHT, in_flight)), expected)


def test_an_alert_ends_with_the_requests() -> None:
    memory: Memory = {}
    verdicts = []
    for begin, waiting in ((0, 2.0), (20, 0.0)):
        start = START + begin * MINUTE
        points = tuple(MetricPoint(waiting, start + minute * MINUTE) for minute in range(20))
        series = (gpu(IDLE, node=REPLICA, start=start), MetricSeries(REQUESTS_IN_FLIGHT, points))
        observation = Observation(REF, start + 20 * MINUTE, job(), series=series)
        settings: dict[str, float | str] = {"for": 600.0, "warmup": 0.0}
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, settings, memory))
        memory = json.loads(json.dumps(memory))
        verdicts.append(type(verdict))
    assert [Finding, Clear] == verdicts


def test_the_guess_is_about_requests_and_not_about_training_data() -> None:
    verdict = judge(gpu(IDLE, node=REPLICA), plain(REQUESTS_IN_FLIGHT, [2.0] * 20))
    assert isinstance(verdict, Finding)
    assert GUESSES[Cause.REQUESTS_WAIT].hint in (verdict.evidence.hint or "")


@pytest.mark.parametrize("in_flight", [[], [plain(REQUESTS_IN_FLIGHT, [])]])
def test_a_deployment_of_which_the_traffic_is_not_known_is_not_judged(in_flight: list[MetricSeries]) -> None:
    assert isinstance(judge(gpu(IDLE, node=REPLICA), plain(REPLICAS, [1.0] * 20), *in_flight), Unknown)


def test_replicas_are_not_compared_with_each_other() -> None:
    replicas = [gpu(BUSY, node=f"r{number}") for number in range(4)]
    observation = Observation(
        REF, START + 20 * MINUTE, job(), series=(*replicas, gpu(IDLE, node="r4"), plain(REPLICAS, [5.0] * 20))
    )
    settings: dict[str, float | str] = {"for": 300.0, "warmup": 0.0}
    assert isinstance(gpu_straggler(context("gpu_straggler", observation, settings))[0], Clear)


def test_the_memory_of_a_replica_that_grows_is_found() -> None:
    growth = [70e9 + minute * 0.15e9 for minute in range(60)]
    series = plain(GPU_MEMORY, growth, REPLICA, limit=80e9)
    observation = Observation(REF, START + 60 * MINUTE, job(), series=(series, plain(REPLICAS, [1.0] * 60)))
    settings: dict[str, float | str] = {"window": 1800.0, "warmup": 0.0, "horizon": 3600.0}
    assert isinstance(gpu_memory_pressure(context("gpu_memory_pressure", observation, settings))[0], Finding)
