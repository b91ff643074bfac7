"""Commands and polls each keep a share of a key's rate and slots, however many requests of the other kind wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine

import httpx
import pytest

from bot.errors import Unavailable
from bot.providers.base import Priority
from bot.providers.http.admission import AdmissionControl
from bot.providers.http.rate_limits import HttpLimits
from bot.providers.http.retry import RequestRefused
from tests.support.virtual_time import in_virtual_time, virtual_now
from tests.unit.providers.http.test_client import FAST, virtual_client

RATE = 50.0
"""Tokens per second."""
BURST = 200
INTERACTIVE, BACKGROUND = Priority.INTERACTIVE, Priority.BACKGROUND


def nothing() -> None:
    """The platform is open."""


class Traffic:
    """Requests to one admission control, counted by priority when they are admitted."""

    def __init__(self, concurrency: int = 32) -> None:
        self.admission = AdmissionControl(HttpLimits(RATE, concurrency), virtual_now)
        self.admitted: Counter[Priority] = Counter()
        self.waits: dict[Priority, list[float]] = {INTERACTIVE: [], BACKGROUND: []}

    async def send(self, priority: Priority, took_s: float = 0.05) -> None:
        """One request that takes a while."""
        began = virtual_now()
        async with self.admission.slot(nothing, priority):
            self.admitted[priority] += 1
            self.waits[priority].append(virtual_now() - began)
            await asyncio.sleep(took_s)

    async def flood(self, priority: Priority, took_s: float = 0.05) -> None:
        """One request after the other, without end."""
        while True:
            await self.send(priority, took_s)

    async def drain_burst(self) -> None:
        """Use up the burst, so that the sustained rate counts."""
        await asyncio.gather(*(self.send(INTERACTIVE, 0) for _ in range(BURST)))
        self.admitted.clear()
        self.waits = {INTERACTIVE: [], BACKGROUND: []}


@contextlib.asynccontextmanager
async def running(*works: Coroutine[object, object, object]) -> AsyncIterator[list[asyncio.Task[object]]]:
    """Run the works in the background; cancel them at the end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("commands", "polls"), [(1, 40), (40, 1), (40, 40), (300, 20), (20, 300)])
def test_polls_get_two_thirds_of_the_rate_while_both_wait(commands: int, polls: int) -> None:
    @in_virtual_time
    async def measure() -> None:
        traffic = Traffic()
        await traffic.drain_burst()
        works = [traffic.flood(INTERACTIVE) for _ in range(commands)] + [
            traffic.flood(BACKGROUND) for _ in range(polls)
        ]
        async with running(*works):
            await asyncio.sleep(20)
        total = sum(traffic.admitted.values())
        assert total == pytest.approx(20 * RATE, rel=0.02)
        for priority, share, senders in ((INTERACTIVE, 1 / 3, commands), (BACKGROUND, 2 / 3, polls)):
            wanted = min(total * share, senders * 20 / 0.11)  # one sender alone cannot use its share
            assert traffic.admitted[priority] >= wanted * 0.95

    measure()


@in_virtual_time
async def test_one_priority_alone_gets_the_whole_rate() -> None:
    for priority in Priority:
        traffic = Traffic()
        await traffic.drain_burst()
        async with running(*(traffic.flood(priority) for _ in range(40))):
            await asyncio.sleep(10)
        assert traffic.admitted[priority] == pytest.approx(10 * RATE, rel=0.03)


@in_virtual_time
async def test_a_command_passes_20000_polls_that_are_due() -> None:
    traffic = Traffic()
    async with running(*(traffic.send(BACKGROUND) for _ in range(20_000))):
        await asyncio.sleep(6)
        for _ in range(20):
            await traffic.send(INTERACTIVE)
            await asyncio.sleep(0.3)
        assert max(traffic.waits[INTERACTIVE]) <= 3.5 / RATE
        assert traffic.admitted[BACKGROUND] >= BURST + 10 * RATE


@in_virtual_time
async def test_a_poll_passes_300_commands_that_wait() -> None:
    traffic = Traffic()
    async with running(*(traffic.flood(INTERACTIVE) for _ in range(300))):
        await asyncio.sleep(6)
        for _ in range(20):
            await traffic.send(BACKGROUND)
            await asyncio.sleep(0.3)
        assert max(traffic.waits[BACKGROUND]) <= 2.5 / RATE


@pytest.mark.parametrize(("hanging", "prompt"), [(INTERACTIVE, BACKGROUND), (BACKGROUND, INTERACTIVE)])
def test_hanging_requests_leave_slots_for_the_other_priority(hanging: Priority, prompt: Priority) -> None:
    @in_virtual_time
    async def measure() -> None:
        traffic = Traffic(concurrency=8)
        async with running(*(traffic.send(hanging, 300) for _ in range(100))):
            await asyncio.sleep(0.1)
            for _ in range(10):
                await traffic.send(prompt)
        assert max(traffic.waits[prompt]) < 0.001

    measure()


@in_virtual_time
async def test_a_command_that_waits_for_a_slot_holds_no_token() -> None:
    traffic = Traffic(concurrency=8)
    await traffic.drain_burst()
    async with running(*(traffic.send(INTERACTIVE, 300) for _ in range(100))):
        await asyncio.sleep(2)
        began = virtual_now()
        for _ in range(90):
            await traffic.send(BACKGROUND, 0)
        assert virtual_now() - began < 0.1  # the tokens of the two seconds are all there


@in_virtual_time
async def test_a_cancelled_or_refused_request_passes_its_turn_on() -> None:
    traffic = Traffic()
    await traffic.drain_burst()

    def refuse() -> None:
        raise RequestRefused(Unavailable())

    for priority in (INTERACTIVE, BACKGROUND, INTERACTIVE):
        waiting = [asyncio.ensure_future(traffic.send(one)) for one in (priority, INTERACTIVE, BACKGROUND)]
        await asyncio.sleep(0.001)
        waiting[0].cancel()
        with pytest.raises(RequestRefused):
            async with traffic.admission.slot(refuse, priority):
                pass
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in results] == [asyncio.CancelledError, type(None), type(None)]
    assert max(map(max, traffic.waits.values())) < 0.5


@in_virtual_time
async def test_a_client_sends_commands_between_polls() -> None:
    order: list[str] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        order.append(request.url.path)
        return httpx.Response(200)

    client = virtual_client(handler, HttpLimits(RATE, 4, retry_budget_s=FAST.retry_budget_s))
    polling = client.with_priority(Priority.BACKGROUND)
    for _ in range(BURST):
        await client.get("/burst")
    async with running(*(polling.get(f"/poll{number}") for number in range(300))):
        await asyncio.sleep(0.03)
        queued_at = len(order)
        await asyncio.gather(*(client.get(f"/command{number}") for number in range(3)))
        assert sum("poll" in path for path in order[queued_at:]) <= 7
