"""One client polls a hundred jobs, ten of them failing: the polls of the others succeed without long waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.errors import ProviderError
from bot.providers.base import Priority
from bot.providers.http.admission import LoadShedding
from bot.providers.http.client import HttpClient, HttpLimits, Limiter

JOBS = 100
BAD = 10
PARTS = ("", "/logs", "/metrics")
INTERVAL_S = 0.5
LIMITS = HttpLimits(requests_per_second=5_000, read_timeout_s=3600.0, total_timeout_s=3600.0)
"""With these timeouts a healthy poll that waited for a hanging one would never end."""
SHEDDING = LoadShedding(slow_after_s=1.5, suspect_after_s=0.3, check_every_s=0.1)
RESPONSES = {
    "500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
    "429 for a while": b"HTTP/1.1 429 Slow\r\nRetry-After: 0.2\r\nContent-Length: 0\r\n\r\n",
    "silence": b"",
    "reset": b"",
}


@contextlib.asynccontextmanager
async def cloud(trouble: str) -> AsyncIterator[str]:
    """Respond after 5 ms, with the trouble for the first ten jobs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                bad = int(head.split(b"/")[1].split(b" ")[0]) < BAD
                await asyncio.sleep(0.005)
                if bad and trouble == "reset":
                    break
                if not (bad and trouble == "silence"):
                    writer.write(RESPONSES[trouble] if bad else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.mark.parametrize("trouble", RESPONSES)
async def test_failing_jobs_do_not_block_the_others(trouble: str) -> None:
    """All jobs are due at once, the failing ones first, and make more requests than there are background slots."""
    successes: list[int] = []
    failures: list[str] = []

    async def request(client: HttpClient, number: int, part: str) -> None:
        try:
            await client.get(f"/{number}{part}")
        except ProviderError as error:
            if number >= BAD:
                failures.append(error.public)
        else:
            successes.append(number)

    async def poll(client: HttpClient, number: int) -> None:
        for _ in range(3):
            await asyncio.gather(*(request(client, number, part) for part in PARTS), asyncio.sleep(INTERVAL_S))

    async with cloud(trouble) as url, asyncio.timeout(120):
        client = HttpClient("acme", url, {}, secrets=[], limiter=Limiter(LIMITS, shedding=SHEDDING))
        polling = client.with_priority(Priority.BACKGROUND)
        polls = [asyncio.create_task(poll(polling, number)) for number in range(JOBS)]
        await asyncio.gather(*polls[BAD:])
        await client.get("/99")
        for task in polls[:BAD]:
            task.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        await client.aclose()

    assert failures == []
    assert len(successes) == 3 * len(PARTS) * (JOBS - BAD)
