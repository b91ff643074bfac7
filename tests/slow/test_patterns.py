"""A pattern over 2,000 emulated Baseten jobs, watched by the real process: SIGKILL, many new jobs, and requests."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.store.store import open_store
from emulator.demo import bot_process, connected
from emulator.faults import Fault
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.world import Status, World
from tests.support.waiting import LONGEST_S, eventually

pytestmark = pytest.mark.slow
JOBS = 2_000
SEARCH = "/baseten/v1/training_jobs/search"
INTERVAL_S = 2.0
SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "2s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "8s",
    "TRAINWATCH_LOG_LEVEL": "error",
}


def large_world() -> World:
    """A project with 2,000 jobs, of which three run."""
    world, now = World(), datetime.now(UTC)
    for number in range(JOBS):
        ended = [Status(now - timedelta(hours=2), "TRAINING_JOB_RUNNING"), Status(now, "TRAINING_JOB_COMPLETED")]
        world.add_training_job("proj", f"old{number:04}", statuses=() if number < 3 else ended)
    return world


async def type_command(on: Sandbox, text: str, channel: str = "#training") -> None:
    await on.slack.person_actions.slash("ada", channel, "/train", text, wait_s=LONGEST_S)


def searches(on: Sandbox) -> int:
    return sum(SEARCH in request for request in on.faults.requests)


def announcements(on: Sandbox, channel: str = "#training") -> list[str]:
    texts = [one.text for one in on.slack.workspace.channel(channel).messages]
    return [text for text in texts if re.match("Watching .* new job", text)]


def announced(on: Sandbox) -> int:
    """Return how many new jobs the messages announce."""
    counts = [re.match(r"Watching (a|[\d,]+) new job", text) for text in announcements(on)]
    return sum(1 if found[1] == "a" else int(found[1].replace(",", "")) for found in counts if found)


async def searches_within(on: Sandbox, seconds: float) -> int:
    before = searches(on)
    await asyncio.sleep(seconds)
    return searches(on) - before


async def next_search(on: Sandbox) -> None:
    before = searches(on)
    await eventually(lambda: searches(on) > before)


async def watched(on: Sandbox, url: str) -> list[str]:
    store = await open_store(url)
    try:
        channel = on.slack.workspace.channel("#training").id
        return [one.subscription.job.id for one in await store.subscriptions.list(channel)]
    finally:
        await store.aclose()


@pytest.mark.timeout(600)
async def test_kills_between_listing_and_saving_lose_no_new_job_and_repeat_none(tmp_path: Path) -> None:
    world, rng, kills, unsaved = large_world(), random.Random(20261129), 8, 0
    url = f"sqlite:///{tmp_path}/bot.db"
    async with sandbox(world, slack=create_slack(limits=RateLimits(enabled=False))) as on:
        settings = {**on.settings, **SETTINGS, "DATABASE_URL": url}
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            await type_command(on, "watch baseten:proj/*")
        for kill in range(kills):
            async with bot_process(settings, tmp_path) as process:
                await connected(on, process)
                world.add_training_job("proj", f"new{kill}")
                on.faults.set([Fault("stall", SEARCH, delay_s=0.2)])
                await next_search(on)
                await asyncio.sleep(rng.uniform(0.1, 0.5))  # from the request to the transaction
                process.kill()
                await process.wait()
            on.faults.set([])
            unsaved += f"proj/new{kill}" not in await watched(on, url)
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            await eventually(lambda: announced(on) >= kills)
            await asyncio.sleep(2 * INTERVAL_S)
        counts = Counter(word for text in announcements(on) for word in re.findall(r"new\d+", text))
        total = announced(on)
    assert unsaved, "no kill came between listing and saving"
    assert total == kills
    assert set(counts.values()) == {1}, "a message names the first few of its jobs, and no job is announced twice"
    assert sorted(await watched(on, url)) == [
        *(f"proj/new{kill}" for kill in range(kills)),
        *(f"proj/old000{n}" for n in range(3)),
    ]


@pytest.mark.timeout(600)
async def test_five_hundred_new_jobs_are_one_line_and_lists_take_no_more_requests(tmp_path: Path) -> None:
    world = large_world()
    settings = {**SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db", "TRAINWATCH_POLL_INTERVAL": "4s"}
    async with (
        sandbox(world, slack=create_slack(limits=RateLimits(enabled=False))) as on,
        bot_process({**on.settings, **settings}, tmp_path) as process,
    ):
        await connected(on, process)
        await type_command(on, "watch baseten:* limit=2000")
        await type_command(on, "watch name~* limit=2000")
        await type_command(on, "watch baseten:proj/* limit=2000 --yes", "#alerts")
        usual = await searches_within(on, 8)
        for number in range(500):
            world.add_training_job("proj", f"new{number:03}")
        await eventually(lambda: announcements(on) and announcements(on, "#alerts"))
        lists = await searches_within(on, 8)
        lines = [announcements(on), announcements(on, "#alerts")]
    assert [len(one) for one in lines] == [1, 1]
    assert "500 new jobs" in lines[0][0]
    assert lists <= usual + 2, "requests grow with the listings, not with the jobs"
