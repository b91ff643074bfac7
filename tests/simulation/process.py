"""One simulated trainwatch process: the real loops, store and notifier on a simulated network, disk and clock."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP, REMINDER_LOOP
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.slack.find_posts import PostHistory
from bot.slack.notifier import SlackNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from bot.watcher.remind import ReminderJob
from bot.watcher.schedule import LoopSettings, Worker, run_loop
from tests.fakes.provider import registry_of
from tests.simulation.incarnation import Incarnation, ProcessKilled, current_process
from tests.simulation.platform import SimulatedPlatform
from tests.simulation.slack import SimulatedClient, SlackModel

POLL_EVERY = timedelta(seconds=15)
LEASE = timedelta(seconds=30)
_RESTS = LoopSettings(shortest_rest_s=1.0, longest_rest_s=8.0, heartbeat_every=timedelta(minutes=1))


@dataclass
class World:
    """What processes share: the network, the disk and the true time."""

    platform: SimulatedPlatform
    slack: SlackModel
    store: Store
    true_time: Callable[[], datetime]
    config: DiagnosisConfig
    note: Callable[[str], None]


class SimulatedProcess:
    """Runs until it is killed. `clock_offset` is how far its wall clock is from the true time."""

    def __init__(self, name: str, seed: int, world: World) -> None:
        self.name, self.clock_offset = name, timedelta(0)
        self.world, self._random = world, random.Random(f"{seed}:{name}")
        self._life: Incarnation | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._life is not None and self._life.alive

    def start(self) -> None:
        """Start with nothing but the database."""
        self._life = Incarnation(self._die)
        token = current_process.set(self._life)
        try:
            self._tasks = [
                asyncio.create_task(self._run(name, worker), name=f"{self.name}:{name}")
                for name, worker in self._loops().items()
            ]
        finally:
            current_process.reset(token)

    def kill(self) -> None:
        """End the process at once: no task of it does anything more."""
        if self._life is not None:
            self._life.kill()

    def kill_at_commit(self, commits: int, *, after: bool) -> None:
        """Kill the process right before or after its n-th commit from now."""
        if self._life is not None:
            self._life.kill_at_commit(commits, after=after)

    def clock(self) -> datetime:
        """The process's wall clock."""
        return self.world.true_time() + self.clock_offset

    async def stop(self) -> None:
        """Stop cleanly, as after SIGTERM."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _die(self) -> None:
        self.world.note(f"{self.name} is dead")
        for task in self._tasks:
            task.cancel()

    def _loops(self) -> dict[str, Worker]:
        world, jitter = self.world, self._random.random
        settings = PollSettings(
            intervals=PollIntervals(running=POLL_EVERY, waiting=POLL_EVERY * 2, longest=timedelta(minutes=1)),
            lease=LEASE,
            drain=timedelta(seconds=20),
        )
        registry = registry_of(world.platform)
        return {
            POLL_LOOP: Poller(registry, world.store, self.clock, Redactor(), world.config, settings, jitter),
            DELIVERY_LOOP: self._deliverer(jitter),
            REMINDER_LOOP: ReminderJob(world.store, self.clock),
        }

    def _deliverer(self, jitter: Callable[[], float]) -> Deliverer:
        settings = DeliverySettings(lease=LEASE, send_timeout_s=2.0, longest_retry=timedelta(seconds=20))
        client = SimulatedClient(self.world.slack)
        notifier = SlackNotifier(client, history=PostHistory(client, self.clock))
        return Deliverer(self.world.store, notifier, self.clock, settings, jitter)

    async def _run(self, name: str, worker: Worker) -> None:
        with contextlib.suppress(ProcessKilled):
            await run_loop(name, worker, self.world.store, self.clock, _RESTS)
