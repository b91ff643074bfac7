"""Baseten's deployments by POST, their metrics in three modes, environments, chains and checkpoints."""

from datetime import timedelta
from typing import Any

import pytest

from emulator.hardware_metrics import flat
from emulator.quirks import BasetenQuirks
from emulator.serving_metrics import ServingMetrics, plain, steady_serving
from emulator.world import Checkpoint, Status
from tests.fakes.cloud import NOON, NOON_MS, Cloud, line, messages

DEPLOYMENT = "/baseten/v1/models/m/deployments/d"
METRICS = DEPLOYMENT + "/metrics"
CHAIN = "/baseten/v1/chains/c/deployments/cd"
HOUR_MS = 3_600_000
LINES = [
    line(-5, "loss 1.0", replica="aaaaa", component="router"),
    line(-4, "loss 2.0 nan", replica="bbbbb", component="worker"),
    line(-3, "Loss three", replica="aaaaa"),
]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["Loss three", "loss 2.0 nan", "loss 1.0"]),
        ({"direction": "asc", "limit": 2}, ["loss 1.0", "loss 2.0 nan"]),
        ({"includes": ["loss"], "excludes": ["nan"]}, ["loss 1.0"]),
        ({"includes": None, "excludes": None, "limit": None, "replica": "bbbbb"}, ["loss 2.0 nan"]),
        ({"component": "router"}, ["loss 1.0"]),
        ({"search_pattern": "^Loss", "start_epoch_millis": NOON_MS - 10}, ["Loss three"]),
    ],
)
async def test_deployment_logs_accept_the_body_of_the_official_client(
    cloud: Cloud, body: dict[str, Any], expected: list[str]
) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert messages(await cloud.post(DEPLOYMENT + "/logs", body)) == expected


