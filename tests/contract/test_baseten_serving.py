"""Deployment metrics, environments and chainlets of Baseten, read from the emulator."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.domain.gaps import GapReason
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogFilter, LogQuery
from bot.domain.metric_validation import sample_gaps
from bot.domain.metrics import (
    CPU_USAGE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MEMORY,
    REPLICAS,
    REQUESTS,
    REQUESTS_FAILED,
    REQUESTS_IN_FLIGHT,
    REQUESTS_REFUSED,
    MetricQuery,
    MetricSeries,
    missing_metrics,
)
from bot.errors import BadRequest, JobNotFound, NotSupported
from bot.providers.baseten.api import make_client
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.http.client import LimiterPool
from emulator.faults import Fault
from emulator.hardware_metrics import Series, flat
from emulator.quirks import BasetenQuirks
from emulator.serving_metrics import Labels, ServingMetric, ServingMetrics, by_gpu, by_status, plain, steady_serving
from emulator.world import Status
from tests.fakes.cloud import NOON, NOON_MS, Cloud, as_read, line, running_cloud, some_lines

DEPLOYMENT = JobRef("baseten-model", "m/d")
ENVIRONMENT = JobRef("baseten-model", "m/environments/production")
CHAINLET = JobRef("baseten-model", "chains/c/cd/cl1")
LAST_HOUR = MetricQuery(DEPLOYMENT, NOON - timedelta(hours=1), NOON)
ACTIVE = [Status(NOON - timedelta(hours=9), "ACTIVE")]


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with running_cloud() as cloud:
        yield cloud


@pytest.fixture
async def provider(cloud: Cloud) -> AsyncIterator[BasetenDeployments]:
    provider = BasetenDeployments(make_client("baseten-model", cloud.config("baseten"), LimiterPool()), cloud.clock)
    yield provider
    await provider.aclose()


def last_of(series: object, name: str) -> dict[tuple[str | None, int | None], float]:
    assert isinstance(series, tuple)
    return {
        (one.node, one.gpu): one.points[-1].value
        for one in series
        if isinstance(one, MetricSeries) and one.name == name
    }


async def test_every_metric_is_read_in_our_units(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_deployment("m", "d", statuses=ACTIVE, metrics=steady_serving(("k2v9x", "m4t7c"), gpus=2))
    found = await provider.query_metrics(LAST_HOUR)
    places = {(replica, gpu) for replica in ("k2v9x", "m4t7c") for gpu in (0, 1)}
    assert dict.fromkeys(places, 0.71) == last_of(found, GPU_UTILIZATION)
    assert dict.fromkeys(places, 68_000 * 2**20) == last_of(found, GPU_MEMORY)
    assert {("k2v9x", None): 3.5, ("m4t7c", None): 3.5} == last_of(found, CPU_USAGE)
    assert {("k2v9x", None): 41e9, ("m4t7c", None): 41e9} == last_of(found, MEMORY)
    plain_ones = {REPLICAS: 2, REQUESTS: 4.6, REQUESTS_FAILED: 0, REQUESTS_REFUSED: 0.1, REQUESTS_IN_FLIGHT: 3}
    assert {name: {(None, None): pytest.approx(value)} for name, value in plain_ones.items()} == {
        name: last_of(found, name) for name in plain_ones
    }
    assert {(None, None): 2.4} == last_of(found, "response_time_p99_seconds")
    assert {(None, None): 0.55} == last_of(found, "first_byte_time_avg_seconds")
    assert missing_metrics(found) == ()


async def test_limits_are_those_of_the_instance_type(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_deployment("m", "d", statuses=ACTIVE, metrics=steady_serving())
    limits = {one.name: one.limit for one in await provider.query_metrics(LAST_HOUR)}
    assert (81_559 * 2**20, 1.0, 26.0, 230_400 * 2**20) == (
        limits[GPU_MEMORY], limits[GPU_UTILIZATION], limits[CPU_USAGE], limits[MEMORY],
    )  # fmt: skip
    assert (await provider.get_job(DEPLOYMENT)).resources.gpu_memory_limit_bytes == 81_559 * 2**20


async def test_without_a_window_a_snapshot_is_read(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    found = await provider.query_metrics(MetricQuery(DEPLOYMENT))
    assert {(1, NOON)} == {(len(one.points), one.points[-1].at) for one in found}


async def test_a_long_window_takes_several_requests(cloud: Cloud, provider: BasetenDeployments) -> None:
    statuses = [Status(NOON - timedelta(days=16), "ACTIVE")]
    cloud.world.add_deployment("m", "d", statuses=statuses, metrics=steady_serving())
    found = await provider.query_metrics(MetricQuery(DEPLOYMENT, NOON - timedelta(days=300), NOON))
    times = [point.at for one in found if one.name == REQUESTS for point in one.points if point.at is not None]
    assert times == sorted(set(times))
    assert times[0] == NOON - timedelta(days=16)
    cloud.world.add_deployment("m", "d", statuses=[Status(NOON - timedelta(days=900), "ACTIVE")])
    with pytest.raises(BadRequest, match="at most 182 days"):
        await provider.query_metrics(MetricQuery(DEPLOYMENT, NOON - timedelta(days=800), NOON))


async def test_steps_of_consecutive_polls_are_the_same(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    times: list[set[datetime | None]] = []
    for seconds in (0, 7, 41):
        start = NOON - timedelta(minutes=9, seconds=seconds)
        found = await provider.query_metrics(MetricQuery(DEPLOYMENT, start, NOON))
        times.append({point.at for one in found for point in one.points if point.at is not None})
    assert times[0] <= times[1] <= times[2]


async def test_impossible_samples_are_left_out_and_reported(cloud: Cloud, provider: BasetenDeployments) -> None:
    samples = [(NOON_MS - 90_000, 0.5), (NOON_MS - 60_000, float(2**32 - 1)), (NOON_MS - 30_000, -3.0)]
    cloud.world.add_deployment(
        "m", "d",
        metrics=ServingMetrics((
            by_gpu("baseten_gpu_utilization", "RATIO", {("r1", "0"): samples}),
            plain("baseten_concurrent_requests", "COUNT", [(NOON_MS - 60_000, -1.0), (NOON_MS - 30_000, 2.0)]),
            by_status(ok=[(NOON_MS - 60_000, float(2**63)), (NOON_MS - 30_000, 1.0)]),
        )),
    )  # fmt: skip
    found = {one.name: one for one in await provider.query_metrics(LAST_HOUR)}
    assert [[0.5], [2.0], [1.0]] == [
        [point.value for point in found[name].points] for name in (GPU_UTILIZATION, REQUESTS_IN_FLIGHT, REQUESTS)
    ]
    gaps = sample_gaps(found.values())
    assert {GapReason.INVALID_SAMPLES: 4} == {gaps[0].reason: sum(gap.samples or 0 for gap in gaps)}


async def test_percent_is_recognised_and_remembered(cloud: Cloud, provider: BasetenDeployments) -> None:
    busy = by_gpu("baseten_gpu_utilization", "RATIO", {("r1", "0"): flat(71.0)})
    deployment = cloud.world.add_deployment("m", "d", metrics=ServingMetrics((busy,)))
    assert {("r1", 0): 0.71} == last_of(await provider.query_metrics(LAST_HOUR), GPU_UTILIZATION)
    deployment.metrics = ServingMetrics((by_gpu("baseten_gpu_utilization", "RATIO", {("r1", "0"): flat(1.0)}),))
    assert {("r1", 0): 0.01} == last_of(await provider.query_metrics(LAST_HOUR), GPU_UTILIZATION)


async def test_a_counter_that_counts_is_a_rate(cloud: Cloud, provider: BasetenDeployments) -> None:
    metric = ServingMetric("baseten_inference_requests_total", "COUNTER", "COUNT", {(): flat(2.0)})
    cloud.world.add_deployment("m", "d", metrics=ServingMetrics((metric,)))
    (requests,) = await provider.query_metrics(LAST_HOUR)
    assert [2.0] * 120 == pytest.approx([point.value for point in requests.points])


async def test_series_that_labels_do_not_tell_apart_stay_apart(cloud: Cloud, provider: BasetenDeployments) -> None:
    phases: dict[Labels, Series] = {
        (("rollout_phase", "stable"),): flat(0.6),
        (("rollout_phase", "promoting"),): flat(0.2),
    }
    metric = ServingMetric("baseten_gpu_utilization", "GAUGE", "RATIO", phases)
    cloud.world.add_deployment("m", "d", metrics=ServingMetrics((metric,)))
    found = await provider.query_metrics(LAST_HOUR)
    assert {(None, None): 0.6, ("series #2", None): 0.2} == last_of(found, GPU_UTILIZATION)


async def test_a_refused_name_leaves_the_default_metrics_and_is_not_asked_for_again(
    cloud: Cloud, provider: BasetenDeployments
) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    cloud.quirks.baseten = BasetenQuirks(unknown_metrics=frozenset({"baseten_async_queue_size"}))
    await provider.get_job(DEPLOYMENT)
    counts = []
    for _ in range(2):
        before = provider.request_rate().last_minute
        found = await provider.query_metrics(LAST_HOUR)
        counts.append(provider.request_rate().last_minute - before)
    assert {REPLICAS, REQUESTS} < {one.name for one in found}
    assert [2, 1] == counts


@pytest.mark.parametrize(("status", "why"), [(403, "does not let this key"), (404, "does not serve metrics")])
async def test_missing_metrics_are_not_an_error_and_are_asked_for_again_after_an_hour(
    cloud: Cloud, provider: BasetenDeployments, status: int, why: str
) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    await provider.get_job(DEPLOYMENT)
    cloud.faults.set([Fault("status", status=status, path="/baseten/v1/models/m/deployments/d/metrics")])
    before = provider.request_rate().last_minute
    for _ in range(3):
        with pytest.raises(NotSupported, match=why):
            await provider.query_metrics(LAST_HOUR)
    assert provider.request_rate().last_minute - before == 1
    cloud.faults.set([])
    cloud.clock.advance(timedelta(hours=1))
    assert await provider.query_metrics(MetricQuery(DEPLOYMENT, NOON, NOON + timedelta(hours=1)))


async def test_a_missing_deployment_is_not_found_rather_than_without_metrics(
    cloud: Cloud, provider: BasetenDeployments
) -> None:
    cloud.world.add_deployment("m", "d")
    with pytest.raises(JobNotFound):
        await provider.query_metrics(MetricQuery(JobRef("baseten-model", "m/gone"), LAST_HOUR.start, NOON))


async def test_metrics_that_the_platform_names_but_did_not_measure_are_missing(
    cloud: Cloud, provider: BasetenDeployments
) -> None:
    unmeasured = by_gpu("baseten_gpu_utilization", "RATIO", {("r1", "0"): ()})
    metrics = ServingMetrics((unmeasured, plain("baseten_replicas_active", "COUNT", flat(1))))
    cloud.world.add_deployment("m", "d", metrics=metrics)
    assert missing_metrics(await provider.query_metrics(LAST_HOUR)) == (GPU_UTILIZATION,)


async def test_an_environment_has_the_state_logs_and_metrics_of_its_deployments(
    cloud: Cloud, provider: BasetenDeployments
) -> None:
    lines = some_lines(300)
    old = [Status(NOON - timedelta(days=2), "INACTIVE")]
    cloud.world.add_deployment("m", "old", lines=lines[:100], statuses=old)
    cloud.world.add_deployment("m", "new", lines=lines[100:], statuses=ACTIVE, metrics=steady_serving())
    cloud.world.model_names["m"] = "support-assistant"
    job = await provider.get_job(ENVIRONMENT)
    assert (ENVIRONMENT, JobState.RUNNING, "support-assistant · production") == (job.ref, job.state, job.name)
    assert ("Deployment", "new") in job.details
    page = await provider.query_logs(LogQuery(ENVIRONMENT))
    assert sorted(map(as_read, lines)) == sorted(page.lines)
    assert {("k2v9x", 0): 0.71} == last_of(
        await provider.query_metrics(MetricQuery(ENVIRONMENT, LAST_HOUR.start, NOON)), GPU_UTILIZATION
    )
    with pytest.raises(JobNotFound):
        await provider.get_job(JobRef("baseten-model", "m/environments/nowhere"))


@pytest.mark.parametrize("named", ["cl1", "Transcribe"])
async def test_a_chainlet_is_read_by_its_id_or_its_name(cloud: Cloud, provider: BasetenDeployments, named: str) -> None:
    lines = some_lines(50)
    cloud.world.add_chainlet("c", "cd", "cl1", "Transcribe", lines=lines, statuses=ACTIVE)
    ref = JobRef("baseten-model", f"chains/c/cd/{named}")
    job = await provider.get_job(ref)
    assert (CHAINLET, JobState.RUNNING, "c · Transcribe · production") == (job.ref, job.state, job.name)
    page = await provider.query_logs(LogQuery(ref))
    assert list(map(as_read, lines)) == list(page.lines)
    with pytest.raises(NotSupported, match="no metrics of chainlets"):
        await provider.query_metrics(MetricQuery(ref))


async def test_a_missing_chainlet_names_those_that_there_are(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_chainlet("c", "cd", "cl1", "Transcribe")
    with pytest.raises(JobNotFound, match=r"Transcribe \(cl1\)"):
        await provider.get_job(JobRef("baseten-model", "chains/c/cd/Translate"))


async def test_deployments_and_chainlets_are_listed(cloud: Cloud, provider: BasetenDeployments) -> None:
    cloud.world.add_deployment("m", "d", statuses=ACTIVE)
    cloud.world.add_chainlet("c", "cd", "cl1", "Transcribe", statuses=[Status(NOON, "DEPLOYING")])
    assert ["chains/c/cd/cl1", "m/d"] == [job.ref.id for job in await provider.list_jobs(limit=9)]


async def test_a_component_is_filtered_by_the_platform(cloud: Cloud, provider: BasetenDeployments) -> None:
    lines = [line(-9, "routed", component="router"), line(-8, "worked", component="worker")]
    cloud.world.add_deployment("m", "d", lines=lines, statuses=ACTIVE)
    cloud.world.add_chainlet("c", "cd", "cl1", "Transcribe", lines=lines, statuses=ACTIVE)
    for ref in (DEPLOYMENT, ENVIRONMENT, CHAINLET):
        page = await provider.query_logs(LogQuery(ref, filter=LogFilter(component="worker")))
        assert (["worked"], frozenset({"component"})) == ([one.message for one in page.lines], page.pushed_down)


async def test_a_number_that_json_lacks_is_left_out(provider: BasetenDeployments, cloud: Cloud) -> None:
    cloud.world.add_deployment(
        "m", "d", metrics=ServingMetrics((plain("baseten_replicas_active", "COUNT", flat(math.nan)),))
    )
    (replicas,) = await provider.query_metrics(LAST_HOUR)
    assert replicas.points == ()
