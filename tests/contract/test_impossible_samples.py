"""Metrics that cannot be true, from Baseten's emulator through a poll to the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from bot.domain.alerts import Finding, Memory, Verdict
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import JobRef
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricQuery
from bot.domain.observations import Observation
from bot.providers.baseten.api import make_client
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import LimiterPool
from bot.providers.observe import ObservationRequest, observe
from bot.rules.catalog import rule_named
from emulator.hardware_metrics import Gauge, Metrics, Node, flat
from emulator.world import Status
from tests.fakes.cloud import NOON, Cloud, running_cloud
from tests.unit.rules.observing import context

JOB = JobRef("baseten", "p/j")
POLL = timedelta(minutes=5)
POLLS = 24
IDLE = 0.01
BUSY = 0.9
"""Fractions."""


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with running_cloud() as cloud:
        yield cloud


@pytest.fixture
async def training(cloud: Cloud) -> AsyncIterator[BasetenTraining]:
    provider = BasetenTraining(make_client("baseten", cloud.config("baseten"), LimiterPool()), cloud.clock)
    yield provider
    await provider.aclose()


def add_job(cloud: Cloud, gpus: Mapping[str, Gauge], used_bytes: float = 61e9) -> None:
    node = Node(gpu_utilization=gpus, gpu_memory_usage_bytes=dict.fromkeys(gpus, flat(used_bytes)))
    began = Status(NOON - timedelta(hours=9), "TRAINING_JOB_RUNNING")
    cloud.world.add_training_job("p", "j", metrics=Metrics({"n0": node}), statuses=[began])


async def watch(training: BasetenTraining, rule: str) -> tuple[list[Verdict], list[Observation]]:
    """Poll the last two hours every five minutes and evaluate one rule."""
    found = rule_named(rule)
    assert found is not None
    memory: Memory = {}
    verdicts, observations = [], []
    for poll in range(1, POLLS + 1):
        at = NOON - (POLLS - poll) * POLL
        request = ObservationRequest(JOB, logs_from_ns=None, metrics_from=at - POLL, metrics_step=timedelta(minutes=1))
        observation = await observe(training, request, at)
        verdict, memory = found.condition(context(rule, observation, memory=memory))
        verdicts.append(verdict)
        observations.append(observation)
    return verdicts, observations


def sometimes(value: float, spike: float) -> Gauge:
    """A series with a spike in every tenth sample."""
    return lambda moment: spike if moment // 60 % 10 == 0 else value


def changing(before: float, after: float) -> Gauge:
    """A series that changes an hour before noon."""
    return lambda moment: before if moment < (NOON - timedelta(hours=1)).timestamp() else after


@pytest.mark.parametrize("spike", [4_294_967_295.0, 140_737_488_355_328.0, -1.0, 9_223_372_036_854_775_792.0])
async def test_blanks_between_samples_do_not_hide_idle_gpus(
    cloud: Cloud, training: BasetenTraining, spike: float
) -> None:
    add_job(cloud, {"0": sometimes(IDLE, spike), "1": sometimes(IDLE, spike)})
    verdicts, observations = await watch(training, "low_gpu_utilization")
    assert isinstance(verdicts[-1], Finding)
    gaps = [gap for one in observations for gap in one.gaps if gap.reason is GapReason.INVALID_SAMPLES]
    assert {Part.METRICS} == {gap.part for gap in gaps}
    assert all(one.metrics_error is None for one in observations)


@pytest.mark.parametrize("rule", ["low_gpu_utilization", "gpu_straggler", "no_data"])
@pytest.mark.parametrize("blank", [140_737_488_355_328.0, 4_294_967_295.0, -1.0])
async def test_a_gpu_with_blanks_only_raises_no_alert(
    cloud: Cloud, training: BasetenTraining, rule: str, blank: float
) -> None:
    add_job(cloud, {"0": flat(BUSY), "1": flat(BUSY), "2": flat(BUSY), "3": flat(blank)})
    verdicts, observations = await watch(training, rule)
    assert not any(isinstance(verdict, Finding) for verdict in verdicts)
    assert "(n0 GPU 3) cannot be true" in observations[-1].gaps[0].public


async def test_an_idle_gpu_is_found_after_its_job_was_busy_in_percent(cloud: Cloud, training: BasetenTraining) -> None:
    add_job(cloud, {"0": changing(90.0, 1.0), "1": changing(94.0, 1.0)})
    verdicts, observations = await watch(training, "low_gpu_utilization")
    assert not isinstance(verdicts[POLLS // 2], Finding)
    assert isinstance(verdicts[-1], Finding)
    assert all("in percent" in one.gaps[0].public for one in observations)
    assert {0.01} == {
        point.value for one in observations[-1].series if one.name == GPU_UTILIZATION for point in one.points
    }


@pytest.mark.parametrize("rule", ["gpu_memory_pressure", "gpu_straggler"])
@pytest.mark.parametrize("blank", [9_223_372_036_854_775_792.0, 140_737_488_355_328.0, 2_147_483_632.0])
async def test_blanks_for_memory_are_not_used_memory(
    cloud: Cloud, training: BasetenTraining, rule: str, blank: float
) -> None:
    add_job(cloud, {str(gpu): flat(BUSY) for gpu in range(4)}, used_bytes=blank)
    verdicts, _ = await watch(training, rule)
    assert not any(isinstance(verdict, Finding) for verdict in verdicts)
    found = await training.query_metrics(MetricQuery(JOB, NOON - timedelta(hours=1), NOON))
    assert [()] * 4 == [one.points for one in found if one.name == GPU_MEMORY]
