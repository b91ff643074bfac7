"""Is the loss sound? Three rules over the samples that `progress` reads, with small fixed memory.

- **not finite**: three in a row (by step, per rank), or exactly zero after a NaN. A single one is a note: loss
  scalers and rare batches do that. A gradient norm alone counts only where no finite loss stands beside it.
- **divergence**: sustained, judged against the run's own best level and noise, so spikes do not count; judged anew
  where the step begins anew. The loss of reinforcement learning says little, so there it is a note.
- **plateau**: off unless asked for; a flat loss is often the end of a good run.
"""

import math
import re
from dataclasses import dataclass, field
from statistics import median

from bot.diagnosis.catalogue import Severity
from bot.diagnosis.findings import Failure, Label
from bot.diagnosis.training.progress import Sample

IN_A_ROW = 3
LAST_WORDS = 2
"""The same where the log ends with them."""
RECOVERED = 3
"""Finite losses in a row after which a non-finite stretch is over."""
SOFT_IN_A_ROW = 10
"""Non-finite gradient norms in a row, beside a finite loss, that are worth a warning."""
AVERAGED, WEIGHT = 10, 3
"""Steps between two reports from which on a norm is an average over them; and how much such a report counts."""
MAX_STREAKS = 1024
LEVEL = 5
"""Samples whose median is the level of the loss: one spike does not move it."""
BLOWN_UP, SUSTAINED = 8, 24
"""Samples in a row above the level of an untrained model; and clearly above the run's best."""
WARM_UP = 8
EXPLODED, TIMES, IMMENSE = 3, 10, 1000
"""Samples in a row so many times above the first that no warm-up explains them; so many that two are enough."""
PLATEAU = 200
_LAP = 0.9
"""Share of a line's total after which a step that begins anew is the next epoch, not another run."""

_REINFORCED = re.compile(r"(?i)(?<![a-z])(?:rewards?|episodes?|kl|value_loss|policy_loss|ep_rew_mean)(?![a-z])")
_VALIDATED = re.compile(r"(?i)\b(?:val|eval|valid|test)\w*loss['\"]?\s*[:=]\s*nan\b")
"""A loss of validation beside it: where that is not a number either, the weights are none."""

HINT = (
    "Lower the learning rate, look at the last batches and the number format, and roll back to a checkpoint before"
    " this step. https://docs.pytorch.org/docs/stable/amp.html"
)


@dataclass(slots=True)
class Streak:
    """One rank's samples in a row that are not finite."""

    loss: int = 0
    norm: int = 0
    """Of gradient norms without any loss beside them."""
    soft: int = 0
    """Of gradient norms beside a finite loss."""
    place: list[float | int | None] = field(default_factory=list)
    zero: int = 0
    tainted: bool = False
    """Was there a value that is not finite, and none finite since?"""

    def count(self, *, bad_loss: bool, zero: bool, alone: bool, averaged: bool) -> None:
        """Take a sample that is not finite; `alone` where it tells a norm and no loss."""
        if bad_loss:
            self.loss += 1
        elif zero:
            self.zero += 1
        elif alone:
            self.norm += 1
        else:
            self.soft += WEIGHT if averaged else 1


