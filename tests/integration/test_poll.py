"""Polls against a real store: what is fetched, saved, and put into the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.subscriptions import RuleSettings
from bot.errors import NotSupported, StoreUnavailable, Unavailable
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_reader
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings

START = datetime(2026, 3, 13, 10, tzinfo=UTC)
SECRET = "tr41n-0nly-4-test-s3cret-value-9f8e7d6c"


class Cloud:
    """A platform in memory: lines with a numbered cursor, a state, and switches for trouble."""

    name = "cloud"
    ref_help = "cloud:<id>"

    def __init__(self) -> None:
        self.lines: dict[str, list[LogLine]] = {}
        self.state: dict[str, JobState] = {}
        self.down: set[str] = set()
        self.slow: set[str] = set()
        self.broken: set[str] = set()
        self.cut: set[str] = set()
        self.series: Sequence[MetricSeries] | None = None
        self.metric_queries: list[MetricQuery] = []
        self.queries: list[str] = []
        self.names: dict[str, str] = {}

    def parse_ref(self, text: str) -> JobRef | None:
        return JobRef("cloud", text)

    async def get_job(self, job: JobRef) -> Job:
        self.queries.append(job.id)
        if job.id in self.slow:
            await asyncio.sleep(60)
        if job.id in self.down:
            raise Unavailable("The cloud is down.")
        if job.id in self.broken:
            raise ZeroDivisionError
        if job.id in self.cut:
            raise asyncio.CancelledError
        state = self.state.get(job.id, JobState.RUNNING)
        return Job(job, state, state.upper(), name=self.names.get(job.id, job.id), created_at=START)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        return []

    async def query_logs(self, query: LogQuery) -> LogPage:
        if query.job.id in self.down:
            raise Unavailable("The cloud is down.")
        position = int(query.cursor.state) if query.cursor else 0
        lines = self.lines.get(query.job.id, [])[position : position + query.limit]
        end = position + len(lines)
        return LogPage(lines, LogCursor(b"%d" % end), more=end < len(self.lines.get(query.job.id, [])))

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        self.metric_queries.append(query)
        if self.series is None:
            raise NotSupported("The cloud has no metrics.")
        return self.series

    async def aclose(self) -> None:
        return None

    def say(self, job: str, *messages: str) -> None:
        stamp = ns_from_datetime(START)
        self.lines.setdefault(job, []).extend(LogLine(stamp, message) for message in messages)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    await upgrade(url)
    opened = await open_store(url)
    yield opened
    await opened.aclose()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
async def poller(store: Store, cloud: Cloud, clock: Time) -> AsyncIterator[Poller]:
    settings = PollSettings(pace=PollIntervals(running=timedelta(seconds=10)), drain=timedelta(seconds=30))
    poller = Poller(
        Registry({"cloud": cloud}, {}),
        store,
        clock,
        Redactor([SECRET]),
        DiagnosisConfig(build_reader()),
        settings,
        jitter=lambda: 0.5,
    )
    yield poller
    await poller.stop()


async def watch(store: Store, job: str, channel: str = "C1") -> None:
    await store.subscriptions.add(channel, None, JobRef("cloud", job), "U1", RuleSettings(), START)


@contextlib.contextmanager
def away(folder: Path) -> Iterator[None]:
    """The tables are not there, as when the database is down."""
    with closing(sqlite3.connect(folder / "bot.db")) as connection, connection:
        connection.execute("ALTER TABLE watches RENAME TO gone")
    yield
    with closing(sqlite3.connect(folder / "bot.db")) as connection, connection:
        connection.execute("ALTER TABLE gone RENAME TO watches")


async def settle(poller: Poller) -> None:
    while await poller.tick():
        pass


async def outbox(store: Store, clock: Time) -> list[str]:
    """Take what may be sent now, and mark it as sent."""
    from bot.domain.alerts import Receipt

    kinds = []
    while claimed := await store.deliveries.claim(clock(), lease=timedelta(minutes=1), limit=50):
        for one in claimed:
            kinds.append(one.notification.kind.value)
            await store.deliveries.mark_sent(one.id, one.token, Receipt(one.channel, f"1.{one.id}"), clock())
    return kinds


async def test_one_fetch_serves_every_channel(store: Store, cloud: Cloud, clock: Time, poller: Poller) -> None:
    for channel in ("C1", "C2", "C3"):
        await watch(store, "a", channel)
    cloud.say("a", "ERROR: disk")

    await settle(poller)

    assert cloud.queries == ["a"]
    assert sorted(await outbox(store, clock)) == ["reply"] * 3 + ["root"] * 3


async def test_a_line_is_told_once_and_the_next_poll_waits_its_turn(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    cloud.say("a", "ERROR: disk")
    await settle(poller)
    await outbox(store, clock)

    clock.now += timedelta(seconds=5)
    await settle(poller)
    clock.now += timedelta(seconds=6)
    await settle(poller)

    assert cloud.queries == ["a", "a"]
    assert await outbox(store, clock) == []


async def test_a_long_backlog_is_caught_up_without_a_storm(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    cloud.say("a", *(f"ERROR: number {number}" for number in range(25_000)))

    await settle(poller)
    (listed,) = await store.subscriptions.list("C1")

    assert listed.firing == 1
    assert await outbox(store, clock) == ["root", "reply", "edit"]


async def test_a_slow_job_delays_no_other(store: Store, cloud: Cloud, clock: Time, poller: Poller) -> None:
    await watch(store, "slow")
    await watch(store, "quick")
    cloud.slow.add("slow")
    cloud.say("quick", "ERROR: disk")

    await settle(poller)

    assert await outbox(store, clock) == ["root", "reply"]


async def test_stopping_gives_unfinished_jobs_back_at_once(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    await watch(store, "slow")
    cloud.slow.add("slow")
    await poller.tick()

    await poller.stop()

    assert [one.job.id for one in await store.watches.claim_due(clock(), lease=timedelta(minutes=1))] == ["slow"]


async def test_a_look_outlives_a_database_that_is_away_for_a_moment(
    store: Store, cloud: Cloud, clock: Time, poller: Poller, tmp_path: Path
) -> None:
    """It is saved by the next tick; the job need not wait for the end of its lease to be looked at again."""
    await watch(store, "a")
    cloud.say("a", "ERROR: disk")
    await poller.tick()

    with away(tmp_path), pytest.raises(StoreUnavailable):
        await poller.tick()
    await settle(poller)

    assert ["root", "reply"] == await outbox(store, clock)
    assert ["a"] == cloud.queries


async def test_looks_are_broken_off_and_given_back_even_when_those_before_could_not_be_saved(
    store: Store, cloud: Cloud, clock: Time, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, "slow")
    await watch(store, "quick")
    cloud.slow.add("slow")
    await poller.tick()

    before = len(asyncio.all_tasks())
    with away(tmp_path), pytest.raises(StoreUnavailable):
        await poller.stop()

    assert before - 1 == len(asyncio.all_tasks())


async def test_metrics_are_asked_for_no_further_back_than_at_first(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    """Eight days of them in one answer would be too large, and larger at each try."""
    await watch(store, "a")
    cloud.series = ()
    for absence in (timedelta(days=8), timedelta(0)):
        await settle(poller)
        clock.now += absence

    first, long_after = ((query.end or START) - (query.start or START) for query in cloud.metric_queries)
    assert first == long_after
    assert [None, None] == [query.step for query in cloud.metric_queries]


@pytest.mark.parametrize("trouble", ["down", "broken", "cut"])
async def test_blindness_is_said_after_a_while_and_so_is_its_end(
    store: Store, cloud: Cloud, clock: Time, poller: Poller, trouble: str
) -> None:
    """Whether the platform or trainwatch itself fails, or a cancelled call comes out of a library: it hears of it."""
    await watch(store, "a")
    getattr(cloud, trouble).add("a")
    said: list[str] = []
    for _ in range(20):
        await settle(poller)
        said += await outbox(store, clock)
        clock.now += timedelta(minutes=1)
    getattr(cloud, trouble).clear()
    clock.now += timedelta(minutes=10)
    await settle(poller)

    assert said == ["root"]
    assert await outbox(store, clock) == ["edit", "reply"]


async def test_a_job_that_ends_is_let_go_after_its_last_word(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    cloud.state["a"] = JobState.SUCCEEDED
    for _ in range(4):
        await settle(poller)
        clock.now += timedelta(seconds=15)

    assert await outbox(store, clock) == ["note"]
    assert list(await store.subscriptions.list("C1")) == []


async def test_a_platform_that_is_not_set_up_is_said_and_stops_nobody(
    store: Store, cloud: Cloud, clock: Time, poller: Poller
) -> None:
    await store.subscriptions.add("C1", None, JobRef("gone", "x"), "U1", RuleSettings(), START)
    await watch(store, "a")
    cloud.say("a", "ERROR: disk")

    await settle(poller)

    assert await outbox(store, clock) == ["root", "reply"]


async def test_secrets_are_gone_before_anything_is_cut_stored_or_told(
    store: Store, cloud: Cloud, clock: Time, poller: Poller, tmp_path: Path
) -> None:
    """Also one that a cut would halve, one in a replica's name, and one in the job's own name."""
    await watch(store, "a")
    cloud.names["a"] = f"run {SECRET}"
    stamp = ns_from_datetime(START)
    cloud.lines["a"] = [
        LogLine(stamp, f"ERROR: {'x' * 180} {SECRET} refused", replica=f"replica-{SECRET}"),
        LogLine(stamp, f"Traceback (most recent call last):\n  {SECRET}\nValueError: {SECRET}"),
    ]

    await settle(poller)
    told = await store.deliveries.claim(clock(), lease=timedelta(minutes=1), limit=50)
    await store.aclose()

    assert told
    held = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.glob("bot.db*")))
    assert [size for size in (len(SECRET), 20, 12) if SECRET[:size].encode() in held] == []
    assert SECRET[:12] not in repr(told)
