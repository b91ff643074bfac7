"""A channel flooded by error lines, and a database that stops under the real process: pages arrive, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.demo import bot_process, connected
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.model import Message
from emulator.world import TrainingJob, World, to_ns
from tests.support.postgres import RestartableServer, fresh_database, restartable_server
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "2s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LOG_LEVEL": "warning",
    "BASETEN_REQUESTS_PER_SECOND": "10000",
}
LINES_A_MINUTE = 50_000
FLOODED_S = 45
WORDS = ("reader", "shard", "worker", "socket", "queue", "bucket", "loader", "node")
log = logging.getLogger(__name__)


def posts(on: Sandbox) -> list[Message]:
    return [one for one in on.slack.workspace.channel("#training").all_messages if one.metadata]


async def subscribe(on: Sandbox, url: str, jobs: list[TrainingJob]) -> None:
    store, channel = await open_store(url), on.slack.workspace.channel("#training")
    for job in jobs:
        ref = JobRef("baseten", f"proj/{job.job_id}")
        await store.subscriptions.add(channel.id, "T1", ref, "U0ADA", RuleSettings(), datetime.now(UTC))
    await store.aclose()


async def flood(jobs: list[TrainingJob], seconds: float) -> None:
    """Write error lines of ever new words, as many a minute as promised, evenly over the jobs."""
    loop = asyncio.get_running_loop()
    began, written = loop.time(), 0
    while (passed := loop.time() - began) < seconds:
        for number in range(written, int(passed * LINES_A_MINUTE / 60)):
            word = "".join(chr(ord("a") + int(digit)) for digit in str(number // 50))
            text = f"ERROR: {WORDS[number % len(WORDS)]} {word} broke: timeout after {number} ms"
            jobs[number % len(jobs)].log.append(Line(to_ns(datetime.now(UTC)), text, "abc12", "ERROR"))
            written = number + 1
        await asyncio.sleep(0.1)
    log.info("figures: %s", {"lines": written})


async def named(on: Sandbox, word: str, within_s: float) -> float:
    """Return how long it took until a message in the channel names the word."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await eventually(lambda: word in json.dumps([one.blocks for one in posts(on)]), within_s)
    return loop.time() - began


async def test_a_page_arrives_in_a_flood_of_error_lines(tmp_path: Path) -> None:
    world, url = World(), f"sqlite:///{tmp_path}/bot.db"
    noisy = [world.add_training_job("proj", f"noisy{number:03}") for number in range(100)]
    failing = [world.add_training_job("proj", f"victim{number}") for number in range(3)]
    async with sandbox(world) as on:
        await upgrade(url)
        await subscribe(on, url, [*noisy, *failing])
        async with bot_process({**on.settings, **SETTINGS, "DATABASE_URL": url}, tmp_path) as process:
            await connected(on, process)
            flooding = asyncio.create_task(flood(noisy, FLOODED_S))
            took = []
            for job in failing:
                await asyncio.sleep(FLOODED_S / 5)
                job.history.add(datetime.now(UTC), "TRAINING_JOB_FAILED", "CUDA error")
                took.append(await named(on, job.job_id, 60))
            await flooding
    log.info("figures: %s", {"page_s": [round(one, 1) for one in took], "posts": len(posts(on))})
    assert len(posts(on)) <= FLOODED_S + 15  # a message a second


@pytest.fixture
def server() -> Iterator[RestartableServer]:
    with restartable_server() as running:
        yield running


async def test_postgresql_is_stopped_and_started_under_the_bot(server: RestartableServer, tmp_path: Path) -> None:
    world = World()
    jobs = [world.add_training_job("proj", f"job{number:02}") for number in range(20)]
    async with sandbox(world) as on:
        with fresh_database(server.url) as url:
            await upgrade(url)
            await subscribe(on, url, jobs)
            async with bot_process({**on.settings, **SETTINGS, "DATABASE_URL": url}, tmp_path) as process:
                await connected(on, process)
                await asyncio.sleep(5)
                for number, job in enumerate(jobs):
                    if number == 5:
                        await asyncio.to_thread(server.stop)
                    if number == 15:
                        await asyncio.to_thread(server.start)
                    text = f"ERROR: part-{chr(ord('a') + number)} broke"
                    job.log.append(Line(to_ns(datetime.now(UTC)), text, "abc12", "ERROR"))
                    await asyncio.sleep(1)
                begun = asyncio.get_running_loop().time()
                for job in jobs:
                    await named(on, job.job_id, 60)
                took_s = asyncio.get_running_loop().time() - begun
                await asyncio.sleep(5)
                assert process.returncode is None
    roots = [one for one in posts(on) if not one.is_reply]
    named_in = [job.job_id for one in roots for job in jobs if job.job_id in json.dumps(one.blocks)]
    log.info("figures: %s", {"all_named_s": round(took_s, 1), "roots": len(roots), "posts": len(posts(on))})
    assert sorted(named_in) == sorted(set(named_in))
