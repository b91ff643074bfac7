"""The diagnosis of a job's log as a message."""

from collections.abc import Sequence

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.diagnosis.findings import Failure
from bot.diagnosis.last_lines import LastLines
from bot.diagnosis.reading.line_sources import split_rank
from bot.domain.alerts import ExcerptLine, Severity
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import GapReason
from bot.domain.job_ends import describe_end, ended_badly
from bot.domain.jobs import Job, JobState
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import describe_progress, describe_ranks, describe_reason, root_line
from bot.rules.nothing_found import (
    SHORT,
    describe_nothing_found,
    explains_end,
    lines_to_show,
    title_of_lines,
)
from bot.slack.render.blocks import (
    actions,
    code_sections,
    context,
    logs_button,
    row_sections,
    section,
    share_button,
)
from bot.slack.render.icons import CLEARED, NOTE, SEVERITY_ICONS, STATE_ICONS
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.log_lines import excerpt_rows, line_rows
from bot.slack.render.logs import gap_notes
from bot.slack.render.message import BLOCKS_BUDGET, Block, Message, message, weight
from bot.slack.render.text import code, escape, linked_hint, one_line, plain_time, slack_time, slack_time_range
from bot.slack.render.verdicts import verdict_rows

MAX_IN_FULL = 3
_EXCERPT_BUDGET = 3600
"""Characters of the lines of all failures; one of them has enough for a whole excerpt."""
_NOTE_ROOM = 200
"""Characters for the note on hidden lines, and what the blocks of a failure's lines weigh themselves."""
_LAST_LINES_BUDGET = 2400


def render_diagnosis(answer: DiagnosisAnswer) -> Message:
    """The job's state, the failures in its log, worst first, and its training progress."""
    problems = [one for one in answer.diagnosis.failures if one.severity is not Severity.INFO]
    notes = [one for one in answer.diagnosis.failures if one.severity is Severity.INFO]
    job, has_ended = answer.job, answer.job.state.is_terminal
    ended_at = (job.ended_at or answer.end) if has_ended else None
    progress = describe_progress(answer.diagnosis.progress, is_running=not has_ended, ended_at=ended_at)
    head = [
        f"{STATE_ICONS[job.state]} {job_link(job)} · *{state_label(job)}*",
        "" if problems else f"{_icon(answer)} {_nothing_found(answer)}",
        "" if explains_end(answer.diagnosis) else one_line(describe_end(job), 600),
        f"Last logged: {escape(progress)}." if progress else "",
    ]
    rows = [title_row(one) for one in [*problems[MAX_IN_FULL:], *notes]]
    first = section("\n".join(line for line in head if line))
    rest = [
        *row_sections(rows, 1200, "note"),
        *_last_lines(answer),
        context(_notes(answer)),
        _buttons(answer, problems),
    ]
    failures = failure_blocks(problems[:MAX_IN_FULL], job, BLOCKS_BUDGET - weight([first, *rest]))
    return message(_alt_text(answer, problems), [first, *failures, *rest])


def failure_blocks(failures: Sequence[Failure], job: Job | None, room: int) -> list[Block | None]:
    """Each failure in words and lines; the lines share what the words leave of `room` characters."""
    words = [_failure(one, job) for one in failures]
    budget = min(_EXCERPT_BUDGET, room - weight(words) - len(failures) * _NOTE_ROOM) // max(len(failures), 1)
    return [
        block for one, in_words in zip(failures, words, strict=True) for block in (in_words, *_excerpt(one, budget))
    ]


def title_row(failure: Failure) -> str:
    """A failure in one line."""
    span = f" · {span}" if (span := _span(failure)) else ""
    return f"{SEVERITY_ICONS[failure.severity]} {one_line(failure.title, 200)}{span}"


def _alt_text(answer: DiagnosisAnswer, problems: list[Failure]) -> str:
    name = job_name(answer.job)
    if not problems:
        state = f"{name} ({state_label(answer.job)}): {_nothing_found(answer)}"
        return f"{state} {one_line(describe_end(answer.job), 300)}".strip()
    more = f" and {plural(len(problems) - 1, 'other problem')}" if len(problems) > 1 else ""
    return f"{SEVERITY_ICONS[problems[0].severity]} {name}: {one_line(problems[0].title, 300)}{more}."


