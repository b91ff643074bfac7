"""The preview of a link to a job: name, state, progress, and buttons. It is shown under a message of somebody else."""

from datetime import datetime

from bot.commands.parsing.tokenizer import quote
from bot.domain.durations import spoken_duration
from bot.domain.job_ends import describe_end
from bot.domain.jobs import Job
from bot.domain.progress import summary_text
from bot.slack.render.blocks import Action, actions, button, context, section
from bot.slack.render.icons import STATE_ICONS
from bot.slack.render.jobs import job_link, state_label
from bot.slack.render.message import Block
from bot.slack.render.text import code, escape, one_line, slack_time


def render_unfurl(job: Job, at: datetime, *, is_watched: bool) -> list[Block]:
    """The blocks of the preview.

    Args:
        job: as of the last poll, or as the platform just returned it.
        at: when that was.
        is_watched: whether the channel watches the job.
    """
    ended_at = (job.ended_at or at) if job.state.is_terminal else None
    progress = summary_text(job.progress, ended_at) if job.progress else ""
    end = describe_end(job) or job.error or ""
    lines = [
        f"{STATE_ICONS[job.state]} {job_link(job)} · *{state_label(job)}* {_since(job)}".rstrip(),
        escape(progress),
        f"> {one_line(end, 300)}" if end else "",
    ]
    ref = quote(str(job.ref))
    watch = None if is_watched or job.state.is_terminal else button("Watch here", Action.CHANGE, f"watch {ref}")
    diagnose = button("Diagnose", Action.SHOW, f"diagnose {ref}", key="diagnose") if job.state.is_failure else None
    blocks = [
        section("\n".join(line for line in lines if line)),
        context([code(str(job.ref)), f"as of {slack_time(at)}", "watched here" if is_watched else ""]),
        actions([watch, diagnose, button("Status", Action.SHOW, f"status {ref}", key="status")]),
    ]
    return [block for block in blocks if block is not None]


def _since(job: Job) -> str:
    began = job.started_at or job.created_at
    if job.ended_at:
        return slack_time(job.ended_at) + (f" after {spoken_duration(job.ended_at - began)}" if began else "")
    return f"since {slack_time(began)}" if began else ""
