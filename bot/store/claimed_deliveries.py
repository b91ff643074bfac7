"""A row of the outbox as its sender sees it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.alerts import DeliveryKind, Notification, Receipt, stable_id
from bot.store.codec import from_json
from bot.store.engine import AnyRow


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery to send, ours until the lease ends."""

    id: int
    token: str
    attempts: int
    """Including this one: 1 the first time."""
    channel: str
    notification: Notification
    root: Receipt | None
    """The incident's root message, to reply to or to edit."""
    created_at: datetime
    """When it was decided."""
    delivery_id: str
    """The id in the message's metadata, the same for every attempt."""
    unsure_since: datetime | None = None
    """Start of the first attempt whose outcome is unknown: the message may have been posted since."""


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """A sent message of which copies may exist, because an earlier attempt had an unknown outcome."""

    id: int
    delivery_id: str
    channel: str
    receipt: Receipt
    root: Receipt | None
    """The root message of its thread; None for a message outside threads."""
    unsure_since: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that wait in the outbox."""

    count: int
    oldest: timedelta
    """How long the oldest has waited since it was decided; zero when none waits."""


def delivery_id(watch_id: int, dedupe_key: str) -> str:
    """Return the id of a delivery, such as `dlv-3f9c2ab17d04`; every process computes the same."""
    return stable_id("dlv", f"{watch_id}|{dedupe_key}")


def read_delivery(row: AnyRow, root: str | None, *, as_root: bool = False) -> ClaimedDelivery:
    """Decode a row.

    Raises:
        msgspec.MsgspecError: it was written by a version with other fields.
    """
    kind = DeliveryKind.ROOT if as_root else DeliveryKind(row.kind)
    return ClaimedDelivery(
        id=row.id,
        token=row.claim_token,
        attempts=row.attempts,
        channel=row.channel,
        notification=replace(from_json(row.notification, Notification), kind=kind),
        root=None if root is None else from_json(root, Receipt),
        created_at=row.created_at,
        delivery_id=delivery_id(row.watch_id, row.dedupe_key),
        unsure_since=row.unsure_since,
    )