async def test_a_component_is_filtered_by_the_server(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert messages(await cloud.get(DEPLOYMENT + "/logs", component="worker")) == ["loss 2.0 nan"]


async def test_a_series_has_steps_of_30_seconds_up_to_an_hour(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    body = await cloud.get(
        METRICS, mode="SERIES", start_epoch_millis=NOON_MS - HOUR_MS, end_epoch_millis=NOON_MS,
        metrics=["baseten_gpu_utilization", "baseten_gpu_memory_used"],
    )  # fmt: skip
    assert (body["mode"], body["step_seconds"], len(body["metric_values"])) == ("SERIES", 30, 120)
    assert [one["name"] for one in body["metric_descriptors"]] == ["baseten_gpu_utilization", "baseten_gpu_memory_used"]
    assert body["metric_descriptors"][0]["label_sets"] == [{"replica": "k2v9x", "gpu": "0"}]
    assert body["metric_values"][-1] == {"start_epoch_millis": NOON_MS - 30_000, "values": [[0.71], [68_000.0]]}


async def test_a_longer_series_has_coarser_steps(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    spans = {6: 60, 24: 300, 72: 900, 168: 3600}
    for hours, step_s in spans.items():
        body = await cloud.get(METRICS, mode="SERIES", start_epoch_millis=NOON_MS - hours * HOUR_MS)
        assert body["step_seconds"] == step_s


async def test_a_snapshot_is_of_now_and_has_no_window(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    body = await cloud.get(METRICS)
    assert (body["mode"], body["step_seconds"], body["end_epoch_millis"]) == ("CURRENT", None, NOON_MS)
    assert [one["start_epoch_millis"] for one in body["metric_values"]] == [NOON_MS]
    assert await cloud.get(METRICS, 400, start_epoch_millis=NOON_MS - 1)


async def test_a_summary_is_one_value_set_with_totals_of_counters(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving(requests=flat(2.0)))
    names = ["baseten_inference_requests_total", "baseten_gpu_utilization"]
    body = await cloud.get(METRICS, mode="SUMMARY", metrics=names)
    (values,) = body["metric_values"]
    assert body["end_epoch_millis"] - body["start_epoch_millis"] == HOUR_MS
    requests, utilization = values["values"]
    assert requests[0] == pytest.approx(7200, rel=0.001)
    assert utilization == [pytest.approx(0.71)]
    assert body["metric_descriptors"][0]["unit_hint"] == "COUNT"


async def test_without_names_three_metrics_are_returned(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    names = [one["name"] for one in (await cloud.get(METRICS))["metric_descriptors"]]
    assert names == [
        "baseten_replicas_active", "baseten_inference_requests_total", "baseten_end_to_end_response_time_seconds",
    ]  # fmt: skip


async def test_unknown_metrics_are_refused_and_those_that_do_not_apply_left_out(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=ServingMetrics((plain("baseten_replicas_active", "COUNT", flat(1)),)))
    assert await cloud.get(METRICS, 400, metrics=["baseten_happiness"])
    body = await cloud.get(METRICS, metrics=["baseten_gpu_utilization", "baseten_replicas_active"])
    assert [one["name"] for one in body["metric_descriptors"]] == ["baseten_replicas_active"]


async def test_a_step_without_samples_is_null(cloud: Cloud) -> None:
    metric = plain("baseten_replicas_active", "COUNT", [(NOON_MS - 50_000, 2.0)])
    cloud.world.add_deployment("m", "d", metrics=ServingMetrics((metric,)))
    body = await cloud.get(METRICS, mode="SERIES", start_epoch_millis=NOON_MS - 60_000)
    assert [one["values"] for one in body["metric_values"]] == [[[2.0]], [[None]]]


async def test_a_window_of_metrics_over_seven_days_is_refused(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    assert await cloud.get(METRICS, 400, mode="SERIES", start_epoch_millis=NOON_MS - 169 * HOUR_MS)


async def test_metrics_may_not_be_served_at_all(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", metrics=steady_serving())
    cloud.quirks.baseten = BasetenQuirks(serves_deployment_metrics=False)
    assert await cloud.get(METRICS, 404)


async def test_an_environment_merges_the_logs_of_its_deployments(cloud: Cloud) -> None:
    long_ago = [Status(NOON - timedelta(days=2), "INACTIVE")]
    cloud.world.add_deployment("m", "old", lines=[line(-9, "old")], statuses=long_ago)
    cloud.world.add_deployment("m", "new", lines=[line(-8, "new")], metrics=steady_serving())
    path = "/baseten/v1/models/m/environments/production"
    assert messages(await cloud.get(path + "/logs", direction="asc")) == ["old", "new"]
    assert (await cloud.get(path))["current_deployment"]["id"] == "new"
    assert (await cloud.get(path + "/metrics"))["metric_descriptors"]
    assert [one["name"] for one in (await cloud.get("/baseten/v1/models/m/environments"))["environments"]] == [
        "production"
    ]
    assert await cloud.get("/baseten/v1/models/m/environments/nowhere", 404)


async def test_a_chain_has_deployments_with_chainlets_and_their_logs(cloud: Cloud) -> None:
    cloud.world.add_chainlet("c", "cd", "cl1", "Transcribe", lines=[line(-9, "one")])
    cloud.world.add_chainlet("c", "cd", "cl2", "Summarize", statuses=[Status(NOON, "DEPLOYING")])
    body = await cloud.get(CHAIN)
    assert (body["status"], [one["name"] for one in body["chainlets"]]) == ("DEPLOYING", ["Transcribe", "Summarize"])
    assert [one["id"] for one in (await cloud.get("/baseten/v1/chains"))["chains"]] == ["c"]
    assert [one["id"] for one in (await cloud.get("/baseten/v1/chains/c/deployments"))["deployments"]] == ["cd"]
    assert messages(await cloud.get(CHAIN + "/chainlets/cl1/logs")) == ["one"]
    assert await cloud.get(CHAIN + "/chainlets/cl9/logs", 404)


async def test_instance_types_have_their_limits(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d")
    (found,) = (await cloud.get("/baseten/v1/instance_types"))["instance_types"]
    assert (found["id"], found["gpu_memory_limit_mib"]) == ("H100:1x26x225", 81_559)


async def test_a_job_lists_its_checkpoints(cloud: Cloud) -> None:
    job = cloud.world.add_training_job("p", "j")
    job.checkpoints = [Checkpoint("step-100", NOON), Checkpoint("step-200", NOON + timedelta(hours=1))]
    body = await cloud.get("/baseten/v1/training_projects/p/jobs/j/checkpoints")
    assert body["training_job"]["id"] == "j"
    assert [one["checkpoint_id"] for one in body["checkpoints"]] == ["step-100"]


@pytest.mark.parametrize("refused", ["api-key", "bearer"])
async def test_one_scheme_may_be_refused(cloud: Cloud, refused: str) -> None:
    cloud.world.add_deployment("m", "d")
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset({refused}))
    statuses = [
        (
            await cloud.client.get("/baseten/v1/models", headers={"authorization": f"{scheme} demo-baseten-key"})
        ).status_code
        for scheme in ("Api-Key", "Bearer")
    ]
    assert statuses == ([401, 200] if refused == "api-key" else [200, 401])
