"""The background loops of a process: tick, rest when idle, write heartbeats, stop cleanly.

Claims in the database (`bot.store.claims`) divide the work, so several processes may run these loops. `poll.py` and
`deliver.py` have the ticks.
"""

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
"""How long a stop waits for the current tick; ticks wait for nothing slower than the database."""


class Worker(Protocol):
    """What a loop runs: the Poller, the Deliverer or the PurgeJob."""

    async def tick(self) -> int:
        """Run one pass; return 0 when there was nothing to do."""

    async def stop(self) -> None:
        """Finish or release unfinished work."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long a loop rests, and when it gives up."""

    shortest_rest_s: float = 0.2
    longest_rest_s: float = 1.0
    """An idle loop ticks at least this often."""
    heartbeat_every: timedelta = timedelta(seconds=5)
    longest_backoff_s: float = 30.0
    crashes: int = 10
    """Consecutive crashes that end the process, so that its supervisor notices."""


async def run_loop(name: str, worker: Worker, store: Store, clock: Clock, settings: LoopSettings | None = None) -> None:
    """Tick until cancelled, then let the worker finish or release its work.

    A crash is logged and retried after a rest; the heartbeat stops meanwhile.

    Raises:
        Exception: from the last of too many consecutive crashes, so that the process ends.
    """
    settings = settings or LoopSettings()
    rest_s, crashes, beat_at = settings.shortest_rest_s, 0, None
    try:
        while True:
            try:
                busy = await _shielded(worker.tick())
                now = clock()
                if beat_at is None or now - beat_at >= settings.heartbeat_every:
                    await store.heartbeat(name, now)
                    beat_at = now
            except Exception:  # log it, retry, and finally let the process end
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
        try:
            await worker.stop()
        except Exception:  # unreleased work becomes due again when its lease ends
            log.exception("stop crashed", extra={"loop": name})


class PurgeJob:
    """Purges expired rows hourly. Failures are logged and ignored."""

    def __init__(self, store: Store, clock: Clock, every: timedelta = timedelta(hours=1)) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._due_at: datetime | None = None

    async def tick(self) -> int:
        """Purge when it is time. Always returns 0, because it is idle between purges."""
        now = self._clock()
        if self._due_at is not None and now < self._due_at:
            return 0
        self._due_at = now + self._every
        try:
            if deleted := await self._store.purge_expired(now):
                log.info("purged expired rows", extra={"rows": deleted})
        except StoreUnavailable:  # retried in an hour
            log.exception("purge failed")
        return 0

    async def stop(self) -> None:
        """Do nothing: there is no work between ticks."""


async def _shielded(tick: Coroutine[object, object, int]) -> int:
    """Finish a tick although the loop is cancelled, so that the worker can release what it claimed."""
    task = asyncio.ensure_future(tick)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=TICK_GRACE_S)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
