"""Baseten's jobs, projects and metrics: identity, statuses, keys, and every field of the documents."""

from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator

from emulator.hardware_metrics import Metrics, Node, Storage, flat, steady_node
from emulator.quirks import BasetenQuirks
from emulator.world import Status
from tests.emulator import documents
from tests.fakes.cloud import NOON, NOON_MS, Cloud, line

JOB = "/baseten/v1/training_projects/p/jobs/j"
METRICS = JOB + "/metrics"
TWO_NODES = Metrics(
    {"n-0": steady_node(2), "n-1": steady_node(2, utilization=0.5)}, cache=Storage(flat(5e9), flat(0.1))
)


@pytest.mark.parametrize("scheme", ["Api-Key", "Bearer"])
async def test_both_schemes_are_accepted(cloud: Cloud, scheme: str) -> None:
    key = {"authorization": f"{scheme} demo-baseten-key"}
    assert (await cloud.client.get("/baseten/v1/models", headers=key)).status_code == 200


@pytest.mark.parametrize("value", ["", "Bearer wrong", "demo-baseten-key", "Basic demo-baseten-key"])
async def test_a_wrong_key_gets_401_with_a_code_and_a_message(cloud: Cloud, value: str) -> None:
    answer = await cloud.client.get("/baseten/v1/models", headers={"authorization": value})
    assert (answer.status_code, answer.json()) == (401, {"code": "UNAUTHORIZED", "message": "Invalid API key"})


async def test_the_status_is_the_one_that_holds_now(cloud: Cloud) -> None:
    later = Status(NOON + timedelta(seconds=5), "TRAINING_JOB_FAILED", "exit code 1")
    cloud.world.add_training_job("p", "j", statuses=[Status(NOON, "TRAINING_JOB_RUNNING"), later])
    before = (await cloud.get(JOB))["training_job"]
    assert (before["current_status"], before["error_message"]) == ("TRAINING_JOB_RUNNING", None)
    cloud.clock.advance(timedelta(seconds=5))
    after = (await cloud.get(JOB))["training_job"]
    assert (after["current_status"], after["error_message"]) == ("TRAINING_JOB_FAILED", "exit code 1")
    assert (after["created_at"], after["updated_at"]) == ("2026-11-20T12:00:00.000Z", "2026-11-20T12:00:05.000Z")


async def test_a_pending_job_may_carry_an_error_message(cloud: Cloud) -> None:
    hint = Status(NOON, "TRAINING_JOB_PENDING", "Spot capacity would start sooner.")
    cloud.world.add_training_job("p", "j", statuses=[hint])
    assert (await cloud.get(JOB))["training_job"]["error_message"] == "Spot capacity would start sooner."


