"""The HTTP client: what is retried, how long it waits, which request goes first, and what errors contain."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace

import httpx
import pytest

from bot.errors import (
    AuthFailed,
    BadRequest,
    ConfigError,
    JobNotFound,
    NotSupported,
    ProtocolError,
    ProviderError,
    RateLimited,
    Unavailable,
)
from bot.providers.base import Priority
from bot.providers.http.client import (
    HttpClient,
    HttpLimits,
    HttpResponse,
    Limiter,
    path_segment,
    require_setting,
)
from bot.providers.http.errors import BodyTooLarge
from bot.providers.testing import FakeTransport
from tests.fakes.clock import ManualMonotonicClock
from tests.support.virtual_time import in_virtual_time, virtual_now
from tests.support.waiting import eventually
from tests.unit.providers.http.failures import open_breaker

SECRET = "s3cr3t/key+1"
FAST = HttpLimits(requests_per_second=1e6, read_timeout_s=0.3, connect_timeout_s=0.3, retry_budget_s=5)

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def client_of(handler: Handler, limits: HttpLimits = FAST, limiter: Limiter | None = None) -> HttpClient:
    return HttpClient(
        "acme",
        "http://acme.test/base/",
        {"Authorization": f"Bearer {SECRET}"},
        secrets=[SECRET],
        limiter=limiter or Limiter(limits),
        transport=FakeTransport(handler),
    )


def virtual_client(handler: Handler, limits: HttpLimits = FAST) -> HttpClient:
    """Return a client on the clock of a test that runs in virtual time."""
    return client_of(handler, limiter=Limiter(limits, clock=virtual_now))


def in_sequence(*responses: httpx.Response) -> tuple[Handler, list[httpx.Request]]:
    """Return a handler that sends the responses one by one and repeats the last, and the requests it gets."""
    requests: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        response = responses[min(len(requests), len(responses)) - 1]
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    return handler, requests


def test_creating_a_client_reads_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command creates four clients; reading certificates took six sevenths of the start time."""
    monkeypatch.setattr(ssl, "create_default_context", None)
    assert HttpClient("baseten", "https://example.com", {}, secrets=[]).request_rate().last_minute == 0


async def test_the_base_url_may_have_a_path_and_parameters_may_repeat() -> None:
    handler, requests = in_sequence(httpx.Response(200, content=b"{}"))
    body = await client_of(handler).get("/v1/x%2Fy", [("includes", "a b"), ("includes", "c&d")])
    assert body == b"{}"
    assert str(requests[0].url) == "http://acme.test/base/v1/x%2Fy?includes=a+b&includes=c%26d"
    assert requests[0].headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, BadRequest), (401, AuthFailed), (402, AuthFailed), (403, AuthFailed), (404, JobNotFound),
        (405, NotSupported), (408, Unavailable), (409, BadRequest), (410, JobNotFound), (422, BadRequest),
        (429, RateLimited), (500, Unavailable), (501, NotSupported), (502, Unavailable), (503, Unavailable),
        (302, ProtocolError),
    ],
)  # fmt: skip
async def test_each_status_maps_to_one_error(status: int, expected: type[ProviderError]) -> None:
    handler, _ = in_sequence(httpx.Response(status, json={"error": {"message": f"no, {SECRET} is <b>bad</b>"}}))
    with pytest.raises(ProviderError) as caught:
        await client_of(handler, replace(FAST, attempts=1)).get("/x")
    assert (type(caught.value), caught.value.provider) == (expected, "acme")
    assert f"(HTTP {status}: no, [hidden] is <b>bad</b>)" in caught.value.public


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_rejection_is_not_retried(status: int) -> None:
    handler, requests = in_sequence(httpx.Response(status))
    with pytest.raises(ProviderError):
        await client_of(handler).get("/x")
    assert len(requests) == 1


async def test_passing_failures_are_retried() -> None:
    handler, requests = in_sequence(httpx.Response(503), httpx.Response(429), httpx.Response(200, content=b"ok"))
    assert await client_of(handler).post("/x", {"a": 1}) == b"ok"
    assert [request.content for request in requests] == [b'{"a":1}'] * 3


