"""One run: jobs that log errors and end, in many channels, while the bot is killed and its connections break."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import or_, select

from bot.domain.alerts import Incident
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.store.codec import from_json
from bot.store.engine import Database
from bot.store.migrate import upgrade
from bot.store.outbox import DeliveryState, is_queued
from bot.store.schema import deliveries, incidents, watches
from bot.store.store import Store, open_store
from chaos.trouble import Killer, break_platforms, break_slack, end_trouble
from chaos.verdict import Verdict, copies, delivery_id, explain, judge, posts, roots
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import SCOPES, create_slack
from emulator.slack.limits import RateLimits
from emulator.slack.model import Message
from emulator.world import World, to_ns
from tests.support.waiting import eventually

SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "1s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "10s",
    "TRAINWATCH_LOG_LEVEL": "error",
    "BASETEN_REQUESTS_PER_SECOND": "1000",
}
PEOPLE = ("ada", "ben", "chen")
HISTORY_SCOPES = frozenset({"channels:history", "groups:history"})


@dataclass(frozen=True, slots=True)
class Plan:
    """How big a run is."""

    incidents: int = 1000
    channels: int = 25
    markers: int = 3
    """Errors that each job logs."""
    storm_every: int = 6
    """Of this number of channels, the last one has storms: its jobs run at the same time."""
    storm_jobs: int = 12
    with_history: bool = True
    seed: int = 1
    settle_s: float = 600.0
    """How long to wait until everything has been delivered."""
    kill_every_s: tuple[float, float] = (6.0, 18.0)
    """The shortest and the longest life of a process."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, and what came of it."""

    incidents: int
    folded: int
    """Jobs that a digest shows, because their alerts came together; its list has no markers."""
    posts: int
    kills: int
    faults: Counter[str]
    took_s: float
    touched: int
    """Doubled messages that somebody touched, in a run without the history scopes."""
    verdict: Verdict
    problems: Sequence[str]
    """What is lost, stale or out of order, one line each."""
    is_settled: bool


async def run(plan: Plan, database_url: str, folder: Path) -> Report:
    """Run the plan and judge the messages."""
    started_s = time.monotonic()
    slack = create_slack(
        scopes=SCOPES if plan.with_history else SCOPES - HISTORY_SCOPES,
        limits=RateLimits(tier_factor=20.0),
    )
    names = [f"runs-{number:03}" for number in range(plan.channels)]
    for name in names:
        slack.workspace.add_channel(name, members=(*PEOPLE, "trainwatch"))
    await upgrade(database_url)
    store = await open_store(database_url)
    async with sandbox(World(), slack=slack) as on:
        crowd = Crowd(on, store, plan, [slack.workspace.channel(name).id for name in names])
        break_slack(on, plan.seed)
        break_platforms(on, plan.seed)
        killer = Killer(
            on,
            {**on.settings, **SETTINGS, "DATABASE_URL": database_url},
            folder,
            random.Random(plan.seed),
            plan.kill_every_s,
        )
        bot = asyncio.create_task(killer.run(lambda: crowd.is_done))
        try:
            await crowd.run()
            end_trouble(on)
            is_settled = await _settled(database_url, plan.settle_s)
            touched = 0 if plan.with_history else await _touch_copies(on)
        finally:
            killer.stopping.set()
            await bot
    await store.aclose()
    folded = await _folded_jobs(database_url)
    markers = {key: [key[1]] if key in folded else words for key, words in crowd.markers.items()}  # digests name jobs
    verdict = judge(slack.workspace, markers)
    return Report(
        folded=len(folded),
        incidents=roots(slack.workspace),
        posts=posts(slack.workspace),
        kills=killer.kills,
        faults=Counter(slack.context.faults.struck)
        + Counter({f"platform {k}": n for k, n in on.faults.struck.items()}),
        took_s=time.monotonic() - started_s,
        touched=touched,
        verdict=verdict,
        problems=explain(slack.workspace, markers),
        is_settled=is_settled,
    )


