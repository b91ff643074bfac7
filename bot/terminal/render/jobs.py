"""Jobs and their states for a terminal. Pure."""

from datetime import datetime

from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand, ProviderJobs
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.jobs import Job, JobState
from bot.terminal.render.screen import (
    BOLD,
    BOLD_GREEN,
    BOLD_RED,
    BOLD_YELLOW,
    CYAN,
    DIM,
    GREEN,
    MAGENTA,
    RED,
    Screen,
    join_lines,
    plain_line,
)
from bot.terminal.render.tables import Cell, Column, table_lines

STATE_STYLES = {
    JobState.QUEUED: CYAN,
    JobState.STARTING: CYAN,
    JobState.RUNNING: BOLD_GREEN,
    JobState.IDLE: DIM,
    JobState.UNHEALTHY: BOLD_YELLOW,
    JobState.SUCCEEDED: GREEN,
    JobState.FAILED: BOLD_RED,
    JobState.CANCELLED: DIM,
    JobState.PREEMPTED: BOLD_YELLOW,
    JobState.UNKNOWN: MAGENTA,
}
"""The colour of each state."""
_COLUMNS = (Column("job"), Column("state"), Column("name", min_width=8), Column("created", drop=1))


def state_lines(job: Job, now: datetime, screen: Screen) -> list[str]:
    """Render a job's state: `tune-7b: running (RUNNING), started 2 h ago`."""
    name, state = f"{job.name or job.ref}:", (job.state.value, STATE_STYLES[job.state])
    return screen.flow((name, BOLD), state, (f"({job.vendor_status}){_age(job, now)}", ""))


def render_jobs(answer: JobsAnswer, screen: Screen) -> str:
    """Render a table of jobs, then the platforms without jobs or with a problem."""
    rows = [_row(job) for jobs in answer.providers for job in jobs.jobs]
    lines = table_lines(_COLUMNS, rows, screen) if rows else []
    for one in answer.providers:
        if not one.problem and (note := _note(one, answer.command)):
            lines += screen.wrap(note, style=DIM)
    for one in answer.providers:
        if one.problem:
            lines += screen.wrap(f"{one.provider}: {one.problem}", style=RED if one.lists else DIM)
    return join_lines(lines)


def _note(one: ProviderJobs, command: JobsCommand) -> str:
    """What is missing or limited; "" when nothing is."""
    if command.user and not one.has_users:
        return f"{one.provider} does not report who started a job"
    is_filtered = command.state is not None or command.user is not None
    if is_filtered and one.read >= command.limit:
        return f"{one.provider}: only the newest {one.read:,} jobs were searched; --limit searches more"
    kind = f"{command.state} jobs" if command.state else "jobs"
    return "" if one.jobs else f"{one.provider}: no {kind}"


def _row(job: Job) -> tuple[Cell, ...]:
    created = f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else ""
    state = Cell(job.state.value, STATE_STYLES[job.state])
    return Cell(plain_line(str(job.ref))), state, Cell(plain_line(job.name or "")), Cell(created)


def _age(job: Job, now: datetime) -> str:
    if job.ended_at is not None:
        took = f" after {spoken_duration(job.ended_at - job.started_at)}" if job.started_at is not None else ""
        return f", ended {format_ago(job.ended_at, now)}{took}"
    if job.started_at is not None:
        return f", started {format_ago(job.started_at, now)}"
    return f", created {format_ago(job.created_at, now)}" if job.created_at is not None else ""
