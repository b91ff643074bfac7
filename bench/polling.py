"""Polling quiet jobs from one process, beside bare clients that make the same requests.

Each measurement runs in a separate process (`python -m bench.polling`) and the cloud in another, so that CPU time
and memory are those of the watcher alone: the real poller, registry, provider and SQLite store.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import msgspec

from bench.cloud import KEY, quiet_ref, running_cloud
from bench.measuring import ran
from bench.report import Row, Section, megabytes
from bot.app import reduce_garbage_collection
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.providers.http.transport import AiohttpTransport
from bot.providers.registry import build_registry
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import shipped_diagnosis_config
from bot.steady_clock import read_system_clock
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings

CONCURRENCY = PollSettings().concurrency
MINUTE = timedelta(seconds=60)
MOST = 20_000
SECONDS = 6.0
"""How long one measurement of a rate lasts."""
_NO_REST = -4.5
"""The jitter that makes the time between two polls of a job zero."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one process did in a while."""

    seconds: float
    polls: int
    cpu_s: float
    rss_bytes: int
    """At the end."""
    late_s: float
    """How long the job longest overdue had waited at the end."""
    database_bytes: int

    @property
    def cpu_ms(self) -> float:
        """CPU of one poll."""
        return 1000 * self.cpu_s / self.polls

    @property
    def cores(self) -> float:
        """Part of one core that was busy."""
        return self.cpu_s / self.seconds


