"""One HTTP layer: what is retried, how long it waits, who goes first, and what never appears in an error."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta

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
    BodyTooLarge,
    HttpClient,
    HttpLimits,
    HttpReply,
    Limiter,
    path_segment,
    require_setting,
)
from tests.unit.providers.http.test_request_rate import Hand

SECRET = "s3cr3t/key+1"
FAST = HttpLimits(requests_per_second=1e6, read_timeout_s=0.3, connect_timeout_s=0.3, retry_budget_s=5)

Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def client_of(answer: Answer, limits: HttpLimits = FAST, limiter: Limiter | None = None) -> HttpClient:
    headers = {"Authorization": f"Bearer {SECRET}"}
    return HttpClient(
        "acme",
        "http://acme.test/base/",
        headers,
        secrets=[SECRET],
        limiter=limiter or Limiter(limits),
        transport=httpx.MockTransport(answer),
    )


def answers(*responses: httpx.Response) -> tuple[Answer, list[httpx.Request]]:
    """Gives them one by one, the last for ever."""
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        given = responses[min(len(asked), len(responses)) - 1]
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    return answer, asked


async def test_the_base_url_may_have_a_path_and_keys_may_repeat() -> None:
    answer, asked = answers(httpx.Response(200, content=b"{}"))
    body = await client_of(answer).get("/v1/x%2Fy", [("includes", "a b"), ("includes", "c&d")])
    assert (b"{}", "http://acme.test/base/v1/x%2Fy?includes=a+b&includes=c%26d") == (body, str(asked[0].url))
    assert f"Bearer {SECRET}" == asked[0].headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, BadRequest), (401, AuthFailed), (402, AuthFailed), (403, AuthFailed), (404, JobNotFound),
        (405, NotSupported), (408, Unavailable), (409, BadRequest), (410, JobNotFound), (422, BadRequest),
        (429, RateLimited), (500, Unavailable), (501, NotSupported), (502, Unavailable), (503, Unavailable),
        (302, ProtocolError),
    ],
)  # fmt: skip
async def test_each_status_is_one_error(status: int, expected: type[ProviderError]) -> None:
    answer, _ = answers(httpx.Response(status, json={"error": {"message": f"no, {SECRET} is <b>bad</b>"}}))
    with pytest.raises(ProviderError) as caught:
        await client_of(answer, replace(FAST, attempts=1)).get("/x")
    assert (expected, "acme") == (type(caught.value), caught.value.provider)
    assert "no, [hidden] is <b>bad</b>" in caught.value.public
    assert str(status) in caught.value.public


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_is_not_asked_again(status: int) -> None:
    answer, asked = answers(httpx.Response(status))
    with pytest.raises(ProviderError):
        await client_of(answer).get("/x")
    assert 1 == len(asked)


async def test_trouble_is_asked_again_until_it_ends() -> None:
    answer, asked = answers(httpx.Response(503), httpx.Response(429), httpx.Response(200, content=b"ok"))
    assert b"ok" == await client_of(answer).post("/x", {"a": 1})
    assert [b'{"a":1}'] * 3 == [request.content for request in asked]


async def test_attempts_have_an_end() -> None:
    answer, asked = answers(httpx.Response(500))
    with pytest.raises(Unavailable):
        await client_of(answer, replace(FAST, attempts=3)).get("/x")
    assert 3 == len(asked)


async def test_retry_after_is_obeyed_by_every_request_of_the_client() -> None:
    answer, asked = answers(
        httpx.Response(429, headers={"Retry-After": "0.4"}), httpx.Response(200), httpx.Response(200)
    )
    client, begin = client_of(answer), time.monotonic()
    first = asyncio.create_task(client.get("/a"))
    await asyncio.sleep(0.05)
    await client.get("/b")
    assert time.monotonic() - begin >= 0.4
    await first
    assert 3 == len(asked)


async def test_a_wait_beyond_the_budget_is_told_instead_of_waited_for() -> None:
    answer, asked = answers(httpx.Response(429, headers={"Retry-After": "60"}))
    client, begin = client_of(answer), time.monotonic()
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            await client.get("/x")
        assert caught.value.retry_after is not None
        assert timedelta(seconds=59) < caught.value.retry_after <= timedelta(seconds=60)
    assert (1, True) == (len(asked), time.monotonic() - begin < 1)


async def test_a_wait_that_begins_while_one_stands_in_line_is_told_too() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.05)
        return httpx.Response(429, headers={"Retry-After": "3600"})

    client = client_of(answer, replace(FAST, concurrency=1))
    calls = [asyncio.create_task(client.get(f"/{number}")) for number in range(3)]
    async with asyncio.timeout(1):
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert [RateLimited] * 3 == [type(one) for one in found]


async def test_a_job_that_is_refused_again_while_others_are_answered_holds_back_itself_only() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        bad = request.url.path.endswith("/bad")
        return httpx.Response(429, headers={"Retry-After": "0.2"}) if bad else httpx.Response(404)

    client = client_of(answer, replace(FAST, attempts=1))
    waited = []
    for _ in range(3):
        with pytest.raises(RateLimited):
            await client.get("/bad")
        begin = time.monotonic()
        with pytest.raises(JobNotFound):
            await client.get("/good")
        waited.append(time.monotonic() - begin >= 0.2)
    assert [True, False, False] == waited


async def test_polling_asks_once_for_what_failed_the_last_time_and_people_as_ever() -> None:
    answer, asked = answers(httpx.Response(500))
    client = client_of(answer, replace(FAST, attempts=2))
    counts = []
    for priority in (Priority.BACKGROUND, Priority.BACKGROUND, Priority.INTERACTIVE):
        before = len(asked)
        with pytest.raises(Unavailable):
            await client.with_priority(priority).get("/x")
        counts.append(len(asked) - before)
    assert [2, 1, 2] == counts


async def test_retries_are_a_share_of_all_requests() -> None:
    answer, asked = answers(httpx.Response(429))
    client = client_of(answer, replace(FAST, attempts=2))
    while client._limiter.retries.withdraw():
        pass
    for _ in range(10):
        with pytest.raises(RateLimited):
            await client.get("/x")
    assert 10 + 2 == len(asked)


async def test_a_dead_remote_is_left_alone_and_probed() -> None:
    alive = False
    asked = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200 if alive else 500)

    clock = Hand()
    client = client_of(answer, limiter=Limiter(replace(FAST, attempts=1), clock))
    for _ in range(15):
        with pytest.raises(Unavailable):
            await client.get("/x")
        clock.now += 7 if asked < 10 else 0
    assert 10 == asked
    with pytest.raises(Unavailable) as caught:
        await client.get("/x")
    assert caught.value.retry_after is not None
    clock.now += 60
    alive = True
    await client.get("/x")
    await client.get("/x")
    assert 12 == asked


async def test_only_one_request_probes() -> None:
    gate = asyncio.Event()
    asked = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        await gate.wait()
        return httpx.Response(200)

    client = client_of(answer)
    client._limiter.breaker._open_until = time.monotonic() - 1
    probe = asyncio.create_task(client.get("/x"))
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await client.get("/x")
    gate.set()
    await probe
    assert 1 == asked


async def test_people_go_before_polling() -> None:
    order: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        order.append(request.url.path)
        return httpx.Response(200)

    client = client_of(answer, replace(FAST, requests_per_second=50, concurrency=4))
    for _ in range(200):
        await client.get("/base/burst")
    order.clear()
    polling = client.with_priority(Priority.BACKGROUND)
    polls = [asyncio.create_task(polling.get(f"/poll{number}")) for number in range(30)]
    await asyncio.sleep(0.03)
    before = len(order)
    await asyncio.gather(*(client.get(f"/person{number}") for number in range(3)))
    assert len([path for path in order[before:] if "poll" in path]) <= 1
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_stalled_polls_leave_places_for_people() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if "poll" in request.url.path:
            await asyncio.sleep(30)
        return httpx.Response(200)

    client = client_of(answer, replace(FAST, concurrency=4))
    polling = client.with_priority(Priority.BACKGROUND)
    polls = [asyncio.create_task(polling.get("/poll")) for _ in range(10)]
    await asyncio.sleep(0.01)
    await asyncio.wait_for(client.get("/person"), 1)
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_no_more_than_the_concurrency_is_under_way() -> None:
    now = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return httpx.Response(200)

    client = client_of(answer, replace(FAST, concurrency=3))
    await asyncio.gather(*(client.get("/x") for _ in range(30)))
    assert 3 == most


async def test_bodies_are_decompressed_and_bounded_after_it() -> None:
    bomb = gzip.compress(b"x" * 3_000_000)

    async def gzipped(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(bomb))

    assert 3_000_000 == len(await client_of(gzipped).get("/x"))
    with pytest.raises(BodyTooLarge):
        await client_of(gzipped, replace(FAST, max_body_bytes=1_000_000)).get("/x")


async def test_a_trickle_does_not_last_for_ever() -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.02)
                yield b"x"

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Trickle())

    with pytest.raises(Unavailable):
        await client_of(answer, replace(FAST, total_timeout_s=0.1, attempts=1)).get("/x")


async def test_a_stream_comes_in_pieces_and_a_break_is_an_error() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"one"
            raise httpx.ReadError("gone")

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"X": "y"}, stream=Broken())

    got = []

    async def download() -> None:
        async with client_of(answer).stream("GET", "/x") as stream:
            assert "y" == stream.headers["x"]
            async for chunk in stream.chunks:
                got.append(chunk)

    with pytest.raises(Unavailable):
        await download()
    assert [b"one"] == got


async def test_a_refused_stream_is_explained_like_any_answer() -> None:
    answer, _ = answers(httpx.Response(404, json={"detail": "purged"}))
    with pytest.raises(JobNotFound, match="purged"):
        async with client_of(answer).stream("GET", "/x"):
            raise AssertionError


async def test_a_provider_may_explain_its_own_errors() -> None:
    answer, _ = answers(httpx.Response(403, json={"message": "model:read"}))

    def explain(reply: HttpReply) -> str | None:
        return "wants the permission model:read" if reply.status == 403 else None

    client = HttpClient(
        "acme", "http://acme.test", {}, secrets=[], transport=httpx.MockTransport(answer), explain=explain
    )
    with pytest.raises(AuthFailed, match="wants the permission"):
        await client.get("/x")


async def test_the_key_is_in_no_error_and_no_repr_in_any_form() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach http://acme.test/?k={SECRET}")

    client = client_of(answer, replace(FAST, attempts=1))
    with pytest.raises(Unavailable) as caught:
        await client.get("/x")
    assert SECRET not in f"{caught.value!r} {caught.value} {client!r}"
    assert "a [hidden] b [hidden]" == client.redact(f"a {SECRET} b s3cr3t%2Fkey%2B1")
    assert "token" not in repr(HttpClient("acme", "http://acme.test/x?token=1", {}, secrets=[]))


def test_an_id_cannot_lead_to_another_path() -> None:
    assert "a%2Fb%3Fc" == path_segment("a/b?c")
    for text in ("", ".", ".."):
        with pytest.raises(BadRequest):
            path_segment(text)


def test_limits_come_from_the_configuration_and_say_what_is_wrong() -> None:
    limits = HttpLimits.from_config("acme", {"acme_requests_per_second": "2.5", "acme_concurrency": "7"})
    assert (2.5, 7, HttpLimits().attempts) == (limits.requests_per_second, limits.concurrency, limits.attempts)
    for text in ("many", "0", "nan", "inf"):
        with pytest.raises(ConfigError, match="ACME_CONCURRENCY"):
            HttpLimits.from_config("acme", {"acme_concurrency": text})
    with pytest.raises(ConfigError, match=r"ACME_API_KEY.*example\.com"):
        require_setting({}, "acme_api_key", "https://example.com")
    for text in ("k\r\nX: y", "k€y", "k\x00"):
        with pytest.raises(ConfigError, match="ACME_API_KEY holds characters"):
            require_setting({"acme_api_key": text}, "acme_api_key", "https://example.com")
