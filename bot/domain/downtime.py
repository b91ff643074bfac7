"""A time during which trainwatch did not run, and what the first poll after it treats as past."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DOWNTIME = "downtime:"
"""Beginning of the group of what happened during a downtime: one message for each channel, also for one job."""
SHORTEST = timedelta(minutes=5)
"""A shorter absence, such as a restart, is not worth a message."""
_MISSED_POLLS = 10
_CATCH_UP_WITHIN = timedelta(minutes=15)
"""A job whose platform answers later is reported as usual."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """From the last heartbeat of the polling loop to the start."""

    since: datetime
    until: datetime

    @property
    def group(self) -> str:
        """The group of the incidents that happened meanwhile; equal for all processes that start after it."""
        return f"{DOWNTIME}{self.since.isoformat()}"

    def is_first_poll(self, last_at: datetime | None, now: datetime) -> bool:
        """Whether a poll at `now` is the first after the downtime of a job that was last polled at `last_at`."""
        return last_at is not None and last_at <= self.until and now - self.until < _CATCH_UP_WITHIN


def find_downtime(last_beat: datetime | None, now: datetime, poll_interval: timedelta) -> Downtime | None:
    """Return the downtime that ends now; None when the loop was alive a short time ago, or never."""
    if last_beat is None or now - last_beat < max(SHORTEST, _MISSED_POLLS * poll_interval):
        return None
    return Downtime(last_beat, now)


def downtime_start(group: str) -> datetime | None:
    """When the downtime of a group began; None for other groups."""
    return datetime.fromisoformat(group.removeprefix(DOWNTIME)) if group.startswith(DOWNTIME) else None
