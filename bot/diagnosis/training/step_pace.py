"""The time per step of the current attempt, from the times of its steps or from what its lines state."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from bot.diagnosis.training.progress import LoggedSample, Sample

MAX_POINTS = 32
NEW_ATTEMPT = 3
"""Number of rising steps below the highest one that start another attempt; fewer are lines of late ranks."""
OUTLIER, MIN_OUTLIER_NS = 3.0, 5_000_000_000
"""An interval this many times as long per step as the average is an evaluation or a checkpoint."""
EPOCH_END = 0.9
"""Share of the total after which a smaller step starts the next epoch rather than another attempt."""
MAX_STEP_S = 7 * 86400.0

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0, "": 1.0}
_STATED = re.compile(
    r"(?P<per>\d[\d.]*) ?s/it\b|(?P<rate>\d[\d.]*) ?it/s\b|(?P<unit>\d[\d.]*)(?P<of>us|ms|s)/step\b"
    r"|(?P<elapsed>elapsed time per iteration|\bdt|\bstep[ _]time|\biter(?:ation)?[ _]time|\bseconds|\btime_this_iter_s"
    r"|\btrain_step_timing|step_avg|(?<![a-z_] )(?<![a-z_])time)"
    r"(?: in)? ?\(?(?P<before>ms|s|sec)?\)?['\"]?\s*[:= ]\s*['\"]?"
    r"(?P<value>\d[\d.]*) ?(?P<after>us|ms|seconds|sec|s)?(?![\w:/-])"
    r"|\bups[=:] ?(?P<ups>\d[\d.]*)"
)


@dataclass(slots=True)
class StepPace:
    """Steps of the current attempt with their times, newest last."""

    counter: str = ""
    """Key of the counter."""
    label: str = ""
    """Of the process that logged the newest step."""
    clock: str = ""
    steps: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    fallen: list[int] = field(default_factory=list)
    """Steps below the newest of `steps`: of the next attempt, or of late ranks."""
    fallen_ns: list[int] = field(default_factory=list)
    epoch: float = 0.0
    total: int = 0
    late: int = 0
    """Number of steps of other ranks, below the newest step, in a row."""
    read_at: int = 0
    """Offset of the newest step."""
    fell_at: int = 0
    """Offset after which the lines are of the newest attempt."""
    attempt_ns: int = 0
    """Time of the first step of the newest attempt; 0: it is the first one, or the log has no times."""
    is_restart: bool = False
    """Whether `fallen` are steps of another attempt rather than of the next epoch."""

    def feed(self, counter: str, logged: LoggedSample, end: int) -> None:
        """Read one training step."""
        step, time = logged.sample.step, logged.time
        label = "" if logged.label is None else str(logged.label)
        if step is None:
            return
        if counter != self.counter:
            self.counter = counter
            self._start([], [])
        if label != self.label and self.steps and step <= self.steps[-1]:
            self.late += 1
            if self.late <= MAX_POINTS:
                return
            self._start([], [])
        self.label, self.late = label, 0
        if time is not None and time.clock != self.clock:
            self.clock = time.clock
            self._start([], [])
        self._add(logged.sample, step, 0 if time is None else time.ns)
        self.read_at = end

    @property
    def step_s(self) -> float | None:
        """Seconds per step by the log's times; None if they do not show it."""
        if self.fallen:
            return None
        points = zip(self.steps, self.times_ns, strict=True)
        spans = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(points)]
        spans = [(steps, ns) for steps, ns in spans if ns >= 0]
        average = _average(spans)
        if average is None:
            return None
        usual = [(steps, ns) for steps, ns in spans if ns < MIN_OUTLIER_NS or ns / steps < OUTLIER * average]
        found = _average(usual)
        return found / 1e9 if found and found / 1e9 < MAX_STEP_S else None

    def _start(self, steps: list[int], times_ns: list[int]) -> None:
        self.steps, self.times_ns, self.fallen, self.fallen_ns = steps, times_ns, [], []

    def _add(self, sample: Sample, step: int, time_ns: int) -> None:
        if not self.steps or step > self.steps[-1]:
            self.steps.append(step)
            self.times_ns.append(time_ns)
            if len(self.steps) > MAX_POINTS:
                del self.steps[0], self.times_ns[0]
            if self.fallen:
                self.fallen, self.fallen_ns, self.fell_at = [], [], 0
            self.epoch, self.total = sample.epoch or 0.0, sample.total or 0
        elif step < self.steps[-1]:
            self._add_fallen(sample, step, time_ns)

    def _add_fallen(self, sample: Sample, step: int, time_ns: int) -> None:
        """Record a step below the newest: the next attempt or epoch begins, or a rank is late."""
        is_next_epoch = (sample.epoch or 0.0) > self.epoch or (self.total and self.steps[-1] >= EPOCH_END * self.total)
        if not self.fallen:
            self.is_restart = not is_next_epoch
            self.fell_at = self.read_at if self.is_restart else self.fell_at
        if not self.fallen or step < self.fallen[-1]:
            self.fallen, self.fallen_ns = [step], [time_ns]
        elif step > self.fallen[-1]:
            self.fallen, self.fallen_ns = [*self.fallen, step], [*self.fallen_ns, time_ns]
        if len(self.fallen) >= NEW_ATTEMPT:
            self.attempt_ns = self.fallen_ns[0] if self.is_restart else self.attempt_ns
            self._start(self.fallen, self.fallen_ns)
            self.epoch, self.total = sample.epoch or 0.0, sample.total or 0


def stated_step_s(text: str) -> float | None:
    """Return the seconds per step that a line states itself."""
    found = list(_STATED.finditer(text[-800:].lower()))
    if not found:
        return None
    try:
        seconds = _seconds(found[-1])
    except (ValueError, ZeroDivisionError):  # 1.2.3, or 0 it/s
        return None
    return seconds if 0 < seconds < MAX_STEP_S else None


def _seconds(found: re.Match[str]) -> float:
    if found["per"]:
        return float(found["per"])
    if found["rate"] or found["ups"]:
        return 1 / float(found["rate"] or found["ups"])
    if found["unit"]:
        return float(found["unit"]) * _UNITS[found["of"]]
    return float(found["value"]) * _UNITS[found["after"] or found["before"] or ""]


def _average(spans: list[tuple[int, int]]) -> float | None:
    """Return the nanoseconds per step over all intervals."""
    steps, ns = sum(one for one, _ in spans), sum(one for _, one in spans)
    return ns / steps if steps and ns else None
