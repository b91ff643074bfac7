"""When things happen in a story: its pace, and the log that its lines are written to.

Not what is written (``training_text.py``) nor the stories (``stories.py``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from emulator.hardware_metrics import Gauge
from emulator.logs import Line
from emulator.training_text import noise
from emulator.world import to_ns

Pace = Literal["demo", "real"]
REAL_TIME_FACTOR = 20
HISTORY = timedelta(hours=3)
"""How long the jobs of the stories have been running when the story begins."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Turns a story's seconds into moments: second 0 is the start; "real" takes 20 times as long as "demo"."""

    start: datetime
    pace: Pace = "demo"

    def at(self, story_s: float) -> datetime:
        """Return the moment of this second of the story; a negative one lies in the history, which has one pace."""
        factor = REAL_TIME_FACTOR if self.pace == "real" and story_s > 0 else 1
        return self.start + timedelta(seconds=story_s * factor)

    @property
    def began(self) -> datetime:
        """When the jobs of the stories were created."""
        return self.start - HISTORY


@dataclass(slots=True)
class StoryLog:
    """Collects lines at given moments; consecutive lines are some microseconds apart."""

    replica: str | None = None
    seed: int = 1
    """Tells the losses of one job from those of another."""
    lines: list[Line] = field(default_factory=list)

    def write(self, moment: datetime, texts: str | Iterable[str], *, level: str | None = None, rank: int = 0) -> None:
        """Write one line, or several printed in one breath."""
        first_ns = to_ns(moment)
        for number, text in enumerate([texts] if isinstance(texts, str) else texts):
            jitter_ns = number * 180_000 + int(noise(7, first_ns + number) * 90_000)
            self.lines.append(Line(first_ns + jitter_ns, text, self.replica, level, rank=rank))


def measured(gauge: Gauge, since: datetime, until: datetime | None = None) -> Gauge:
    """Return the gauge within the life of a job: nothing is measured before or after it."""
    first = to_ns(since) / 1e9
    last = float("inf") if until is None else to_ns(until) / 1e9
    return lambda moment: gauge(moment) if first <= moment < last else None


def busy(seed: int, level: float, jitter: float) -> Gauge:
    """Return a series that wanders around a level, the same way each time."""
    return lambda moment: level + jitter * (noise(seed, int(moment)) - 0.5)
