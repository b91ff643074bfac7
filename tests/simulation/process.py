"""One simulated trainwatch process: the real loops, store and notifier on a simulated network, disk and clock."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.checks import CLOCK_LOOP, DELIVERY_LOOP, DIGEST_LOOP, POLL_LOOP, REMINDER_LOOP
from bot.domain.grouping import Grouping
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.slack.find_posts import PostHistory
from bot.slack.notifier import SlackNotifier
from bot.steady_clock import SteadyClock
from bot.store.engine import Database
from bot.store.store import Store
from bot.watcher.clock_sync import ClockSync, ClockSyncSettings
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.digest import DigestJob
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
_CLOCKS = ClockSyncSettings(
    adopt_after_s=30, lease=LEASE, furthest_poll=timedelta(minutes=2), furthest_delivery=timedelta(minutes=2)
)
_RESTS = LoopSettings(shortest_rest_s=2.0, longest_rest_s=8.0, heartbeat_every=timedelta(hours=1))


@dataclass
class World:
    """What processes share: the network, the disk and the true time."""

    platform: SimulatedPlatform
    slack: SlackModel
    database: Database
    store: Store
    true_time: Callable[[], datetime]
    config: DiagnosisConfig
    grouping: Grouping
    note: Callable[[str], None]


class SimulatedProcess:
    """Runs until it is killed. `system_offset` is how far its system clock is from the true time."""

    delivery_lease = LEASE

    def __init__(self, name: str, seed: int, world: World, *, syncs_clock: bool = False) -> None:
        self.name, self.system_offset = name, timedelta(0)
        self.world, self._random = world, random.Random(f"{seed}:{name}")
        self._syncs_clock = syncs_clock
        self._lives = 0
        self._life: Incarnation | None = None
        self._main: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._life is not None and self._life.alive

    def start(self) -> None:
        """Start with nothing but the database."""
        self._life, self._lives = Incarnation(self._die), self._lives + 1
        token = current_process.set(self._life)
        try:
            self._main = asyncio.create_task(self._run(), name=self.name)
        finally:
            current_process.reset(token)

    def kill(self) -> None:
        """End the process at once: no task of it does anything more."""
        if self._life is not None:
            self._life.kill()

    def pause(self, seconds: float) -> None:
        """Let the process execute nothing for this long."""
        if self._life is not None:
            self._life.paused_until_s = asyncio.get_running_loop().time() + seconds

    def pause_at_call(self, seconds: float) -> None:
        """Pause the process when it next calls Slack or a platform."""
        if self._life is not None:
            self._life.pause_at_call_s = seconds

    def kill_at_commit(self, commits: int, *, after: bool) -> None:
        """Kill the process right before or after its n-th commit from now."""
        if self._life is not None:
            self._life.kill_at_commit(commits, after=after)

    def store(self) -> Store:
        """Return the store as this process uses it."""
        return self.world.store

    def deliverer(self, clock: SteadyClock) -> Deliverer:
        """Return what sends messages."""
        return self.create_deliverer(Deliverer, clock)

    def create_deliverer(self, kind: type[Deliverer], clock: SteadyClock) -> Deliverer:
        """Create a deliverer on the simulated network."""
        settings = DeliverySettings(lease=self.delivery_lease, send_timeout_s=2.0, longest_retry=timedelta(seconds=20))
        client = SimulatedClient(self.world.slack)
        notifier = SlackNotifier(client, history=PostHistory(client, clock))
        return kind(self.store(), notifier, clock, settings, self._random.random)

    async def stop(self) -> None:
        """Stop cleanly, as after SIGTERM."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)

    def _die(self) -> None:
        self.world.note(f"{self.name} is dead")
        if self._main is not None:
            self._main.cancel()

    async def _run(self) -> None:
        clock = SteadyClock(self._system_clock, asyncio.get_running_loop().time)
        with contextlib.suppress(ProcessKilled, BaseExceptionGroup):
            loops = self._loops(clock)
            if self._syncs_clock:
                sync = ClockSync(self.world.store, clock, _CLOCKS, process=f"{self.name}-{self._lives}")
                await sync.start()
                loops[CLOCK_LOOP] = sync
            async with asyncio.TaskGroup() as group:
                for name, worker in loops.items():
                    group.create_task(
                        run_loop(name, worker, self.world.store, clock, _RESTS), name=f"{self.name}:{name}"
                    )

    def _system_clock(self) -> datetime:
        return self.world.true_time() + self.system_offset

    def _loops(self, clock: SteadyClock) -> dict[str, Worker]:
        world = self.world
        settings = PollSettings(
            intervals=PollIntervals(running=POLL_EVERY, waiting=POLL_EVERY * 2, longest=timedelta(minutes=1)),
            lease=LEASE,
            drain=timedelta(seconds=20),
            grouping=world.grouping,
        )
        registry, jitter = registry_of(world.platform), self._random.random
        return {
            POLL_LOOP: Poller(registry, self.store(), clock, Redactor(), world.config, settings, jitter),
            DELIVERY_LOOP: self.deliverer(clock),
            REMINDER_LOOP: ReminderJob(world.store, clock),
            DIGEST_LOOP: DigestJob(world.store, clock, world.grouping),
        }
