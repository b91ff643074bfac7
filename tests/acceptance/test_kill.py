"""The bot killed without warning at random moments while alerts fire: nothing is missing, nothing stands thrice.

The real process, the emulated Slack and cloud, a database file. An alert may stand twice at worst, with the same alert
id: the message that was on its way to Slack in the very moment of a kill (docs/adr/0004).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from emulator.demo import bot_process, connected
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.slack.model import Message
from emulator.world import TrainingJob, World, to_ns

KILLS = 20
JOBS = 12
SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "1s",
    "TRAINWATCH_OVERLAP": "20s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "4s",
    "TRAINWATCH_LOG_LEVEL": "error",
}


async def test_kills_at_random_moments_lose_no_alert_and_repeat_none_more_than_once(tmp_path: Path) -> None:
    world = World()
    jobs = [world.add_training_job("proj", f"job{number:02}") for number in range(JOBS)]
    dice = random.Random(20260313)
    async with sandbox(world, slack=create_slack(limits=RateLimits(enabled=False))) as on:
        settings = {**on.settings, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            for job in jobs:
                await on.slack.person_actions.slash("ada", "#training", "/train", f"watch baseten:proj/{job.job_id}")
        for kill in range(KILLS):
            async with bot_process(settings, tmp_path) as process:
                await connected(on, process)
                go_wrong(jobs, kill)
                await asyncio.sleep(dice.uniform(0.0, 1.5))
                process.kill()
                await process.wait()
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            await quiet(on)

        roots = [alert_id(one) for one in on.slack.workspace.channel("#training").messages if alert_id(one)]
        everything = on.slack.workspace.channel("#training").all_messages
        replies = [one for one in everything if one.is_reply and alert_id(one)]
    text = json.dumps([one.blocks for one in replies])
    assert [word for kill in range(KILLS) for word in words(kill) if word not in text] == []
    assert len(set(roots)) == JOBS
    assert max(Counter(roots).values()) <= 2
    assert max(Counter((alert_id(one), json.dumps(one.blocks)) for one in replies).values()) <= 2


def go_wrong(jobs: list[TrainingJob], kill: int) -> None:
    """Some jobs say something alarming, each in words of its own so that each is news."""
    for number, job in enumerate(jobs):
        if number % 4 == kill % 4:
            now = to_ns(datetime.now(UTC))
            job.log.append(Line(now, f"ERROR: {word(kill, number)} broke", "abc12", "ERROR"))


def words(kill: int) -> list[str]:
    return [word(kill, number) for number in range(JOBS) if number % 4 == kill % 4]


def word(kill: int, number: int) -> str:
    """Letters only: messages that differ in a number are one piece of news."""
    return "part-" + "".join(chr(ord("a") + int(digit)) for digit in f"{kill:02}{number:02}")


def alert_id(message: Message) -> str | None:
    """Which alert a message says it is about."""
    metadata = message.metadata or {}
    if metadata.get("event_type") != "trainwatch_alert":
        return None
    return str(metadata["event_payload"].get("alert_id") or metadata["event_payload"].get("incident_id"))


async def quiet(on: Sandbox, still_s: float = 8.0) -> None:
    """Wait until nothing has come for a while; leases of killed processes end meanwhile."""
    seen, since = -1, 0.0
    clock = asyncio.get_running_loop().time
    while since == 0.0 or clock() - since < still_s:
        count = len(on.slack.workspace.channel("#training").all_messages)
        if count != seen:
            seen, since = count, clock()
        await asyncio.sleep(0.2)