async def test_attempts_are_limited() -> None:
    handler, requests = in_sequence(httpx.Response(500))
    with pytest.raises(Unavailable):
        await client_of(handler, replace(FAST, attempts=3)).get("/x")
    assert len(requests) == 3


@in_virtual_time
async def test_retry_after_pauses_every_request_of_the_client() -> None:
    handler, requests = in_sequence(
        httpx.Response(429, headers={"Retry-After": "4"}), httpx.Response(200), httpx.Response(200)
    )
    client, start = virtual_client(handler), virtual_now()
    first = asyncio.create_task(client.get("/a"))
    await asyncio.sleep(0.5)
    await client.get("/b")
    assert round(virtual_now() - start, 3) == 4
    await first
    assert len(requests) == 3


@in_virtual_time
async def test_a_retry_after_beyond_the_deadline_fails_at_once() -> None:
    handler, requests = in_sequence(httpx.Response(429, headers={"Retry-After": "60"}))
    client, start = virtual_client(handler), virtual_now()
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            await client.get("/x")
        assert caught.value.retry_after is not None
        assert round(caught.value.retry_after.total_seconds()) == 60
    assert len(requests) == 1
    assert round(virtual_now() - start, 3) == 0


@in_virtual_time
async def test_queued_requests_fail_when_a_long_retry_after_arrives() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.05)
        return httpx.Response(429, headers={"Retry-After": "3600"})

    client = virtual_client(handler, replace(FAST, concurrency=1))
    calls = [asyncio.create_task(client.get(f"/{number}")) for number in range(3)]
    async with asyncio.timeout(30):
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [RateLimited] * 3


async def test_an_isolated_rate_limit_pauses_only_its_own_path() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        bad = request.url.path.endswith("/bad")
        return httpx.Response(429, headers={"Retry-After": "100"}) if bad else httpx.Response(404)

    clock = ManualMonotonicClock()
    limiter = Limiter(replace(FAST, attempts=1), clock=clock)
    client = client_of(handler, limiter=limiter)
    pauses = []
    for _ in range(3):
        with pytest.raises(RateLimited):
            await client.get("/bad")
        pauses.append(limiter.admission.paused_for())
        clock.advance(100)
        with pytest.raises(JobNotFound):
            await client.get("/good")
    assert pauses == [100, 0, 0]


async def test_polling_does_not_retry_a_path_that_failed_last_time() -> None:
    handler, requests = in_sequence(httpx.Response(500))
    client = client_of(handler, replace(FAST, attempts=2))
    counts = []
    for priority in (Priority.BACKGROUND, Priority.BACKGROUND, Priority.INTERACTIVE):
        before = len(requests)
        with pytest.raises(Unavailable):
            await client.with_priority(priority).get("/x")
        counts.append(len(requests) - before)
    assert counts == [2, 1, 2]


async def test_retries_are_a_share_of_all_requests() -> None:
    handler, requests = in_sequence(httpx.Response(429))
    limiter = Limiter(replace(FAST, attempts=2))
    client = client_of(handler, limiter=limiter)
    while limiter.retry_budget.withdraw():
        pass
    for _ in range(10):
        with pytest.raises(RateLimited):
            await client.get("/x")
    assert len(requests) == 10 + 2


async def test_a_dead_remote_is_only_probed() -> None:
    alive = False
    requests = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        return httpx.Response(200 if alive else 500)

    clock = ManualMonotonicClock()
    client = client_of(handler, limiter=Limiter(replace(FAST, attempts=1), clock=clock))
    for _ in range(15):
        with pytest.raises(Unavailable):
            await client.get("/x")
        clock.advance(7 if requests < 10 else 0)
    assert requests == 10
    with pytest.raises(Unavailable, match="acme is not responding") as caught:
        await client.get("/x")
    assert caught.value.retry_after is not None
    clock.advance(60)
    alive = True
    await client.get("/x")
    await client.get("/x")
    assert requests == 12


