"""Describe what the GPUs of a run do that makes no progress: spin in a collective, idle, or differ. Pure."""

import enum
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from bot.domain.metrics import GPU_UTILIZATION, MetricSeries
from bot.rules.metrics.samples import gpu_name, name_list

RECENT = timedelta(minutes=3)
"""Samples this old still describe the present."""
BUSY, IDLE = 0.9, 0.1
"""Mean utilization from which a GPU counts as spinning, and below which it counts as idle."""


class GpuActivity(enum.StrEnum):
    """What the GPUs of a job do. Stored in a rule's state."""

    SPINNING = "spinning"
    IDLE = "idle"
    ODD = "odd"
    MIXED = "mixed"


def gpu_activity(
    series: Sequence[MetricSeries], stopped_at: datetime | None, now: datetime
) -> tuple[GpuActivity, str] | None:
    """Return what the GPUs do since the last step, also as a sentence; None without samples."""
    since = max(now - RECENT, stopped_at) if stopped_at is not None else now - RECENT
    means = {gpu_name(one): mean for one in series if (mean := _mean(one, since)) is not None}
    if not means:
        return None
    if min(means.values()) >= BUSY:
        return GpuActivity.SPINNING, f"{_all_of(means)} at {median(means.values()):.0%}: spinning in a collective."
    if max(means.values()) < IDLE:
        return GpuActivity.IDLE, f"{_all_of(means)} idle ({median(means.values()):.0%}): waiting, not computing."
    idle = {name for name, mean in means.items() if mean < IDLE}
    if idle and len(idle) <= len(means) // 2:
        busy = median(mean for name, mean in means.items() if name not in idle)
        return GpuActivity.ODD, f"{name_list(idle)} idle while the others are at {busy:.0%}: check that rank first."
    return GpuActivity.MIXED, f"GPUs at {min(means.values()):.0%} to {max(means.values()):.0%}."


def _mean(series: MetricSeries, since: datetime) -> float | None:
    if series.name != GPU_UTILIZATION:
        return None
    values = [value for value, at, _ in series.points if at is not None and at >= since and math.isfinite(value)]
    return math.fsum(values) / len(values) if values else None


def _all_of(means: dict[str, float]) -> str:
    return f"All {len(means)} GPUs" if len(means) > 1 else next(iter(means))
