"""Storms, outages and flapping jobs with the real process: few messages, soon, and none missing."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.rules.settings import parse_settings
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.demo import bot_process, connected
from emulator.faults import Fault
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.model import Channel, Message
from emulator.world import TrainingJob, World, to_ns

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "2s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LOG_LEVEL": "warning",
    "BASETEN_REQUESTS_PER_SECOND": "10000",
}
log = logging.getLogger(__name__)


@dataclass
class Watched:
    """A running bot that watches jobs in one channel, and what the channel has been sent."""

    on: Sandbox
    jobs: Sequence[TrainingJob]
    seen_at: dict[str, float] = field(default_factory=dict)
    """When each job was first named in a message, in seconds of the event loop."""

    @property
    def channel(self) -> Channel:
        return self.on.slack.workspace.channel("#training")

    @property
    def roots(self) -> list[Message]:
        return [one for one in self.posts if not one.is_reply]

    @property
    def posts(self) -> list[Message]:
        return [one for one in self.channel.all_messages if one.metadata]

    async def look_until(self, is_done: Callable[[], bool], within_s: float) -> None:
        """Note when each job is named, until it is done or the time has passed."""
        now = asyncio.get_running_loop().time
        end_s = now() + within_s
        while not is_done() and now() < end_s:
            text = json.dumps([one.blocks for one in self.posts])
            for job in self.jobs:
                if job.job_id in text:
                    self.seen_at.setdefault(job.job_id, now())
            await asyncio.sleep(0.2)


@asynccontextmanager
async def watching(
    tmp_path: Path, count: int, rules: Sequence[str] = (), after: timedelta | None = None
) -> AsyncIterator[Watched]:
    """Watch jobs with a new process; `after` an absence in which many things happened."""
    world = World()
    jobs = [world.add_training_job("proj", f"job{number:03}") for number in range(count)]
    async with sandbox(world) as on:
        url = f"sqlite:///{tmp_path}/bot.db"
        await upgrade(url)
        store, channel = await open_store(url), on.slack.workspace.channel("#training")
        for job in jobs:
            wanted = parse_settings(rules) if rules else RuleSettings()
            await store.subscriptions.add(
                channel.id, "T1", JobRef("baseten", f"proj/{job.job_id}"), "U0ADA", wanted, datetime.now(UTC)
            )
        await store.aclose()
        if after is not None:
            age(tmp_path / "bot.db", after)
            happen(jobs, datetime.now(UTC) - after)
        environment = {**on.settings, **SETTINGS, "DATABASE_URL": url}
        async with bot_process(environment, tmp_path) as process:
            await connected(on, process)
            await asyncio.sleep(5)
            yield Watched(on, jobs)


def most_posts(posts: Sequence[Message], seconds: float) -> int:
    """The most messages within a span of this length."""
    times = sorted(float(one.ts) for one in posts)
    return max((sum(start <= at < start + seconds for at in times) for start in times), default=0)


async def test_two_hundred_failures_within_ten_seconds(tmp_path: Path) -> None:
    async with watching(tmp_path, 200) as watched:
        begin, now = datetime.now(UTC), asyncio.get_running_loop().time()
        for number, job in enumerate(watched.jobs):
            job.history.add(begin + timedelta(seconds=number / 20), "TRAINING_JOB_FAILED", "NCCL timeout")
        await watched.look_until(lambda: len(watched.seen_at) == len(watched.jobs), 120)
        first, last = min(watched.seen_at.values()) - now, max(watched.seen_at.values()) - now
        roots, posts = len(watched.roots), watched.posts
        rate = most_posts(posts, 20)

    figures = {
        "first_s": round(first, 1),
        "last_s": round(last, 1),
        "roots": roots,
        "posts": len(posts),
        "in_20_s": rate,
    }
    log.info("figures: %s", figures)
    assert len(watched.seen_at) == len(watched.jobs)
    assert roots <= 12
    assert len(posts) <= 30  # thirty seconds of work for a channel that accepts one message a second
    assert rate <= 20 + 5  # a burst, then one a second


async def test_an_unreachable_platform_with_sixty_jobs(tmp_path: Path) -> None:
    async with watching(tmp_path, 60, ["no_data.for=10s"]) as watched:
        watched.on.faults.set([Fault("status", "/baseten", status=503)])
        await watched.look_until(lambda: len(watched.seen_at) == 60, 180)
        during = len(watched.roots)
        watched.on.faults.set([])
        await watched.look_until(lambda: "can be read again" in json.dumps(watched.roots[0].blocks), 240)
        figures = {"during": during, "roots": len(watched.roots), "posts": len(watched.posts)}
        log.info("figures: %s", figures)
        assert len(watched.seen_at) == 60
        assert "can be read again" in json.dumps(watched.roots[0].blocks)
        assert (during, len(watched.roots)) == (1, 1)


async def test_a_job_that_flaps_every_six_seconds(tmp_path: Path) -> None:
    async with watching(tmp_path, 1) as watched:
        begin = datetime.now(UTC)
        for period in range(10):
            since = begin + timedelta(seconds=12 * period)
            watched.jobs[0].history.add(since, "TRAINING_JOB_FAILED", "exit code 1")
            watched.jobs[0].history.add(since + timedelta(seconds=6), "TRAINING_JOB_RUNNING")
        await watched.look_until(lambda: False, 125)
        figures = {"posts": [one.text for one in watched.posts]}
        log.info("figures: %s", figures)
        assert len(watched.posts) <= 2
        assert "restarted" in json.dumps(watched.roots[0].blocks)


async def test_an_hour_of_downtime_with_fifty_jobs(tmp_path: Path) -> None:
    async with watching(tmp_path, 50, after=timedelta(hours=1)) as watched:
        await watched.look_until(lambda: len(watched.seen_at) == 40, 60)
        text = json.dumps([one.blocks for one in watched.posts], ensure_ascii=False)
        lines = [line for line in text.split("\\n") if "proj/job" in line]
        figures = {"posts": len(watched.posts), "named": len(watched.seen_at), "lines": len(lines)}
        log.info("figures: %s", figures)
        assert len(watched.posts) <= 2
        assert "I was down from" in text
        assert len(watched.seen_at) == 40  # nothing happened to the others


def happen(jobs: Sequence[TrainingJob], since: datetime) -> None:
    """Let jobs fail, finish and log errors within an hour."""
    for number, job in enumerate(jobs):
        at = since + timedelta(minutes=number)
        match number % 5:
            case 0:
                job.history.add(at, "TRAINING_JOB_FAILED", "exit code 1")
            case 1:
                job.history.add(at, "TRAINING_JOB_COMPLETED")
            case 2:
                job.log.append(Line(to_ns(since + timedelta(minutes=20)), "ERROR: connection reset", "abc12", "ERROR"))
            case 3:
                job.log.append(Line(to_ns(since + timedelta(minutes=59)), "ERROR: disk broke", "abc12", "ERROR"))


def age(database: Path, by: timedelta) -> None:
    """Pretend that the bot polled every job, and stopped this long ago."""
    at = (datetime.now(UTC) - by).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE watches SET seen_at = ?, created_at = ?", (at, at))
        connection.execute("INSERT INTO heartbeats (name, at) VALUES ('poll', ?)", (at,))
