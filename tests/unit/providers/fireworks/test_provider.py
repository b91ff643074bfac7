"""Requests of the Fireworks provider, where the emulator covers only one possible response."""

from __future__ import annotations

import httpx
import pytest

from bot.domain.jobs import JobRef
from bot.domain.logs import LogQuery
from bot.errors import BadRequest, ConfigError, NotSupported
from bot.providers.fireworks import create
from bot.providers.fireworks.provider import FireworksProvider
from bot.providers.fireworks.signed_files import SignedFiles
from bot.providers.http.client import HttpClient, HttpLimits, Limiter, LimiterPool
from bot.providers.testing import FakeTransport

JOB = JobRef("fireworks", "acme/train-1")


def provider_of(transport: httpx.AsyncBaseTransport) -> FireworksProvider:
    limiter = Limiter(HttpLimits(attempts=1, requests_per_second=1000))
    client = HttpClient("fireworks", "http://fw", {}, secrets=[], limiter=limiter, transport=transport)
    return FireworksProvider(client, SignedFiles(limiter.limits, LimiterPool(), allows_http=True))


async def test_without_a_configured_account_jobs_of_all_accounts_are_listed() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/accounts":
            return httpx.Response(200, json={"accounts": [{"name": "accounts/a"}, {"name": "accounts/b"}, {}]})
        account = request.url.path.split("/")[3]
        minute = {"a": "01", "b": "02"}[account]
        job = {"name": f"accounts/{account}/batchJobs/j", "createTime": f"2026-03-13T10:{minute}:00Z"}
        return httpx.Response(200, json={"batchJobs": [job, {"displayName": "without a name"}]})

    jobs = await provider_of(FakeTransport(answers)).list_jobs(limit=5)
    assert ["b/j", "a/j"] == [job.ref.id for job in jobs]


async def test_a_server_without_an_account_list_names_the_setting() -> None:
    with pytest.raises(NotSupported, match="FIREWORKS_ACCOUNT_ID"):
        await provider_of(FakeTransport(lambda _: httpx.Response(404))).list_jobs(limit=5)


async def test_a_list_whose_token_leads_in_a_circle_ends() -> None:
    page = {"batchJobs": [{"name": "accounts/acme/batchJobs/j"}], "nextPageToken": "t"}
    provider = provider_of(FakeTransport(lambda _: httpx.Response(200, json=page)))
    provider._account = "acme"
    assert len(await provider.list_jobs(limit=100)) <= 3


async def test_a_refusal_without_a_token_is_raised() -> None:
    body = {"code": 3, "message": "invalid filter", "details": []}
    provider = provider_of(FakeTransport(lambda _: httpx.Response(400, json=body)))
    with pytest.raises(BadRequest, match="invalid filter"):
        await provider.query_logs(LogQuery(JOB))


async def test_a_call_stops_after_some_requests_and_the_next_continues() -> None:
    asked = 0

    def answers(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        entry = {"logTime": "2026-03-13T10:00:00Z", "message": "before the start"}
        if asked < 50:
            return httpx.Response(200, json={"entries": [entry], "nextPageToken": f"t{asked}"})
        return httpx.Response(200, json={"entries": [{**entry, "logTime": "2027-03-13T10:00:00Z"}]})

    provider = provider_of(FakeTransport(answers))
    query = LogQuery(JOB, start_ns=1_780_000_000 * 10**9)
    page, calls = await provider.query_logs(query), 1
    while page.more:
        assert () == page.gaps
        page = await provider.query_logs(LogQuery(JOB, start_ns=query.start_ns, cursor=page.cursor))
        calls += 1
    assert (1, 3) == (len(page.lines), calls)


def test_a_missing_key_names_the_variable_and_where_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"FIREWORKS_API_KEY is not set.*app\.fireworks\.ai"):
        create({}, LimiterPool())
