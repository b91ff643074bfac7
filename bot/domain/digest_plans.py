"""A digest that is due, and what is planned for it. `bot.store.digests` reads the first and writes the second."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.alerts import Delivery, Incident, Receipt
from bot.domain.digests import DigestState


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest as stored, without its incidents."""

    id: str
    channel: str
    key: str
    opened_at: datetime
    joined_at: datetime
    """When the last incident joined."""
    closed_at: datetime | None
    """Since when no incident joins."""
    state: DigestState
    has_root: bool
    """Whether its root message was posted."""
    root: Receipt | None = None


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest to plan, with its incidents in the order in which they joined."""

    stored: StoredDigest
    incidents: tuple[Incident, ...]
    changes: int
    """Number of changes until now; after another one the digest is planned again."""
    planned: str
    """The state as stored; another plan makes this one void."""


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """What to send about a digest now, and when to plan again."""

    state: DigestState
    closed_at: datetime | None
    next_at: datetime | None
    """None: not before an incident changes."""
    deliveries: tuple[Delivery, ...] = ()
    leaving: tuple[Incident, ...] = ()
    """Incidents that get separate messages again, because something new happened to them."""
