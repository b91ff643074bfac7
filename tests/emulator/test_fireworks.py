"""Fireworks' batch jobs and their logs: ranks, order, sizes, tokens, stamps and the gateway's errors."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emulator.logs import Line
from emulator.quirks import FireworksQuirks
from emulator.world import Status
from tests.emulator import documents
from tests.fakes.cloud import NOON, NOON_NS, Body, Cloud, line, messages

JOBS = "/fireworks/v1/accounts/a/batchJobs"
LOGS = JOBS + "/b:getLogs"


def entries(body: Body) -> list[str]:
    return messages(body, "entries")


def numbered(count: int) -> list[Line]:
    return [line(n - count, str(n), rank=n % 4) for n in range(count)]


async def walk(cloud: Cloud, **params: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    while params.get("pageToken") != "":
        body = await cloud.get(LOGS, **params)
        pages.append(entries(body))
        params["pageToken"] = body.get("nextPageToken", "")
    return pages


async def test_pages_run_backwards_in_time_unless_started_from_the_head(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(5))
    assert entries(await cloud.get(LOGS)) == ["4", "3", "2", "1", "0"]
    assert entries(await cloud.get(LOGS, startFromHead="true")) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("from_head", ["true", "false"])
async def test_following_tokens_gives_every_entry_once(cloud: Cloud, from_head: str) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10))
    pages = await walk(cloud, pageSize=4, startFromHead=from_head)
    assert [len(page) for page in pages] == [4, 4, 2]
    assert sorted(text for page in pages for text in page) == sorted(map(str, range(10)))


async def test_a_last_page_that_is_full_has_no_token(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(8))
    assert [len(page) for page in await walk(cloud, pageSize=4)] == [4, 4]


async def test_the_default_page_size_is_100_and_the_maximum_10000(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10_050))
    assert len(entries(await cloud.get(LOGS))) == 100
    assert len(entries(await cloud.get(LOGS, pageSize=20_000))) == 10_000
    assert (await cloud.get(LOGS, 400, pageSize=-1))["code"] == 3


async def test_ranks_are_repeated_keys(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(8))
    assert entries(await cloud.get(LOGS, ranks=[1, 3], startFromHead="true")) == ["1", "3", "5", "7"]
    refused = await cloud.get(LOGS, 400, ranks="1,3")
    assert (refused["code"], refused["details"]) == (3, [])


async def test_zero_values_are_left_out(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=[line(-2, "zero"), line(-1, "one", rank=1)])
    assert (await cloud.get(LOGS, startFromHead="true"))["entries"] == [
        {"logTime": "2026-11-20T11:59:59.998Z", "message": "zero"},
        {"logTime": "2026-11-20T11:59:59.999Z", "rank": 1, "message": "one"},
    ]
    assert await cloud.get(LOGS, ranks=7) == {}
    cloud.quirks.fireworks = FireworksQuirks(omit_zero_values=False)
    assert (await cloud.get(LOGS, ranks=0))["entries"][0]["rank"] == 0
    assert await cloud.get(LOGS, ranks=7) == {"entries": []}


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "2026-11-20T11:59:59Z"),
        (120_000_000, "2026-11-20T11:59:59.120Z"),
        (120_340_000, "2026-11-20T11:59:59.120340Z"),
        (120_340_007, "2026-11-20T11:59:59.120340007Z"),
    ],
)
async def test_stamps_have_0_3_6_or_9_digits(cloud: Cloud, nanoseconds: int, expected: str) -> None:
    cloud.world.add_batch_job("a", "b", lines=[Line(NOON_NS - 10**9 + nanoseconds, "x")])
    assert (await cloud.get(LOGS))["entries"][0]["logTime"] == expected


async def test_the_start_time_is_inclusive_to_the_nanosecond(cloud: Cloud) -> None:
    lines = [Line(NOON_NS - 2, "before"), Line(NOON_NS - 1, "at"), Line(NOON_NS, "after")]
    cloud.world.add_batch_job("a", "b", lines=lines)
    assert entries(await cloud.get(LOGS, startTime="2026-11-20T11:59:59.999999999Z")) == ["after", "at"]
    assert entries(await cloud.get(LOGS, startTime="2026-11-20T13:00:00+01:00")) == ["after"]
    assert (await cloud.get(LOGS, 400, startTime="yesterday"))["code"] == 3


async def test_the_filter_is_a_substring(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=[line(-2, "loss=1.5 [x]"), line(-1, "Loss")])
    assert entries(await cloud.get(LOGS, filter="loss=1.5 [")) == ["loss=1.5 [x]"]


async def test_a_token_is_bound_to_the_other_parameters(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10))
    token = (await cloud.get(LOGS, pageSize=4, ranks=[0, 1]))["nextPageToken"]
    await cloud.get(LOGS, pageSize=4, ranks=[0, 1], pageToken=token)
    for other in ({"pageSize": 5, "ranks": [0, 1]}, {"pageSize": 4}, {"pageSize": 4, "ranks": [0, 1], "filter": "1"}):
        assert (await cloud.get(LOGS, 400, pageToken=token, **other))["code"] == 3
    assert (await cloud.get(LOGS, 400, pageToken="nonsense"))["message"] == "invalid page token"


async def test_a_token_may_expire(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10))
    cloud.quirks.fireworks = FireworksQuirks(token_lifetime=timedelta(seconds=60))
    token = (await cloud.get(LOGS, pageSize=4))["nextPageToken"]
    cloud.clock.advance(timedelta(seconds=60))
    await cloud.get(LOGS, pageSize=4, pageToken=token)
    cloud.clock.advance(timedelta(seconds=1))
    refused = await cloud.get(LOGS, 400, pageSize=4, pageToken=token)
    assert refused == {"code": 3, "message": "page token has expired", "details": []}


async def test_a_page_may_be_shorter_than_asked_though_more_follows(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10))
    cloud.quirks.fireworks = FireworksQuirks(page_cap=3)
    assert [len(page) for page in await walk(cloud, pageSize=8)] == [3, 3, 3, 1]


async def test_a_page_may_be_empty_and_carry_a_token(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(10))
    cloud.quirks.fireworks = FireworksQuirks(empty_pages=True)
    assert [len(page) for page in await walk(cloud, pageSize=4)] == [4, 0, 4, 0, 2]


async def test_a_read_mask_chooses_fields(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=[line(-1, "x", rank=2)])
    for mask in ("", "*", "entries"):
        assert set((await cloud.get(LOGS, readMask=mask))["entries"][0]) == {"logTime", "rank", "message"}
    assert (await cloud.get(LOGS, readMask="entries.message"))["entries"] == [{"message": "x"}]


async def test_answers_have_the_documents_shape_and_may_have_more(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b", lines=numbered(200))
    body = await cloud.get(LOGS)
    assert list(Draft202012Validator(documents.ENTRIES).iter_errors(body)) == []
    cloud.quirks.fireworks = replace(cloud.quirks.fireworks, extra_fields=True)
    assert "x_unannounced" in (await cloud.get(LOGS))["entries"][0]


async def test_a_job_tells_its_state_and_the_detail_of_it(cloud: Cloud) -> None:
    statuses = [Status(NOON, "RUNNING"), Status(NOON + timedelta(seconds=1), "FAILED", "Rank 2 exited with code 1")]
    cloud.world.add_batch_job("a", "b", statuses=statuses, num_ranks=4)
    assert (await cloud.get(JOBS + "/b"))["state"] == "RUNNING"
    cloud.clock.advance(timedelta(seconds=1))
    body = await cloud.get(JOBS + "/b")
    assert (body["state"], body["status"], body["numRanks"]) == ("FAILED", "Rank 2 exited with code 1", 4)
    assert (body["startTime"], body["endTime"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z")
    assert body["name"] == "accounts/a/batchJobs/b"


async def test_jobs_are_listed_newest_first_in_pages(cloud: Cloud) -> None:
    for number in range(5):
        cloud.world.add_batch_job("a", f"b{number}", statuses=[Status(NOON + timedelta(seconds=number), "RUNNING")])
    cloud.world.add_batch_job("other", "x")
    first = await cloud.get(JOBS, pageSize=3)
    assert [job["displayName"] for job in first["batchJobs"]] == ["b4", "b3", "b2"]
    second = await cloud.get(JOBS, pageSize=3, pageToken=first["nextPageToken"])
    assert ([job["displayName"] for job in second["batchJobs"]], second["totalSize"]) == (["b1", "b0"], 5)
    assert "nextPageToken" not in second
    assert (await cloud.get(JOBS, filter='state = "FAILED"'))["batchJobs"] == []
    await cloud.get(JOBS, 400, filter="nonsense(")
    await cloud.get(JOBS, 400, orderBy="colour")


async def test_errors_are_the_gateways(cloud: Cloud) -> None:
    cloud.world.add_batch_job("a", "b")
    assert (await cloud.get(JOBS + "/none", 404))["code"] == 5
    for key in ("", "Bearer wrong", "Api-Key demo-fireworks-key"):
        answer = await cloud.client.get(LOGS, headers={"authorization": key})
        assert (answer.status_code, answer.json()["code"]) == (401, 16)


async def test_accounts_are_listed_by_name(cloud: Cloud) -> None:
    cloud.world.add_batch_job("b", "x")
    cloud.world.add_fine_tuning_job("a", "dpoJobs", "y")
    first = await cloud.get("/fireworks/v1/accounts", pageSize=1)
    assert ([one["name"] for one in first["accounts"]], first["nextPageToken"]) == (["accounts/a"], "1")
    second = await cloud.get("/fireworks/v1/accounts", pageToken="1")
    assert ([one["name"] for one in second["accounts"]], "nextPageToken" in second) == (["accounts/b"], False)
