"""Each fault hits the requests it is meant for, as often as configured, and can be changed from outside."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from emulator.faults import Fault, Faults
from emulator.server import running, vendors
from emulator.world import World
from tests.fakes.cloud import KEYS, Cloud
from tests.support.waiting import LONGEST_S, eventually

MODELS = "/baseten/v1/models"
EMPTY = b'{"models":[]}'


async def test_an_error_is_worded_as_the_vendor_does(cloud: Cloud) -> None:
    cloud.faults.set([Fault("status", status=429)])
    assert await cloud.get(MODELS, 429) == {"code": "RATE_LIMITED", "message": "Too many requests"}
    assert (await cloud.get("/fireworks/v1/accounts/a/batchJobs", 429))["code"] == 8
    body = await cloud.get("/rivergen/api/v1/models/m/training-metrics", 429)
    assert body["error"]["code"] == "RATE_LIMIT_EXCEEDED"


async def test_retry_after_is_absent_seconds_or_a_date(cloud: Cloud) -> None:
    cloud.faults.set(
        [
            Fault("status", status=429, times=1),
            Fault("status", status=429, times=1, retry_after_s=7),
            Fault("status", status=429, times=1, retry_after_s=60, retry_after_as_date=True),
        ]
    )
    before = datetime.now(UTC).replace(microsecond=0)
    headers = [(await cloud.raw(MODELS)).headers.get("retry-after") for _ in range(3)]
    assert headers[:2] == [None, "7"]
    minute = timedelta(minutes=1)
    assert before + minute <= parsedate_to_datetime(headers[2] or "") <= datetime.now(UTC) + minute


async def test_a_fault_hits_its_paths_a_given_number_of_times(cloud: Cloud) -> None:
    cloud.faults.set([Fault("status", path="/baseten", times=2)])
    assert (await cloud.raw("/fireworks/v1/accounts/a/batchJobs")).status_code == 200
    assert [(await cloud.raw(MODELS)).status_code for _ in range(3)] == [503, 503, 200]
    assert dict(cloud.faults.struck) == {"status": 2}


async def test_a_probability_strikes_the_same_requests_for_the_same_seed(cloud: Cloud) -> None:
    rounds = []
    for _ in range(2):
        cloud.faults.set([Fault("status", probability=0.5)], seed=4)
        rounds.append([(await cloud.raw(MODELS)).status_code for _ in range(12)])
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 503}


async def test_a_stall_answers_late_and_ends_when_the_client_goes(cloud: Cloud) -> None:
    cloud.faults.set([Fault("stall", delay_s=2, times=1), Fault("stall", delay_s=600, times=1)])
    late = asyncio.create_task(cloud.raw(MODELS))
    await eventually(lambda: cloud.faults.struck["stall"] == 1)
    assert not late.done()
    assert (await late).content == EMPTY
    with pytest.raises(httpx.ReadTimeout):
        await cloud.client.get(MODELS, timeout=httpx.Timeout(LONGEST_S, read=0.1))
    await eventually(lambda: cloud.faults.in_flight == 0)


async def test_a_stalled_post_still_gets_its_body(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j")
    cloud.faults.set([Fault("stall", delay_s=0.05)])
    found = await cloud.post("/baseten/v1/training_jobs/search", {"job_id": "other"})
    assert found == {"training_jobs": []}


async def test_a_slow_body_is_whole(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    cloud.faults.set([Fault("slow", delay_s=600)])
    with monkeypatch.context() as patch:
        patch.setattr("emulator.faults.asyncio.sleep", rest)
        assert (await cloud.raw(MODELS)).content == EMPTY
    assert len(rests) > 5
    assert sum(rests) == pytest.approx(600)


async def test_a_truncated_body_claims_to_be_whole(cloud: Cloud) -> None:
    cloud.faults.set([Fault("truncate", after_bytes=5)])
    assert (await cloud.raw(MODELS)).content == EMPTY[:5]


async def test_a_cut_off_body_ends_with_the_connection(cloud: Cloud) -> None:
    cloud.faults.set([Fault("cut_off", after_bytes=5)])
    with pytest.raises(httpx.RemoteProtocolError):
        await cloud.raw(MODELS)


async def test_html_comes_in_place_of_json(cloud: Cloud) -> None:
    cloud.faults.set([Fault("html", status=200)])
    answer = await cloud.raw(MODELS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_reset_ends_the_connection_without_an_answer(cloud: Cloud) -> None:
    cloud.faults.set([Fault("reset", times=1)])
    with pytest.raises(httpx.ReadError):
        await cloud.raw(MODELS)
    assert (await cloud.raw(MODELS)).status_code == 200


async def test_faults_are_set_and_shown_over_http(cloud: Cloud) -> None:
    control = "/_emulator/faults"
    body = {"faults": [{"kind": "status", "path": "/baseten", "status": 500, "times": 3}]}
    shown = (await cloud.client.post(control, json=body)).json()
    assert shown["faults"][0] | body["faults"][0] == shown["faults"][0]
    assert (await cloud.raw(MODELS)).status_code == 500
    assert (await cloud.client.get(control)).json()["struck"] == {"status": 1}
    await cloud.client.post(control, json={"faults": []})
    assert (await cloud.raw(MODELS)).status_code == 200
    assert (await cloud.client.post(control, json={"faults": [{"kind": "gremlins"}]})).status_code == 400


async def test_requests_are_remembered_for_tests(cloud: Cloud) -> None:
    await cloud.raw(MODELS, x=1)
    assert (list(cloud.faults.requests), cloud.faults.most_in_flight) == ([f"GET {MODELS}?x=1"], 1)


async def test_bodies_may_be_compressed() -> None:
    world = World()
    for number in range(50):
        world.add_batch_job("a", f"job-{number}")
    async with running(vendors(world, compress=True)) as url, httpx.AsyncClient(base_url=url) as client:
        key = {"authorization": f"Bearer {KEYS.fireworks}"}
        answer = await client.get("/fireworks/v1/accounts/a/batchJobs", headers=key)
    assert (answer.headers["content-encoding"], len(answer.json()["batchJobs"])) == ("gzip", 50)


async def test_leaving_the_server_ends_stalled_requests_at_once() -> None:
    """They end when their connections close, long before the server would cancel them."""
    faults = Faults([Fault("stall", delay_s=600)])
    async with httpx.AsyncClient() as client:
        async with running(vendors(World(), faults=faults), stop_s=600) as url:
            stalled = asyncio.create_task(client.get(f"{url}{MODELS}", timeout=None))
            await eventually(lambda: faults.in_flight == 1)
        with pytest.raises(httpx.HTTPError):
            await stalled
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