@dataclass(slots=True)
class Numerics:
    """The memory of the three rules."""

    streaks: dict[str, Streak] = field(default_factory=dict)
    notes: int = 0
    first_line: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    worst: int = 0
    """The longest streak of this stretch, any rank."""
    worst_loss: int = 0
    """The same of losses alone."""
    survived: int = 0
    """The longest of the stretches that the run recovered from; 0 where none lost the loss."""
    soft_worst: int = 0
    zero_after: bool = False
    ranks: list[Label] = field(default_factory=list)
    finite_since: int = 0
    excerpt: list[str] = field(default_factory=list)

    recent: list[float] = field(default_factory=list)
    samples: int = 0
    start: float = 0.0
    best: float = 1e300
    spread: float = 0.0
    above: int = 0
    first: float = 0.0
    exploded: int = 0
    immense: int = 0
    blown: int = 0
    diverged_line: int = 0
    diverged_ns: int | None = None
    diverged_from: float = 0.0
    diverged_to: float = 0.0
    diverged_excerpt: list[str] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    """Step, loss and gradient norm of the sample before."""
    jump: list[float] = field(default_factory=list)
    """Step of a jump and the loss before it."""
    flat: int = 0
    reached: list[float] = field(default_factory=list)
    """Epoch, step and the step's total, as last told; 0 where they are not."""
    reinforced: bool = False
    """Does the log speak of rewards, episodes or the like?"""

    def hear(self, text: str) -> None:
        """Take a progress line's words, whether or not it tells a sample."""
        self.reinforced = self.reinforced or _REINFORCED.search(text[-800:]) is not None

    def feed(self, sample: Sample, label: Label | None, line: int, moment_ns: int | None, text: str) -> None:
        """Take one training sample."""
        if sample.evaluation:
            return
        self._finite(sample, label, line, moment_ns, text)
        if sample.loss is not None and math.isfinite(sample.loss):
            if self._began_anew(sample):
                self._forget_level()
            self._level(sample.loss, line, moment_ns, text)
            self._jump(sample, line, moment_ns, text)

    def _finite(self, sample: Sample, label: Label | None, line: int, moment_ns: int | None, text: str) -> None:
        key = str(label if label is not None else "")
        streak = self.streaks.get(key)
        bad_loss = sample.loss is not None and not math.isfinite(sample.loss)
        bad_norm = sample.grad_norm is not None and not math.isfinite(sample.grad_norm)
        placed = sample.step is not None or sample.epoch is not None
        zero = sample.loss == 0.0 and (bad_norm or (streak is not None and streak.tainted))
        if not (bad_loss or zero or (bad_norm and (placed or sample.loss is not None))):
            self._good(sample, streak)
            return
        if streak is None:
            if len(self.streaks) >= MAX_STREAKS:
                return
            streak = self.streaks[key] = Streak()
        place: list[float | int | None] = [sample.epoch, sample.step]
        if sample.step is not None and place == streak.place and streak.tainted:
            return
        if self.finite_since >= RECOVERED:
            self._begin_stretch()
        before = streak.place[1] if streak.place and streak.tainted else None
        averaged = before is not None and sample.step is not None and sample.step - before >= AVERAGED
        streak.place = place
        streak.tainted = True
        streak.count(bad_loss=bad_loss, zero=zero, alone=sample.loss is None, averaged=averaged)
        if bad_loss and _VALIDATED.search(text):
            streak.loss = max(streak.loss, IN_A_ROW)
        if not self.first_line:
            self.first_line, self.first_ns = line, moment_ns
        self.notes += 1
        self.last_ns = moment_ns if moment_ns is not None else self.last_ns
        hard = streak.loss + streak.zero + streak.norm
        self.worst, self.worst_loss = max(self.worst, hard), max(self.worst_loss, streak.loss)
        self.soft_worst = max(self.soft_worst, streak.soft)
        self.zero_after = self.zero_after or streak.zero >= 2 or (streak.zero >= 1 and streak.loss + streak.norm >= 1)
        if hard:
            self.finite_since = 0
        if label is not None and label not in self.ranks and len(self.ranks) < MAX_STREAKS:
            self.ranks.append(label)
        if len(self.excerpt) < 4:
            self.excerpt.append(text[:240])

    def _begin_stretch(self) -> None:
        """What came before is over: the next page is about the stretch that begins now."""
        if self.lost:
            self.survived = max(self.survived, self.worst)
        self.worst = self.worst_loss = self.first_line = self.finite_since = 0
        self.zero_after = False
        self.ranks, self.excerpt = [], []

    def _good(self, sample: Sample, streak: Streak | None) -> None:
        if sample.loss is None or streak is None:  # a finite loss speaks for its own rank
            return
        self.finite_since += 1
        streak.loss = streak.norm = streak.soft = streak.zero = 0
        streak.tainted = False

    def _began_anew(self, sample: Sample) -> bool:
        """Is this another run in the same log: a restart, a fold, a trial, the next stage?"""
        before = self.reached
        now = [float(sample.epoch or 0.0), float(sample.step or 0), float(sample.total or 0)]
        if sample.epoch is None and sample.step is None:
            return False
        self.reached = now
        if not before or now[0] > before[0] or (before[2] and before[1] >= _LAP * before[2]):
            return False
        return now[1] < before[1] / 2 if sample.step is not None else now[0] < before[0] / 2

    def _forget_level(self) -> None:
        self.recent, self.samples, self.start, self.best, self.spread = [], 0, 0.0, 1e300, 0.0
        self.above = self.blown = self.exploded = self.immense = self.diverged_line = self.flat = 0
        self.last, self.jump = [], []

    def _level(self, loss: float, line: int, moment_ns: int | None, text: str) -> None:
        self.recent = [*self.recent[-(LEVEL - 1) :], loss]
        self.samples += 1
        self.first = loss if self.samples == 1 else self.first
        times = loss / max(abs(self.first), 1.0)
        self.exploded = self.exploded + 1 if times > TIMES else 0
        self.immense = self.immense + 1 if times > IMMENSE else 0
        if self.exploded >= EXPLODED or self.immense >= LAST_WORDS:
            self._diverge(line, moment_ns, self.first, loss, text)
        if len(self.recent) < LEVEL:
            return
        level = median(self.recent)
        if self.samples == LEVEL:
            self.start = level
        if self.samples <= WARM_UP:
            self.best = min(self.best, level)
            return
        distance = abs(loss - level)
        if level <= self.best + 4 * self.spread:
            self.spread += 0.05 * (distance - self.spread)
        calm = self.best + max(0.5 * abs(self.best), 6 * self.spread, 0.3)
        self.above = self.above + 1 if loss > calm else 0
        ceiling = max(3 * self.best, 1.2 * self.start, self.best + 6 * self.spread)
        self.blown = self.blown + 1 if self.best > 0.1 and loss > ceiling else 0
        if self.above >= SUSTAINED or self.blown >= BLOWN_UP:
            self._diverge(line, moment_ns, self.best, level, text)
        elif self.diverged_line and level <= calm:
            self.diverged_line = 0
        self.flat = 0 if level < self.best - max(self.spread, 1e-4) else self.flat + 1
        self.best = min(self.best, level)

    def _jump(self, sample: Sample, line: int, moment_ns: int | None, text: str) -> None:
        """Few lines, but averaged ones (a step and a gradient norm beside the loss): a jump that does not come back."""
        if sample.step is None or sample.grad_norm is None or sample.loss is None:
            return
        step, loss = float(sample.step), sample.loss
        if self.last and step > self.last[0] >= 1000:
            before, norm = self.last[1], self.last[2]
            if loss > max(1.5 * before, before + 2.0) and sample.grad_norm > 2 * norm:
                self.jump = self.jump or [step, before]
        if self.jump and loss <= self.jump[1] * 1.05:
            self.jump = []
        if self.jump and step >= self.jump[0] + 100:
            self._diverge(line, moment_ns, self.jump[1], loss, text)
        if math.isfinite(sample.grad_norm):
            self.last = [step, loss, sample.grad_norm]

    def _diverge(self, line: int, moment_ns: int | None, before: float, after: float, text: str) -> None:
        if not self.diverged_line:
            self.diverged_line, self.diverged_ns = line, moment_ns
            self.diverged_from, self.diverged_excerpt = before, [text[:240]]
        self.diverged_to = after

    def incidents(self, *, plateau: bool = False, settled: bool = False) -> list[Failure]:
        """What the rules say now.

        Args:
            plateau: also tell a loss that no longer falls.
            settled: nothing more is to be expected: two bad losses as the last words are enough.
        """
        found = []
        broken = self.broken or (settled and self.lost_last)
        if self.notes:
            found.append(self._nonfinite(broken=broken, settled=settled))
        if self.diverged_line and not broken:
            found.append(self._divergence())
        if plateau and self.flat >= PLATEAU:
            title = f"The loss has not fallen for {self.flat} reports"
            found.append(Failure("info", "numerics", "plateau", title, HINT, 0, confidence=0.5))
        return found

    @property
    def lost(self) -> bool:
        """Was the loss lost in the latest stretch?"""
        return self.worst >= IN_A_ROW or self.zero_after

    @property
    def broken(self) -> bool:
        """Is the loss lost, now?"""
        return self.lost and self.finite_since < RECOVERED

    @property
    def lost_last(self) -> bool:
        """Were the last two losses that were told, or more, not finite?"""
        return self.worst_loss >= LAST_WORDS and not self.finite_since

    def _nonfinite(self, *, broken: bool, settled: bool) -> Failure:
        survived = max(self.survived, self.worst if self.lost else 0)
        if broken:
            severity, title = "page", f"The loss is not finite, {max(self.worst, IN_A_ROW - 1)} reports in a row"
        elif survived:
            severity, title = "warn", f"The loss was not finite for {survived} reports, and recovered"
        elif settled and self.worst_loss and not self.finite_since:
            severity, title = "warn", "The last loss of the log is not finite"
        elif self.soft_worst >= SOFT_IN_A_ROW:
            severity, title = "warn", "The gradient norm is not finite, many reports in a row"
        else:
            severity, title = "info", "A loss or gradient norm was not finite, once or twice"
        return Failure(
            severity,  # type: ignore[arg-type]
            "numerics",
            "nonfinite_loss",
            title,
            HINT,
            self.first_line,
            tuple(self.ranks),
            self.notes,
            self.first_ns,
            self.last_ns,
            tuple(self.excerpt),
            0.95 if broken else 0.6,
            "nonfinite",
            "Three in a row, or zero after a NaN, do not come back; fewer are a loss scaler or one batch.",
            0 if self.excerpt else None,
        )

    def _divergence(self) -> Failure:
        title = f"The loss has diverged: from {self.diverged_from:.4g} to {self.diverged_to:.4g}, and stays there"
        why = "Above the run's best level by more than its noise explains, for many reports in a row."
        severity: Severity = "info" if self.reinforced else "page"
        return Failure(
            severity, "numerics", "divergence", title, HINT, self.diverged_line, (), 1, self.diverged_ns, self.last_ns,
            tuple(self.diverged_excerpt), 0.8, "divergence", why, 0,
        )  # fmt: skip
