"""Redact whole values that hold foreign text, before anything cuts, stores or shows them."""

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.gaps import Gap
from bot.domain.jobs import Job
from bot.domain.metrics import MetricSeries
from bot.domain.observations import Observation
from bot.domain.runs import QueuePosition
from bot.redaction.redactor import Redactor


def redact_job(job: Job, redactor: Redactor) -> Job:
    """Hide secrets in the fields that the platform and its users wrote."""

    def hide(text: str | None) -> str | None:
        return None if text is None else redactor.redact(text)[0]

    return replace(
        job,
        vendor_status=redactor.redact(job.vendor_status)[0],
        name=hide(job.name),
        error=hide(job.error),
        url=hide(job.url),
        user=hide(job.user),
        details=tuple((label, redactor.redact(value)[0]) for label, value in job.details),
    )


def redact_series(series: Iterable[MetricSeries], redactor: Redactor) -> tuple[MetricSeries, ...]:
    """Hide secrets in the names of metrics and nodes, which users choose."""
    series = tuple(series)
    names = {one.name for one in series} | {one.node for one in series if one.node}
    shown = {name: redactor.redact(name)[0] for name in names}
    if all(name == text for name, text in shown.items()):
        return series
    return tuple(replace(one, name=shown[one.name], node=shown[one.node] if one.node else one.node) for one in series)


def redact_gaps(gaps: Iterable[Gap], redactor: Redactor) -> tuple[Gap, ...]:
    """Hide secrets in error texts of the platform."""
    return tuple(replace(gap, public=redactor.redact(gap.public)[0]) for gap in gaps)


def redact_observation(observation: Observation, redactor: Redactor) -> Observation:
    """Hide secrets in the job, lines, series and gaps."""
    job = observation.job
    return replace(
        observation,
        job=None if job is None else redact_job(job, redactor),
        lines=tuple(redactor.redact_lines(observation.lines)[0]),
        series=redact_series(observation.series, redactor),
        gaps=redact_gaps(observation.gaps, redactor),
        queue=None if observation.queue is None else redact_queue(observation.queue, redactor),
    )


def redact_queue(queue: QueuePosition, redactor: Redactor) -> QueuePosition:
    """Hide secrets in the names of other jobs."""
    holders = tuple((redactor.redact(name)[0], gpus) for name, gpus in queue.holders)
    return replace(queue, gpu_type=redactor.redact(queue.gpu_type)[0], holders=holders)
