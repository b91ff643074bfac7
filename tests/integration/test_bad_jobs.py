"""One client polls a hundred jobs, ten of them failing: the polls of the others succeed without long waits.

Seconds are those of a virtual clock: what the client waits, however slow the machine is.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.errors import ProviderError
from bot.providers.base import Priority
from bot.providers.http.client import HttpClient, HttpLimits, Limiter
from bot.providers.testing import FakeTransport
from tests.support.virtual_time import in_virtual_time, virtual_now

JOBS = 100
BAD = 10
PARTS = ("", "/logs", "/metrics")
POLLS = 3
INTERVAL_S = 10.0
LIMITS = HttpLimits(requests_per_second=5_000)
FAILURES = ("500", "429", "429 for a while", "silence", "reset")


def cloud(failure: str) -> FakeTransport:
    """Respond after 5 ms, with the failure for the first ten jobs."""

    async def respond(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.005)
        if int(request.url.path.split("/")[1]) >= BAD:
            return httpx.Response(200, content=b"{}")
        match failure:
            case "silence":
                await asyncio.sleep(LIMITS.read_timeout_s)
                raise httpx.ReadTimeout("silence")
            case "reset":
                raise httpx.ReadError("reset")
            case "429 for a while":
                return httpx.Response(429, headers={"Retry-After": "2"})
            case _:
                return httpx.Response(int(failure))

    return FakeTransport(respond)


@pytest.mark.parametrize("failure", FAILURES)
@in_virtual_time
async def test_failing_jobs_do_not_block_the_others(failure: str) -> None:
    """All jobs are due at once, the failing ones first, and make more requests than there are background slots."""
    waits: list[float] = []
    failures: list[str] = []

    async def request(client: HttpClient, number: int, part: str) -> None:
        start = virtual_now()
        try:
            await client.get(f"/{number}{part}")
        except ProviderError as error:
            if number >= BAD:
                failures.append(error.public)
        if number >= BAD:
            waits.append(virtual_now() - start)

    async def poll(client: HttpClient, number: int) -> None:
        for _ in range(POLLS):
            await asyncio.gather(*(request(client, number, part) for part in PARTS), asyncio.sleep(INTERVAL_S))

    limiter = Limiter(LIMITS, clock=virtual_now)
    client = HttpClient("acme", "http://acme.test", {}, secrets=[], limiter=limiter, transport=cloud(failure))
    polling = client.with_priority(Priority.BACKGROUND)
    polls = [asyncio.create_task(poll(polling, number)) for number in range(JOBS)]
    await asyncio.gather(*polls[BAD:])
    start = virtual_now()
    await client.get("/99")
    assert virtual_now() - start < 1
    for task in polls[:BAD]:
        task.cancel()
    await asyncio.gather(*polls, return_exceptions=True)

    assert failures == []
    assert len(waits) == POLLS * len(PARTS) * (JOBS - BAD)
    assert max(waits) < 8
    assert sorted(waits)[len(waits) // 2] < 1.5
