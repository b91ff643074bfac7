"""When a request may begin: so many a second, so many at once, people before polling, and none held up by slow ones.

No HTTP in here. What happens when one fails is `bot.providers.http.retry`. All times are seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from bot.providers.base import Priority
from bot.providers.http.rate_limits import HttpLimits

MonotonicClock = Callable[[], float]
Admit = Callable[[], None]
"""Raises when it is pointless to wait on or to send."""

_BURST_S = 4.0
_BACKGROUND_SHARE = 0.75
_SLOW_S = 5.0
"""A request that has been under way for longer is slow."""
_SUSPECT_S = 1.0
"""The same for one whose like failed the last time."""
_LOOK_AROUND_S = 0.5


class LastMinute:
    """Counts what happened in the last 60 seconds, with one number a second."""

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._counts: deque[tuple[int, int]] = deque()

    def add(self) -> None:
        """It happened now."""
        second = int(self._clock())
        before = self._counts.pop()[1] if self._counts and self._counts[-1][0] == second else 0
        self._counts.append((second, before + 1))
        self._forget(second)

    def total(self) -> int:
        """How often it happened."""
        self._forget(int(self._clock()))
        return sum(count for _, count in self._counts)

    def _forget(self, second: int) -> None:
        while self._counts and self._counts[0][0] <= second - 60:
            self._counts.popleft()


@dataclass(eq=False, slots=True)
class Slot:
    """A request's place among those under way."""

    until: asyncio.Timeout | None = None
    """The end of the request's time; the one who holds the place sets it."""
    patience_s: float = _SLOW_S
    """How long it may be under way before it is slow."""
    taken_back: bool = False
    """Whether the time was ended early, because others waited for the place."""

    def take_back(self) -> None:
        """End the request's time now."""
        if self.until is not None and not self.until.expired():
            self.taken_back = True
            self.until.reschedule(asyncio.get_running_loop().time())


class _BackgroundSlots:
    """The places that polling may take.

    A platform that is silent for some jobs must not keep the others waiting: while a poll waits for a place, half of
    the places stay with requests that are slow, and the other slow ones lose theirs.
    """

    def __init__(self, places: int, clock: MonotonicClock) -> None:
        self._free = asyncio.Semaphore(places)
        self._for_slow = (places + 1) // 2
        self._clock = clock
        self._queued = 0
        self._slow_from: dict[Slot, float] = {}
        self._watching: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def place(self, patience_s: float) -> AsyncIterator[Slot]:
        """Wait for a place and hold it; after `patience_s` under way its holder is slow."""
        self._queued += 1
        try:
            if self._free.locked():
                self._watch()
            await self._free.acquire()
        finally:
            self._queued -= 1
        slot = Slot(patience_s=patience_s)
        try:
            yield slot
        finally:
            self._slow_from.pop(slot, None)
            self._free.release()

    def begins(self, slot: Slot) -> None:
        """From now on the holder of this place waits for the remote."""
        self._slow_from[slot] = self._clock() + slot.patience_s

    def _watch(self) -> None:
        if self._watching is None:
            self._watching = asyncio.get_running_loop().call_later(_LOOK_AROUND_S, self._hurry)

    def _hurry(self) -> None:
        self._watching = None
        if not self._queued:
            return
        slow = [slot for slot, moment in self._slow_from.items() if moment <= self._clock()]
        for slot in slow[self._for_slow :][: self._queued]:
            slot.take_back()
        self._watch()


class Gate:
    """Lets requests through one by one: at most so many a second, so many at once, and people before polling.

    Only one polling request at a time waits for the rate, and only while no person's request does; so a command
    stands behind at most one poll, however many are due.
    """

    def __init__(self, limits: HttpLimits, clock: MonotonicClock) -> None:
        burst = max(1.0, limits.requests_per_second * _BURST_S)
        self._rate = AsyncLimiter(burst, burst / limits.requests_per_second)
        self.max_per_minute = int(burst + 60 * limits.requests_per_second)
        """More requests than these never begin in any 60 seconds."""
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._poll_places = _BackgroundSlots(max(1, int(limits.concurrency * _BACKGROUND_SHARE)), clock)
        self._background_turn = asyncio.Lock()
        self._waiting = 0
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()
        self._clock = clock
        self._closed_until = 0.0

    def close_for(self, seconds: float) -> None:
        """Let nothing through for so long: the remote said so."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def closed_for(self) -> float:
        """Seconds until requests go through again; 0 when they do."""
        return max(0.0, self._closed_until - self._clock())

    @contextlib.asynccontextmanager
    async def slot(self, admit: Admit, priority: Priority, *, suspect: bool = False) -> AsyncIterator[Slot]:
        """Wait for a turn, and hold one of the places until left.

        Args:
            admit: raises when it is pointless to wait on or to send; asked before each wait and when the turn comes.
            priority: interactive requests go first.
            suspect: whether the same request failed the last time; among polls it gives way sooner.
        """
        admit()
        if priority is Priority.INTERACTIVE:
            await self._wait_as_person(admit)
            async with self._slots:
                await self._wait_while_closed(admit)
                yield Slot()
            return
        async with self._poll_places.place(_SUSPECT_S if suspect else _SLOW_S) as slot:
            async with self._background_turn:
                while self._waiting:
                    await self._nobody_waits.wait()
                await self._wait_for_rate(admit)
            async with self._slots:
                await self._wait_while_closed(admit)
                self._poll_places.begins(slot)
                yield slot

    async def _wait_as_person(self, admit: Admit) -> None:
        self._waiting += 1
        self._nobody_waits.clear()
        try:
            await self._wait_for_rate(admit)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody_waits.set()

    async def _wait_for_rate(self, admit: Admit) -> None:
        await self._wait_while_closed(admit)
        await self._rate.acquire()

    async def _wait_while_closed(self, admit: Admit) -> None:
        while True:
            admit()
            seconds = self.closed_for()
            if seconds <= 0:
                return
            await asyncio.sleep(seconds)
