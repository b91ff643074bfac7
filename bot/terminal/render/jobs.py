"""Jobs and their states for a terminal. Pure."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.commands.subcommands.jobs import JobsAnswer
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.jobs import Job, JobState
from bot.terminal.log_lines import escape_controls

_STYLES = {
    JobState.QUEUED: "cyan",
    JobState.STARTING: "cyan",
    JobState.RUNNING: "bold green",
    JobState.IDLE: "dim",
    JobState.UNHEALTHY: "bold yellow",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "bold red",
    JobState.CANCELLED: "dim",
    JobState.PREEMPTED: "bold yellow",
    JobState.UNKNOWN: "magenta",
}


def state_text(job: Job, now: datetime) -> Text:
    """Render a job's state in one line: `tune-7b: running (RUNNING), started 2 h ago`."""
    name = escape_controls(job.name or str(job.ref))
    text = Text.assemble((name, "bold"), ": ", coloured_state(job), f" ({escape_controls(job.vendor_status)})")
    if job.ended_at is not None:
        text.append(f", ended {format_ago(job.ended_at, now)}")
        if job.started_at is not None:
            text.append(f" after {spoken_duration(job.ended_at - job.started_at)}")
    elif job.started_at is not None:
        text.append(f", started {format_ago(job.started_at, now)}")
    elif job.created_at is not None:
        text.append(f", created {format_ago(job.created_at, now)}")
    return text


def coloured_state(job: Job) -> Text:
    """Render a job's state in its colour."""
    return Text(job.state.value, style=_STYLES[job.state])


def render_jobs(answer: JobsAnswer) -> RenderableType:
    """Render a table of jobs, then the platforms without jobs or with a problem."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("job", overflow="fold")
    table.add_column("state")
    table.add_column("name", overflow="ellipsis", no_wrap=True)
    table.add_column("created")
    for jobs in answer.providers:
        for job in jobs.jobs:
            created = f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else ""
            table.add_row(Text(str(job.ref)), coloured_state(job), Text(escape_controls(job.name or "")), created)
    problems = [
        Text(f"{one.provider}: {escape_controls(one.problem)}", style="red" if one.lists else "dim")
        for one in answer.providers
        if one.problem
    ]
    none = [
        Text(f"{one.provider}: no jobs", style="dim") for one in answer.providers if not one.jobs and not one.problem
    ]
    return Group(*([table] if table.row_count else []), *none, *problems)
