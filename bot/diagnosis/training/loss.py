"""Watch the loss of a run: detect NaN or infinite values, divergence and, on request, a plateau."""

import math
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.diagnosis.findings import Failure
from bot.diagnosis.training.divergence import Divergence
from bot.diagnosis.training.loss_level import LossLevel, Plateau
from bot.diagnosis.training.nonfinite_loss import NonFiniteLoss
from bot.diagnosis.training.progress import LoggedSample, Sample

_REINFORCEMENT = re.compile(r"(?<![a-z])(?:rewards?|episodes?|kl|value_loss|policy_loss|ep_rew_mean)(?![a-z])")
_EPOCH_END = 0.9
"""Share of a line's total after which a smaller step starts the next epoch rather than another run."""


class Reached(NamedTuple):
    """How far a run got; 0 for what its lines do not contain."""

    epoch: float
    step: int
    total: int


@dataclass(slots=True)
class LossMonitor:
    """The detectors, and what they share."""

    nonfinite: NonFiniteLoss = field(default_factory=NonFiniteLoss)
    level: LossLevel = field(default_factory=LossLevel)
    divergence: Divergence = field(default_factory=Divergence)
    plateau: Plateau = field(default_factory=Plateau)
    reached: Reached | None = None
    mark: str = ""
    """The text before the newest loss."""
    has_boundary: bool = False
    """Did the run report since then that it ended or started?"""
    is_reinforcement: bool = False
    """Does the log mention rewards, episodes or other terms of reinforcement learning?"""

    def observe_text(self, text: str) -> None:
        """Read the text of a progress line, even if it contains no sample."""
        if self.is_reinforcement:
            return
        text = text[-800:].lower()
        if "kl" in text or "rew" in text or "episode" in text or "e_loss" in text or "y_loss" in text:
            self.is_reinforcement = _REINFORCEMENT.search(text) is not None

    def record_boundary(self) -> None:
        """Record that a run ended or started: losses in another format belong to another run."""
        self.has_boundary = True

    def feed(self, logged: LoggedSample) -> None:
        """Read one sample."""
        sample = logged.sample
        if sample.is_evaluation:
            return
        self.nonfinite.feed(logged)
        if sample.loss is None or not math.isfinite(sample.loss):
            return
        is_other_run = self.has_boundary and sample.loss_mark != self.mark
        self.mark, self.has_boundary = sample.loss_mark, False
        if self._starts_again(sample) or is_other_run:
            self.level, self.divergence, self.plateau = LossLevel(), Divergence(), Plateau()
        self.level.feed(sample.loss)
        self.divergence.feed(logged, self.level)
        self.plateau.feed(self.level)

    def failures(self, *, with_plateau: bool, is_settled: bool) -> list[Failure]:
        """Report what the detectors found.

        Args:
            with_plateau: also report a plateau.
            is_settled: no more lines are expected soon, so two bad losses at the end suffice.
        """
        is_lost = self.nonfinite.is_lost(is_settled=is_settled)
        found = (
            self.nonfinite.failure(is_settled=is_settled),
            None if is_lost else self.divergence.failure(is_reinforcement=self.is_reinforcement),
            self.plateau.failure() if with_plateau else None,
        )
        return [failure for failure in found if failure is not None]

    def _starts_again(self, sample: Sample) -> bool:
        """Does the sample start another run in the same log: a restart, a fold, a trial or the next stage?"""
        if sample.epoch is None and sample.step is None:
            return False
        before, now = self.reached, Reached(sample.epoch or 0.0, sample.step or 0, sample.total or 0)
        self.reached = now
        if before is None or now.epoch > before.epoch or (before.total and before.step >= _EPOCH_END * before.total):
            return False
        return now.step < before.step / 2 if sample.step is not None else now.epoch < before.epoch / 2
