"""What ended a job, in the platform's words. Pure."""

from bot.domain.jobs import Job, JobState

_TIMEOUT_WORDS = ("EXPIRED", "TIMEOUT", "TIMED_OUT", "DEADLINE")
_WITHOUT_REASON = {
    JobState.PREEMPTED: "the platform reclaimed its machines",
    JobState.CANCELLED: "the platform gives no reason",
    JobState.FAILED: "the platform gives no reason",
    JobState.UNHEALTHY: "the platform gives no reason",
}


def ended_badly(state: JobState) -> bool:
    """Whether a job failed, was cancelled or preempted, or is unhealthy."""
    return state in _WITHOUT_REASON


def describe_end(job: Job) -> str:
    """Return `Preempted: The spot instance was reclaimed.`; "" for a job that succeeded or has not ended."""
    if not ended_badly(job.state):
        return ""
    words = job.vendor_status.upper()
    is_timeout = job.state is JobState.FAILED and any(word in words for word in _TIMEOUT_WORDS)
    what = "Timed out" if is_timeout else job.state.value.capitalize()
    reason = (job.error or "").strip() or f"{_WITHOUT_REASON[job.state]} ({job.vendor_status})"
    return f"{what}: {reason}" if reason.endswith((".", "!", "?")) else f"{what}: {reason}."
