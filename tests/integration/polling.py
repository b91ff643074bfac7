"""Helpers of the tests that poll a fake provider against a real store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bot.domain.alerts import Receipt
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.store.store import Store
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider, registry_of

DATABASE = "bot.db"
SETTINGS = PollSettings(intervals=PollIntervals(running=timedelta(seconds=10)), drain=timedelta(seconds=30))


def create_poller(
    store: Store,
    clock: ManualClock,
    *providers: FakeProvider,
    settings: PollSettings = SETTINGS,
    redactor: Redactor | None = None,
) -> Poller:
    return Poller(
        registry_of(*providers),
        store,
        clock,
        redactor or Redactor(),
        DiagnosisConfig(build_scanner()),
        settings,
        jitter=lambda: 0.5,
    )


async def watch(store: Store, provider: FakeProvider, *job_ids: str, channel: str = "C1") -> None:
    """Add running jobs to the provider and subscribe the channel to them."""
    for job_id in job_ids:
        job = provider.add_job(job_id)
        await store.subscriptions.add(channel, None, job.ref, "U1", RuleSettings(), NOW)


async def watch_unknown(store: Store, job: JobRef) -> None:
    """Subscribe to a job of a platform that is not set up."""
    await store.subscriptions.add("C1", None, job, "U1", RuleSettings(), NOW)


@contextlib.contextmanager
def unavailable_database(folder: Path) -> Iterator[None]:
    """Rename a table, so that every statement on it fails as on a database that is down."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("ALTER TABLE watches RENAME TO gone")
    yield
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("ALTER TABLE gone RENAME TO watches")


async def poll_until_idle(poller: Poller) -> None:
    while await poller.tick():
        pass


async def deliver_all(store: Store, clock: ManualClock) -> list[str]:
    """Claim every delivery that is due, mark it sent, and return the kinds."""
    kinds = []
    while claimed := await store.deliveries.claim(clock(), lease=timedelta(minutes=1), limit=50):
        for one in claimed:
            kinds.append(one.notification.kind.value)
            await store.deliveries.mark_sent(one.id, one.token, Receipt(one.channel, f"1.{one.id}"), clock())
    return kinds


def outbox_text(folder: Path) -> str:
    """Every notification that was ever put into the outbox, as stored."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        return "\n".join(str(row[0]) for row in connection.execute("SELECT notification FROM deliveries"))
