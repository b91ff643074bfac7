"""SIGKILL at random times while alerts fire: no alert is lost and none repeated.

A message that Slack handles when the process is killed is found in its history (docs/adr/0026).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.demo import bot_process, connected
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.slack.model import Message
from emulator.world import TrainingJob, World, to_ns
from tests.support.waiting import LONGEST_S, eventually

KILLS = 20
JOBS = 8
"""More at once would be one digest."""
SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "1s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "8s",
    "TRAINWATCH_STORM_SIZE": "1000",
    "TRAINWATCH_LOG_LEVEL": "error",
}


@pytest.mark.timeout(3600)
async def test_kills_lose_no_alert_and_repeat_none(tmp_path: Path) -> None:
    world = World()
    jobs = [world.add_training_job("proj", f"job{number:02}") for number in range(JOBS)]
    rng = random.Random(20260313)
    async with sandbox(world, slack=create_slack(limits=RateLimits(enabled=False))) as on:
        settings = {**on.settings, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            for job in jobs:
                watch = f"watch baseten:proj/{job.job_id} notify=lifecycle"
                await on.slack.person_actions.slash("ada", "#training", "/train", watch, wait_s=LONGEST_S)
        for kill in range(KILLS):
            async with bot_process(settings, tmp_path) as process:
                await connected(on, process)
                log_errors(jobs, kill)
                if kill == KILLS // 2:  # on a slow machine, no other process may live long enough to report progress
                    await eventually(lambda: any(text for _, text in run_events(on)))
                await asyncio.sleep(rng.uniform(0.0, 1.5))
                process.kill()
                await process.wait()
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            with contextlib.suppress(TimeoutError):  # the assertion below lists the missing words
                await eventually(lambda: not missing(on))
            await wait_until_quiet(on)

        roots = [alert_id(one) for one in on.slack.workspace.channel("#training").messages if alert_id(one)]
        everything = on.slack.workspace.channel("#training").all_messages
        replies = [one for one in everything if one.is_reply and alert_id(one)]
        about_runs = Counter(run_events(on))
    assert missing(on) == []
    assert len(set(roots)) == JOBS
    posted = Counter([*roots, *((alert_id(one), json.dumps(one.blocks)) for one in replies)])
    assert [] == [key for key, count in posted.items() if count > 1]
    assert [] == [key for key, count in about_runs.items() if count > 1]
    assert sum(not text for _, text in about_runs) == JOBS
    assert len(about_runs) > JOBS


def log_errors(jobs: list[TrainingJob], kill: int) -> None:
    """Log an error with a unique text in a quarter of the jobs, and a step in each."""
    for number, job in enumerate(jobs):
        step = f"INFO trainer: step {kill + 1}/{KILLS} loss=2.5"
        job.log.append(Line(to_ns(datetime.now(UTC)), step, "abc12", "INFO"))
        if number % 4 == kill % 4:
            now = to_ns(datetime.now(UTC))
            job.log.append(Line(now, f"ERROR: {word(kill, number)} broke", "abc12", "ERROR"))


def missing(on: Sandbox) -> list[str]:
    """Return the words that are in no reply to an alert."""
    everything = on.slack.workspace.channel("#training").all_messages
    text = json.dumps([one.blocks for one in everything if one.is_reply and alert_id(one)])
    return [word for kill in range(KILLS) for word in words(kill) if word not in text]


def words(kill: int) -> list[str]:
    return [word(kill, number) for number in range(JOBS) if number % 4 == kill % 4]


def word(kill: int, number: int) -> str:
    """Letters only, because errors that differ only in numbers count as the same."""
    return "part-" + "".join(chr(ord("a") + int(digit)) for digit in f"{kill:02}{number:02}")


def run_events(on: Sandbox) -> list[tuple[str, str]]:
    messages = on.slack.workspace.channel("#training").all_messages
    return [event for one in messages if (event := run_event(one)) is not None]


def run_event(message: Message) -> tuple[str, str] | None:
    """The run that a message is about, and the text of a reply; "" for the root message."""
    metadata = message.metadata or {}
    if metadata.get("event_type") != "trainwatch_run":
        return None
    return metadata["event_payload"]["run_id"], message.text if message.is_reply else ""


def alert_id(message: Message) -> str | None:
    """The alert id in the metadata of a message."""
    metadata = message.metadata or {}
    if metadata.get("event_type") != "trainwatch_alert":
        return None
    return str(metadata["event_payload"].get("alert_id") or metadata["event_payload"].get("incident_id"))


async def wait_until_quiet(on: Sandbox, still_s: float = 10.0) -> None:
    """Wait until no message has arrived for a while, so that leases of killed processes expire."""
    seen, since = -1, 0.0
    clock = asyncio.get_running_loop().time
    while since == 0.0 or clock() - since < still_s:
        count = len(on.slack.workspace.channel("#training").all_messages)
        if count != seen:
            seen, since = count, clock()
        await asyncio.sleep(0.2)
