"""The loops that keep polling and delivering going in this process: tick, rest when idle, beat, stop cleanly.

Who does which work is decided by the claims in the database (`bot.store.claims`), so several processes may run these
loops side by side. What a tick does is in `poll.py` and `deliver.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.durations import Clock
from bot.errors import StoreUnavailable
from bot.store.store import Store

log = logging.getLogger(__name__)

TICK_GRACE_S = 5.0
"""How long a stop waits for the tick under way; ticks wait for nothing slower than the database."""


class Worker(Protocol):
    """What a loop drives: the Poller, the Deliverer."""

    async def tick(self) -> int:
        """One pass; false when there was nothing to do."""
        ...

    async def stop(self) -> None:
        """Finish or give back what was begun."""
        ...


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How a loop rests and when it gives up."""

    shortest_rest_s: float = 0.2
    longest_rest_s: float = 1.0
    """An idle loop looks again at least this often."""
    heartbeat_every: timedelta = timedelta(seconds=5)
    longest_backoff_s: float = 30.0
    crashes: int = 10
    """This many ticks in a row that crash end the process: something outside must notice."""


async def run_loop(name: str, worker: Worker, store: Store, clock: Clock, settings: LoopSettings | None = None) -> None:
    """Tick until cancelled, then let the worker finish or give back what it has begun.

    A tick that crashes is logged and tried again after a rest; the heartbeat stops meanwhile.

    Raises:
        Exception: what the last of too many crashes in a row raised, so that the process ends and is seen to end.
    """
    settings = settings or LoopSettings()
    rest_s, crashes, beat_at = settings.shortest_rest_s, 0, None
    try:
        while True:
            try:
                busy = await _to_its_end(worker.tick())
                now = clock()
                if beat_at is None or now - beat_at >= settings.heartbeat_every:
                    await store.heartbeat(name, now)
                    beat_at = now
            except Exception:  # quiet, never silent: tell, try again, and in the end let the process die
                crashes += 1
                log.exception("tick crashed", extra={"loop": name, "crashes": crashes})
                if crashes >= settings.crashes:
                    raise
                await asyncio.sleep(min(settings.longest_backoff_s, 2.0 ** (crashes - 1)))
                continue
            crashes = 0
            rest_s = settings.shortest_rest_s if busy else min(2 * rest_s, settings.longest_rest_s)
            await asyncio.sleep(0 if busy else rest_s)
    finally:
        await _stop(name, worker)


class PurgeJob:
    """Has what is long over deleted, once an hour. Nothing waits for it, so its failure is told and ends nothing."""

    def __init__(self, store: Store, clock: Clock, every: timedelta = timedelta(hours=1)) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._due_at: datetime | None = None

    async def tick(self) -> int:
        """Delete when it is time; always idle."""
        now = self._clock()
        if self._due_at is not None and now < self._due_at:
            return 0
        self._due_at = now + self._every
        try:
            deleted = await self._store.purge_expired(now)
        except StoreUnavailable:  # alerts go on; the next hour tries again
            log.exception("tidying failed")
            return 0
        if deleted:
            log.info("deleted what was long over", extra={"rows": deleted})
        return 0

    async def stop(self) -> None:
        """Nothing is ever under way between ticks."""


async def _to_its_end(tick: Coroutine[object, object, int]) -> int:
    """Let a tick end although the loop is cancelled: what it has just claimed must be known to be given back."""
    task = asyncio.ensure_future(tick)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=TICK_GRACE_S)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


async def _stop(name: str, worker: Worker) -> None:
    try:
        await worker.stop()
    except Exception:  # what could not be given back comes back with its lease
        log.exception("stop crashed", extra={"loop": name})
