"""Jobs in messages: state icon, linked name, and in tables the reference to copy."""

from collections.abc import Sequence

from bot.domain.jobs import Job, JobState
from bot.domain.progress import progress_text
from bot.slack.render.icons import STATE_ICONS
from bot.slack.render.tables import TableCell
from bot.slack.render.text import link, one_line

_MAX_NAMED = 6


def state_label(job: Job) -> str:
    """The state, or the platform's own status when the state is unknown."""
    return one_line(job.vendor_status, 80) if job.state is JobState.UNKNOWN and job.vendor_status else job.state.value


def job_name(job: Job) -> str:
    """The name, escaped; the reference when the job has no name."""
    return one_line(job.name or str(job.ref), 120)


def job_link(job: Job) -> str:
    """The job's name, linked to its page on the platform."""
    return f"*{link(job.url, job_name(job))}*"


def job_summary(jobs: Sequence[Job]) -> str:
    """Names and states for alt text: `tune-7b running, sft failed and 3 more`; "" without jobs."""
    named = ", ".join(f"{job_name(job)} {state_label(job)}" for job in jobs[:_MAX_NAMED])
    hidden = len(jobs) - _MAX_NAMED
    return f"{named} and {hidden:,} more" if hidden > 0 else named


def job_cell(job: Job) -> TableCell:
    """A job in a table: its name, linked to its page, above its reference."""
    return TableCell(job.name or "", job.url if job.name else None, code=str(job.ref))


def state_cell(job: Job) -> str:
    """The state of a job in a table, and its progress if it is watched and running; plain text."""
    progress = progress_text(job.progress) if job.progress and job.state is JobState.RUNNING else ""
    own = job.vendor_status if job.state is JobState.UNKNOWN and job.vendor_status else job.state.value
    return f"{STATE_ICONS[job.state]} {' · '.join(filter(None, (own, progress)))}"
