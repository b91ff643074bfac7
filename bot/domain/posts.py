"""Posted messages as a channel's history shows them, to find out whether an attempt succeeded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.alerts import Receipt


@dataclass(frozen=True, slots=True)
class WantedPost:
    """A message to look for."""

    delivery_id: str
    since: datetime
    """When the first attempt began that may have posted it."""
    root: Receipt | None = None
    """The root message of its thread; None for a message outside threads."""
    settled_at: datetime | None = None
    """When Slack has accepted every attempt, by its own clock; a search before then proves nothing. None: unknown."""
    is_direct: bool = False
    """Whether it is a direct message to a person."""


FoundPosts = Mapping[str, Sequence[Receipt]]
"""The messages with each delivery id, oldest first; several if there are copies."""
