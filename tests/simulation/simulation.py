"""Run one seed: build the world, let things happen, wait until nothing is left to send, check the invariants."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain.grouping import Grouping
from bot.domain.jobs import JobState
from bot.domain.subscriptions import RuleSettings, RunSettings
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.store.migrate import upgrade
from bot.store.store import Store
from tests.simulation.inline_database import InlineDatabase
from tests.simulation.invariants import Violation, check_at_end, check_post
from tests.simulation.pausing_loop import PausingLoop
from tests.simulation.platform import SimulatedPlatform
from tests.simulation.process import SimulatedProcess, World
from tests.simulation.scenario import LENGTH_S, Event, Scenario, epoch
from tests.simulation.slack import Posted, SlackModel
from tests.support.virtual_time import VirtualTimeLoop

QUIET_S = 20.0
"""How long nothing may be left to send before the simulation ends."""
LONGEST_S = 1500.0
"""Latest end: what is not sent by then is lost."""


@dataclass
class Outcome:
    """What one seed did."""

    violations: list[Violation] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    posts: int = 0
    lasted_s: float = 0.0


def run_scenario(scenario: Scenario, process: type[SimulatedProcess] = SimulatedProcess) -> Outcome:
    """Simulate one scenario from an empty database."""
    logging.disable(logging.WARNING)
    crashes = _Crashes(logging.ERROR)
    logging.getLogger("bot").addHandler(crashes)
    try:
        database = shared_database()
        empty_database().backup(database.disk)
        has_pauses = any(event.what.startswith("pause") for event in scenario.events)
        with asyncio.Runner(loop_factory=PausingLoop if has_pauses else VirtualTimeLoop) as runner:
            outcome = runner.run(_Simulation(scenario, process, database).run())
        outcome.violations += crashes.found
        return outcome
    finally:
        logging.getLogger("bot").removeHandler(crashes)
        logging.disable(logging.NOTSET)


@cache
def empty_database() -> sqlite3.Connection:
    """A migrated database without rows."""
    with TemporaryDirectory() as folder:
        asyncio.run(upgrade(f"sqlite:///{Path(folder) / 'empty.db'}"))
        memory = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(Path(folder) / "empty.db")) as file:
            file.backup(memory)
        return memory


@cache
def diagnosis_config() -> DiagnosisConfig:
    """The built-in signatures and rules, compiled once."""
    return DiagnosisConfig(build_scanner())


@cache
def shared_database() -> InlineDatabase:
    """The disk of every simulation."""
    return InlineDatabase()


class _Crashes(logging.Handler):
    """Every exception that was caught and logged is a violation, although a retry may have hidden it."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.found: list[Violation] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note a logged exception."""
        if record.exc_info is not None:
            self.found.append(Violation("crash", f"{record.getMessage()}: {record.exc_info[1]!r}"))