async def test_a_status_may_be_one_that_no_document_names(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", statuses=[Status(NOON, "TRAINING_JOB_LEVITATING")])
    assert (await cloud.get(JOB))["training_job"]["current_status"] == "TRAINING_JOB_LEVITATING"


async def test_a_project_lists_its_jobs(cloud: Cloud) -> None:
    for job_id in ("j", "k"):
        cloud.world.add_training_job("p", job_id)
    cloud.world.add_training_job("q", "other")
    body = await cloud.get("/baseten/v1/training_projects/p/jobs")
    assert [job["id"] for job in body["training_jobs"]] == ["j", "k"]
    assert body["training_project"]["latest_job"]["id"] == "k"
    projects = (await cloud.get("/baseten/v1/training_projects"))["training_projects"]
    assert [project["id"] for project in projects] == ["p", "q"]


async def test_search_finds_the_project_of_a_bare_job_id(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j")
    cloud.world.add_training_job("q", "k", statuses=[Status(NOON, "TRAINING_JOB_FAILED")])
    search = "/baseten/v1/training_jobs/search"
    found = await cloud.post(search, {"job_id": "k"})
    assert [job["training_project_id"] for job in found["training_jobs"]] == ["q"]
    failed = await cloud.post(search, {"statuses": ["TRAINING_JOB_FAILED"]})
    assert [job["id"] for job in failed["training_jobs"]] == ["k"]
    ordered = await cloud.post(search, {"order_by": [{"field": "created_at", "order": "desc"}]})
    assert [job["id"] for job in ordered["training_jobs"]] == ["k", "j"]
    assert (await cloud.post(search, {"project_id": "none"}))["training_jobs"] == []


async def test_metrics_and_job_have_every_field_of_the_documents(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", metrics=TWO_NODES)
    for body in (await cloud.get(METRICS), await cloud.post(METRICS, {})):
        assert list(Draft202012Validator(documents.METRICS).iter_errors(body)) == []
    job = (await cloud.get(JOB))["training_job"]
    assert list(Draft202012Validator(documents.TRAINING_JOB).iter_errors(job)) == []


async def test_the_top_level_is_the_leader_and_nodes_have_their_own(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", metrics=TWO_NODES)
    body = await cloud.get(METRICS)
    nodes = {node["node_id"]: node["metrics"] for node in body["per_node_metrics"]}
    assert body["gpu_utilization"] == nodes["n-0"]["gpu_utilization"]
    assert {sample["value"] for sample in nodes["n-1"]["gpu_utilization"]["1"]} == {0.5}


async def test_stored_samples_come_back_exactly(cloud: Cloud) -> None:
    stored = [(NOON_MS - 2000, 0.25), (NOON_MS - 1000, 0.5), (NOON_MS + 1000, 1.0)]
    cloud.world.add_training_job("p", "j", metrics=Metrics({"n": Node(gpu_utilization={"0": stored})}))
    assert (await cloud.get(METRICS))["gpu_utilization"] == {
        "0": [
            {"value": 0.25, "timestamp": "2026-11-20T11:59:58.000Z"},
            {"value": 0.5, "timestamp": "2026-11-20T11:59:59.000Z"},
        ]
    }


async def test_a_step_is_obeyed_and_derived_when_omitted(cloud: Cloud) -> None:
    cloud.world.add_training_job(
        "p", "j", metrics=TWO_NODES, statuses=[Status(NOON - timedelta(days=30), "TRAINING_JOB_RUNNING")]
    )
    hour = {"start_epoch_millis": NOON_MS - 3_600_000, "end_epoch_millis": NOON_MS}
    assert len((await cloud.get(METRICS, **hour, step_seconds=60))["cpu_usage"]) == 61
    assert len((await cloud.get(METRICS, **hour))["cpu_usage"]) == 241
    week = {"start_epoch_millis": NOON_MS - 7 * 86_400_000, "end_epoch_millis": NOON_MS}
    assert len((await cloud.get(METRICS, **week))["cpu_usage"]) <= 241
    await cloud.get(METRICS, 400, step_seconds=0)


async def test_metrics_of_an_ended_job_end_with_it(cloud: Cloud) -> None:
    statuses = [
        Status(NOON - timedelta(hours=9), "TRAINING_JOB_RUNNING"),
        Status(NOON - timedelta(hours=8), "TRAINING_JOB_FAILED"),
    ]
    cloud.world.add_training_job("p", "j", metrics=TWO_NODES, statuses=statuses)
    stamps = [sample["timestamp"] for sample in (await cloud.post(METRICS, {}))["cpu_usage"]]
    assert (stamps[0], stamps[-1]) == ("2026-11-20T03:30:00.000Z", "2026-11-20T04:00:00.000Z")


async def test_samples_may_come_unordered(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", metrics=TWO_NODES)
    cloud.quirks.baseten = BasetenQuirks(shuffle_samples=True)
    stamps = [sample["timestamp"] for sample in (await cloud.get(METRICS))["cpu_usage"]]
    assert stamps != sorted(stamps)


async def test_series_and_nodes_may_be_missing(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", metrics=TWO_NODES)
    missing = frozenset({"gpu_utilization/1", "cache", "cpu_usage"})
    cloud.quirks.baseten = BasetenQuirks(missing_series=missing, no_node_metrics=True)
    body = await cloud.get(METRICS)
    assert (body["per_node_metrics"], body["cpu_usage"], body["gpu_utilization"]["1"]) == ([], [], [])
    assert body["cache"] == {"usage_bytes": [], "utilization": []}
    assert body["gpu_utilization"]["0"] != []


async def test_a_job_without_measurements_has_empty_series_and_no_cache(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-1, "x")])
    body = await cloud.get(METRICS)
    assert (body["gpu_utilization"], body["cpu_usage"], body["cache"]) == ({}, [], None)
