"""The HTTP client against servers that break off, garble, stall and swell, and what of ours reaches the wire."""

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
from bot.providers.http.client import BodyTooLarge, HttpClient, HttpLimits, Limiter, path_segment
from tests.unit.providers.raw_server import Act, Silence, Then, eventually, ok, raw_server

SECRET = "wire-key-5e1"
FAST = HttpLimits(requests_per_second=1e6, read_timeout_s=0.2, connect_timeout_s=0.5, retry_budget_s=5)
ONCE = replace(FAST, attempts=1)
LONG = b'{"lines": [' + b'"step 1", ' * 2_000 + b"0]}"
GZIP = {"Content-Encoding": "gzip"}
DEFLATE = {"Content-Encoding": "deflate"}
HEAD = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def client_of(url: str, limits: HttpLimits = FAST) -> AsyncIterator[HttpClient]:
    client = HttpClient("acme", url, {"Authorization": f"Bearer {SECRET}"}, secrets=[SECRET], limiter=Limiter(limits))
    try:
        yield client
    finally:
        await client.aclose()


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with raw_server(ok()) as server, client_of(server.url) as client:
        for _ in range(5):
            await client.get("/x")
        assert (5, 1) == (len(server.heads), server.connections)


@pytest.mark.parametrize("hangs_up", [Then(), Then(reset=True)], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_kept_connection_that_is_closed_as_we_send_is_no_error(method: str, hangs_up: Act) -> None:
    async with raw_server(ok(), hangs_up, ok(b"again")) as server, client_of(server.url) as client:
        json = {"a": 1} if method == "POST" else None
        await client.request(method, "/x", json=json)
        assert b"again" == (await client.request(method, "/x", json=json)).body


BROKEN: dict[str, Act] = {
    "no answer": Then(),
    "reset": Then(reset=True),
    "silence": Silence(),
    "silence in the headers": Silence(HEAD),
    "silence in the body": Silence(HEAD + b"Content-Length: 9\r\n\r\n{}"),
    "cut in the headers": Then(HEAD + b"Content-Len"),
    "cut in the body": Then(HEAD + b"Content-Length: 9\r\n\r\n{}"),
    "reset in the body": Then(HEAD + b"Content-Length: 9\r\n\r\n{}", reset=True),
    "cut in a chunk": Then(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}"),
    "cut before the last chunk": Then(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "no chunk": Then(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "gzip cut in the middle": Then(ok(gzip.compress(LONG)[:-60], GZIP)),
    "gzip without its check sum": Then(ok(gzip.compress(LONG)[:-8], GZIP)),
    "gzip with a wrong check sum": Then(ok(gzip.compress(LONG)[:-8] + b"8 bytes.", GZIP)),
    "gzip that is none": Then(ok(b"{}", GZIP)),
    "deflate cut in the middle": Then(ok(zlib.compress(LONG)[:-60], DEFLATE)),
    "no HTTP": Then(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "headers without end": Then(HEAD + b"X: " + b"x" * 200_000),
    "two lengths": Then(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_is_not_whole_is_asked_for_again(broken: Act) -> None:
    async with raw_server(broken, ok(b"whole")) as server, client_of(server.url) as client:
        assert b"whole" == await client.get("/x")
        assert 2 == len(server.heads)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_is_never_whole_is_unavailable_without_a_secret(broken: Act) -> None:
    async with raw_server(broken) as server, client_of(f"{server.url}?token=t0k", ONCE) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get("/x", [("who", "me")])
        told = f"{caught.value.public} {caught.value!r} {client!r}"
        assert [] == [secret for secret in (SECRET, "t0k", "who=me") if secret in told]


async def test_what_was_compressed_comes_out_as_it_was() -> None:
    half = len(LONG) // 2
    raw = zlib.compressobj(wbits=-15)
    answers = [
        ok(gzip.compress(LONG), GZIP),
        ok(gzip.compress(LONG[:half]) + gzip.compress(LONG[half:]), {"Content-Encoding": "X-GZIP"}),
        ok(zlib.compress(LONG), DEFLATE),
        ok(raw.compress(LONG) + raw.flush(), DEFLATE),
        ok(LONG, {"Content-Encoding": "identity"}),
    ]
    async with raw_server(*answers) as server, client_of(server.url, ONCE) as client:
        assert [LONG] * 5 == [await client.get("/x") for _ in answers]


async def test_a_compression_that_was_not_asked_for_is_said() -> None:
    async with raw_server(ok(b"?", {"Content-Encoding": "br"})) as server, client_of(server.url) as client:
        with pytest.raises(ProtocolError, match="compressed"):
            await client.get("/x")


async def test_a_few_bytes_that_swell_take_no_more_memory_than_allowed() -> None:
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


async def test_a_download_that_is_cut_off_is_never_taken_for_whole() -> None:
    got = bytearray()

    async def download(client: HttpClient) -> None:
        async with client.stream("GET", "/x") as stream:
            async for chunk in stream.chunks:
                got.extend(chunk)

    async with raw_server(ok(gzip.compress(LONG)[:-8], GZIP)) as server, client_of(server.url) as client:
        with pytest.raises(Unavailable):
            await download(client)
    assert LONG == got


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"late"), b"late"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (ok(b"big", {"X": "x" * 50_000}), b"big"),
        (ok(b"many", {f"X-{number}": "x" for number in range(200)}), b"many"),
    ],
    ids=["early hints", "no content", "no reason", "a long header", "many headers"],
)
async def test_what_is_unusual_and_right_is_read(answer: bytes, expected: bytes) -> None:
    async with raw_server(answer) as server, client_of(server.url, ONCE) as client:
        assert expected == await client.get("/x")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", ProtocolError),
        (ok(b"", {"Location": "http://127.0.0.1:1/"}, "302 Found"), ProtocolError),
        (ok(b"", status="500 Erreur \xe9t\xe9"), Unavailable),
        (ok(b"<html>no</html>", status="502 Bad Gateway"), Unavailable),
    ],
    ids=["upgrade", "redirect", "foreign reason", "page"],
)
async def test_what_is_no_answer_of_an_api_is_an_error(answer: bytes, expected: type[Exception]) -> None:
    async with raw_server(answer) as server, client_of(server.url, ONCE) as client:
        with pytest.raises(expected):
            await client.get("/x")


async def test_ids_and_parameters_reach_the_wire_as_they_were_quoted() -> None:
    odd = "a:b@c+d%20é/..?x#y *'()!,;=&$"
    quoted = "a%3Ab%40c%2Bd%2520%C3%A9%2F..%3Fx%23y%20%2A%27%28%29%21%2C%3B%3D%26%24"
    async with raw_server(ok()) as server, client_of(f"{server.url}/a%2Fb/?token=t%3A") as client:
        await client.get(f"/runs/{path_segment(odd)}", [("q", "c+d/e&é"), ("q", "[1:2]"), ("e", "")])
        await client.get("/é \r\nX: y")
        assert [
            f"/a%2Fb/runs/{quoted}?token=t%3A&q=c%2Bd%2Fe%26%C3%A9&q=%5B1%3A2%5D&e=",
            "/a%2Fb/%C3%A9%20%0D%0AX:%20y?token=t%3A",
        ] == server.targets


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
def test_an_address_that_cannot_be_asked_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ConfigError, match="ACME_BASE_URL") as caught:
        HttpClient("acme", url, {}, secrets=[])
    assert "pw" not in caught.value.public


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", f"http://{'a' * 300}.test"])
async def test_a_host_that_cannot_be_is_unavailable(url: str) -> None:
    async with client_of(url, ONCE) as client:
        with pytest.raises(Unavailable):
            await client.get("/x")


