"""Is the run still moving? Its own pace, learnt from its progress lines; a hang and a slow-down judged against it.

A hang says nothing: GPUs spin at 100 %, and something may still print a pulse. So the rule is "no progress", never
"no lines". Only a line that tells a new place counts; one that repeats the last place is a pulse.
"""

import re
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median

from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.prefixes import read_clock
from bot.diagnosis.training.progress import Sample

SECOND = 1_000_000_000
FLOOR_S = 300.0
CEILING_S = 570.0
"""Below the ten minutes after which NCCL's watchdog would speak."""
GAPS = 5.0
"""Usual gaps without progress that are too many."""
WARM = 8
"""Gaps to have seen before the pace counts as learnt."""
COLD_S = 3600.0
BUSY_S = 1800.0
"""Silence that a first evaluation or checkpoint may take."""
OWN_CLOCK = 2.0
"""How much longer to wait where only the log's own lines tell the time: a file may simply end there."""
KEPT = 64
SPEEDS = 16
SLOW = 0.5

_BUSY = re.compile(
    r"(?i)\bsav(?:e|ed|ing)\b|checkpoint|evaluat|\bvalidati|\beval_start|compil|generating|warm(?:ing)?[ -]?up|loading"
)
_ELAPSED = re.compile(
    r"(?i)(?:running|alive|waiting|elapsed|up)\b[^\d\n]{0,16}(?:(\d+)[- ]d?(?:ays?)?,? ?)?(\d+):(\d\d):(\d\d)"
)
_ENDED = re.compile(r"(?im)^\W*(?:.{0,60}\b)?(?:all done\b|(?:final )?model saved to\b|saved (?:the )?final model\b)")
"""Words that runs close with, whatever state the platform still shows."""
HINT = (
    "Take stack dumps of all ranks before the restart (py-spy dump --pid ...), and look for the rank whose GPU differs"
    " from the others. https://github.com/benfred/py-spy"
)


