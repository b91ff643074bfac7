"""Detect a loss that rises and does not come back, compared with the run's own best level and noise.

Spikes do not count. Four rules find different rises: far above the first loss, above the best level for many samples,
and, in logs with few but averaged samples, one jump or a short climb of loss and gradient norm together.
"""

import math
from dataclasses import dataclass, field, replace

from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.training.loss_level import LOSS_HINT, LossLevel
from bot.diagnosis.training.progress import EXCERPT_LINE, LoggedSample
from bot.domain.alerts import Severity

HIGH_FACTOR, HIGH_SAMPLES = 10, 3
"""Samples in a row this number of times above the first loss: no warm-up explains them."""
HUGE_FACTOR, HUGE_SAMPLES = 1000, 2
SUSTAINED_SAMPLES = 24
"""Samples in a row clearly above the best level."""
UNTRAINED_SAMPLES = 8
"""Samples in a row above the level of an untrained model."""
SHORT_SAMPLES, SHORT_NOISE, COMING_BACK = 5, 10.0, 0.9
"""Samples in a row above where the run began and this many times its noise above its best level, none of them below
this share of the highest: the loss does not come back."""
CLIMB_SAMPLES, CLIMB_FACTOR, CLIMB_TOTAL = 3, 2, 1000
"""A climb counts after this number of samples, each with twice the gradient norm, and a thousand times in all."""
JUMP_MIN_STEP, JUMP_STEPS = 1000, 100
"""A jump counts from this step on, and once it has lasted this number of steps."""


@dataclass(slots=True)
class LastSample:
    """The previous sample with a step, a loss and a gradient norm."""

    step: int
    loss: float
    grad_norm: float


@dataclass(slots=True)
class LossJump:
    """A jump that the loss may still come back from."""

    step: int
    loss_before: float


@dataclass(slots=True)
class Climb:
    """Samples in a row of which each has a higher loss and a much higher gradient norm than the one before."""

    samples: int = 0
    loss: float = 0.0
    grad_norm: float = 0.0
    loss_before: float = 0.0
    norm_before: float = 0.0

    def feed(self, loss: float, grad_norm: float) -> bool:
        """Read one sample; return whether the loss has been lost."""
        if self.samples and loss > self.loss and grad_norm > CLIMB_FACTOR * self.grad_norm:
            self.samples += 1
        else:
            self.samples, self.loss_before, self.norm_before = 1, loss, max(grad_norm, 1e-3)
        self.loss, self.grad_norm = loss, grad_norm
        return (
            self.samples > CLIMB_SAMPLES
            and loss > 1.5 * self.loss_before > 0
            and grad_norm > CLIMB_TOTAL * self.norm_before
        )


@dataclass(slots=True)
class Rise:
    """A rise that a rule found."""

    line: int
    time_ns: int | None
    loss_before: float
    loss_after: float
    excerpt: str