def _nothing_found(answer: DiagnosisAnswer) -> str:
    if not answer.read and any(gap.reason is GapReason.STOPPED for gap in answer.gaps):
        return "No lines were found before the search stopped."
    return describe_nothing_found(answer.read, answer.diagnosis.last_lines, is_part=answer.start is not None)


def _icon(answer: DiagnosisAnswer) -> str:
    """A green tick only for a run that is alive or succeeded, without an error, a warning or a gap."""
    last, state = answer.diagnosis.last_lines, answer.job.state
    is_well = state in (JobState.RUNNING, JobState.SUCCEEDED) and answer.read > SHORT
    return CLEARED if is_well and not (last.errors or last.warnings or answer.gaps) else NOTE


def _shown_lines(answer: DiagnosisAnswer) -> tuple[ExcerptLine, ...]:
    return lines_to_show(answer.diagnosis, has_ended=ended_badly(answer.job.state), lines=answer.read)


def _last_lines(answer: DiagnosisAnswer) -> list[Block]:
    return last_line_blocks(_shown_lines(answer), answer.diagnosis.last_lines)


def last_line_blocks(lines: tuple[ExcerptLine, ...], last: LastLines) -> list[Block]:
    """The lines that may tell more, from those of `last`."""
    if not lines:
        return []
    fenced, _ = code_sections(line_rows(lines, max_line=300), _LAST_LINES_BUDGET)
    is_timed = any(line.timestamp_ns for line in lines)
    return [section(f"*{title_of_lines(lines, last)}*{' (UTC)' if is_timed else ''}"), *fenced]


def _failure(failure: Failure, job: Job | None) -> Block:
    root = root_line(failure)
    count = f"{failure.count:,} occurrences" if failure.count > 1 else ""
    lines = [
        f"{SEVERITY_ICONS[failure.severity]} *{one_line(failure.title, 200)}*",
        f"> {one_line(split_rank(root).text, 300)}" if root else "",
        " · ".join(part for part in (_ranks(failure, job), _span(failure), count) if part),
        one_line(describe_reason(failure), 300),
        *verdict_rows(failure.verdict),
        f"*Try:* {linked_hint(failure.hint, 400)}" if failure.hint else "",
    ]
    return section("\n".join(line for line in lines if line))


def _excerpt(failure: Failure, budget: int) -> list[Block | None]:
    rows = excerpt_rows(failure.excerpt, failure.root_index, max_line=240)
    fenced, shown = code_sections(rows, budget)
    cut = f"showing the last {shown:,} of {plural(len(rows), 'line')}" if shown < len(rows) else ""
    return [*fenced, context([cut])]


def _ranks(failure: Failure, job: Job | None) -> str:
    if not failure.ranks:
        return ""
    return f"{'Rank' if isinstance(failure.root_rank, int) else 'From'} {one_line(describe_ranks(failure, job), 120)}"


def _span(failure: Failure) -> str:
    if failure.first_ns is None:
        return ""
    first = datetime_from_ns(failure.first_ns)
    last = first if failure.last_ns is None else datetime_from_ns(failure.last_ns)
    return f"since {slack_time(first)}" if (last - first).total_seconds() < 60 else slack_time_range(first, last)


def _notes(answer: DiagnosisAnswer) -> list[str]:
    start = plain_time(answer.start) if answer.start else "its start"
    return [
        code(str(answer.job.ref)),
        f"{plural(answer.read, 'line')} from {start} to {plain_time(answer.end)}",
        f"{plural(answer.redacted, 'secret')} hidden" if answer.redacted else "",
        *(one_line(note, 500) for note in answer.notes),
        *gap_notes(answer.gaps),
    ]


def _buttons(answer: DiagnosisAnswer, problems: list[Failure]) -> Block | None:
    share = share_button(format_command(answer.pinned))
    moments = [problems[0].first_ns] if problems else [line.timestamp_ns for line in _shown_lines(answer)[-1:]]
    logs = [logs_button(answer.job.ref, moment) for moment in moments if moment is not None]
    return actions([*logs, share])
