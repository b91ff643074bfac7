"""A synthetic incident every few minutes, through the database and the outbox but not to Slack, to measure latency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot import metrics
from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Receipt,
    Resolution,
    Severity,
    stable_id,
)
from bot.domain.checks import CANARY_JOB
from bot.domain.durations import Clock
from bot.domain.jobs import Job, JobState
from bot.domain.posts import FoundPosts, WantedPost
from bot.store.store import Store

CANARY_CHANNEL = "trainwatch-canary"
"""Not a channel of Slack, whose ids are in upper case."""


class Destination(Protocol):
    """Where messages go: `bot.watcher.deliver.Notifier`."""

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Send a notification."""

    async def ping(self) -> None:
        """Return if the destination answers."""

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages."""

    async def delete(self, receipt: Receipt) -> None:
        """Delete a message."""


@dataclass(slots=True)
class Canary:
    """Writes the synthetic incident, as a Worker of `run_loop`."""

    store: Store
    clock: Clock
    every: timedelta = timedelta(minutes=3)
    arrived_at: datetime | None = None
    _written_at: datetime | None = field(default=None, init=False)

    async def tick(self) -> int:
        """Write one when it is time. Always returns 0, because it is idle in between."""
        now = self.clock()
        if self._written_at is None or not timedelta(0) <= now - self._written_at < self.every:
            self._written_at = now
            incident = synthetic_incident(now)
            notification = Notification(DeliveryKind.ROOT, NotifyReason.FIRST, incident.job, incident)
            delivery = Delivery(stable_id("canary", incident.id), CANARY_CHANNEL, notification)
            await self.store.canaries.replace(incident, delivery, now)
        return 0

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""

    def receive(self, notification: Notification) -> Receipt:
        """Take the message in place of Slack, and measure how long it took."""
        now = self.clock()
        if notification.incident is not None:
            metrics.CANARY_LATENCY.observe(max(0.0, (now - notification.incident.opened_at).total_seconds()))
        self.arrived_at = now
        return Receipt(CANARY_CHANNEL, f"{now.timestamp():.6f}")


@dataclass(frozen=True, slots=True)
class CanaryRoute:
    """Sends the canary's message to the canary and all others to their destination."""

    destination: Destination
    canary: Canary

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """See `Destination.send`."""
        if channel == CANARY_CHANNEL:
            return self.canary.receive(notification)
        return await self.destination.send(notification, channel=channel, root=root, delivery_id=delivery_id)

    async def ping(self) -> None:
        """See `Destination.ping`."""
        await self.destination.ping()

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """See `Destination.find`."""
        return await self.destination.find(channel, wanted, is_urgent=is_urgent)

    async def delete(self, receipt: Receipt) -> None:
        """See `Destination.delete`."""
        await self.destination.delete(receipt)


def synthetic_incident(now: datetime) -> Incident:
    """An incident that has already ended, so that it appears nowhere."""
    job = Job(CANARY_JOB, JobState.RUNNING, "RUNNING", name="canary")
    identity = stable_id("inc", f"{CANARY_CHANNEL}|{now.isoformat()}")
    evidence = Evidence("A synthetic alert that measures the delivery of alerts.")
    alert = IncidentAlert(
        stable_id("tw", identity), "canary", "Canary", Severity.INFO, now, evidence, now, Resolution.CLEARED
    )
    return Incident(identity, CANARY_CHANNEL, job, now, (alert,), resolved_at=now)
