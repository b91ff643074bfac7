"""Detect a loss that no longer improves. Reported only on request: a flat loss is often the end of a good run."""

from dataclasses import dataclass

from bot.diagnosis.findings import Failure
from bot.diagnosis.training.loss_level import LossLevel
from bot.diagnosis.training.nonfinite_loss import LOSS_HINT
from bot.domain.alerts import Severity

MIN_SAMPLES = 200
MIN_IMPROVEMENT = 1e-4


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
        if self.samples < MIN_SAMPLES:
            return None
        return Failure(
            severity=Severity.INFO,
            category="numerics",
            signature="plateau",
            title=f"Loss has not improved for {self.samples} reports",
            hint=LOSS_HINT,
            line=0,
        )
