"""Jobs as they are named in messages: a sign for the state, a linked name, the reference to copy."""

from __future__ import annotations

from bot.domain.jobs import Job, JobState
from bot.slack.render.message import code, link, one_line

_SIGNS = {
    JobState.QUEUED: "⏳",
    JobState.STARTING: "⏳",
    JobState.RUNNING: "🟢",
    JobState.IDLE: "💤",
    JobState.UNHEALTHY: "🟠",
    JobState.SUCCEEDED: "✅",
    JobState.FAILED: "🔴",
    JobState.CANCELLED: "⚪",
    JobState.PREEMPTED: "🔴",
    JobState.UNKNOWN: "❓",
}


def state_sign(state: JobState) -> str:
    """One sign for where a job stands."""
    return _SIGNS[state]


def state_words(job: Job) -> str:
    """The state; the platform's own word when we do not know it."""
    return one_line(job.vendor_status, 80) if job.state is JobState.UNKNOWN and job.vendor_status else job.state.value


def job_name(job: Job) -> str:
    """The name, escaped; the reference when it has none."""
    return one_line(job.name or str(job.ref), 120)


def job_link(job: Job) -> str:
    """The job's name, linked to its page at the platform."""
    return f"*{link(job.url, job_name(job))}*"


def job_row(job: Job) -> str:
    """A job in a list: state, name, reference."""
    name = f"{job_link(job)} " if job.name else ""
    return f"{state_sign(job.state)} {name}{code(str(job.ref))} {state_words(job)}"
