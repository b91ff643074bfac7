"""A hundred jobs over one client, ten of them bad: the others' requests come through, and soon."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from bot.errors import ProviderError
from bot.providers.base import Priority
from bot.providers.http import admission as gate
from bot.providers.http.client import HttpClient, HttpLimits, Limiter

JOBS = 100
BAD = 10
PARTS = ("", "/logs", "/metrics")
EVERY_S = 0.5
LIMITS = HttpLimits(requests_per_second=5_000, read_timeout_s=10.0)
ANSWERS = {
    "500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
    "429 for a while": b"HTTP/1.1 429 Slow\r\nRetry-After: 0.2\r\nContent-Length: 0\r\n\r\n",
    "silence": b"",
    "reset": b"",
}


@contextlib.asynccontextmanager
async def cloud(trouble: str) -> AsyncIterator[str]:
    """Answers after 5 ms; what it does for the first ten jobs is the trouble."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                bad = int(head.split(b"/")[1].split(b" ")[0]) < BAD
                await asyncio.sleep(0.005)
                if bad and trouble == "reset":
                    break
                if not (bad and trouble == "silence"):
                    writer.write(ANSWERS[trouble] if bad else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.mark.parametrize("trouble", ANSWERS)
async def test_bad_jobs_keep_no_other_waiting(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are due at once, the bad ones first, and each has three parts: more requests than polling has places."""
    for name, seconds in (("_SLOW_S", 1.5), ("_SUSPECT_S", 0.3), ("_LOOK_AROUND_S", 0.1)):
        monkeypatch.setattr(gate, name, seconds)
    waits: list[float] = []
    failures: list[str] = []

    async def ask(client: HttpClient, number: int, part: str) -> None:
        begin = time.monotonic()
        try:
            await client.get(f"/{number}{part}")
        except ProviderError as error:
            if number >= BAD:
                failures.append(error.public)
        if number >= BAD:
            waits.append(time.monotonic() - begin)

    async def look(client: HttpClient, number: int) -> None:
        for _ in range(3):
            await asyncio.gather(*(ask(client, number, part) for part in PARTS), asyncio.sleep(EVERY_S))

    async with cloud(trouble) as url:
        client = HttpClient("acme", url, {}, secrets=[], limiter=Limiter(LIMITS))
        polling = client.with_priority(Priority.BACKGROUND)
        looks = [asyncio.create_task(look(polling, number)) for number in range(JOBS)]
        await asyncio.gather(*looks[BAD:])
        person = time.monotonic()
        await client.get("/99")
        assert time.monotonic() - person < 1
        for one in looks[:BAD]:
            one.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        await client.aclose()

    assert [] == failures
    assert 3 * len(PARTS) * (JOBS - BAD) == len(waits)
    assert max(waits) < 8
    assert sorted(waits)[len(waits) // 2] < 1.5