def rss_bytes() -> int:
    """Memory of this process that is in RAM now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def poll_jobs(url: str, jobs: int, seconds: float, *, minute: bool) -> list[Polled]:
    """Poll `jobs` quiet jobs: once unmeasured, then again and again without rest.

    Args:
        url: of the cloud.
        jobs: how many.
        seconds: how long to measure at least; and at least one round of all jobs.
        minute: afterwards measure one minute in which each job is due once; the second of the results.
    """
    limits = {"baseten_requests_per_second": "5000", "baseten_concurrency": str(CONCURRENCY * 2)}
    registry = build_registry({"baseten_api_key": KEY, "baseten_base_url": url, **limits})
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "bench.db")
        await upgrade(f"sqlite:///{database}")
        store = await open_store(f"sqlite:///{database}")
        job = JobRef("baseten", quiet_ref(0))
        await store.subscriptions.add("C1", "T1", job, "U1", RuleSettings(), read_system_clock())
        multiply(database, jobs)
        settings = PollSettings(intervals=PollIntervals(running=MINUTE, waiting=MINUTE))
        poller = Poller(
            registry,
            store,
            read_system_clock,
            Redactor(),
            shipped_diagnosis_config(),
            settings,
            jitter=lambda: _NO_REST,
        )
        counted = _Counted(poller, store)
        await counted.run(jobs)
        meter = _Meter(database)
        meter.polls = await counted.run(jobs, seconds)
        found = [meter.read(0.0)]
        await poller.stop()
        if minute:
            poller = Poller(registry, store, read_system_clock, Redactor(), shipped_diagnosis_config(), settings)
            counted = _Counted(poller, store)
            make_due(database, jobs, MINUTE)
            meter = _Meter(database)
            meter.polls = await counted.run(0, MINUTE.total_seconds())
            found.append(meter.read((await store.watches.overdue(read_system_clock())).total_seconds()))
            await poller.stop()
        await store.aclose()
        await registry.aclose()
    return found


class _Meter:
    """Time, CPU time and memory of this process from now on."""

    def __init__(self, database: Path | None = None) -> None:
        self.polls = 0
        self._database = database
        self._begun, self._cpu = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self._begun

    def read(self, late_s: float) -> Polled:
        """What was measured."""
        size = sum(path.stat().st_size for path in self._database.parent.iterdir()) if self._database else 0
        return Polled(self.seconds, self.polls, time.process_time() - self._cpu, rss_bytes(), late_s, size)


def multiply(database: Path, jobs: int) -> None:
    """Make many watches with their subscriptions of the first one, at once."""
    copy = "INSERT INTO watches (provider, job_id, created_at, due_at, fails, memory) SELECT provider, ?, created_at,"
    share = "INSERT INTO subscriptions (watch_id, channel, team, created_by, created_at, settings) SELECT watches.id,"
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.executemany(
            f"{copy} due_at, fails, memory FROM watches WHERE id = 1",
            [(quiet_ref(number),) for number in range(1, jobs)],
        )
        connection.execute(
            f"{share} channel, team, created_by, subscriptions.created_at, settings FROM watches, subscriptions"
            " WHERE watches.id > 1 AND subscriptions.watch_id = 1"
        )


class _Counted:
    """A poller whose saved polls are counted."""

    def __init__(self, poller: Poller, store: Store) -> None:
        self._poller, self._settle = poller, store.watches.settle
        self.saved = 0
        # A tick does not return the number of polls.
        store.watches.settle = self._count  # type: ignore[method-assign]

    async def run(self, polls: int, seconds: float = 0.0) -> int:
        """Tick until this many polls are saved and this much time has passed; return the number of polls."""
        before, begun = self.saved, time.perf_counter()
        while self.saved - before < polls or time.perf_counter() - begun < seconds:
            busy = await self._poller.tick()
            await asyncio.sleep(0 if busy else 0.2)
        return self.saved - before

    async def _count(
        self, results: Sequence[PollResult], now: datetime, grouping: Grouping = STANDARD
    ) -> frozenset[int]:
        held = await self._settle(results, now, grouping)
        self.saved += len(held)
        return held


def make_due(database: Path, jobs: int, within: timedelta) -> None:
    """Let all jobs fall due evenly spread over some time, as they are when they came one by one."""
    now = read_system_clock().replace(tzinfo=None)
    step_s = within.total_seconds() / jobs
    due = [((now + timedelta(seconds=step_s * number)).isoformat(" "), quiet_ref(number)) for number in range(jobs)]
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.executemany("UPDATE watches SET due_at = ? WHERE provider = 'baseten' AND job_id = ?", due)


async def ask_barely(url: str, jobs: int, seconds: float, *, transport: str) -> Polled:
    """The requests of each poll, side by side as the poller makes them, and nothing else.

    Args:
        url: of the cloud.
        jobs: how many are asked in turn.
        seconds: how long.
        transport: `ours`, or `httpx` for the one that httpx brings. Each is asked as many at once as serves it best.
    """
    headers = {"Authorization": f"Api-Key {KEY}"}
    loops = 16 if transport == "ours" else 1
    if transport == "ours":
        client = httpx.AsyncClient(transport=AiohttpTransport(3 * loops), headers=headers)
    else:
        client = httpx.AsyncClient(limits=httpx.Limits(max_connections=3 * loops), headers=headers)
    meter, numbers = _Meter(), count()

    async def loop() -> None:
        while meter.seconds < seconds:
            job = f"{url}/v1/training_projects/bench/jobs/{quiet_ref(next(numbers) % jobs).partition('/')[2]}"
            end_ms = time.time_ns() // 1_000_000
            window = f"start_epoch_millis={end_ms - 240_000}&end_epoch_millis={end_ms}"
            urls = (f"{job}/logs?{window}&direction=asc&limit=1000", f"{job}/metrics?{window}&step_seconds=15")
            await asyncio.gather(*(client.get(one) for one in urls))
            meter.polls += 1

    async with client:
        await asyncio.gather(*(loop() for _ in range(loops)))
    return meter.read(0.0)


def section() -> Section:
    """All figures of polling. Takes some minutes, for 20,000 jobs are polled three times."""
    with running_cloud() as url:
        rounds = [
            (
                _measured(url, 200)[0],
                _measured(url, 2_000)[0],
                _measured(url, 200, "--bare=ours")[0],
                _measured(url, 200, "--bare=httpx")[0],
            )
            for _ in range(3)
        ]
        few, more, bare, httpx_own = (_middle(found) for found in zip(*rounds, strict=True))
        most, steady = _measured(url, MOST, "--minute")
    return Section("Polling", _TEXT, [*_rates(few, more, most, bare, httpx_own), *_minute(steady, few, most)])


_TEXT = (
    "Quiet running jobs with default rules in one channel each: every poll asks for new log lines, and for the status"
    " with the last four minutes of metrics (20 series, a sample each 15 s), judges all rules and saves, in SQLite."
    " First without rest, so often that few polls find a new sample; then 20,000 jobs at one poll a minute each, with"
    " four new samples of each series per poll. The platform is emulated on the same machine, and its limit is raised:"
    " as shipped a key makes 50 requests a second, which is 1,500 polls a minute. The bare clients make the same"
    " two requests a poll and ignore the answers: one is httpx as it comes, the other httpx over our transport, which"
    " shows what all that is done besides the requests costs. The ratio to them is of polls per second of CPU, for the"
    " emulated platform bounds the rates."
)


def _rates(few: Polled, more: Polled, most: Polled, bare: Polled, httpx_own: Polled) -> list[Row]:
    def rate(one: Polled) -> str:
        return f"{one.polls / one.seconds:,.0f} polls/s, {one.cpu_ms:.2f} ms CPU each"

    rows = []
    ratio = httpx_own.cpu_ms / few.cpu_ms
    rows.append(Row("Polling 200 jobs", rate(few), "bare httpx", rate(httpx_own), ratio, "≥ 0.7 by CPU", ratio >= 0.7))
    ratio = bare.cpu_ms / few.cpu_ms
    rows.append(Row("Polling 200 jobs", rate(few), "bare httpx over our transport", rate(bare), ratio))
    for what, one in (("2,000", more), (f"{MOST:,}", most)):
        ratio = one.cpu_ms / few.cpu_ms
        rows.append(
            Row(
                f"Polling {what} jobs",
                rate(one),
                "200 jobs, CPU a poll",
                rate(few),
                ratio,
                "linear: ≤ 1.3",
                ratio <= 1.3,
            )
        )
    return rows


def _minute(steady: Polled, few: Polled, most: Polled) -> list[Row]:
    a_job = (most.rss_bytes - few.rss_bytes) / (MOST - 200)
    return [
        Row(
            f"{MOST:,} jobs a minute", f"{steady.cores:.0%} of a core, {steady.cpu_ms:.2f} ms CPU each",
            "polls due in that time", f"{steady.polls:,} made, {steady.late_s:.1f} s late at the end",
            target="< 70 %, all made", met=steady.cores < 0.7 and steady.polls >= MOST,
        ),
        Row("… memory", megabytes(steady.rss_bytes), target="< 600 MB", met=steady.rss_bytes < 600e6),
        Row("… memory a job", f"{a_job / 1000:.1f} kB", target="< 15 kB", met=a_job < 15_000),
        Row("… database a job", f"{steady.database_bytes / MOST / 1000:.1f} kB"),
    ]  # fmt: skip


def _middle(found: Sequence[Polled]) -> Polled:
    """The one of median CPU a poll."""
    return sorted(found, key=lambda one: one.cpu_s / one.polls)[len(found) // 2]


def _measured(url: str, jobs: int, *options: str) -> list[Polled]:
    command = [sys.executable, "-m", "bench.polling", url, str(jobs), *options]
    return msgspec.json.decode(ran(command).output.splitlines()[-1], type=list[Polled])


async def _work(url: str, jobs: int, *, bare: str | None, minute: bool) -> list[Polled]:
    reduce_garbage_collection()  # as the bot does, and for the bare clients alike
    if bare:
        return [await ask_barely(url, jobs, SECONDS, transport=bare)]
    return await poll_jobs(url, jobs, SECONDS, minute=minute)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("jobs", type=int)
    parser.add_argument("--minute", action="store_true")
    parser.add_argument("--bare", choices=["ours", "httpx"])
    given = parser.parse_args()
    found = asyncio.run(_work(given.url, given.jobs, bare=given.bare, minute=given.minute))
    print(msgspec.json.encode(found).decode())
