"""Commands over far time ranges while 50 jobs are polled: polls stay on time, and the commands are answered soon.

The real process with the default rate limit, against the emulator. Also a burst of 300 commands, and a stop during it.
"""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.slack.render.progress import RESTARTING
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.demo import connected
from emulator.faults import Fault
from emulator.logs import Line
from emulator.slack.model import Message
from emulator.world import Status, to_ns
from tests.acceptance.program import Machine, machine_at
from tests.support.waiting import LONGEST_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

JOBS = 50
INTERVAL_S = 2.0
LATE_S = 4.0
ANSWER_S = 10.0
SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": f"{INTERVAL_S:g}s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LOG_LEVEL": "warning",
    "BASETEN_REQUESTS_PER_SECOND": "50",
}
OLD, YOUNG = "baseten-model:old/served", "baseten:proj/far"
RANGES = {
    "far start and end": (f"logs {YOUNG} --start 1970-01-01T00:00:00Z", f"logs {YOUNG} --end 2261-01-01T00:00:00Z"),
    "far spans": (f"diagnose {YOUNG} --since 20000d", f"logs {YOUNG} --since 999999h --asc"),
    "a deployment of five years": (
        f"logs {OLD} --start 1970-01-01T00:00:00Z --grep nothing",
        f"diagnose {OLD} --since 20000d",
    ),
}


class PollTimes(deque[str]):
    """When the log of each watched job was requested, in seconds of the test's clock."""

    def __init__(self) -> None:
        super().__init__(maxlen=1)
        self.at: defaultdict[str, list[float]] = defaultdict(list)

    def append(self, request: str) -> None:
        """Note a request."""
        path, _, rest = request.partition("/jobs/w")[2].partition("?")[0].partition("/")
        if path and rest == "logs":
            self.at[path].append(asyncio.get_running_loop().time())

    def fewest(self, since: float) -> int:
        """Return the smallest number of requests for a job's log."""
        return min(sum(at >= since for at in times) for times in self.at.values())

    def due(self, since: float) -> int:
        """Return how many polls of each job would all be as late as allowed, up to now."""
        return int((asyncio.get_running_loop().time() - since) // (INTERVAL_S + LATE_S))

    def longest_gap_s(self, since: float) -> float:
        """Return the longest time without a request for a job's log, up to now."""
        now = asyncio.get_running_loop().time()
        seen = ([max(since, at) for at in times] for times in self.at.values())
        return max(after - before for times in seen for before, after in pairwise((since, *times, now)))


@dataclass(slots=True)
class Bot:
    """A running bot that polls 50 jobs."""

    machine: Machine
    process: asyncio.subprocess.Process
    requests: PollTimes = field(default_factory=PollTimes)

    @property
    def answers(self) -> list[Message]:
        """The private answers in #training."""
        shown = self.machine.on.slack.workspace.channel("#training").ephemerals
        return [one for one in shown if not one.text.startswith("Working on it")]

    async def type(self, *commands: str) -> None:
        """Type commands at the same time."""
        person = self.machine.on.slack.person_actions
        await asyncio.gather(*(person.slash("ada", "#training", "/train", text, wait_s=0) for text in commands))

    async def answered(self, count: int) -> None:
        """Wait for this number of answers."""
        person = self.machine.on.slack.person_actions
        await person.until(lambda: len(self.answers) >= count or None, timeout_s=LONGEST_S)


@asynccontextmanager
async def bot(folder: Path) -> AsyncIterator[Bot]:
    """Serve, with 50 watched jobs, a young job and an old deployment."""
    async with machine_at(folder) as machine:
        now = datetime.now(UTC)
        world, database = machine.world, machine.environment["DATABASE_URL"]
        lines = [Line(to_ns(now) - number * 10**9, f"step {number}", None, "INFO") for number in range(60, 0, -1)]
        for number in range(JOBS):
            world.add_training_job("proj", f"w{number}", lines=lines)
        world.add_training_job("proj", "far", lines=lines)
        old = Status(now - timedelta(days=5 * 365), "ACTIVE")
        world.add_deployment("old", "served", lines=lines, statuses=[old])
        await upgrade(database)
        store = await open_store(database)
        channel = machine.on.slack.workspace.channel("#training").id
        for number in range(JOBS):
            ref = JobRef("baseten", f"proj/w{number}")
            await store.subscriptions.add(channel, "T1", ref, "U0ADA", RuleSettings(), now)
        await store.aclose()
        process = await machine.start("serve", **SETTINGS)
        running = Bot(machine, process)
        machine.on.faults.requests = running.requests
        try:
            await connected(machine.on, process)
            await asyncio.sleep(3 * INTERVAL_S)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.mark.parametrize("commands", RANGES.values(), ids=RANGES)
async def test_far_ranges_delay_no_poll(commands: Sequence[str], tmp_path: Path) -> None:
    async with bot(tmp_path) as running, polls_on_time(running):
        await running.type(*commands)
        async with asyncio.timeout(ANSWER_S):
            await running.answered(2)
        assert all(" was cut to" in str(one.blocks) or "Stopped after" in str(one.blocks) for one in running.answers)


async def test_each_of_300_commands_is_answered(tmp_path: Path) -> None:
    async with bot(tmp_path) as running:
        began = asyncio.get_running_loop().time()
        await running.type(*[f"logs {YOUNG} --tail 3"] * 300)
        await running.answered(300)
        # On average: 300 commands keep a busy machine from one poll or another for longer.
        assert running.requests.fewest(began) >= running.requests.due(began)
        assert len(running.answers) == 300
        assert all("log lines" in one.text or "Too many requests" in one.text for one in running.answers)


@asynccontextmanager
async def polls_on_time(running: Bot) -> AsyncIterator[None]:
    """Check that no poll is late in the block and for some intervals after it."""
    began = asyncio.get_running_loop().time()
    yield
    await asyncio.sleep(3 * INTERVAL_S)
    assert len(running.requests.at) == JOBS
    assert running.requests.longest_gap_s(began) <= INTERVAL_S + LATE_S


async def test_commands_in_flight_are_answered_when_the_process_stops(tmp_path: Path) -> None:
    async with bot(tmp_path) as running:
        far = "/baseten/v1/training_projects/proj/jobs/far"
        running.machine.on.faults.add(Fault(kind="stall", path=far, delay_s=30))
        await running.type(*[f"logs {YOUNG} --tail 3"] * 300)
        running.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(running.process.wait(), LONGEST_S)
        texts = [one.text for one in running.answers]
        assert len(texts) == 300
        assert set(texts) == {RESTARTING}