async def test_only_one_request_probes() -> None:
    respond = asyncio.Event()
    requests = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        await respond.wait()
        return httpx.Response(200)

    clock = ManualMonotonicClock()
    limiter = Limiter(FAST, clock=clock)
    open_breaker(limiter.breaker, clock)
    clock.advance(5)
    client = client_of(handler, limiter=limiter)
    probe = asyncio.create_task(client.get("/x"))
    await eventually(lambda: requests == 1)
    with pytest.raises(Unavailable):
        await client.get("/x")
    respond.set()
    await probe
    assert requests == 1


async def test_requests_in_flight_stay_within_the_concurrency() -> None:
    in_flight = most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.005)
        in_flight -= 1
        return httpx.Response(200)

    client = client_of(handler, replace(FAST, concurrency=3))
    polling = client.with_priority(Priority.BACKGROUND)
    await asyncio.gather(*(one.get("/x") for one in (client, polling) * 15))
    assert most == 3


async def test_views_of_a_client_share_its_request_count() -> None:
    handler, _ = in_sequence(httpx.Response(200))
    client = client_of(handler)
    await client.with_priority(Priority.BACKGROUND).get("/x")
    await client.get("/x")
    assert client.request_rate().last_minute == 2


async def test_the_body_limit_applies_after_decompression() -> None:
    bomb = gzip.compress(b"x" * 3_000_000)

    async def handler(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(bomb))

    assert len(await client_of(handler).get("/x")) == 3_000_000
    with pytest.raises(BodyTooLarge):
        await client_of(handler, replace(FAST, max_body_bytes=1_000_000)).get("/x")


@in_virtual_time
async def test_a_trickling_response_meets_its_deadline() -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.02)
                yield b"x"

    async def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Trickle())

    with pytest.raises(Unavailable):
        await client_of(handler, replace(FAST, total_timeout_s=0.1, attempts=1)).get("/x")


async def test_a_broken_stream_is_unavailable() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"one"
            raise httpx.ReadError("gone")

    async def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"X": "y"}, stream=Broken())

    chunks = []

    async def download() -> None:
        async with client_of(handler).stream("GET", "/x") as stream:
            assert stream.headers["x"] == "y"
            async for chunk in stream.chunks:
                chunks.append(chunk)

    with pytest.raises(Unavailable):
        await download()
    assert chunks == [b"one"]


async def test_a_stream_with_an_error_status_raises_its_error() -> None:
    handler, _ = in_sequence(httpx.Response(404, json={"detail": "purged"}))
    with pytest.raises(JobNotFound, match="purged"):
        async with client_of(handler).stream("GET", "/x"):
            raise AssertionError


async def test_a_provider_may_explain_its_errors() -> None:
    handler, _ = in_sequence(httpx.Response(403, json={"message": "model:read"}))

    def explain(response: HttpResponse) -> str | None:
        return "wants the permission model:read" if response.status == 403 else None

    client = HttpClient("acme", "http://acme.test", {}, secrets=[], transport=FakeTransport(handler), explain=explain)
    with pytest.raises(AuthFailed, match="wants the permission"):
        await client.get("/x")


async def test_errors_and_reprs_never_contain_the_key() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach http://acme.test/?k={SECRET}")

    client = client_of(handler, replace(FAST, attempts=1))
    with pytest.raises(Unavailable) as caught:
        await client.get("/x")
    assert SECRET not in f"{caught.value!r} {caught.value} {client!r}"
    assert client.redact(f"a {SECRET} b s3cr3t%2Fkey%2B1") == "a [hidden] b [hidden]"
    assert "token" not in repr(HttpClient("acme", "http://acme.test/x?token=1", {}, secrets=[]))


def test_an_id_cannot_lead_to_another_path() -> None:
    assert path_segment("a/b?c") == "a%2Fb%3Fc"
    for text in ("", ".", ".."):
        with pytest.raises(BadRequest):
            path_segment(text)


def test_a_missing_or_malformed_key_names_its_variable() -> None:
    with pytest.raises(ConfigError, match=r"ACME_API_KEY.*example\.com"):
        require_setting({}, "acme_api_key", "https://example.com")
    for text in ("k\r\nX: y", "k€y", "k\x00y"):
        with pytest.raises(ConfigError, match="ACME_API_KEY contains"):
            require_setting({"acme_api_key": text}, "acme_api_key", "https://example.com")
