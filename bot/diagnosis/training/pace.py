"""Learn how fast a run makes progress. Only a line with a new position counts; a repeated position is not progress."""

from dataclasses import dataclass, field
from itertools import accumulate

from bot.diagnosis.training.progress import EXCERPT_LINE, LoggedSample, Sample, TrainingPosition

SECOND = 1_000_000_000
MAX_GAPS = 64


@dataclass(slots=True)
class TrainingPace:
    """When the run last made progress, and how long that usually takes."""

    position: TrainingPosition | None = None
    last_ns: int | None = None
    clock: str = ""
    """The clock of `last_ns`."""
    last_line: int = 0
    samples: int = 0
    gaps_s: list[float] = field(default_factory=list)
    longest_s: float = 0.0
    """The longest gap that ended with progress, such as an evaluation or a checkpoint."""
    step_s: float = 0.0
    stride: float = 0.0
    """Number of steps between two progress lines."""
    has_trained: bool = False
    """Has the log contained a training step? Without one, nothing can hang."""
    total: int | None = None
    restarts: int = 0
    """How often the step number fell: after that, `total` is that of an epoch, not of the run."""
    excerpt: str = ""

    def feed(self, logged: LoggedSample, *, is_dense: bool) -> bool:
        """Read one sample; `is_dense` states that no progress line before it was skipped.

        Returns:
            Whether it is progress.
        """
        sample, position = logged.sample, logged.sample.position
        if position == self.position and sample.step is not None:
            return False
        if sample.is_training and not self.has_trained:  # preparation before training has another pace
            self.has_trained, self.position, self.last_ns, self.samples = True, None, None, 0
            self.gaps_s, self.longest_s, self.stride = [], 0.0, 0.0
        steps = self._steps_to(sample)
        if is_dense and steps:
            self.stride = steps
        self.total = sample.total
        self.step_s = self.step_s if sample.step_s is None else sample.step_s
        self._record_time(logged, 1.0 if is_dense or not steps or not self.stride else self.stride / steps)
        self.position, self.samples = position, self.samples + 1
        self.last_line, self.excerpt = logged.line, logged.text[: EXCERPT_LINE + 1]
        return True

    @property
    def gap_s(self) -> float | None:
        """The typical gap between two progress lines in seconds: half of the run's time passes in shorter gaps.

        Weighting by time ignores the short gap between lines in pairs ("Epoch 3/20", its result a minute later). The
        longest tenth is left out: these gaps are evaluations and checkpoints.
        """
        gaps = sorted(self.gaps_s)[: len(self.gaps_s) - (len(self.gaps_s) + 5) // 10]
        if gaps and gaps[-1] > 0:
            half = sum(gaps) / 2
            return next(gap for gap, spent in zip(gaps, accumulate(gaps), strict=True) if spent >= half)
        return self.step_s * max(1.0, self.stride) if self.step_s else None

    @property
    def is_at_total(self) -> bool:
        """Did the run, or its epoch, reach the last step?"""
        step = self.position.step if self.position else None
        return self.total is not None and step is not None and step >= self.total

    def _steps_to(self, sample: Sample) -> float:
        """Return the number of steps since the previous sample; 0 if unknown or if the count started again."""
        before = self.position.step if self.position else None
        if sample.step is None or before is None:
            return 0.0
        self.restarts += sample.step < before / 2
        return max(0.0, float(sample.step - before))

    def _record_time(self, logged: LoggedSample, share: float) -> None:
        """Record the gap before a sample; `share` of it belongs to one stride."""
        time_ns = logged.time_ns
        if logged.time is not None and logged.time.clock != self.clock:
            self.clock, self.last_ns = logged.time.clock, None
        if time_ns is not None and self.last_ns is not None and time_ns >= self.last_ns:
            gap = (time_ns - self.last_ns) / SECOND
            self.longest_s = max(self.longest_s, gap)
            self.gaps_s = [*self.gaps_s[-(MAX_GAPS - 1) :], gap * min(1.0, share)]
        self.last_ns = self.last_ns if time_ns is None else time_ns