@dataclass(slots=True)
class Divergence:
    """The state of the detector: for each rule, the number of samples in a row that fit it."""

    high: int = 0
    huge: int = 0
    sustained: int = 0
    untrained: int = 0
    short: int = 0
    peak: float = 0.0
    """The highest loss of the samples that `short` counts."""
    last: LastSample | None = None
    jump: LossJump | None = None
    onset: Rise | None = None
    """The first of the samples that `sustained` counts."""
    rise: Rise | None = None
    climb: Climb = field(default_factory=Climb)

    def feed(self, logged: LoggedSample, level: LossLevel) -> None:
        """Read one sample with a finite loss; `level` includes it."""
        loss = logged.sample.loss
        if loss is None:
            return
        self._check_first_loss(logged, loss, level)
        self._check_level(logged, loss, level)
        self._check_jump(logged, loss)

    def failure(self, *, is_reinforcement: bool) -> Failure | None:
        """Report a divergence; in reinforcement learning, where the loss means little, it is a note."""
        if self.rise is None:
            return None
        before, after = self.rise.loss_before, self.rise.loss_after
        return Failure(
            severity=Severity.INFO if is_reinforcement else Severity.PAGE, category="numerics", signature="divergence",
            title=f"Loss diverged from {before:.4g} to {after:.4g} and did not recover", hint=LOSS_HINT,
            line=self.rise.line, first_ns=self.rise.time_ns, excerpt=(self.rise.excerpt,), signs=("measured",),
            fingerprint="divergence",
            why="For many reports in a row, the loss is above the run's best level by more than its noise.",
            root_index=0,
        )  # fmt: skip

    def _check_first_loss(self, logged: LoggedSample, loss: float, level: LossLevel) -> None:
        factor = loss / max(abs(level.first), 1.0)
        self.high = self.high + 1 if factor > HIGH_FACTOR else 0
        self.huge = self.huge + 1 if factor > HUGE_FACTOR else 0
        if self.high >= HIGH_SAMPLES or self.huge >= HUGE_SAMPLES:
            self._record(logged, level.first, loss)

    def _check_level(self, logged: LoggedSample, loss: float, level: LossLevel) -> None:
        if level.current is None or not level.is_warm:
            return
        best, noise = level.best, level.noise
        normal = best + max(0.5 * abs(best), 6 * noise, 0.3)
        ceiling = max(3 * best, 1.2 * level.start, best + 6 * noise)
        self.sustained = self.sustained + 1 if loss > normal else 0
        if self.sustained <= 1:
            self.onset = _rise(logged, best, loss) if self.sustained else None
        self.untrained = self.untrained + 1 if best > 0.1 and loss > ceiling else 0
        if (
            self._is_short_rise(loss, level)
            or self.sustained >= SUSTAINED_SAMPLES
            or self.untrained >= UNTRAINED_SAMPLES
        ):
            self._record(logged, best, level.current)
        elif level.current <= normal:
            self.rise = None

    def _is_short_rise(self, loss: float, level: LossLevel) -> bool:
        """Count samples that are far above by the run's own spread and do not come back."""
        best = level.best
        limit = max(2 * abs(best), 1.2 * level.start, best + SHORT_NOISE * level.noise, best + 0.5)
        if loss <= limit or loss < COMING_BACK * self.peak:
            self.short, self.peak = 0, loss if loss > limit else 0.0
            return False
        self.short, self.peak = self.short + 1, max(self.peak, loss)
        return self.short >= SHORT_SAMPLES

    def _check_jump(self, logged: LoggedSample, loss: float) -> None:
        step, grad_norm = logged.sample.step, logged.sample.grad_norm
        if grad_norm is not None and math.isfinite(grad_norm):
            if self.climb.feed(loss, grad_norm):
                self._record(logged, self.climb.loss_before, loss)
            elif self.rise is not None and 0 < loss <= self.rise.loss_before:
                self.rise = None
        if step is None or grad_norm is None:
            return
        last = self.last
        if last is not None and step > last.step >= JUMP_MIN_STEP:
            has_jumped = loss > max(1.5 * last.loss, last.loss + 2.0) and grad_norm > 2 * last.grad_norm
            if has_jumped and self.jump is None:
                self.jump = LossJump(step, last.loss)
        if self.jump is not None and loss <= self.jump.loss_before * 1.05:
            self.jump = None
        if self.jump is not None and step >= self.jump.step + JUMP_STEPS:
            self._record(logged, self.jump.loss_before, loss)
        if math.isfinite(grad_norm):
            self.last = LastSample(step, loss, grad_norm)

    def _record(self, logged: LoggedSample, before: float, after: float) -> None:
        if self.rise is None:
            self.rise = replace(self.onset or _rise(logged, before, after), loss_before=before)
        self.rise.loss_after = after


def _rise(logged: LoggedSample, before: float, after: float) -> Rise:
    return Rise(logged.line, logged.time_ns, before, after, _excerpt(logged.text))


def _excerpt(text: str) -> str:
    """Cut a progress line so that its loss stays."""
    return cut_around(text, max(text.lower().find("loss"), 0), EXCERPT_LINE)
