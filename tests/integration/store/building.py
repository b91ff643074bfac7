"""Builders of values for the tests of the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Severity,
)
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import ClaimedWatch, PollResult
from bot.store.engine import Database
from bot.store.store import Store

JOB = JobRef("baseten", "proj/job")
LEASE = timedelta(minutes=2)


def job(ref: JobRef = JOB, state: JobState = JobState.RUNNING) -> Job:
    return Job(ref=ref, state=state, vendor_status=f"TRAINING_JOB_{state.upper()}")


def incident(now: datetime, *, id: str = "inc-1", channel: str = "C1", resolved: bool = False) -> Incident:
    alert = IncidentAlert(
        id="tw-1",
        rule="error_lines",
        title="Errors",
        severity=Severity.WARN,
        fired_at=now,
        evidence=Evidence("CUDA out of memory", count=3),
        resolved_at=now if resolved else None,
    )
    return Incident(id, channel, job(), now, (alert,), resolved_at=now if resolved else None)


def delivery(
    key: str,
    kind: DeliveryKind = DeliveryKind.NOTE,
    *,
    about: Incident | None = None,
    channel: str = "C1",
    suppressed_by: str | None = None,
) -> Delivery:
    return Delivery(
        dedupe_key=key,
        channel=channel,
        notification=Notification(kind, NotifyReason.FIRST, job(), about, text=key),
        suppressed_by=suppressed_by,
    )


def result(watch: ClaimedWatch, next_due_at: datetime, **changes: object) -> PollResult:
    return PollResult(watch_id=watch.id, token=watch.token, next_due_at=next_due_at, **changes)  # type: ignore[arg-type]


async def watch_job(store: Store, now: datetime, *, ref: JobRef = JOB, channel: str = "C1") -> None:
    await store.subscriptions.add(channel, "T1", ref, "U1", RuleSettings(), now)


async def claim_one(store: Store, now: datetime) -> ClaimedWatch:
    (watch,) = await store.watches.claim_due(now, lease=LEASE)
    return watch


async def add_to_outbox(store: Store, now: datetime, *new: Delivery, about: Incident | None = None) -> None:
    """Settle a poll of JOB that decided these deliveries."""
    await watch_job(store, now)
    watch = await claim_one(store, now)
    incidents = () if about is None else (about,)
    settled = await store.watches.settle([result(watch, now + LEASE, incidents=incidents, deliveries=new)], now)
    assert settled == {watch.id}


async def delivery_states(database_url: str) -> dict[str, tuple[str, str]]:
    """State and reason of each delivery, by dedupe key."""
    database = Database(database_url)
    async with database.read() as connection:
        found = (await connection.execute(text("SELECT dedupe_key, state, reason FROM deliveries"))).all()
    await database.aclose()
    return {key: (state, reason) for key, state, reason in found}
