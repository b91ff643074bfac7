"""The level of a run's loss: now, at its start and at its best, with its noise."""

from dataclasses import dataclass, field
from statistics import median

SAMPLES = 5
"""The level is the median of this number of samples, so that one spike does not change it."""
WARM_UP_SAMPLES = 8


@dataclass(slots=True)
class LossLevel:
    """A running estimate from the losses of one run."""

    samples: int = 0
    recent: list[float] = field(default_factory=list)
    first: float = 0.0
    start: float = 0.0
    """The first level."""
    current: float | None = None
    best: float = 1e300
    """The lowest level before the current one."""
    noise: float = 0.0
    """The usual distance of a loss from the level."""

    @property
    def is_warm(self) -> bool:
        """Are there enough samples to compare with?"""
        return self.samples > WARM_UP_SAMPLES

    def feed(self, loss: float) -> None:
        """Read one finite loss."""
        if self.current is not None:
            self.best = min(self.best, self.current)
        self.recent = [*self.recent[-(SAMPLES - 1) :], loss]
        self.samples += 1
        if self.samples == 1:
            self.first = loss
        if len(self.recent) < SAMPLES:
            return
        self.current = median(self.recent)
        if self.samples == SAMPLES:
            self.start = self.current
        if self.is_warm and self.current <= self.best + 4 * self.noise:
            self.noise += 0.05 * (abs(loss - self.current) - self.noise)