async def test_a_call_that_is_cancelled_leaves_nothing_behind() -> None:
    async with (
        raw_server(Silence(), Silence(HEAD + b"Content-Length: 9\r\n\r\n{}"), ok()) as server,
        client_of(server.url, replace(FAST, concurrency=1, read_timeout_s=30)) as client,
    ):
        client._limiter.breaker._open_until = 0.0
        for number in (1, 2):
            call = asyncio.create_task(client.with_priority(Priority.BACKGROUND).get("/x"))
            await eventually(lambda asked=number: len(server.heads) == asked)  # type: ignore[misc]
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await eventually(lambda: server.open == 0)
        assert b"{}" == await asyncio.wait_for(client.get("/x"), 1)


async def abandoned(client: HttpClient) -> None:
    async with client.stream("GET", "/x") as stream:
        async for _ in stream.chunks:
            return


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_download_that_is_left_midway_gives_back_its_place(encoded: bool) -> None:
    body = gzip.compress(LONG * 50)[:-8] if encoded else LONG
    begun = ok(body, GZIP if encoded else {}).replace(b"Content-Length: ", b"Content-Length: 9")
    async with (
        raw_server(Silence(begun), ok()) as server,
        client_of(server.url, replace(FAST, concurrency=1)) as client,
    ):
        await abandoned(client)
        await eventually(lambda: server.open == 0)
        assert b"{}" == await asyncio.wait_for(client.get("/x"), 1)


async def trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)


async def test_an_answer_that_trickles_has_an_end() -> None:
    async with raw_server(trickle) as server, client_of(server.url, replace(ONCE, total_timeout_s=0.15)) as client:
        with pytest.raises(Unavailable, match="took longer"):
            await client.get("/x")


async def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    endless: list[int] = []

    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x" * 65536)
                endless.append(65536)
                await writer.drain()

    async with raw_server(flood) as server, client_of(server.url, replace(ONCE, max_body_bytes=100_000)) as client:
        with pytest.raises(BodyTooLarge):
            await client.get("/x")
        await eventually(lambda: server.open == 0)
