"""Admission control: rate and concurrency limits, with a guaranteed share for interactive and for background requests.

A token bucket limits the rate, and slots limit the concurrency. While requests of both priorities wait, two polls get
tokens for each command, and each priority has slots that the other cannot use. So no number of polls delays a command,
and no number of commands starves the polls. While background requests wait for a slot, load shedding preempts slow
ones. What happens when a request fails is in `bot.providers.http.retry`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from bot.providers.base import Priority
from bot.providers.http.rate_limits import HttpLimits, MonotonicClock

CheckOpen = Callable[[], None]
"""Raises when it is pointless to wait for a slot or to send a request."""

_BURST_S = 4.0
"""Size of the token bucket, in seconds of the sustained rate."""
_SHARE = 0.75
"""Share of the slots that requests of one priority may use. The rest is left to the other priority."""
_POLLS_IN_ROW = 2
"""Background requests that pass while an interactive one waits. A person waits once; a late poll delays alerts."""
_SLOW_AFTER_S = 5.0
"""A background request in flight for longer is slow, so it may lose its slot to a waiting one."""
_SUSPECT_AFTER_S = 1.0
"""The same for a request to a path that failed last time."""
_CHECK_EVERY_S = 0.5
"""Interval between checks for slow requests while others wait."""


@dataclass(eq=False, slots=True)
class Slot:
    """Permission to have one request in flight."""

    deadline: asyncio.Timeout | None = None
    """The request's deadline. Set by the holder of the slot, and moved by `preempt`."""
    slow_after_s: float = 0.0
    """Seconds in flight after which the request is slow."""
    preempted: bool = False
    """Whether the deadline was moved because other requests wait for the slot."""

    def preempt(self) -> None:
        """Let the request time out now."""
        if self.deadline is not None and not self.deadline.expired():
            self.preempted = True
            self.deadline.reschedule(asyncio.get_running_loop().time())


class _BackgroundSlots:
    """The slots for background requests, with load shedding.

    A platform that hangs for some jobs must not delay the polls of the others. While requests wait for a slot, slow
    requests keep at most half of the slots, and the newer slow ones are preempted.
    """

    def __init__(self, slots: int, clock: MonotonicClock) -> None:
        self._free = asyncio.Semaphore(slots)
        self._max_slow = (slots + 1) // 2
        self._clock = clock
        self._waiting = 0
        self._slow_at: dict[Slot, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def acquire(self, *, suspect: bool) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it inside the context."""
        self._waiting += 1
        try:
            if self._free.locked():
                self._schedule_check()
            await self._free.acquire()
        finally:
            self._waiting -= 1
        slot = Slot(slow_after_s=_SUSPECT_AFTER_S if suspect else _SLOW_AFTER_S)
        try:
            yield slot
        finally:
            self._slow_at.pop(slot, None)
            self._free.release()

    def start(self, slot: Slot) -> None:
        """Note that the request of this slot is in flight from now on."""
        self._slow_at[slot] = self._clock() + slot.slow_after_s

    def _schedule_check(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_EVERY_S, self._shed_load)

    def _shed_load(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        now = self._clock()
        slow = [slot for slot, slow_at in self._slow_at.items() if slow_at <= now]
        for slot in slow[self._max_slow :][: self._waiting]:
            slot.preempt()
        self._schedule_check()


class _Turns:
    """Lets two polls pass for each command while requests of both wait. Requests of one priority wait in line."""

    def __init__(self) -> None:
        self._lines = {priority: asyncio.Lock() for priority in Priority}
        self._waiting = dict.fromkeys(Priority, 0)
        """Requests in line, with the first one."""
        self._may_pass = {priority: asyncio.Event() for priority in Priority}
        self._polls_in_row = 0
        """Background requests that were served since the last interactive one."""

    @contextlib.asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[None]:
        """Wait until the request is first in line and it is its priority's turn. It is served inside the context."""
        self._count(priority, 1)
        try:
            async with self._lines[priority]:
                await self._may_pass[priority].wait()
                yield
                self._polls_in_row = self._polls_in_row + 1 if priority is Priority.BACKGROUND else 0
        finally:
            self._count(priority, -1)

    def _count(self, priority: Priority, change: int) -> None:
        self._waiting[priority] += change
        ahead = Priority.INTERACTIVE if self._polls_in_row >= _POLLS_IN_ROW else Priority.BACKGROUND
        for one, event in self._may_pass.items():
            if all(self._waiting.values()) and one is not ahead:
                event.clear()
            else:
                event.set()


class AdmissionControl:
    """Admits requests within the rate and concurrency limits.

    A command waits for the tokens of at most two polls, however many polls are due, and a poll for that of one command.
    """

    def __init__(self, limits: HttpLimits, clock: MonotonicClock) -> None:
        burst = max(1.0, limits.requests_per_second * _BURST_S)
        self._bucket = AsyncLimiter(burst, burst / limits.requests_per_second)
        self.max_per_minute = int(burst + 60 * limits.requests_per_second)
        """Upper bound on the requests that start in any 60 seconds."""
        self._slots = asyncio.Semaphore(limits.concurrency)
        share = max(1, int(limits.concurrency * _SHARE))
        self._interactive_slots, self._background_slots = asyncio.Semaphore(share), _BackgroundSlots(share, clock)
        self._turns = _Turns()
        self._clock = clock
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Admit nothing for this long, because of a `Retry-After`."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def paused_for(self) -> float:
        """Return the seconds until requests are admitted again, or 0."""
        return max(0.0, self._paused_until - self._clock())

    @contextlib.asynccontextmanager
    async def slot(self, check_open: CheckOpen, priority: Priority, suspect: bool = False) -> AsyncIterator[Slot]:
        """Wait for a token and a slot, and hold the slot inside the context.

        Args:
            check_open: called before each wait and before the request; raises to give up.
            priority: whose share of the tokens and slots the request takes.
            suspect: whether the path failed last time; such a background request counts as slow sooner.
        """
        check_open()
        async with contextlib.AsyncExitStack() as stack:
            if priority is Priority.INTERACTIVE:
                await stack.enter_async_context(self._interactive_slots)
                slot = Slot()
            else:
                slot = await stack.enter_async_context(self._background_slots.acquire(suspect=suspect))
            async with self._turns.turn(priority):
                await self._wait_while_paused(check_open)
                await self._bucket.acquire()
            await stack.enter_async_context(self._slots)
            await self._wait_while_paused(check_open)
            if priority is Priority.BACKGROUND:
                self._background_slots.start(slot)
            yield slot

    async def _wait_while_paused(self, check_open: CheckOpen) -> None:
        while True:
            check_open()
            if (seconds := self.paused_for()) <= 0:
                return
            await asyncio.sleep(seconds)
