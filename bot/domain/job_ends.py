"""What ended a job, in the platform's words. Pure."""

from bot.domain.jobs import Job, JobState
from bot.domain.wording import plural

_TIMEOUT_WORDS = ("EXPIRED", "TIMEOUT", "TIMED_OUT", "DEADLINE")
_WITHOUT_REASON = {
    JobState.PREEMPTED: "the platform reclaimed its machines",
    JobState.CANCELLED: "the platform gives no reason",
    JobState.FAILED: "no reason",
    JobState.UNHEALTHY: "the platform gives no reason",
}


def ended_badly(state: JobState) -> bool:
    """Whether a job failed, was cancelled or preempted, or is unhealthy."""
    return state in _WITHOUT_REASON


def describe_search(lines: int | None) -> str:
    """Say that the end of a log was searched for a cause in vain."""
    if not lines:
        return "The log is empty."
    return f"No known failure in the last {plural(lines, 'line')}."


def describe_end(job: Job) -> str:
    """Return `Preempted: The spot instance was reclaimed.`; "" for a job that succeeded or has not ended."""
    if not ended_badly(job.state):
        return ""
    words = job.vendor_status.upper()
    is_timeout = job.state is JobState.FAILED and any(word in words for word in _TIMEOUT_WORDS)
    what = job.state.value.capitalize() if job.state is not JobState.FAILED else "The platform reports"
    what = "Timed out" if is_timeout else what
    reason = (job.error or "").strip() or f"{_WITHOUT_REASON[job.state]} ({job.vendor_status})"
    return f"{what}: {reason}" if reason.endswith((".", "!", "?")) else f"{what}: {reason}."
