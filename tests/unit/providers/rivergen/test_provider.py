"""Requests of the RiverGen provider, where the emulator covers only one possible response."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogQuery
from bot.domain.metrics import MetricQuery
from bot.errors import ConfigError, JobNotFound, NotSupported
from bot.providers.http.client import HttpClient, HttpLimits, Limiter, LimiterPool
from bot.providers.rivergen import create
from bot.providers.rivergen.provider import RivergenProvider
from bot.providers.testing import FakeTransport

Answer = Callable[[httpx.Request], httpx.Response]


def provider_that(answers: Answer) -> RivergenProvider:
    transport = FakeTransport(answers)
    limiter = Limiter(HttpLimits(attempts=1, requests_per_second=1000))
    return RivergenProvider(HttpClient("rivergen", "http://rg", {}, secrets=[], limiter=limiter, transport=transport))


def runs_of(model: str) -> object:
    hour = {"mdl-a": "10", "mdl-b": "11"}[model]
    run = {"run_id": f"run-{model[-1]}", "status": "running", "created_at": f"2026-03-13T{hour}:00:00Z"}
    return {"total": 1, "results": [run]}


@pytest.mark.parametrize("path", ["/api/v1/models/", "/api/v1/models"])
async def test_runs_of_all_models_are_listed_with_or_without_a_trailing_slash(path: str) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == path:
            return httpx.Response(200, json={"results": [{"id": "mdl-a"}, {"id": "mdl-b"}, {"id": ""}]})
        if request.url.path.startswith("/api/v1/models/mdl-"):
            return httpx.Response(200, json=runs_of(request.url.path.split("/")[4]))
        return httpx.Response(307, headers={"location": path})

    jobs = await provider_that(answers).list_jobs(limit=5)
    assert ["mdl-b/run-b", "mdl-a/run-a"] == [job.ref.id for job in jobs]


async def test_a_server_without_a_model_list_explains_what_to_do() -> None:
    with pytest.raises(NotSupported, match="a reference with a model: rivergen:<model_id>"):
        await provider_that(lambda _: httpx.Response(404)).list_jobs(limit=5)


async def test_a_queued_run_without_details_is_found_in_the_list() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/registry/training-runs"):
            runs = [{"run_id": "run-2", "status": "queued", "run_label": "big"}, {"run_id": "run-1"}]
            return httpx.Response(200, json={"results": runs})
        return httpx.Response(404)

    provider = provider_that(answers)
    job = await provider.get_job(JobRef("rivergen", "mdl-1/run-2"))
    assert (JobState.QUEUED, "big") == (job.state, job.name)
    assert JobState.QUEUED is (await provider.get_job(JobRef("rivergen", "mdl-1"))).state
    with pytest.raises(JobNotFound):
        await provider.get_job(JobRef("rivergen", "mdl-1/run-3"))


async def test_a_list_that_fails_once_does_not_hide_the_author_permanently() -> None:
    lists = iter(
        [httpx.Response(503), httpx.Response(200, json={"results": [{"run_id": "run-1", "run_label": "big"}]})]
    )

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/registry/training-runs"):
            return next(lists)
        return httpx.Response(200, json={"run_id": "run-1", "status": "running"})

    provider = provider_that(answers)
    jobs = [await provider.get_job(JobRef("rivergen", "mdl-1/run-1")) for _ in range(3)]

    assert [None, "big", "big"] == [job.name for job in jobs]


async def test_a_server_that_refuses_the_resolution_is_asked_without_it() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if "resolution" in request.url.params:
            return httpx.Response(422, json={"error": {"message": "resolution too large"}})
        return httpx.Response(200, json={"metrics": {"loss": [1.0]}})

    (loss,) = await provider_that(answers).query_metrics(MetricQuery(JobRef("rivergen", "mdl-1/run-1")))
    assert [1.0] == [point.value for point in loss.points]


async def test_pages_without_a_total_are_read_until_one_is_empty() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
        lines = [{"line": n + 1, "message": str(n)} for n in range(25)][offset : offset + limit]
        return httpx.Response(200, content=json.dumps({"lines": lines}))

    provider, found, query = provider_that(answers), list[str](), LogQuery(JobRef("rivergen", "mdl-1/run-1"), limit=10)
    more = True
    while more:
        page = await provider.query_logs(query)
        found += [line.message for line in page.lines]
        more = page.more
        query = LogQuery(query.job, limit=10, cursor=page.cursor)
    assert [str(number) for number in range(25)] == found


def test_a_missing_key_names_the_variable_and_where_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"RIVERGEN_API_KEY is not set.*personal access token"):
        create({}, LimiterPool())
