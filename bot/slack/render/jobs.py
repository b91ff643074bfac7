"""Jobs as they are named in messages: a sign for the state, a linked name, the reference to copy."""

from __future__ import annotations

from collections.abc import Sequence

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

_HEARD = 6


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


def jobs_in_words(jobs: Sequence[Job]) -> str:
    """Names and states, for those who hear a list: `tune-7b running, sft failed and 3 more`; "" when there are none."""
    said = ", ".join(f"{job_name(job)} {state_words(job)}" for job in jobs[:_HEARD])
    hidden = len(jobs) - _HEARD
    return f"{said} and {hidden:,} more" if hidden > 0 else said


def job_row(job: Job) -> str:
    """A job in a list: state, name, reference."""
    name = f"{job_link(job)} " if job.name else ""
    return f"{state_sign(job.state)} {name}{code(str(job.ref))} {state_words(job)}"
