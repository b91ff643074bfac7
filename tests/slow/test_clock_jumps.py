"""The real process while its system clock jumps, and two processes whose clocks differ. Needs Debian's `faketime`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from emulator.demo import bot_process, connected, free_port
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.world import TrainingJob, World, to_ns
from tests.support.waiting import LONGEST_S, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "1s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "20s",
    "TRAINWATCH_LOG_LEVEL": "info",
    "TRAINWATCH_STORM_SIZE": "1000",
}
PHASES = ("+7200", "+0", "-7200", "+0", "-34560000")
"""Seconds that the system clock is ahead, one after the other."""


def faketime(offsets: Path) -> dict[str, str]:
    """The variables that make the system clock read an offset from a file, as NTP or an operator would set it.

    libfaketime's workaround for a bug of old C libraries ends every wait by the monotonic clock at once. Python's
    threads then spin for the interpreter's lock: a turn between two of them took 5 to 13 ms instead of 0.06 ms
    (observed with libfaketime 0.9.10 and Python 3.11), so that the process hardly worked. The last
    variable turns it off.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    assert library is not None, "install Debian's package libfaketime"
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offsets),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


@contextlib.asynccontextmanager
async def world_of(jobs: int) -> AsyncIterator[tuple[Sandbox, list[TrainingJob]]]:
    world = World()
    running = [world.add_training_job("proj", f"job{number:02}") for number in range(jobs)]
    slack = create_slack(limits=RateLimits(enabled=False))
    slack.sockets.ack_within_s = LONGEST_S
    async with sandbox(world, slack=slack) as on:
        yield on, running


async def watch(on: Sandbox, jobs: list[TrainingJob]) -> None:
    for job in jobs:
        words = f"watch baseten:proj/{job.job_id}"
        await on.slack.person_actions.slash("ada", "#training", "/train", words, wait_s=LONGEST_S)


def fail(jobs: list[TrainingJob]) -> None:
    for job in jobs:
        job.log.append(Line(to_ns(datetime.now(UTC)), f"ERROR: {job.job_id} broke", "abc12", "ERROR"))


def roots(on: Sandbox) -> Counter[str]:
    """Count the root messages about each job."""
    texts = [json.dumps(one.blocks) for one in on.slack.workspace.channel("#training").messages if one.metadata]
    return Counter(name for text in texts for name in re.findall(r"job\d\d broke", text)[:1])


def has_roots(on: Sandbox, count: int) -> bool:
    return len(roots(on)) == count


async def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of an address of the bot."""
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def polls(port: int) -> float:
    _, text = await get(port, "/metrics")
    found = re.findall(r'^trainwatch_polls_total\{outcome="read",platform="baseten"\} (\S+)', text, re.MULTILINE)
    return float(found[0]) if found else 0.0


async def wait_for_polls(ports: Sequence[int], count: float) -> list[float]:
    """Wait until the processes together have polled this often; return the polls of each."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            found = [await polls(port) for port in ports]
            if sum(found) >= count:
                return found
            await asyncio.sleep(0.5)


async def wait_for_clock(port: int, *, is_steady: bool) -> None:
    """Wait until the process reports that its system clock is, or is not, the time it uses."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            _, body = await get(port, "/readyz")
            found = {one["subject"]: one["found"] for one in json.loads(body)["checks"]}
            if ("steady" == found["Clock"]) == is_steady:
                return
            await asyncio.sleep(0.1)


async def test_jumps_of_the_system_clock_lose_and_repeat_nothing(tmp_path: Path) -> None:
    per_phase, port, offsets = 2, free_port(), tmp_path / "offset"
    offsets.write_text("+0\n")
    async with world_of(per_phase * len(PHASES)) as (on, jobs):
        own = {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db", "TRAINWATCH_HEALTH_PORT": str(port)}
        settings = {**on.settings, **SETTINGS, **own, **faketime(offsets)}
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            await watch(on, jobs)
            for index, offset in enumerate(PHASES):
                offsets.write_text(f"{offset}\n")
                await wait_for_clock(port, is_steady=offset == "+0")
                await wait_for_polls([port], await polls(port) + 2 * len(jobs))
                failed = (index + 1) * per_phase
                fail(jobs[index * per_phase : failed])
                await eventually(partial(has_roots, on, failed))
                status, body = await get(port, "/readyz")
                assert (200, True) == (status, json.loads(body)["ok"]), body
    assert {f"{job.job_id} broke": 1 for job in jobs} == roots(on)


async def test_processes_whose_clocks_differ_by_a_minute_share_the_work(tmp_path: Path) -> None:
    ports, ahead = (free_port(), free_port()), tmp_path / "offset"
    ahead.write_text("+60\n")
    few = 4
    async with world_of(10) as (on, jobs):
        settings = {**on.settings, **SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
        first, second = ({**settings, "TRAINWATCH_HEALTH_PORT": str(port)} for port in ports)
        async with bot_process(first, tmp_path) as process:
            await connected(on, process)
            async with bot_process({**second, **faketime(ahead)}, tmp_path):
                await eventually(lambda: len(on.slack.sockets.connections) == len(ports))
                await watch(on, jobs)
                for port in ports:  # the second one joins when it has seen the first one's clock for a while
                    await wait_for_polls([port], len(jobs))
                before = [await polls(port) for port in ports]
                after = await wait_for_polls(ports, sum(before) + 10 * len(jobs))
                shares = [later - earlier for earlier, later in zip(before, after, strict=True)]
                fail(jobs[:few])
                await eventually(partial(has_roots, on, few))
                assert [200, 200] == [(await get(port, "/readyz"))[0] for port in ports]
    assert min(shares) > sum(shares) / 5, shares
    assert {f"{job.job_id} broke": 1 for job in jobs[:few]} == roots(on)
