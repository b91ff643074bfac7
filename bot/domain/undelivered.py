"""Messages that did not reach a channel, for administrators."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The messages to one channel that were refused for one reason."""

    channel: str
    reason: str
    """What Slack returned, with the sentence that says how to fix it."""
    count: int
    since: datetime
    """When the oldest of them was decided."""
    is_waiting: bool
    """Whether they are retried; False: they were given up."""
