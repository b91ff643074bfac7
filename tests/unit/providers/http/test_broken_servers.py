"""The HTTP client against servers that disconnect, hang, truncate or send too much; and what it sends itself."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.errors import ConfigError, ProtocolError, Unavailable
from bot.providers.base import Priority
from bot.providers.http.client import HttpClient, HttpLimits, Limiter, path_segment
from bot.providers.http.errors import BodyTooLarge
from tests.fakes.clock import ManualMonotonicClock
from tests.fakes.raw_server import Reaction, SendAndClose, SendAndHang, ok, raw_server
from tests.support.waiting import LONGEST_S, eventually
from tests.unit.providers.http.failures import open_breaker

SECRET = "wire-key-5e1"
FAST = HttpLimits(
    requests_per_second=1e6, read_timeout_s=LONGEST_S, connect_timeout_s=LONGEST_S, retry_budget_s=LONGEST_S
)
"""Without a rate limit, and with timeouts that only a server that hangs reaches."""
ONCE = replace(FAST, attempts=1)
LONG = b'{"lines": [' + b'"step 1", ' * 2_000 + b"0]}"
GZIP = {"Content-Encoding": "gzip"}
DEFLATE = {"Content-Encoding": "deflate"}
HEAD = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def client_of(url: str, limits: HttpLimits = FAST, limiter: Limiter | None = None) -> AsyncIterator[HttpClient]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    client = HttpClient("acme", url, headers, secrets=[SECRET], limiter=limiter or Limiter(limits))
    try:
        yield client
    finally:
        await client.aclose()


async def test_requests_in_sequence_reuse_one_connection() -> None:
    async with raw_server(ok()) as server, client_of(server.url) as client:
        for _ in range(5):
            await client.get("/x")
        assert (len(server.heads), server.connections) == (5, 1)


@pytest.mark.parametrize("disconnect", [SendAndClose(), SendAndClose(reset=True)], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_stale_connection_is_replaced_without_an_error(method: str, disconnect: Reaction) -> None:
    async with raw_server(ok(), disconnect, ok(b"again")) as server, client_of(server.url) as client:
        json = {"a": 1} if method == "POST" else None
        await client.request(method, "/x", json=json)
        assert (await client.request(method, "/x", json=json)).body == b"again"


BROKEN: dict[str, Reaction] = {
    "no response": SendAndClose(),
    "reset": SendAndClose(reset=True),
    "silence": SendAndHang(),
    "silence in the headers": SendAndHang(HEAD),
    "silence in the body": SendAndHang(HEAD + b"Content-Length: 9\r\n\r\n{}"),
    "cut in the headers": SendAndClose(HEAD + b"Content-Len"),
    "cut in the body": SendAndClose(HEAD + b"Content-Length: 9\r\n\r\n{}"),
    "reset in the body": SendAndClose(HEAD + b"Content-Length: 9\r\n\r\n{}", reset=True),
    "cut in a chunk": SendAndClose(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}"),
    "cut before the last chunk": SendAndClose(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "invalid chunk": SendAndClose(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "gzip cut in the middle": SendAndClose(ok(gzip.compress(LONG)[:-60], GZIP)),
    "gzip without checksum": SendAndClose(ok(gzip.compress(LONG)[:-8], GZIP)),
    "gzip with a wrong checksum": SendAndClose(ok(gzip.compress(LONG)[:-8] + b"8 bytes.", GZIP)),
    "invalid gzip": SendAndClose(ok(b"{}", GZIP)),
    "deflate cut in the middle": SendAndClose(ok(zlib.compress(LONG)[:-60], DEFLATE)),
    "not HTTP": SendAndClose(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "endless header": SendAndClose(HEAD + b"X: " + b"x" * 200_000),
    "two lengths": SendAndClose(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
}


def read_timeout_s(broken: Reaction) -> float:
    """Return a short timeout only for a server that hangs."""
    return 1.0 if isinstance(broken, SendAndHang) else LONGEST_S


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_incomplete_response_is_retried(broken: Reaction) -> None:
    limits = replace(FAST, read_timeout_s=read_timeout_s(broken))
    async with raw_server(broken, ok(b"whole")) as server, client_of(server.url, limits) as client:
        assert await client.get("/x") == b"whole"
        assert len(server.heads) >= 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_incomplete_response_is_unavailable_and_shows_no_secret(broken: Reaction) -> None:
    limits = replace(ONCE, read_timeout_s=read_timeout_s(broken))
    async with raw_server(broken) as server, client_of(f"{server.url}?token=t0k", limits) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get("/x", [("who", "me")])
        shown = f"{caught.value.public} {caught.value!r} {client!r}"
        assert [secret for secret in (SECRET, "t0k", "who=me") if secret in shown] == []


async def test_compressed_bodies_are_decompressed() -> None:
    half = len(LONG) // 2
    raw = zlib.compressobj(wbits=-15)
    responses = [
        ok(gzip.compress(LONG), GZIP),
        ok(gzip.compress(LONG[:half]) + gzip.compress(LONG[half:]), {"Content-Encoding": "X-GZIP"}),
        ok(zlib.compress(LONG), DEFLATE),
        ok(raw.compress(LONG) + raw.flush(), DEFLATE),
        ok(LONG, {"Content-Encoding": "identity"}),
    ]
    async with raw_server(*responses) as server, client_of(server.url, ONCE) as client:
        assert [await client.get("/x") for _ in responses] == [LONG] * 5


async def test_an_unrequested_content_encoding_is_a_protocol_error() -> None:
    async with raw_server(ok(b"?", {"Content-Encoding": "br"})) as server, client_of(server.url) as client:
        with pytest.raises(ProtocolError, match="compressed"):
            await client.get("/x")


async def test_a_decompression_bomb_stays_within_the_memory_limit() -> None:
    bomb = gzip.compress(bytes(300_000_000), compresslevel=1)
    async with (
        raw_server(ok(bomb, GZIP)) as server,
        client_of(server.url, replace(FAST, max_body_bytes=4_000_000)) as client,
    ):
        tracemalloc.start()
        with pytest.raises(BodyTooLarge):
            await client.get("/x")
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
        tracemalloc.stop()


async def test_a_truncated_download_is_an_error() -> None:
    got = bytearray()

    async def download(client: HttpClient) -> None:
        async with client.stream("GET", "/x") as stream:
            async for chunk in stream.chunks:
                got.extend(chunk)

    async with raw_server(ok(gzip.compress(LONG)[:-8], GZIP)) as server, client_of(server.url) as client:
        with pytest.raises(Unavailable):
            await download(client)
    assert got == LONG


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"late"), b"late"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (ok(b"big", {"X": "x" * 50_000}), b"big"),
        (ok(b"many", {f"X-{number}": "x" for number in range(200)}), b"many"),
    ],
    ids=["early hints", "no content", "no reason", "long header", "many headers"],
)
async def test_unusual_valid_responses_are_accepted(response: bytes, expected: bytes) -> None:
    async with raw_server(response) as server, client_of(server.url, ONCE) as client:
        assert await client.get("/x") == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", ProtocolError),
        (ok(b"", {"Location": "http://127.0.0.1:1/"}, "302 Found"), ProtocolError),
        (ok(b"", status="500 Erreur \xe9t\xe9"), Unavailable),
        (ok(b"<html>no</html>", status="502 Bad Gateway"), Unavailable),
    ],
    ids=["upgrade", "redirect", "non-ASCII reason", "HTML page"],
)
async def test_unexpected_responses_are_errors(response: bytes, expected: type[Exception]) -> None:
    async with raw_server(response) as server, client_of(server.url, ONCE) as client:
        with pytest.raises(expected):
            await client.get("/x")


async def test_ids_and_parameters_are_sent_exactly_as_quoted() -> None:
    odd = "a:b@c+d%20é/..?x#y *'()!,;=&$"
    quoted = "a%3Ab%40c%2Bd%2520%C3%A9%2F..%3Fx%23y%20%2A%27%28%29%21%2C%3B%3D%26%24"
    async with raw_server(ok()) as server, client_of(f"{server.url}/a%2Fb/?token=t%3A") as client:
        await client.get(f"/runs/{path_segment(odd)}", [("q", "c+d/e&é"), ("q", "[1:2]"), ("e", "")])
        await client.get("/é \r\nX: y")
        assert server.targets == [
            f"/a%2Fb/runs/{quoted}?token=t%3A&q=c%2Bd%2Fe%26%C3%A9&q=%5B1%3A2%5D&e=",
            "/a%2Fb/%C3%A9%20%0D%0AX:%20y?token=t%3A",
        ]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://acme.test",
        "acme.test",
        "http://",
        "http://[::1",
        "http://acme.test:port",
        "http://xn--.test",
        "http://me:pw@acme.test",
    ],
)
def test_an_invalid_base_url_is_rejected_at_creation(url: str) -> None:
    with pytest.raises(ConfigError, match="ACME_BASE_URL") as caught:
        HttpClient("acme", url, {}, secrets=[])
    assert "pw" not in caught.value.public


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", f"http://{'a' * 300}.test"])
async def test_an_impossible_host_is_unavailable(url: str) -> None:
    async with client_of(url, ONCE) as client:
        with pytest.raises(Unavailable):
            await client.get("/x")


async def test_a_cancelled_probe_releases_slot_and_connection() -> None:
    clock = ManualMonotonicClock()
    limiter = Limiter(replace(FAST, concurrency=1), clock=clock)
    open_breaker(limiter.breaker, clock)
    clock.advance(5)
    async with (
        raw_server(SendAndHang(), SendAndHang(HEAD + b"Content-Length: 9\r\n\r\n{}"), ok()) as server,
        client_of(server.url, limiter=limiter) as client,
    ):
        for number in (1, 2):
            call = asyncio.create_task(client.with_priority(Priority.BACKGROUND).get("/x"))
            await eventually(lambda count=number: len(server.heads) == count)  # type: ignore[misc]
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await eventually(lambda: server.open == 0)
        assert await asyncio.wait_for(client.get("/x"), LONGEST_S) == b"{}"


async def abandon(client: HttpClient) -> None:
    async with client.stream("GET", "/x") as stream:
        async for _ in stream.chunks:
            return


@pytest.mark.parametrize("encoded", [False, True])
async def test_an_abandoned_download_releases_its_slot(encoded: bool) -> None:
    body = gzip.compress(LONG * 50)[:-8] if encoded else LONG
    begun = ok(body, GZIP if encoded else {}).replace(b"Content-Length: ", b"Content-Length: 9")
    async with (
        raw_server(SendAndHang(begun), ok()) as server,
        client_of(server.url, replace(FAST, concurrency=1)) as client,
    ):
        await abandon(client)
        await eventually(lambda: server.open == 0)
        assert await asyncio.wait_for(client.get("/x"), LONGEST_S) == b"{}"


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


async def test_a_trickling_response_meets_its_deadline() -> None:
    async with raw_server(trickle) as server, client_of(server.url, replace(ONCE, total_timeout_s=0.15)) as client:
        with pytest.raises(Unavailable, match="took longer"):
            await client.get("/x")


async def test_an_endless_body_is_cut_at_the_limit() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x" * 65536)
                await writer.drain()

    async with raw_server(flood) as server, client_of(server.url, replace(ONCE, max_body_bytes=100_000)) as client:
        with pytest.raises(BodyTooLarge):
            await client.get("/x")
        await eventually(lambda: server.open == 0)
