"""Follow 2,000 lines per second for a minute, some late or duplicated: each is read once, and memory stays flat."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.logs import Line
from emulator.world import Status, TrainingJob, to_ns
from tests.acceptance.program import REPOSITORY, Machine, machine_at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

RATE = 2_000
SECONDS = 60
LATEST_S = 8
KILLS = 5
REF = "proj/fast"
FAST = {"BASETEN_REQUESTS_PER_SECOND": "10000", "BASETEN_TIMEOUT_S": "30", "BASETEN_RETRY_BUDGET_S": "20"}

ExpectedLine = tuple[int, str, str | None]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_at(tmp_path) as made:
        yield made


def lines_from(start: datetime) -> list[Line]:
    """Lines of one minute, each visible at its timestamp, every fiftieth late."""
    dice = random.Random(2000)
    lines: list[Line] = []
    for number in range(RATE * SECONDS):
        at_ns = to_ns(start) + number * 10**9 // RATE
        late_ns = dice.randrange(LATEST_S * 10**9) if number % 50 == 0 else 0
        lines.append(Line(at_ns, f"step {number % 997} loss 0.25", f"node{number % 3}", visible_at_ns=at_ns + late_ns))
    return lines + lines[::1000]


def begin(machine: Machine) -> tuple[TrainingJob, Counter[ExpectedLine]]:
    """Add the job; return it with its future lines."""
    start = datetime.now(UTC) + timedelta(seconds=3)
    statuses = [
        Status(start - timedelta(minutes=5), "TRAINING_JOB_RUNNING"),
        Status(start + timedelta(seconds=SECONDS + LATEST_S), "TRAINING_JOB_COMPLETED"),
    ]
    lines = lines_from(start)
    job = machine.world.add_training_job(*REF.split("/"), lines=lines, statuses=statuses)
    return job, Counter((line.timestamp_ns, line.message, line.replica) for line in lines)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_fast_log_is_followed_exactly_in_flat_memory(machine: Machine) -> None:
    _, expected = begin(machine)
    process = await machine.start("logs", f"baseten:{REF}", "--follow", "--since", "10m", "--json", **FAST)
    reading = asyncio.create_task(process.communicate())
    sizes = []
    while not reading.done():
        sizes.append(resident_bytes(process.pid) if process.returncode is None else 0)
        await asyncio.wait((reading,), timeout=1)
    out, err = await reading
    rows = [json.loads(line) for line in out.splitlines()]
    found = Counter((stamp_ns(row["timestamp"]), row["message"], row["source"]) for row in rows)
    assert 0 == process.returncode, err
    assert (0, 0) == ((expected - found).total(), (found - expected).total())
    assert max(sizes[25:]) - max(sizes[10:25]) < 20_000_000


async def test_a_fast_log_is_followed_exactly_through_kills(machine: Machine, tmp_path: Path) -> None:
    url, file = f"sqlite:///{tmp_path}/follow.db", tmp_path / "lines"
    await upgrade(url)
    store = await open_store(url)
    await store.subscriptions.add("C1", "T1", JobRef("baseten", REF), "U1", RuleSettings(), datetime.now(UTC))
    await store.aclose()
    file.touch()
    _, expected = begin(machine)
    for _ in range(KILLS):
        process = await start(machine, url, file, 1000)
        await asyncio.sleep((SECONDS + LATEST_S) / KILLS)
        process.kill()
        await process.wait()
    last = await start(machine, url, file, 40)
    assert 0 == await last.wait()
    found: Counter[ExpectedLine] = Counter(tuple(json.loads(line)) for line in file.read_text().splitlines())
    assert (0, 0) == ((expected - found).total(), (found - expected).total())


async def start(machine: Machine, url: str, file: Path, seconds: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.slow.follower", url, str(file), str(seconds),
        cwd=REPOSITORY, env=machine.process_environment(**FAST),
    )  # fmt: skip


def stamp_ns(text: str) -> int:
    second, _, fraction = text.removesuffix("Z").partition(".")
    return to_ns(datetime.fromisoformat(f"{second}+00:00")) + int(fraction)
