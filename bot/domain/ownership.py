"""What people do about an incident: take it, add a note, close it, silence it, stop watching its job."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person took an incident; its reminders stop."""

    by: str
    """Slack user id."""
    at: datetime
    taken_from: str | None = None
    """Who had acknowledged it before."""


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """What a person wrote about an incident, redacted."""

    by: str
    """Slack user id."""
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Closing:
    """A person closed an incident."""

    by: str
    """Slack user id."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Muting:
    """A silence mutes an incident."""

    by: str
    """Slack user id."""
    until: datetime
    silence_id: int


@dataclass(frozen=True, slots=True)
class Unwatching:
    """A person stopped watching the job while the incident was open."""

    by: str
    """Slack user id."""
    at: datetime
    undo: str
    """The command that watches the job again with the same settings; "" once it was used."""
