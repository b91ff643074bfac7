"""Polls on bad days: slow, refusing and forgetful platforms, malformed lines. In the end the channel is notified."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import JobState
from bot.domain.logs import LogCursor, LogLine
from bot.errors import AuthFailed, RateLimited
from bot.redaction.redactor import Redactor
from bot.store.store import Store
from bot.watcher.poll import Poller, PollSettings
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.polling import create_poller, deliver_all, outbox_text, poll_until_idle, watch
from tests.support.waiting import LONGEST_S

SHORT_LEASE = PollSettings(lease=timedelta(seconds=0.1))
"""Polls that hang reach their deadline at once."""
LEASE_TO_READ_IN = PollSettings(lease=timedelta(seconds=4))
"""Polls that hang read all available lines long before their deadline."""


async def minutes_until(text: str, folder: Path, clock: ManualClock, poller: Poller, *, at_most: int = 20) -> int:
    """Poll once a minute until the outbox contains the text; how many minutes that took."""
    for minute in range(at_most):
        await poll_until_idle(poller)
        if text in outbox_text(folder):
            return minute
        clock.advance(timedelta(minutes=1))
    raise AssertionError(f"{text!r} was not in the outbox within {at_most} minutes")


async def tick_until(condition: Callable[[], bool], poller: Poller) -> None:
    """Tick until a condition holds."""
    async with asyncio.timeout(LONGEST_S):
        while not condition():
            await poller.tick()


async def test_a_poll_past_its_deadline_saves_the_lines_it_read(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    await watch(store, provider, "slow")
    provider.hanging_jobs.add("slow")
    provider.log("slow", "ERROR: disk")
    poller = create_poller(store, clock, provider, settings=LEASE_TO_READ_IN)

    await tick_until(lambda: outbox_text(tmp_path) != "", poller)
    await poller.stop()

    assert "ERROR: disk" in outbox_text(tmp_path)


async def test_a_log_that_hangs_midway_resumes_at_its_cursor(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    provider.log("a", *(f"ERROR: number {number}" for number in range(2_001)))
    provider.hangs_at_line = 2_000
    poller = create_poller(store, clock, provider, settings=LEASE_TO_READ_IN)

    await tick_until(lambda: len(provider.queries) == 3, poller)
    await poller.stop()

    assert "2,000 errors" in outbox_text(tmp_path)
    assert [query.cursor for query in provider.queries] == [None, LogCursor(b"2000"), LogCursor(b"2000")]


async def test_channel_is_notified_of_a_job_that_never_responds(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    await watch(store, provider, "slow")
    provider.hanging_jobs.add("slow")
    provider.hangs_at_line = 0
    poller = create_poller(store, clock, provider, settings=SHORT_LEASE)
    for polls in (1, 2, 3):
        await tick_until(lambda count=polls: len(provider.job_queries) == count, poller)  # type: ignore[misc]
        clock.advance(timedelta(minutes=5))
    await tick_until(lambda: outbox_text(tmp_path) != "", poller)
    await poller.stop()

    assert "mem did not answer in time." in outbox_text(tmp_path)


async def test_a_running_poll_is_not_started_again_when_its_lease_ends(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "slow")
    provider.hanging_jobs.add("slow")
    await poller.tick()
    clock.advance(timedelta(minutes=10))

    await poll_until_idle(poller)

    assert provider.job_queries == ["slow"]


async def test_channel_is_notified_of_a_platform_that_asks_to_wait_an_hour(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    await poll_until_idle(poller)
    provider.status_error = RateLimited("Slow down.", retry_after=timedelta(hours=1))
    provider.log_errors = repeat(provider.status_error)

    assert await minutes_until("Slow down.", tmp_path, clock, poller) <= 10


async def test_rate_limited_metrics_delay_nothing_else(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    provider.metrics_error = RateLimited("Slow down.", retry_after=timedelta(hours=1))
    await poll_until_idle(poller)
    provider.add_job("a", JobState.FAILED)

    assert await minutes_until("Job failed", tmp_path, clock, poller) <= 1


async def test_a_forbidden_status_does_not_slow_log_polls(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    await poll_until_idle(poller)
    provider.status_error = AuthFailed("Not with this key.")
    await minutes_until("Not with this key.", tmp_path, clock, poller)
    before = len(provider.queries)
    for _ in range(60):
        clock.advance(timedelta(seconds=21))
        await poll_until_idle(poller)

    assert len(provider.queries) - before == 60


async def test_a_lost_cursor_is_reported_and_reading_resumes(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    for _ in range(5):
        await poll_until_idle(poller)
        clock.advance(timedelta(minutes=10))
    provider.lost_cursor = b"0"
    provider.log("a", "ERROR: disk", at=clock.now)

    await poll_until_idle(poller)

    assert "ERROR: disk" in outbox_text(tmp_path)
    assert "log cursor expired" in outbox_text(tmp_path)
    again = next(query for query in provider.queries[-2:] if query.cursor is None)
    assert again.start_ns == ns_from_datetime(clock.now - timedelta(minutes=10, seconds=90))


class FailingRedactor(Redactor):
    """Raises on some lines, like a bug in trainwatch."""

    def redact(self, text: str) -> tuple[str, int]:
        if "poison" in text:
            raise ZeroDivisionError
        return super().redact(text)

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        for line in lines:
            self.redact(line.message)
        return super().redact_lines(lines)


async def test_a_poll_that_crashes_is_reported_and_later_status_changes_alert(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    await watch(store, provider, "a")
    provider.log("a", "poison")
    poller = create_poller(store, clock, provider, redactor=FailingRedactor())
    await minutes_until("Internal error while polling", tmp_path, clock, poller)
    provider.add_job("a", JobState.FAILED)
    clock.advance(timedelta(minutes=1))
    await poll_until_idle(poller)
    await poller.stop()

    assert "Job failed" in outbox_text(tmp_path)


@pytest.mark.parametrize("stamp_ns", [2**63 * 100, -(2**70), 10**30])
async def test_an_impossible_timestamp_does_not_hide_an_error(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, stamp_ns: int
) -> None:
    await watch(store, provider, "a")
    provider.filters_by_time = False
    provider.logs["a"] = [LogLine(stamp_ns, "ERROR: disk")]

    await poll_until_idle(poller)

    assert await deliver_all(store, clock) == ["root", "reply"]


async def test_a_long_log_is_evaluated_off_the_event_loop(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    """Otherwise a long log could make us miss Slack's three-second deadline."""
    threads: set[int] = set()

    class ThreadRecorder(Redactor):
        def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
            threads.add(threading.get_ident())
            return super().redact_lines(lines)

    await watch(store, provider, "a")
    provider.log("a", *(f"ERROR: number {number}" for number in range(5_000)))
    poller = create_poller(store, clock, provider, redactor=ThreadRecorder())

    await poll_until_idle(poller)
    await poller.stop()

    assert threads
    assert threading.get_ident() not in threads
    assert "5,000 errors" in outbox_text(tmp_path)


async def test_a_hanging_platform_takes_at_most_half_of_the_slots(store: Store, clock: ManualClock) -> None:
    hanging, healthy = FakeProvider(), FakeProvider(name="other")
    await watch(store, hanging, *(f"slow{number}" for number in range(8)))
    await watch(store, healthy, "well")
    hanging.hanging_jobs.update(hanging.jobs)
    poller = create_poller(store, clock, hanging, healthy, settings=PollSettings(concurrency=4))

    for _ in range(4):
        await poller.tick()

    assert (healthy.job_queries, sorted(hanging.job_queries)) == (["well"], ["slow0", "slow1"])
    await poller.stop()
