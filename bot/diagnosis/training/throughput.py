"""Detect a lasting fall of the throughput that a run logs."""

import math
from dataclasses import dataclass, field
from statistics import median

from bot.diagnosis.findings import Failure
from bot.diagnosis.training.progress import LoggedSample
from bot.domain.alerts import Severity

SAMPLES = 16
"""The throughput is the median of this number of samples."""
SLOW_SHARE = 0.5
"""Up to this share of the best throughput, a run is slow."""
HINT = "Check for a slow node, slow storage or a throttled GPU. https://docs.pytorch.org/docs/stable/data.html"


@dataclass(slots=True)
class Throughput:
    """The newest speeds, the best level, and how long the run has been slow."""

    speeds: list[float] = field(default_factory=list)
    best: float = 0.0
    slow_samples: int = 0
    slow_line: int = 0

    def feed(self, logged: LoggedSample) -> None:
        """Read one sample that is progress."""
        speed = logged.sample.speed
        if speed is None or logged.sample.is_evaluation or not math.isfinite(speed):
            return
        self.speeds = [*self.speeds[-(SAMPLES - 1) :], speed]
        if len(self.speeds) < SAMPLES:
            return
        level = median(self.speeds)
        if level <= SLOW_SHARE * self.best:
            self.slow_samples += 1
            self.slow_line = self.slow_line or logged.line
        else:
            self.slow_samples = self.slow_line = 0
        self.best = max(self.best, level)

    def failure(self) -> Failure | None:
        """Report a lasting fall."""
        if self.slow_samples < 2 * SAMPLES:
            return None
        return Failure(
            severity=Severity.WARN, category="data", signature="throughput_drop",
            title=f"Throughput fell from {self.best:.4g} to {median(self.speeds):.4g} per second", hint=HINT,
            line=self.slow_line, signs=("measured",), fingerprint="throughput",
        )  # fmt: skip
