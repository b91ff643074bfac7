"""Detect a loss or gradient norm that is NaN or infinite.

Three such losses in a row (by step, per rank), or a loss of exactly zero after a NaN, are a failure. Fewer are a note,
because loss scalers and rare batches cause them. A gradient norm counts only on a line without a finite loss.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Literal

from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.training.loss_level import LOSS_HINT
from bot.diagnosis.training.progress import EXCERPT_LINE, LoggedSample, Sample, TrainingPosition
from bot.domain.alerts import Severity

MIN_STREAK = 3
MIN_FINAL_STREAK = 2
"""The length of a streak that is a failure if the log ends with it."""
RECOVERED = 3
"""Number of finite losses in a row after which a non-finite stretch has ended."""
MIN_NORM_STREAK = 10
"""Number of non-finite gradient norms in a row, beside finite losses, that is a warning."""
SETTLED = 100
"""After this number of finite reports in a row, gradient norms before them were the search for a loss scale."""
AVERAGED_STEPS, AVERAGED_WEIGHT = 10, 3
"""From this number of steps between two reports on, a norm is an average and counts more."""
MAX_RANKS = 1024
MAX_EXCERPT = 4

_VALIDATION_LOSS = re.compile(r"(?i)\b(?:val|eval|valid|test)\w*loss['\"]?\s*[:=]\s*nan\b")
"""If the validation loss on the same line is NaN as well, the weights are lost."""
_AVERAGE_LOSS = re.compile(
    r"(?i)-?nan avg\b|\bnan \((?:avg:? ?)?-?nan\)"
    r"|\b(?:avg|average|mean|running|moving|smoothed|ema)[ _-]loss['\"]?\s*[:=]?\s*-?nan\b"
    r"|loss[ _/-](?:avg|mean|ema)['\"]?[ :=]{1,3}-?nan\b"
)
"""If an average is NaN as well, a log that ends with it has no usable loss."""
_NONFINITE_NUMBER = re.compile(r"(?i)[:=\s](?:nan|[+-]?inf)\b")

_WHY = "Runs do not recover from three NaNs in a row, or from zero after a NaN; one or two can be the loss scaler."

NonFiniteKind = Literal["loss", "zero_loss", "norm", "norm_without_loss"]


@dataclass(slots=True)
class RankStreak:
    """The non-finite samples of one rank since its last finite loss."""

    losses: int = 0
    zero_losses: int = 0
    norms: int = 0
    """Gradient norms beside a finite loss, weighted."""
    norms_without_loss: int = 0
    position: TrainingPosition = field(default_factory=TrainingPosition)
    is_open: bool = False
    """Is there no finite loss after the last non-finite value?"""

    @property
    def length(self) -> int:
        """Number of samples without a usable loss."""
        return self.losses + self.zero_losses + self.norms_without_loss

    @property
    def is_stuck_at_zero(self) -> bool:
        """Is the loss exactly zero after a NaN?"""
        return self.zero_losses >= 2 or (self.zero_losses >= 1 and self.losses + self.norms_without_loss >= 1)

    def add(self, kind: NonFiniteKind, position: TrainingPosition) -> None:
        """Count one sample."""
        before = self.position.step if self.is_open else None
        is_averaged = before is not None and position.step is not None and position.step - before >= AVERAGED_STEPS
        self.position, self.is_open = position, True
        match kind:
            case "loss":
                self.losses += 1
            case "zero_loss":
                self.zero_losses += 1
            case "norm_without_loss":
                self.norms_without_loss += 1
            case "norm":
                self.norms += AVERAGED_WEIGHT if is_averaged else 1

    def end(self) -> None:
        """Start again after a finite loss."""
        self.losses = self.zero_losses = self.norms = self.norms_without_loss = 0
        self.is_open = False


@dataclass(slots=True)
class Stretch:
    """The newest part of the log with non-finite samples, over all ranks."""

    first_line: int = 0
    first_ns: int | None = None
    longest: int = 0
    """Length of the longest streak of any rank."""
    longest_losses: int = 0
    """The same, counting only losses."""
    is_stuck_at_zero: bool = False
    finite_since: int = 0
    """Number of finite losses since the last non-finite sample."""
    ranks: list[Label] = field(default_factory=list)
    excerpt: list[str] = field(default_factory=list)

    @property
    def is_failure(self) -> bool:
        """Was the loss lost?"""
        return self.longest >= MIN_STREAK or self.is_stuck_at_zero


@dataclass(slots=True)
class NonFiniteLoss:
    """The state of the detector."""

    streaks: dict[str, RankStreak] = field(default_factory=dict)
    """By rank."""
    stretch: Stretch = field(default_factory=Stretch)
    count: int = 0
    last_ns: int | None = None
    longest_survived: int = 0
    """Length of the longest lost stretch that the run recovered from."""
    longest_norms: int = 0

    def feed(self, logged: LoggedSample) -> None:
        """Read one training sample."""
        sample, key = logged.sample, "" if logged.label is None else str(logged.label)
        streak = self.streaks.get(key)
        kind = _non_finite_kind(sample, streak)
        if kind is None:
            if streak is not None and sample.loss is not None:
                self.stretch.finite_since += 1
                streak.end()
            return
        if streak is None:
            if len(self.streaks) >= MAX_RANKS:
                return
            streak = self.streaks[key] = RankStreak()
        if streak.is_open and sample.step is not None and sample.position == streak.position:
            return  # the same step again
        if self.stretch.finite_since >= RECOVERED:
            self.longest_survived = self._longest_survived()
            self.stretch = Stretch()
        streak.add(kind, sample.position)
        if kind == "loss" and _VALIDATION_LOSS.search(logged.text):
            streak.losses = max(streak.losses, MIN_STREAK)
        elif kind == "loss" and _AVERAGE_LOSS.search(logged.text):
            streak.losses = max(streak.losses, MIN_FINAL_STREAK)
        self._record(logged, streak)

    def is_lost(self, *, is_settled: bool) -> bool:
        """Is the loss lost now? `is_settled` states that no more lines are expected soon."""
        stretch = self.stretch
        if stretch.is_failure and stretch.finite_since < RECOVERED:
            return True
        return is_settled and stretch.longest_losses >= MIN_FINAL_STREAK and not stretch.finite_since

    def failure(self, *, is_settled: bool) -> Failure | None:
        """Report the newest stretch, or the longest that the run survived."""
        if not self.count:
            return None
        stretch = self.stretch
        is_lost = self.is_lost(is_settled=is_settled)
        severity, title = self._judge(is_lost=is_lost, is_settled=is_settled)
        return Failure(
            severity=severity, category="numerics", signature="nonfinite_loss", title=title, hint=LOSS_HINT,
            line=stretch.first_line, ranks=tuple(stretch.ranks), count=self.count, first_ns=stretch.first_ns,
            last_ns=self.last_ns, excerpt=tuple(stretch.excerpt), signs=("measured",),
            fingerprint="nonfinite", why=self._why(is_lost=is_lost), root_index=0 if stretch.excerpt else None,
        )  # fmt: skip

    def _why(self, *, is_lost: bool) -> str:
        if not is_lost:
            return _WHY
        return f"{max(self.stretch.longest, MIN_FINAL_STREAK)} reports in a row were NaN or infinite. {_WHY}"

    def _judge(self, *, is_lost: bool, is_settled: bool) -> tuple[Severity, str]:
        stretch = self.stretch
        survived = self._longest_survived()
        if is_lost:
            return Severity.PAGE, "Loss became NaN or infinite"
        if survived:
            return Severity.WARN, f"Loss was NaN or infinite for {survived} reports, then recovered"
        if is_settled and stretch.longest_losses and not stretch.finite_since:
            return Severity.WARN, "The last loss in the log is NaN or infinite"
        if self.longest_norms >= MIN_NORM_STREAK:
            severity = Severity.INFO if stretch.finite_since >= SETTLED else Severity.WARN
            return severity, "Gradient norm is NaN or infinite in many reports in a row"
        often = "once or twice" if self.count <= 2 else f"in {self.count:,} single reports"
        return Severity.INFO, f"A loss or gradient norm was NaN or infinite {often}"

    def _longest_survived(self) -> int:
        return max(self.longest_survived, self.stretch.longest if self.stretch.is_failure else 0)

    def _record(self, logged: LoggedSample, streak: RankStreak) -> None:
        stretch = self.stretch
        self.count += 1
        self.last_ns = logged.time_ns if logged.time_ns is not None else self.last_ns
        self.longest_norms = max(self.longest_norms, streak.norms)
        if not stretch.first_line:
            stretch.first_line, stretch.first_ns = logged.line, logged.time_ns
        stretch.longest = max(stretch.longest, streak.length)
        stretch.longest_losses = max(stretch.longest_losses, streak.losses)
        stretch.is_stuck_at_zero = stretch.is_stuck_at_zero or streak.is_stuck_at_zero
        if streak.length:
            stretch.finite_since = 0
        if logged.label is not None and logged.label not in stretch.ranks and len(stretch.ranks) < MAX_RANKS:
            stretch.ranks.append(logged.label)
        if len(stretch.excerpt) < MAX_EXCERPT:
            found = _NONFINITE_NUMBER.search(logged.text)
            stretch.excerpt.append(cut_around(logged.text, found.start() if found else 0, EXCERPT_LINE))


def _non_finite_kind(sample: Sample, streak: RankStreak | None) -> NonFiniteKind | None:
    if sample.loss is not None and not math.isfinite(sample.loss):
        return "loss"
    is_bad_norm = sample.grad_norm is not None and not math.isfinite(sample.grad_norm)
    if sample.loss == 0.0 and (is_bad_norm or (streak is not None and streak.is_open)):
        return "zero_loss"
    if not is_bad_norm:
        return None
    if sample.loss is not None:
        return "norm"
    return "norm_without_loss" if sample.step is not None or sample.epoch is not None else None
