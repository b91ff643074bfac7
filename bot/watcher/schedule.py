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
from bot.store.faults import describe_fault
from bot.store.store import KEEP_AUDIT_FOR, Store

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
    longest_outage_rest_s: float = 5.0
    """The longest rest while the database is unavailable, so that work continues soon after its return."""
    outage_log_s: float = 60.0
    """Time between two log events about one outage."""
    crashes: int = 10
    """Consecutive crashes that end the process, so that its supervisor notices."""


class LoopBeats:
    """When each loop last finished a tick, by the event loop's clock: jumps of the system clock do not matter."""

    def __init__(self) -> None:
        self._at_s: dict[str, float] = {}

    def record(self, name: str) -> None:
        """Record that a loop has finished a tick."""
        self._at_s[name] = asyncio.get_running_loop().time()

    def ages_s(self) -> dict[str, float]:
        """Return the seconds since the last tick of each loop that has ticked."""
        now_s = asyncio.get_running_loop().time()
        return {name: now_s - at_s for name, at_s in self._at_s.items()}


async def run_loop(
    name: str,
    worker: Worker,
    store: Store,
    clock: Clock,
    settings: LoopSettings | None = None,
    beats: LoopBeats | None = None,
) -> None:
    """Tick until cancelled, then let the worker finish or release its work.

    An outage of the database is waited out. A crash is logged and retried after a rest. The heartbeat stops meanwhile.

    Raises:
        Exception: from the last of too many consecutive crashes, so that the process ends.
    """
    loop = _Loop(name, worker, store, clock, settings or LoopSettings(), beats or LoopBeats())
    try:
        while True:
            rest_s = await loop.run_once()
            await asyncio.sleep(rest_s)
    finally:
        try:
            await worker.stop()
        except Exception:  # unreleased work becomes due again when its lease ends
            log.exception("stop crashed", extra={"loop": name})


@dataclass(slots=True)
class _Loop:
    name: str
    worker: Worker
    store: Store
    clock: Clock
    settings: LoopSettings
    beats: LoopBeats
    rest_s: float = 0.0
    crashes: int = 0
    outages: int = 0
    """Consecutive ticks without a database."""
    beat_at_s: float = float("-inf")
    logged_s: float = float("-inf")

    async def run_once(self) -> float:
        """Tick once; return how many seconds to rest."""
        try:
            busy = await _shielded(self.worker.tick())
            await self._beat()
        except StoreUnavailable as error:
            return self._wait_for_database(error)
        except Exception:  # log it, retry, and finally let the process end
            self.crashes += 1
            log.exception("tick crashed", extra={"loop": self.name, "crashes": self.crashes})
            if self.crashes >= self.settings.crashes:
                raise
            return self._backoff_s(self.crashes)
        if self.outages:
            log.info("database available again", extra={"loop": self.name})
        self.crashes = self.outages = 0
        shortest_s, longest_s = self.settings.shortest_rest_s, self.settings.longest_rest_s
        self.rest_s = shortest_s if busy else min(2 * (self.rest_s or shortest_s), longest_s)
        return 0.0 if busy else self.rest_s

    async def _beat(self) -> None:
        self.beats.record(self.name)
        now_s = asyncio.get_running_loop().time()
        if now_s - self.beat_at_s >= self.settings.heartbeat_every.total_seconds():
            await self.store.heartbeat(self.name, self.clock())
            self.beat_at_s = now_s

    def _wait_for_database(self, error: StoreUnavailable) -> float:
        self.beats.record(self.name)  # the loop is alive: a restart would not bring the database back
        self.outages += 1
        wait_s = min(self.settings.longest_outage_rest_s, self._backoff_s(self.outages))
        now_s = asyncio.get_running_loop().time()
        if self.outages == 1 or now_s - self.logged_s >= self.settings.outage_log_s:
            self.logged_s = now_s
            fault = describe_fault(error)
            extra = {"loop": self.name, "reason": fault.found, "remedy": fault.remedy, "retry_in_s": wait_s}
            log.warning("database unavailable", extra=extra)
        return wait_s

    def _backoff_s(self, failures: int) -> float:
        return float(min(self.settings.longest_backoff_s, 2.0 ** min(failures - 1, 16)))


class PurgeJob:
    """Purges expired rows hourly. Failures are logged and ignored."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        every: timedelta = timedelta(hours=1),
        *,
        audit_kept_for: timedelta = KEEP_AUDIT_FOR,
    ) -> None:
        self._store, self._clock, self._every = store, clock, every
        self._audit_kept_for = audit_kept_for
        self._due_at: datetime | None = None

    async def tick(self) -> int:
        """Purge when it is time. Always returns 0, because it is idle between purges."""
        now = self._clock()
        if self._due_at is not None and self._due_at - self._every <= now < self._due_at:
            return 0
        self._due_at = now + self._every
        try:
            if deleted := await self._store.purge_expired(now, self._audit_kept_for):
                log.info("purged expired rows", extra={"rows": deleted})
        except StoreUnavailable:  # retried in an hour
            log.exception("purge failed")
        return 0

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""


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
