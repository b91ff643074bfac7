"""Jobs in messages: state icon, linked name, and the reference to copy."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.durations import format_ago
from bot.domain.jobs import Job, JobState
from bot.domain.progress import progress_text
from bot.domain.subscriptions import Watched
from bot.domain.wording import plural
from bot.slack.render.icons import PENDING, STATE_ICONS
from bot.slack.render.text import code, link, one_line

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


def job_row(job: Job) -> str:
    """A job in a list: state, name, reference, and its progress if it is watched and running."""
    name = f"{job_link(job)} " if job.name else ""
    text = progress_text(job.progress) if job.progress and job.state is JobState.RUNNING else ""
    progress = f" · {text}" if text else ""
    return f"{STATE_ICONS[job.state]} {name}{code(str(job.ref))} {state_label(job)}{progress}"


def watched_row(watched: Watched, now: datetime) -> str:
    """A watched job in a list: its row, its firing alerts, and when it was last polled."""
    job = job_row(watched.job) if watched.job else f"{PENDING} {code(str(watched.subscription.job))} not polled yet"
    firing = f"*{plural(watched.firing, 'alert')} firing*" if watched.firing else ""
    polled = f"polled {format_ago(watched.seen_at, now)}" if watched.seen_at else ""
    return " · ".join(part for part in (job, firing, polled) if part)
