"""Whole values without secrets: what a platform and its users wrote, before anything cuts, remembers or shows it."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.jobs import Job
from bot.domain.observations import Observation
from bot.domain.redaction import Redactor


def safe_job(job: Job, redactor: Redactor) -> Job:
    """The job with secrets hidden in what the platform and its users wrote."""

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


def safe_observation(observation: Observation, redactor: Redactor) -> Observation:
    """The observation with secrets hidden in its job and in its lines, sources included."""
    lines = redactor.redact_lines(observation.lines)[0]
    sources = {source: redactor.redact(source)[0] for source in {line.source for line in lines} if source}
    if any(source != safe for source, safe in sources.items()):
        lines = [line._replace(source=sources.get(line.source or "", line.source)) for line in lines]
    job = observation.job
    return replace(observation, job=None if job is None else safe_job(job, redactor), lines=tuple(lines))
