"""How far a run got, according to its log: the newest step, its pace, and the last checkpoint."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.durations import datetime_from_ns, format_iso_ms

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved state of a run, as its log names it."""

    step: int | None = None
    at: datetime | None = None
    path: str | None = None
    """Where it is, or its name."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far the run got, according to its log; None where the log has no such number."""

    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    samples_per_s: float | None = None
    gap_s: float | None = None
    """Typical time between two progress lines, in seconds."""
    last_ns: int | None = None
    """Time of the newest progress."""
    lines: int = 0
    """Number of progress lines read."""
    finished: bool = False
    """Does the log state that the run completed?"""
    step_s: float | None = None
    """Seconds per step of the current attempt."""
    checkpoint: Checkpoint | None = None
    """The last checkpoint that the log reports as saved."""
    is_epoch_total: bool = False
    """Is `total_steps` the number of steps of an epoch rather than of the run?"""

    @property
    def is_known(self) -> bool:
        """Does the log state a step, an epoch or a loss?"""
        return self.step is not None or self.epoch is not None or self.loss is not None

    @property
    def last_at(self) -> datetime | None:
        """Time of the newest progress."""
        return None if self.last_ns is None else datetime_from_ns(self.last_ns)

    @property
    def time_left(self) -> timedelta | None:
        """Time to the last step of the run at the current pace."""
        if self.finished or self.is_epoch_total or self.step is None or not self.total_steps or not self.step_s:
            return None
        seconds = max(0, self.total_steps - self.step) * self.step_s
        return timedelta(seconds=seconds) if 0 < seconds < timedelta.max.total_seconds() / 2 else None

    def to_json(self) -> dict[str, object]:
        """The known values by name, with times as ISO 8601."""
        values: dict[str, object] = {
            name: getattr(self, name) for name in RunProgress.__dataclass_fields__ if getattr(self, name) is not None
        }
        if self.last_ns is not None:
            del values["last_ns"]
            values["last"] = format_iso_ms(self.last_ns)
        if self.checkpoint is not None:
            saved = self.checkpoint
            at = None if saved.at is None else saved.at.isoformat()
            values["checkpoint"] = {"step": saved.step, "at": at, "path": saved.path}
        return {key: _plain(value) for key, value in values.items()}


def fraction_done(progress: RunProgress) -> float | None:
    """Return how much of the run is done, 0 to 1; None without a total."""
    if progress.step is None or not progress.total_steps or progress.is_epoch_total:
        return None
    return min(1.0, max(0.0, progress.step / progress.total_steps))


def progress_text(progress: RunProgress, *, is_running: bool = True) -> str:
    """Return `step 2,926 of 50,000 · 4.0 s/step · about 52 h left`; "" if nothing is known.

    Args:
        progress: what the log says.
        is_running: False for a run that has ended: it has no time left.
    """
    parts = [position_text(progress)]
    if progress.step is not None and progress.step_s:
        parts.append(f"{format_step_seconds(progress.step_s)}/step")
    left = progress.time_left if is_running else None
    if left is not None:
        parts.append(f"about {rounded_span(left)} left")
    if progress.finished:
        parts.append("finished")
    return " · ".join(part for part in parts if part)


def summary_text(progress: RunProgress, ended_at: datetime | None = None) -> str:
    """Return the progress, the loss and the last checkpoint; for a run that ended at `ended_at`, the work lost."""
    loss = "" if progress.loss is None else f"loss {progress.loss:.4g}"
    parts = (progress_text(progress, is_running=ended_at is None), loss, checkpoint_text(progress, ended_at))
    return " · ".join(part for part in parts if part)


def checkpoint_text(progress: RunProgress, ended_at: datetime | None = None) -> str:
    """Return `last checkpoint 2,500`, for a run that ended with ` (12 min of work lost)`; "" without a checkpoint."""
    saved = progress.checkpoint
    if saved is None or (saved.step is None and saved.path is None):
        return ""
    name = f"{saved.step:,}" if saved.step is not None else str(saved.path)
    lost = None if ended_at is None else lost_work(progress, ended_at)
    return f"last checkpoint {name}" + (f" ({rounded_span(lost)} of work lost)" if lost is not None else "")


def lost_work(progress: RunProgress, ended_at: datetime) -> timedelta | None:
    """Return the time that a run which ended worked after its last checkpoint; None if unknown or if nothing is lost.

    Time after the newest step is not work: a run may hang for hours before it ends.
    """
    saved = progress.checkpoint
    if saved is None or progress.finished:
        return None
    if saved.at is not None:
        lost = min(progress.last_at or ended_at, ended_at) - saved.at
    elif saved.step is not None and progress.step is not None and progress.step_s:
        lost = timedelta(seconds=min((progress.step - saved.step) * progress.step_s, 10 * 365 * _DAY))
    else:
        return None
    return lost if lost > timedelta(0) else None


def format_step_seconds(seconds: float) -> str:
    """Format a time per step with two significant digits: "38 ms", "4.0 s", "152 s", "12 min"."""
    if seconds < 0.1:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"
    return f"{seconds:.0f} s" if seconds < 10 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


def position_text(progress: RunProgress) -> str:
    """Return `step 2,926 of 50,000`, `epoch 3, step 12 of 40`, or the epoch alone; "" if nothing is known."""
    if progress.step is not None:
        total = f" of {progress.total_steps:,}" if progress.total_steps else ""
        epoch = f"epoch {progress.epoch:.4g}, " if progress.is_epoch_total and progress.epoch is not None else ""
        return f"{epoch}step {progress.step:,}{total}"
    return "" if progress.epoch is None else f"epoch {progress.epoch:.4g}"


def rounded_span(span: timedelta) -> str:
    """Format a time for people with one unit: "52 h", "12 min"."""
    seconds = span.total_seconds()
    if seconds < 1.5 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 1.5 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 4 * _DAY else f"{seconds / _DAY:.0f} d"


def _plain(value: object) -> object:
    """Write NaN and infinity as strings: JSON has neither."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