class Crowd:
    """The jobs of all channels: each channel has one after the other, or several at once in a storm."""

    def __init__(self, on: Sandbox, store: Store, plan: Plan, channels: Sequence[str]) -> None:
        self._on, self._store, self._plan, self._channels = on, store, plan, channels
        self._rng = random.Random(plan.seed)
        self.markers: dict[tuple[str, str], list[str]] = {}
        self.is_done = False

    async def run(self) -> None:
        """Run all jobs to their end."""
        numbers = [
            list(range(self._plan.incidents))[index :: len(self._channels)] for index in range(len(self._channels))
        ]
        async with asyncio.TaskGroup() as group:
            for index, (channel, mine) in enumerate(zip(self._channels, numbers, strict=True), 1):
                at_once = self._plan.storm_jobs if index % self._plan.storm_every == 0 else 1
                group.create_task(self._run_channel(channel, mine, at_once))
        self.is_done = True

    async def _run_channel(self, channel: str, numbers: Sequence[int], at_once: int) -> None:
        await asyncio.sleep(self._rng.uniform(0, 5))
        for start in range(0, len(numbers), at_once):
            await asyncio.gather(*(self._run_job(channel, one) for one in numbers[start : start + at_once]))

    async def _run_job(self, channel: str, number: int) -> None:
        name = f"job{number:05}"
        job = self._on.world.add_training_job("chaos", name)
        ref, now = JobRef("baseten", f"chaos/{name}"), datetime.now(UTC)
        await self._store.subscriptions.add(channel, "T0TRAIN", ref, "U0ADA", RuleSettings(), now)
        await asyncio.sleep(self._rng.uniform(2, 4))
        words = self.markers.setdefault((channel, name), [])
        for index in range(self._plan.markers):
            words.append(marker(number, index))
            job.log.append(Line(to_ns(datetime.now(UTC)), f"ERROR: {words[-1]} broke", "abc12", "ERROR"))
            await asyncio.sleep(self._rng.uniform(1.5, 3))
        job.history.add(datetime.now(UTC) - timedelta(milliseconds=1), "TRAINING_JOB_COMPLETED")


def marker(number: int, index: int) -> str:
    """A word of letters only, because errors that differ only in numbers count as the same."""
    return "part-" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:06}{index:02}")


async def _settled(database_url: str, patience_s: float) -> bool:
    """Wait until no job is watched and nothing waits to be sent or verified; return whether that happened in time."""
    database = Database(database_url)
    busy = select(deliveries.c.id).where(or_(is_queued(), deliveries.c.verify_at.is_not(None))).limit(1)
    quiet, ends_s = 0, time.monotonic() + patience_s
    while quiet < 5 and time.monotonic() < ends_s:
        async with database.read() as connection:
            is_watching = await connection.scalar(select(watches.c.id).limit(1)) is not None
            is_busy = is_watching or await connection.scalar(busy) is not None
        quiet = 0 if is_busy else quiet + 1
        await asyncio.sleep(2.0)
    await database.aclose()
    return quiet >= 5


async def _folded_jobs(database_url: str) -> set[tuple[str, str]]:
    """The channel and the name of each job whose incident became part of a digest."""
    database = Database(database_url)
    about = deliveries.join(incidents, incidents.c.id == deliveries.c.incident_id)
    statement = select(incidents.c.value).select_from(about).where(deliveries.c.state == DeliveryState.FOLDED)
    async with database.read() as connection:
        found = [from_json(value, Incident) for value in await connection.scalars(statement)]
    await database.aclose()
    return {(one.channel, one.job.ref.id.rpartition("/")[2]) for one in found}


async def _touch_copies(on: Sandbox, patience_s: float = 60.0) -> int:
    """React to every message that was posted twice, and wait until the copies are gone; return their number."""

    def doubled() -> list[Message]:
        everything = [one for channel in on.slack.workspace.channels.values() for one in channel.all_messages]
        groups = copies(one for one in everything if delivery_id(one))
        return [one for group in groups if len(group) > 1 for one in group]

    touched = doubled()
    for message in touched:
        on.slack.person_actions.react("ada", message, "eyes")
        await asyncio.sleep(0.05)
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: not doubled(), patience_s)
    return len(touched)
