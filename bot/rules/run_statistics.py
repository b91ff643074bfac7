"""What each poll adds to the statistics of a run that a channel follows. Pure."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.jobs import Job, JobState
from bot.domain.metrics import GPU_UTILIZATION, MetricSeries, safe_mean
from bot.domain.runs import RunStatistics, has_started


def observe_run(before: RunStatistics, job: Job, now: datetime, *, is_first: bool) -> RunStatistics:
    """Return the statistics after a poll.

    Args:
        before: after the last poll.
        job: as of this poll, with its progress and utilization.
        now: the time of this poll.
        is_first: nothing was seen of the run before, so it may have started long ago.
    """
    after = before
    if job.state.is_pending and before.queued_at is None and before.started_at is None:
        after = replace(after, queued_at=min(job.created_at or now, now))
    if has_started(job) and before.started_at is None:
        earliest = job.started_at or (job.created_at if is_first else None)
        after = replace(after, started_at=min(earliest or now, now))
    return _with_progress(_with_utilization(after, job), job, now)


def _with_progress(before: RunStatistics, job: Job, now: datetime) -> RunStatistics:
    progress, after = job.progress, before
    if progress is None:
        return after
    if before.first_step_at is None and progress.step is not None:
        after = replace(after, first_step=progress.step, first_step_at=min(progress.last_at or now, now))
    loss = progress.loss
    if loss is not None and math.isfinite(loss) and (before.best_loss is None or loss < before.best_loss):
        after = replace(after, best_loss=loss, best_step=progress.step)
    return after


def mean_utilization(series: Iterable[MetricSeries]) -> float | None:
    """Return the mean of the newest samples of all GPUs; None without samples."""
    newest = [one.points[-1].value for one in series if one.name == GPU_UTILIZATION and one.points]
    values = [value for value in newest if math.isfinite(value)]
    return safe_mean(values) if values else None


def _with_utilization(before: RunStatistics, job: Job) -> RunStatistics:
    mean = job.utilization
    if job.state is not JobState.RUNNING or mean is None:
        return before
    total, polls = before.utilization_sum + mean, before.utilization_polls + 1
    return replace(before, utilization_sum=total, utilization_polls=polls)
