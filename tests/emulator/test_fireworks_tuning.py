"""Fireworks' fine-tuning jobs and their files: fields, masks, order, signed URLs and ranges."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import httpx
import pytest

from emulator.fireworks_tuning import COLLECTIONS, DPO, REINFORCEMENT, SUPERVISED
from emulator.quirks import FireworksQuirks
from emulator.world import Status
from tests.fakes.cloud import NOON, Body, Cloud, line

JOBS = "/fireworks/v1/accounts/a"
ROWS = [(NOON - timedelta(minutes=2), {"step": 1, "train/loss": 1.5, "score": 0.5})]


def add(cloud: Cloud, collection: str = SUPERVISED, job_id: str = "b") -> None:
    lines = [line(-2000, "one"), line(-1000, "two"), line(1000, "three")]
    cloud.world.add_fine_tuning_job("a", collection, job_id, lines=lines, metric_rows=ROWS)


async def read(cloud: Cloud, url: str, **headers: str) -> httpx.Response:
    return await cloud.client.get(url, headers=headers)


async def log_url(cloud: Cloud) -> str:
    add(cloud)
    url: str = (await cloud.get(f"{JOBS}/{SUPERVISED}/b"))["trainerLogsSignedUrl"]
    return url


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_a_list_is_by_name_unless_ordered(cloud: Cloud, collection: str) -> None:
    for number in range(60):
        statuses = [Status(NOON - timedelta(minutes=number), "JOB_STATE_RUNNING")]
        cloud.world.add_fine_tuning_job("a", collection, f"job-{number:02}", statuses=statuses)
    path = f"{JOBS}/{collection}"
    by_name = [f"accounts/a/{collection}/job-{number:02}" for number in range(60)]
    first = await cloud.get(path)
    assert [job["name"] for job in first[collection]] == by_name[:50]
    second = await cloud.get(path, pageToken=first["nextPageToken"])
    assert ([job["name"] for job in second[collection]], "nextPageToken" in second) == (by_name[50:], False)
    ordered = await cloud.get(path, orderBy="create_time", pageSize=2)
    assert [job["name"] for job in ordered[collection]] == by_name[:-3:-1]
    assert (await cloud.get(path, 400, orderBy="colour"))["code"] == 3


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_a_job_has_the_fields_of_its_kind(cloud: Cloud, collection: str) -> None:
    add(cloud, collection)
    body = await cloud.get(f"{JOBS}/{collection}/b")
    assert (body["state"], body["status"]) == ("JOB_STATE_RUNNING", {"code": "OK", "message": ""})
    assert ("metricsFileSignedUrl" in body, "evaluator" in body, "lossConfig" in body) == (
        collection == SUPERVISED,
        collection == REINFORCEMENT,
        collection == DPO,
    )
    if collection == REINFORCEMENT:
        assert json.loads(body["outputMetrics"]) == {"curves": {"average": {"Score": [0.5]}}}


async def test_the_metrics_of_a_dpo_job_have_an_endpoint(cloud: Cloud) -> None:
    add(cloud, DPO)
    body = await cloud.get(f"{JOBS}/{DPO}/b:getMetricsFileEndpoint")
    assert "train/loss" in (await read(cloud, body["signedUrl"])).text
    assert (await cloud.get(f"{JOBS}/{DPO}/nothere:getMetricsFileEndpoint", 404))["code"] == 5


async def test_signed_urls_are_there_once_the_job_has_started(cloud: Cloud) -> None:
    waiting = [Status(NOON, "JOB_STATE_PENDING"), Status(NOON + timedelta(minutes=1), "JOB_STATE_RUNNING")]
    cloud.world.add_fine_tuning_job("a", SUPERVISED, "b", statuses=waiting)
    path = f"{JOBS}/{SUPERVISED}/b"

    def urls(body: Body) -> set[str]:
        return {name for name in body if name.endswith("SignedUrl")}

    assert urls(await cloud.get(path)) == set()
    cloud.clock.advance(timedelta(minutes=2))
    assert urls(await cloud.get(path)) == {"trainerLogsSignedUrl", "metricsFileSignedUrl"}
    cloud.quirks.fireworks = FireworksQuirks(trainer_logs=False)
    assert urls(await cloud.get(path)) == {"metricsFileSignedUrl"}


async def test_a_read_mask_chooses_fields(cloud: Cloud) -> None:
    add(cloud)
    cloud.world.add_batch_job("a", "c")
    for path, names in ((f"{JOBS}/{SUPERVISED}/b", "dataset"), (f"{JOBS}/batchJobs/c", "numRanks")):
        assert names in await cloud.get(path)
        assert names in await cloud.get(path, readMask="*")
        assert set(await cloud.get(path, readMask="name,createTime")) == {"name", "createTime"}
        assert set(await cloud.get(path, readMask="name, create_time")) == {"name", "createTime"}
    listed = await cloud.get(f"{JOBS}/batchJobs", readMask="name")
    assert listed["batchJobs"] == [{"name": "accounts/a/batchJobs/c"}]
    cloud.quirks.fireworks = FireworksQuirks(strict_masks=True)
    assert (await cloud.get(f"{JOBS}/{SUPERVISED}", 400, readMask="create_time"))["code"] == 3


async def test_a_file_has_ranges(cloud: Cloud) -> None:
    url = await log_url(cloud)
    whole = (await read(cloud, url)).content
    part = await read(cloud, url, Range="bytes=3-9")
    assert (part.status_code, part.content) == (206, whole[3:10])
    assert part.headers["content-range"] == f"bytes 3-9/{len(whole)}"
    after = await read(cloud, url, Range=f"bytes={len(whole)}-")
    assert (after.status_code, after.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    cloud.quirks.fireworks = FireworksQuirks(ignores_ranges=True)
    assert (await read(cloud, url, Range="bytes=3-9")).content == whole


@pytest.mark.parametrize("status", [400, 403])
async def test_a_url_expires_and_is_signed(cloud: Cloud, status: int) -> None:
    cloud.quirks.fireworks = FireworksQuirks(expired_status=status)  # type: ignore[arg-type]
    url = await log_url(cloud)
    assert (await read(cloud, url.replace("/b/", "/c/"))).status_code == 403
    cloud.clock.advance(timedelta(minutes=16))
    expired = await read(cloud, url)
    assert (expired.status_code, "ExpiredToken" in expired.text) == (status, True)


async def test_an_authorization_header_is_refused(cloud: Cloud) -> None:
    assert (await read(cloud, await log_url(cloud), Authorization="Bearer x")).status_code == 400


async def test_a_file_is_missing_until_it_is_written(cloud: Cloud) -> None:
    cloud.clock.advance(timedelta(seconds=-3))
    url = await log_url(cloud)
    assert (await read(cloud, url)).status_code == 404
    cloud.clock.advance(timedelta(seconds=3))
    assert (await read(cloud, url)).text == "2026-11-20T11:59:58Z one\n2026-11-20T11:59:59Z two\n"
    cloud.quirks.fireworks = FireworksQuirks(stamped_lines=False)
    cloud.clock.advance(timedelta(seconds=3))
    assert (await read(cloud, url)).text == "one\ntwo\nthree\n"


@pytest.mark.parametrize("nested", [False, True])
async def test_metrics_are_rows_of_json(cloud: Cloud, nested: bool) -> None:
    cloud.quirks.fireworks = FireworksQuirks(nested_metrics=nested)
    rows = [(NOON, {"step": 1, "train/loss": 1.5}), (NOON, {"step": 2, "train/loss": math.nan})]
    cloud.world.add_fine_tuning_job("a", SUPERVISED, "b", metric_rows=rows)
    url = (await cloud.get(f"{JOBS}/{SUPERVISED}/b"))["metricsFileSignedUrl"]
    first, second = (json.loads(row) for row in (await read(cloud, url)).text.splitlines())
    numbers = first["data"] if nested else first
    assert (first["step"], numbers["train/loss"], "timestamp" in first) == (1, 1.5, nested)
    assert math.isnan((second["data"] if nested else second)["train/loss"])
