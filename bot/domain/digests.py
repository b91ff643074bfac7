"""Digests: one message in a channel for many incidents, grouped by cause."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.jobs import JobRef

STORM = ""
"""The key of a digest of unrelated incidents that came at once."""
PLATFORM, METRICS = "platform:", "metrics:"
"""Beginnings of the group of jobs that cannot be observed because of their platform."""


def is_of_platform(group: str) -> bool:
    """Whether a group is that of a platform that cannot be read: its jobs need nobody, and all return at once."""
    return group.startswith((PLATFORM, METRICS))


@dataclass(frozen=True, slots=True)
class DigestMember:
    """One incident as a digest shows it."""

    incident_id: str
    job: JobRef
    name: str
    url: str | None
    cause: str
    """What the digest groups by: the title of the incident's lead alert."""
    fact: str
    """The decisive line, redacted."""
    severity_rank: int
    """`Severity.rank` of its worst alert."""
    at: datetime
    """When it broke."""
    is_firing: bool = True
    """Whether it needs a person: an alert fires, or the job failed, and nobody has closed it."""
    ended_at: datetime | None = None
    resolution: str = ""
    """`Resolution.value`, once its alerts have ended."""
    acknowledged_by: str | None = None
    is_closed: bool = False
    muted_until: datetime | None = None
    silence_id: int | None = None
    user: str | None = None
    """Who started the job, as the platform names the person."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as a message shows it."""

    id: str
    """`dig-` and 12 hex digits."""
    channel: str
    key: str
    """What its incidents share: `platform:baseten`, `disk:/data`, `node:gpu-7`, or STORM."""
    opened_at: datetime
    members: tuple[DigestMember, ...]
    """In the order in which they joined; a reply lists only some."""
    started_at: datetime | None = None
    """When the first one broke."""
    ended_at: datetime | None = None
    """When the last one ended; None while one needs a person."""

    @property
    def severity_rank(self) -> int:
        """The worst severity among incidents that need a person, or among all when none does."""
        firing = [one for one in self.members if one.is_firing] or list(self.members)
        return max((one.severity_rank for one in firing), default=0)


@dataclass(frozen=True, slots=True)
class DigestState:
    """What a digest's channel was shown."""

    listed: tuple[str, ...] = ()
    """Incidents that a reply has listed."""
    listed_at: datetime | None = None
    severity_rank: int = 0
    """The worst severity that was announced; 0 before the first message."""
    paged: int | None = None
    """How many incidents with a page the last mention covered; None before that, or in a row of an earlier version."""
    mentioned_at: datetime | None = None
    shown: str = ""
    """Hash of the newest root message."""
    is_end_announced: bool = False
    reminders: int = 0
    reminded_at: datetime | None = None