@dataclass(slots=True)
class TrainingPace:
    """When the run last advanced, and how long it usually takes."""

    place: list[float | int | None] = field(default_factory=list)
    last_ns: int | None = None
    clock: str = ""
    """The kind of clock `last_ns` is from; times of different kinds do not compare."""
    last_line: int = 0
    samples: int = 0
    gaps_s: list[float] = field(default_factory=list)
    longest_s: float = 0.0
    """The longest gap that ended with progress: an evaluation or a checkpoint the run came back from."""
    step_s: float = 0.0
    stride: float = 0.0
    trained: bool = False
    """Has the log told a step of training? Without one there is nothing that could hang."""
    total: int | None = None
    laps: int = 0
    """How often the step began anew: then its total is an epoch's, not the run's."""
    speeds: list[float] = field(default_factory=list)
    best_speed: float = 0.0
    slow: int = 0
    slow_line: int = 0
    excerpt: str = ""

    def feed(self, sample: Sample, line: int, moment: tuple[int, str] | None, text: str, *, dense: bool) -> None:
        """Take one sample and its time; `dense` tells that no progress line was passed over since the one before."""
        place: list[float | int | None] = [sample.epoch, sample.step]
        if place == self.place and sample.step is not None:
            return
        if sample.training and not self.trained:  # what came before was preparation, of another pace
            self.trained, self.place, self.last_ns, self.samples = True, [], None, 0
            self.gaps_s, self.longest_s, self.stride = [], 0.0, 0.0
        if self.place and _began_anew(sample.step, self.place[1]):
            self.laps += 1
        self.total = sample.total
        steps = _steps(sample, self.place)
        if dense and steps:
            self.stride = steps
        if sample.step_s is not None:
            self.step_s = sample.step_s
        moment_ns, clock = moment or (None, self.clock)
        if clock != self.clock:
            self.clock, self.last_ns = clock, None
        if moment_ns is not None and self.last_ns is not None and moment_ns >= self.last_ns:
            gap = (moment_ns - self.last_ns) / SECOND
            self.longest_s = max(self.longest_s, gap)
            share = 1.0 if dense or not steps or not self.stride else self.stride / steps
            self.gaps_s = [*self.gaps_s[-(KEPT - 1) :], gap * min(1.0, share)]
        self.place, self.samples, self.last_line, self.excerpt = place, self.samples + 1, line, text[:240]
        self.last_ns = moment_ns if moment_ns is not None else self.last_ns
        self._speed(sample, line)

    def _speed(self, sample: Sample, line: int) -> None:
        speed = sample.tokens_per_s or sample.samples_per_s or (1 / sample.step_s if sample.step_s else None)
        if speed is None or sample.evaluation:
            return
        self.speeds = [*self.speeds[-(SPEEDS - 1) :], speed]
        if len(self.speeds) < SPEEDS:
            return
        level = median(self.speeds)
        if level < SLOW * self.best_speed:
            self.slow += 1
            self.slow_line = self.slow_line or line
        else:
            self.slow = self.slow_line = 0
        self.best_speed = max(self.best_speed, level)

    @property
    def gap_s(self) -> float | None:
        """The gap between two progress lines that half of the time is spent in, in seconds.

        Weighed by time, so that lines in pairs ("Epoch 3/20", then its result a minute later) do not hide the pace;
        without the longest tenth, which are evaluations and checkpoints.
        """
        gaps = sorted(self.gaps_s)[: len(self.gaps_s) - (len(self.gaps_s) + 5) // 10]
        if gaps and gaps[-1] > 0:
            half = sum(gaps) / 2
            return next(gap for gap, spent in zip(gaps, accumulate(gaps), strict=True) if spent >= half)
        return self.step_s * max(1.0, self.stride) if self.step_s else None

    def patience_s(self, after: str) -> float | None:
        """Seconds without progress that are still normal; None while the pace is not learnt."""
        gap = self.gap_s
        if gap is None:
            return None
        if len(self.gaps_s) < WARM and self.samples < WARM and not self.step_s:
            return max(COLD_S, 2 * GAPS * gap)
        patience = max(FLOOR_S, min(GAPS * gap, CEILING_S), 2 * gap)
        if self.longest_s > FLOOR_S:
            patience = max(patience, 1.5 * self.longest_s)
        if _BUSY.search(after):
            patience = max(patience, BUSY_S, 2 * gap)
        return patience

    def stall(self, now_ns: int | None, after: str) -> Failure | None:
        """A hang, if there is one.

        Args:
            now_ns: the time to judge by; None takes the last time written in `after`.
            after: the text that came after the last progress line: pulses, evaluation, checkpointing.
        """
        if not self.trained or self._ended(after):
            return None
        if self.clock == "naive":
            now_ns = None  # local time of a zone we do not know: only the log itself can tell
        patience = self.patience_s(after)
        if patience is not None and now_ns is None:
            patience *= OWN_CLOCK
        if patience is not None and self._at_total():
            patience = max(patience, BUSY_S)
        silent = self._silent_s(now_ns, after)
        if patience is None or silent is None or silent < patience:
            return None
        where = f" after step {self.place[1]}" if self.place and self.place[1] is not None else ""
        gap = self.gap_s or 0.0
        title = f"No progress for {_minutes(silent)}{where}; it usually takes {_minutes(gap)}"
        pulsing = bool(after.strip())
        why = "Other lines still come, but none tells a new step." if pulsing else "The log is silent as well."
        last_ns = self.last_ns
        return Failure(
            "page", "hang", "no_progress", title, HINT, self.last_line, (), 1, last_ns, now_ns, (self.excerpt,),
            0.85 if pulsing else 0.7, "no_progress", why, 0,
        )  # fmt: skip

    def _ended(self, after: str) -> bool:
        """Did the run say, or count, that it is done? An upload may follow, which nobody counts."""
        return (self._at_total() and not self.laps) or _ENDED.search(after) is not None

    def _at_total(self) -> bool:
        step = self.place[1] if self.place else None
        return self.total is not None and step is not None and step >= self.total

    def slow_down(self) -> Failure | None:
        """A sustained loss of speed, if there is one."""
        if self.slow < 2 * SPEEDS:
            return None
        title = f"Throughput fell to {median(self.speeds):.4g} from {self.best_speed:.4g} a second"
        hint = "Look for a straggling node, slow storage or a throttled GPU. https://docs.pytorch.org/docs/stable/data.html"
        return Failure(
            "warn", "data", "throughput_drop", title, hint, self.slow_line, confidence=0.6, fingerprint="throughput"
        )

    def _silent_s(self, now_ns: int | None, after: str) -> float | None:
        if now_ns is None:
            told = (read_clock(line) for line in reversed(after.splitlines()))
            now_ns = next((found[0] for found in told if found is not None and found[1] == self.clock), None)
        if now_ns is not None and self.last_ns is not None:
            return (now_ns - self.last_ns) / SECOND
        elapsed = [_seconds(found) for found in _ELAPSED.finditer(after)]
        return elapsed[-1] - elapsed[0] if len(elapsed) > 1 else None


def _steps(sample: Sample, place: list[float | int | None]) -> float:
    """Steps since the place before; 0 where they are not told or began anew."""
    before = place[1] if place else None
    return max(0.0, float(sample.step - before)) if sample.step is not None and before is not None else 0.0


def _began_anew(step: int | None, before: float | None) -> bool:
    return step is not None and before is not None and step < before / 2


def _seconds(found: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
