"""Digests of runs in Slack: the counts, and a line for each run; and the answer to `digest`."""

from bot.commands.subcommands.digest import DigestAnswer
from bot.domain.boards import Board, BoardKind, BoardRow, BoardSettings
from bot.domain.jobs import JobState
from bot.domain.progress import RunProgress, fraction_done, position_text, rounded_span
from bot.domain.wording import plural
from bot.slack.render.blocks import context, row_sections, section
from bot.slack.render.icons import CLEARED, STATE_ICONS, WARNING
from bot.slack.render.message import Message, message
from bot.slack.render.text import clock_time, code, link, one_line, person, slack_time

_ROWS_BUDGET = 7000
_NAME = 60


def render_board(board: Board) -> Message:
    """A digest of runs as it is now."""
    icon = WARNING if board.troubled else CLEARED
    title, counts = _title(board), _counts(board)
    hidden = board.total - len(board.rows)
    when = slack_time(board.at) if board.kind is BoardKind.DAILY else f"as of {clock_time(board.at)}"
    notes = [when, "no longer updated" if board.has_ended else "", f"{hidden:,} more runs" if hidden else ""]
    return message(
        f"{icon} {title}{counts}",
        [
            section(f"{icon} *{title}{counts}*"),
            *row_sections([_row(row) for row in board.rows], _ROWS_BUDGET, "run"),
            context(notes),
        ],
    )


def _title(board: Board) -> str:
    return f"{plural(board.total, 'run')} started together: " if board.kind is BoardKind.STARTS else ""


def _counts(board: Board) -> str:
    """`12 running, 2 queued, all healthy`."""
    if not board.total:
        return "No runs are watched here."
    states = [f"{count:,} {_STATES.get(state, state.value)}" for state, count in board.states]
    health = f"alerts on {plural(board.troubled, 'run')}" if board.troubled else "all healthy"
    is_bad = any(state.is_failure for state, _ in board.states)
    return ", ".join([*states, *([] if is_bad and not board.troubled else [health])])


_STATES = {JobState.SUCCEEDED: "finished", JobState.CANCELLED: "stopped", JobState.UNKNOWN: "in an unknown state"}


def _row(row: BoardRow) -> str:
    """`🟢 llama-8b-sft 52% · about 3 h left · loss 1.212 · GPUs 94%`."""
    job = row.job
    name = f"*{link(job.url, one_line(job.name or str(job.ref), _NAME))}*"
    alerts = f"🔴 *{plural(row.firing, 'alert')}*" if row.firing else ""
    state = "" if job.state is JobState.RUNNING else _STATES.get(job.state, job.state.value)
    facts = [part for part in (state, *_numbers(row), alerts) if part]
    return f"{STATE_ICONS[job.state]} {name} {' · '.join(facts)}".rstrip()


def _numbers(row: BoardRow) -> list[str]:
    job, progress = row.job, row.job.progress or RunProgress()
    done = fraction_done(progress)
    is_running = job.state is JobState.RUNNING
    position = position_text(progress) if done is None else f"{int(done * 100)}%"
    left = progress.time_left if is_running else None
    return [
        "" if job.state is JobState.SUCCEEDED else position,
        f"about {rounded_span(left)} left" if left else "",
        "" if progress.loss is None else f"loss {progress.loss:.4g}",
        "" if job.utilization is None or not is_running else f"GPUs {job.utilization:.0%}",
    ]


def render_digest_choice(answer: DigestAnswer) -> Message:
    """The digest that a channel chose."""
    settings = answer.settings
    if settings is None:
        text = "Digest off." if answer.has_changed else "This channel has no digest of its runs."
        hint = f"Start one: {code('/train digest live')}, {code('/train digest daily 09:00')}"
        return message(text, [section(text), context([hint])])
    text = f"Digest of this channel's runs: {board_choice(settings)}."
    return message(
        text.replace("`", ""), [section(text), context([f"by {person(settings.by)}", code("/train digest off")])]
    )


def board_choice(settings: BoardSettings) -> str:
    """`one message, edited in place`, or `daily at 09:00 `Europe/Berlin``."""
    if settings.kind is BoardKind.LIVE:
        return "one message, edited in place"
    return f"daily at {settings.minute // 60:02}:{settings.minute % 60:02} {code(settings.zone, 60)}"
