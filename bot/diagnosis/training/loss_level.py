"""The level of a run's loss, and a plateau of it.

A plateau is reported only on request: a flat loss is often the end of a good run.
"""

from dataclasses import dataclass, field

from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity

SAMPLES = 5
"""The level is the median of this number of samples, so that one spike does not change it."""
WARM_UP_SAMPLES = 8
PLATEAU_SAMPLES, MIN_IMPROVEMENT = 200, 1e-4
LOSS_HINT = (
    "Lower the learning rate. Then restart from an earlier checkpoint, and check the last batches and number format."
    " https://docs.pytorch.org/docs/stable/amp.html"
)


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
        self.current = sorted(self.recent)[SAMPLES // 2]
        if self.samples == SAMPLES:
            self.start = self.current
        if self.is_warm and self.current <= self.best + 4 * self.noise:
            self.noise += 0.05 * (abs(loss - self.current) - self.noise)


@dataclass(slots=True)
class Plateau:
    """The number of samples since the loss last improved."""

    samples: int = 0

    def feed(self, level: LossLevel) -> None:
        """Compare the newest level with the best one."""
        if level.current is None or not level.is_warm:
            return
        has_improved = level.current < level.best - max(level.noise, MIN_IMPROVEMENT)
        self.samples = 0 if has_improved else self.samples + 1

    def failure(self) -> Failure | None:
        """Report a plateau."""
        if self.samples < PLATEAU_SAMPLES:
            return None
        return Failure(
            severity=Severity.INFO, category="numerics", signature="plateau",
            title=f"Loss has not improved for {self.samples} reports", hint=LOSS_HINT, line=0,
        )  # fmt: skip
