"""Condition: the platform reports that the job failed, was preempted or is unhealthy.

The alert quotes the platform's reason and names the cause that the log shows.
"""

from bot.diagnosis.findings import Failure
from bot.domain.alerts import Clear, Evidence, Finding, Memory, Severity, Unknown, Verdict
from bot.domain.durations import spoken_duration
from bot.domain.jobs import Job, JobState
from bot.rules.diagnosis_wording import decisive_text, rank_label, ranks_of_total
from bot.rules.rule import Context

_TITLES = {JobState.FAILED: "Job failed", JobState.PREEMPTED: "Job preempted", JobState.UNHEALTHY: "Unhealthy"}
_HINTS = {
    JobState.FAILED: "Read the last lines of the log. The root cause precedes the launcher's own messages.",
    JobState.PREEMPTED: "Restart it from its last checkpoint, or ask for dedicated capacity.",
    JobState.UNHEALTHY: "Check the newest errors. It may recover by itself, and then this alert resolves.",
}


def failed_state(context: Context) -> tuple[Verdict, Memory]:
    """Holds while the job's state is a failure; unknown while the status cannot be read."""
    job = context.observation.job
    if job is None:
        return Unknown(), context.memory
    if not job.state.is_failure:
        return Clear(), {}
    return Finding(
        _evidence(job, _cause(context, job)), Severity.WARN if job.state is JobState.UNHEALTHY else Severity.PAGE
    ), {}


def _cause(context: Context, job: Job) -> Failure | None:
    """The failure in the log that ended the run."""
    if context.diagnosis is None or not job.state.is_terminal:
        return None
    return next((one for one in context.diagnosis.failures if one.severity is Severity.PAGE), None)


def _evidence(job: Job, cause: Failure | None) -> Evidence:
    facts = [("Status", job.vendor_status)] if job.error else []
    ended = job.ended_at or job.updated_at
    began = job.started_at or job.created_at
    if ended and began:
        facts.append(("Ran for", spoken_duration(ended - began)))
    if cause is not None:
        facts += [("Cause", cause.title), ("Decisive line", decisive_text(cause))]
        facts += [(rank_label(cause), ranks_of_total(cause, job))] if cause.ranks else []
    return Evidence(
        title=_TITLES[job.state],
        summary=job.error or _reported(job),
        facts=tuple(facts),
        hint=cause.hint if cause is not None else _HINTS[job.state],
        count=1,
        first_at=ended,
        last_at=ended,
    )


def _reported(job: Job) -> str:
    if job.state is JobState.PREEMPTED:
        return f"The platform reclaimed its machines ({job.vendor_status})."
    return f"The platform reports: {job.vendor_status}."
