"""The message that follows a run, edited in place: state, progress, numbers, and what went wrong."""

from collections.abc import Iterable, Mapping

from bot.commands.parsing.tokenizer import quote
from bot.domain.durations import spoken_duration
from bot.domain.jobs import Job, JobState
from bot.domain.progress import RunProgress, format_step_seconds, fraction_done, position_text, rounded_span
from bot.domain.runs import RunProblem, RunReport
from bot.slack.render.blocks import STOP_MODAL, Action, MenuEntry, actions, answer_button, context, overflow, section
from bot.slack.render.icons import CLEARED, SEVERITY_ICONS, STATE_ICONS, WARNING
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import clock_time, code, link, one_line, slack_time

_CELLS = 12
_MAX_PROBLEMS = 5
VERBS = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was stopped",
    JobState.PREEMPTED: "was preempted",
}
"""How a run ended."""


def render_run(run: RunReport, links: Mapping[str, str]) -> Message:
    """The run as it is now. `links` has the addresses of incidents, by id."""
    headline = f"{STATE_ICONS[run.job.state]} {job_link(run.job)} {headline_state(run)}"
    lines = [headline, *_progress_lines(run), *problem_lines(run, links)]
    return message(
        _spoken(run),
        [section("\n".join(line for line in lines if line)), context(_notes(run)), _buttons(run.job)],
    )


def headline_state(run: RunReport) -> str:
    """`is running`, or `finished after 3 h 2 min`."""
    job = run.job
    if job.state.is_terminal:
        after = f" after {spoken_duration(run.duration)}" if run.duration else ""
        return f"{VERBS[job.state]}{after}"
    return f"is {state_label(job)}"


def numbers_line(run: RunReport) -> str:
    """`loss 1.212 · GPUs 94%`."""
    progress, used = run.job.progress, run.job.utilization
    loss = "" if progress is None or progress.loss is None else f"loss {progress.loss:.4g}"
    is_running = not run.job.state.is_terminal
    return " · ".join(part for part in (loss, f"GPUs {used:.0%}" if used is not None and is_running else "") if part)


def shown_problems(problems: Iterable[RunProblem]) -> list[RunProblem]:
    """The incidents that a message names: those that fire, worst first, then those that ended."""
    return sorted(problems, key=lambda one: (not one.is_firing, -one.severity_rank))[:_MAX_PROBLEMS]


def problem_lines(run: RunReport, links: Mapping[str, str]) -> list[str]:
    """One line for each incident, linked to its message."""
    icons = {severity.rank: icon for severity, icon in SEVERITY_ICONS.items()}
    rows = []
    for one in shown_problems(run.problems):
        title = link(links.get(one.incident_id), one_line(one.title, 80))
        icon = icons.get(one.severity_rank, WARNING)
        rows.append(f"{icon} {title}" if one.is_firing else f"{CLEARED} ~{title}~")
    hidden = len(run.problems) + run.dropped_problems - len(rows)
    return [*rows, f"and {hidden:,} more"] if hidden else rows


def _progress_lines(run: RunReport) -> list[str]:
    job, progress = run.job, run.job.progress
    if job.state.is_pending:
        since = run.statistics.queued_at if run.statistics.started_at is None else None
        what = "Queued" if job.state is JobState.QUEUED else "Waiting"
        return [f"{what} since {clock_time(since)}" if since else "", one_line(job.error or "", 200)]
    if progress is None:
        return [numbers_line(run)]
    is_running = not job.state.is_terminal
    return [_bar(progress, is_running=is_running), _position(progress, is_running=is_running), numbers_line(run)]


def _bar(progress: RunProgress, *, is_running: bool) -> str:
    """How much is done and how long the rest takes, in one line of a phone; "" without a total."""
    done = fraction_done(progress)
    if done is None:
        return ""
    filled = int(done * _CELLS)
    left = f" · about {rounded_span(progress.time_left)} left" if progress.time_left and is_running else ""
    return f"{'▰' * filled}{'▱' * (_CELLS - filled)} {int(done * 100)}%{left}"


def _position(progress: RunProgress, *, is_running: bool) -> str:
    pace = f"{format_step_seconds(progress.step_s)}/step" if progress.step is not None and progress.step_s else ""
    return " · ".join(part for part in (position_text(progress), pace if is_running else "") if part)


def _notes(run: RunReport) -> list[str]:
    seen, job = run.statistics, run.job
    left = "This channel no longer follows the run." if run.is_left else ""
    began = f"Started {slack_time(seen.started_at)}" if seen.started_at and not job.state.is_terminal else ""
    ended = f"Ended {slack_time(run.ended_at)}" if run.ended_at else ""
    as_of = f"as of {clock_time(run.at)}" if job.state is JobState.RUNNING and not run.is_left else ""
    return [left, began, ended, one_line(job.resources.gpus_text(), 60), as_of, code(str(job.ref))]


def _buttons(job: Job) -> Block | None:
    name = quote(str(job.ref))
    stop = None if job.state.is_terminal else MenuEntry("Stop watching…", Action.OPEN, f"unwatch {name}", STOP_MODAL)
    return actions(
        [
            answer_button("Status", f"status {name}", "status"),
            answer_button("Logs", f"logs {name}", "logs"),
            answer_button("Metrics", f"metrics {name}", "metrics"),
            overflow([stop]),
        ]
    )


def _spoken(run: RunReport) -> str:
    progress = run.job.progress
    position = f", {position_text(progress)}" if progress is not None and position_text(progress) else ""
    firing = [one.title for one in run.problems if one.is_firing]
    problems = f" {one_line('; '.join(firing), 200)}." if firing else ""
    return f"{STATE_ICONS[run.job.state]} {job_name(run.job)} {headline_state(run)}{position}.{problems}"
