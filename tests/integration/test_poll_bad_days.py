"""Polls on bad days: slow, refusing and forgetful platforms, strange lines. In the end the channel hears of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.domain.alerts import Notification
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.subscriptions import RuleSettings
from bot.errors import AuthFailed, CursorLost, ProviderError, RateLimited
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_reader
from bot.store.codec import decode
from bot.store.schema import deliveries
from bot.store.store import Store
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from tests.integration.test_poll import Cloud, Time, clock, outbox, settle, store, watch

__all__ = ["clock", "store"]

SOON = 0.1
"""Seconds of a lease whose looks are cut off at once."""


@dataclass
class Troubled(Cloud):
    """The cloud with one part that raises or hangs, and a log that may forget its cursors."""

    status_error: ProviderError | None = None
    logs_error: ProviderError | None = None
    metrics_error: ProviderError | None = None
    hangs_after: int | None = None
    """The log answers no more from this line on."""
    forgets: bytes | None = None
    """The cursor that it cannot read any more."""

    def __post_init__(self) -> None:
        super().__init__()
        self.asked: list[LogQuery] = []

    async def get_job(self, job: JobRef) -> Job:
        if self.status_error:
            raise self.status_error
        return await super().get_job(job)

    async def query_logs(self, query: LogQuery) -> LogPage:
        self.asked.append(query)
        if self.logs_error:
            raise self.logs_error
        if query.cursor is not None and query.cursor.state == self.forgets:
            raise CursorLost
        if self.hangs_after is not None and int(query.cursor.state if query.cursor else 0) >= self.hangs_after:
            await asyncio.sleep(60)
        return await super().query_logs(query)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        if self.metrics_error:
            raise self.metrics_error
        return await super().query_metrics(query)


@pytest.fixture
def cloud() -> Troubled:
    return Troubled()


def poller_with(
    cloud: Cloud, store: Store, clock: Time, *, lease_s: float = 90, redactor: Redactor | None = None
) -> Poller:
    return Poller(
        Registry({"cloud": cloud}, {}),
        store,
        clock,
        redactor or Redactor([]),
        DiagnosisConfig(build_reader()),
        PollSettings(pace=PollIntervals(running=timedelta(seconds=10)), lease=timedelta(seconds=lease_s)),
        jitter=lambda: 0.5,
    )


@pytest.fixture
async def poller(cloud: Troubled, store: Store, clock: Time) -> AsyncIterator[Poller]:
    poller = poller_with(cloud, store, clock)
    yield poller
    await poller.stop()


async def told(store: Store) -> str:
    """All that the outbox ever held, as one text."""
    async with store._database.read() as connection:
        rows = (await connection.execute(select(deliveries.c.notification))).scalars().all()
    return "\n".join(str(decode(row, Notification)) for row in rows)


async def minutes_until(said: str, store: Store, clock: Time, poller: Poller, *, at_most: int = 20) -> int:
    for minute in range(at_most):
        await settle(poller)
        if said in await told(store):
            return minute
        clock.now += timedelta(minutes=1)
    raise AssertionError(f"{said!r} was not told within {at_most} minutes")


async def cut_off(poller: Poller) -> None:
    """Tick until a look that hangs has been cut off and saved."""
    for _ in range(10):
        await poller.tick()
        await asyncio.sleep(0.02)


async def test_a_look_that_hangs_is_saved_with_what_it_read(store: Store, cloud: Troubled, clock: Time) -> None:
    await watch(store, "slow")
    cloud.slow.add("slow")
    cloud.say("slow", "ERROR: disk")
    poller = poller_with(cloud, store, clock, lease_s=SOON)

    await cut_off(poller)
    await poller.stop()

    assert "ERROR: disk" in await told(store)


async def test_a_log_that_hangs_half_way_is_read_on_from_there(store: Store, cloud: Troubled, clock: Time) -> None:
    await watch(store, "a")
    cloud.say("a", *(f"ERROR: number {number}" for number in range(2_001)))
    cloud.hangs_after = 2_000
    poller = poller_with(cloud, store, clock, lease_s=SOON)

    await cut_off(poller)
    await poller.stop()

    assert "number 1999" in await told(store)
    assert cloud.asked[-1].cursor == LogCursor(b"2000")


async def test_a_job_that_never_answers_is_said_to_be_out_of_sight(store: Store, cloud: Troubled, clock: Time) -> None:
    await watch(store, "slow")
    cloud.slow.add("slow")
    cloud.hangs_after = 0
    poller = poller_with(cloud, store, clock, lease_s=SOON)
    for _ in range(3):
        await cut_off(poller)
        clock.now += timedelta(minutes=5)
    await poller.stop()

    assert "cloud did not answer in time." in await told(store)


async def test_a_look_under_way_is_not_begun_again_when_its_lease_ends(
    store: Store, cloud: Troubled, clock: Time, poller: Poller
) -> None:
    await watch(store, "slow")
    cloud.slow.add("slow")
    await poller.tick()
    clock.now += timedelta(minutes=10)

    await settle(poller)

    assert cloud.queries == ["slow"]


async def test_a_platform_that_asks_for_an_hour_is_said_to_be_out_of_sight(
    store: Store, cloud: Troubled, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    await settle(poller)
    cloud.status_error = cloud.logs_error = RateLimited("Slow down.", retry_after=timedelta(hours=1))

    assert await minutes_until("Slow down.", store, clock, poller) <= 10


async def test_metrics_that_are_limited_delay_nothing_else(
    store: Store, cloud: Troubled, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    cloud.metrics_error = RateLimited("Slow down.", retry_after=timedelta(hours=1))
    await settle(poller)
    cloud.state["a"] = JobState.FAILED

    assert await minutes_until("The job failed", store, clock, poller) <= 1


async def test_a_log_is_read_as_often_when_only_the_status_is_forbidden(
    store: Store, cloud: Troubled, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    await settle(poller)
    cloud.status_error = AuthFailed("Not with this key.")
    await minutes_until("Not with this key.", store, clock, poller)
    before = len(cloud.asked)
    for _ in range(60):
        clock.now += timedelta(seconds=21)
        await settle(poller)

    assert len(cloud.asked) - before == 60


async def test_a_lost_place_in_a_log_is_said_and_read_on_from(
    store: Store, cloud: Troubled, clock: Time, poller: Poller
) -> None:
    await watch(store, "a")
    for _ in range(5):
        await settle(poller)
        clock.now += timedelta(minutes=10)
    cloud.forgets = b"0"
    cloud.say("a", "ERROR: disk")

    await settle(poller)

    assert "ERROR: disk" in await told(store)
    assert "lost my place" in await told(store)
    again = next(query for query in cloud.asked[-2:] if query.cursor is None)
    assert again.start_ns == ns_from_datetime(clock.now - timedelta(minutes=10, seconds=90))


class RecentFailures(Redactor):
    """Fails on some lines, as a bug in our own code would."""

    def redact(self, text: str) -> tuple[str, int]:
        if "poison" in text:
            raise ZeroDivisionError
        return super().redact(text)

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        for line in lines:
            self.redact(line.message)
        return super().redact_lines(lines)


async def test_a_look_that_cannot_be_judged_is_said_and_the_status_still_told(
    store: Store, cloud: Troubled, clock: Time
) -> None:
    await watch(store, "a")
    cloud.say("a", "poison")
    poller = poller_with(cloud, store, clock, redactor=RecentFailures([]))
    await minutes_until("trainwatch itself failed", store, clock, poller)
    cloud.state["a"] = JobState.FAILED
    clock.now += timedelta(minutes=1)
    await settle(poller)
    await poller.stop()

    assert "The job failed" in await told(store)


@pytest.mark.parametrize("stamp_ns", [2**63 * 100, -(2**70), 10**30])
async def test_a_stamp_from_no_calendar_hides_no_error(
    store: Store, cloud: Troubled, clock: Time, poller: Poller, stamp_ns: int
) -> None:
    await watch(store, "a")
    cloud.lines["a"] = [LogLine(stamp_ns, "ERROR: disk")]

    await settle(poller)

    assert await outbox(store, clock) == ["root", "reply"]


async def test_a_long_log_is_judged_off_the_event_loop(store: Store, cloud: Troubled, clock: Time) -> None:
    """So that Slack's three seconds for an answer never depend on a log's length."""
    judged_in: set[int] = set()

    class Noting(Redactor):
        def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
            judged_in.add(threading.get_ident())
            return super().redact_lines(lines)

    await watch(store, "a")
    cloud.say("a", *(f"ERROR: number {number}" for number in range(5_000)))
    poller = poller_with(cloud, store, clock, redactor=Noting([]))

    await settle(poller)
    await poller.stop()

    assert judged_in
    assert threading.get_ident() not in judged_in
    assert "number 4999" in await told(store)


class OtherCloud(Cloud):
    """A second platform."""

    name = "other"


async def test_a_platform_that_hangs_leaves_half_of_the_places_to_the_others(store: Store, clock: Time) -> None:
    hanging, well = Cloud(), OtherCloud()
    for number in range(8):
        await watch(store, f"slow{number}")
        hanging.slow.add(f"slow{number}")
    await store.subscriptions.add("C1", "T1", JobRef("other", "well"), "U1", RuleSettings(), clock())
    poller = Poller(
        Registry({"cloud": hanging, "other": well}, {}),
        store,
        clock,
        Redactor([]),
        DiagnosisConfig(build_reader()),
        PollSettings(concurrency=4),
    )

    for _ in range(4):
        await poller.tick()

    assert (["well"], ["slow0", "slow1"]) == (well.queries, sorted(hanging.queries))
    await poller.stop()