class _Simulation:
    def __init__(self, scenario: Scenario, process: type[SimulatedProcess], database: InlineDatabase) -> None:
        self._scenario, self._process = scenario, process
        self._database, self._store = database, Store(database)
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)  # tasks of killed processes end with an error nobody awaits
        self._start_s = loop.time()
        self._build()
        await self._subscribe()
        for one in self._processes.values():
            one.start()
        for event in self._scenario.events:
            await asyncio.sleep(max(0.0, event.at_s - self._now_s()))
            self._apply(event)
        await asyncio.sleep(max(0.0, LENGTH_S - self._now_s()))
        await self._quiesce()
        self._outcome.violations += check_at_end(self._scenario, self._slack, self._rows)
        for one in self._processes.values():
            await one.stop()
        self._outcome.posts, self._outcome.lasted_s = len(self._slack.messages), self._now_s()
        return self._outcome

    def _build(self) -> None:
        scenario = self._scenario
        spans = tuple((self._time_at(a), self._time_at(b)) for a, b in scenario.platform_outages)
        self._platform = SimulatedPlatform(
            name="sim",
            random=random.Random(f"{scenario.seed}:platform"),
            now=self._true_time,
            outages=spans,
            error_rate=scenario.platform_error_rate,
            slow_rate=scenario.platform_slow_rate,
            faults_until=self._time_at(LENGTH_S),
        )
        self._slack = SlackModel(
            random.Random(f"{scenario.seed}:slack"),
            self._now_s,
            scenario.slack_faults,
            faults_until_s=LENGTH_S,
            outages=scenario.slack_outages,
            can_read_history=scenario.can_read_history,
        )
        self._slack.on_post, self._slack.on_fault = self._on_post, self._note
        world = World(
            platform=self._platform,
            slack=self._slack,
            database=self._database,
            store=self._store,
            true_time=self._true_time,
            config=diagnosis_config(),
            grouping=Grouping(storm_size=scenario.storm_size),
            note=self._note,
        )
        self._processes = {
            name: self._process(name, scenario.seed, world, syncs_clock=scenario.clocks_change)
            for name in (f"bot{number}" for number in range(scenario.processes))
        }

    async def _subscribe(self) -> None:
        for job in self._scenario.jobs:
            self._platform.add_job(job)
        settings = RuleSettings(run=RunSettings(notify=self._scenario.notify))
        for channel, job in self._scenario.subscriptions:
            ref = self._platform.jobs[job].ref
            await self._store.subscriptions.add(channel, None, ref, "U1", settings, self._true_time())

    def _apply(self, event: Event) -> None:
        self._note(f"{event.what} {event.target} {event.text}".rstrip())
        match event.what:
            case "log":
                self._platform.log_now(event.target, event.text)
            case "fail":
                self._platform.change(event.target, JobState.FAILED)
            case "finish":
                self._platform.change(event.target, JobState.SUCCEEDED)
            case "restart":
                self._platform.change(event.target, JobState.RUNNING)
            case "clock":
                for one in self._processes.values() if event.target == "" else [self._processes[event.target]]:
                    one.system_offset = timedelta(seconds=event.number)
            case "pause":
                self._processes[event.target].pause(event.number)
            case "pause at call":
                self._processes[event.target].pause_at_call(event.number)
            case "kill":
                self._processes[event.target].kill()
                asyncio.get_running_loop().call_later(event.number, self._restart, event.target)
            case "kill at commit":
                self._processes[event.target].kill_at_commit(int(event.number), after=event.text == "after")
                asyncio.get_running_loop().call_later(20, self._restart, event.target)

    def _restart(self, name: str) -> None:
        if not self._processes[name].alive:
            self._note(f"start {name}")
            self._processes[name].start()

    async def _quiesce(self) -> None:
        """Keep every process running until nothing has been left to send for a while."""
        quiet_s, planned = 0.0, self._planned()
        while quiet_s < QUIET_S and self._now_s() < LONGEST_S:
            for name in self._processes:
                self._restart(name)
            await asyncio.sleep(5)
            before, planned = planned, self._planned()
            quiet_s = 0.0 if self._is_busy() or planned != before else quiet_s + 5

    def _planned(self) -> list[tuple[object, ...]]:
        """What grows with every decision about a message."""
        return self._rows("SELECT (SELECT count(*) FROM deliveries), (SELECT sum(changes) FROM digests)")

    def _is_busy(self) -> bool:
        """Whether something waits to be sent, or a job was not polled since the last event and fault."""
        ((sending,),) = self._rows("SELECT count(*) FROM deliveries WHERE state = 'queued' OR verify_at IS NOT NULL")
        ((polling,),) = self._rows("SELECT count(*) FROM watches WHERE claim_token IS NOT NULL")
        watched = [str(job) for (job,) in self._rows("SELECT job_id FROM watches")]
        calm_s = max((LENGTH_S, *(event.at_s for event in self._scenario.events), *self._outage_ends())) + 1
        polled_at = self._platform.polled_at
        return bool(sending or polling) or any(polled_at(job) < self._time_at(calm_s) for job in watched)

    def _outage_ends(self) -> list[float]:
        return [end_s for _, end_s in (*self._scenario.slack_outages, *self._scenario.platform_outages)]

    def _rows(self, statement: str) -> list[tuple[object, ...]]:
        return self._database.disk.execute(statement).fetchall()

    def _on_post(self, posted: Posted) -> None:
        kind = "reply" if posted.thread_ts else "post"
        self._note(f"{kind} {posted.channel} {posted.ts} {dict(posted.metadata)}")
        self._outcome.violations += check_post(self._slack, posted)

    def _note(self, text: str) -> None:
        self._outcome.trace.append(f"{self._now_s():8.3f} {text}")

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._start_s

    def _time_at(self, seconds: float) -> datetime:
        return epoch() + timedelta(seconds=seconds)

    def _true_time(self) -> datetime:
        return self._time_at(self._now_s())
