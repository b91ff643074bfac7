"""Render a page of a log: privately with the newest lines that fit, or shared with all lines in its thread."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.logs import DEFAULT_LINES, Cut, CutReason, LogsAnswer, LogsCommand
from bot.domain.durations import datetime_from_ns, format_ns
from bot.domain.gaps import Gap
from bot.domain.logs import LogLine, Order
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, code_sections, context, section, share_button
from bot.slack.render.icons import WARNING
from bot.slack.render.log_lines import common_source, line_rows, newest_within
from bot.slack.render.message import BLOCKS_BUDGET, Block, Message, message, weight
from bot.slack.render.text import clean, code, cut, one_line, plain_time, slack_time, slack_time_range

SHORT = 12
"""Lines that a shared answer shows in the channel itself; a longer one shows them in its thread."""
_BUTTON_EXTRA = 150
"""Characters of a button beyond the pinned command: its label, its id and a longer command."""
_CUT_NOTE = 200
"""Characters reserved for the note about lines that do not fit."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text file for a thread: every line unchanged, with full timestamps."""

    filename: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Shared:
    """An answer for a whole channel."""

    root: Message
    thread: Message | None = None
    """Posted in the thread of the root; for a log, the newest lines that fit."""
    snippet: Snippet | None = None
    """Every line, when `thread` does not show all of them."""
    pointer: str = ""
    """A note at the end of the root about the thread; left out where a thread is impossible."""


def render_logs(answer: LogsAnswer) -> Message:
    """Render for the person who asked: the newest lines that fit, with buttons for more."""
    head, notes = section(_headline(answer)), context(_notes(answer))
    for_buttons = 3 * (len(format_command(answer.pinned)) + _BUTTON_EXTRA)
    body, shown = _body(answer, BLOCKS_BUDGET - weight([head, notes]) - for_buttons - _CUT_NOTE)
    return message(
        _sentence(answer),
        [head, *body, _cut_note(len(answer.lines) - shown), notes, _buttons(answer, _older(answer, shown), share=True)],
    )


def render_shared_logs(answer: LogsAnswer) -> Shared:
    """Render for a channel: a short answer in one message, a longer one with its lines in the thread."""
    if len(answer.lines) <= SHORT:
        head, notes = section(_headline(answer)), context(_notes(answer))
        body, shown = _body(answer, BLOCKS_BUDGET // 3)
        if shown == len(answer.lines):
            buttons = _buttons(answer, answer.older, share=False)
            return Shared(message(_sentence(answer), [head, *body, notes, buttons]))
    root = message(
        _sentence(answer),
        [section(_headline(answer)), context(_notes(answer)), _buttons(answer, answer.older, share=False)],
    )
    body, shown = _body(answer, BLOCKS_BUDGET - _CUT_NOTE)
    hidden = len(answer.lines) - shown
    note = f"Showing the newest {shown:,} of {plural(len(answer.lines), 'line')}; the file has all." if hidden else ""
    thread = message(f"Log lines of {one_line(str(answer.job), 200)}.", [*body, context([note])])
    return Shared(root, thread, render_snippet(answer) if hidden else None, "the lines are in the thread")


def render_snippet(answer: LogsAnswer) -> Snippet:
    """Render every line unchanged, with nanoseconds."""
    job = clean(str(answer.job))
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in job)[
        :100
    ]
    rows = "\n".join(_exact(line) for line in answer.lines)
    title = f"{cut(job, 160)}: {plural(len(answer.lines), 'line')}"
    return Snippet(f"{name}.log.txt", title, rows.encode(errors="replace").decode() + "\n")


def gap_notes(gaps: tuple[Gap, ...]) -> list[str]:
    """What could not be read, and why, one note each."""
    return [f"{WARNING} {one_line(gap.public, 300)}" for gap in gaps[:5]]


def _body(answer: LogsAnswer, budget: int) -> tuple[list[Block], int]:
    lines = answer.lines
    newest_first = len(lines) > 1 and lines[0].timestamp_ns > lines[-1].timestamp_ns
    near = newest_within(lines, budget, newest_first=newest_first)
    return code_sections(line_rows(near, among=lines), budget, newest_first=newest_first)


def _headline(answer: LogsAnswer) -> str:
    count = plural(len(answer.lines), "line") if answer.lines else "No lines"
    return f"*Log* {code(str(answer.job))} · {count}\n{_shown_range(answer)}"


def _sentence(answer: LogsAnswer) -> str:
    count = plural(len(answer.lines), "log line") if answer.lines else "No log lines"
    return f"{count} of {one_line(str(answer.job), 200)}, {_plain_range(answer)}."


def _shown_range(answer: LogsAnswer) -> str:
    start, end = _range(answer)
    if start is None:
        return f"from the start to {slack_time(end, seconds=True)}"
    return slack_time_range(start, end, seconds=True)


def _plain_range(answer: LogsAnswer) -> str:
    start, end = _range(answer)
    if start == end:
        return plain_time(end)
    return f"{plain_time(start) if start else 'from the start'} to {plain_time(end)}"


def _range(answer: LogsAnswer) -> tuple[datetime | None, datetime]:
    """The times of the first and last line; without lines, the window, where None is the start of the log."""
    if not answer.lines:
        return answer.start, answer.end
    stamps = sorted((answer.lines[0].timestamp_ns, answer.lines[-1].timestamp_ns))
    return datetime_from_ns(stamps[0]), datetime_from_ns(stamps[1])


def _notes(answer: LogsAnswer) -> list[str]:
    source = common_source(answer.lines)
    return [
        "times in UTC" if answer.lines else "",
        f"all from {code(source)}" if source and answer.lines else "",
        *(str(one) for one in answer.cuts[:6] if not _has_button(one, answer)),
        plural(answer.redacted, "secret") + " hidden" if answer.redacted else "",
        *gap_notes(answer.gaps),
    ]


def _has_button(cut: Cut, answer: LogsAnswer) -> bool:
    """Whether a button below the lines shows the lines that are cut."""
    return (cut.reason is CutReason.OLDER and answer.older is not None) or (
        cut.reason is CutReason.NEWER and answer.newer is not None
    )


def _cut_note(hidden: int) -> Block | None:
    if not hidden:
        return None
    more = f"… {plural(hidden, 'earlier line')} not shown: press Older, narrow with `--grep`, or share all lines"
    return context([more])


def _older(answer: LogsAnswer, shown: int) -> LogsCommand | None:
    """The command for the lines before the first one shown; they are in this answer when not all of it fits."""
    hidden = len(answer.lines) - shown
    if not hidden or not shown:
        return answer.older
    ordered = sorted(line.timestamp_ns for line in answer.lines)
    before_ns = ordered[hidden] + (1 if ordered[hidden - 1] == ordered[hidden] else 0)
    limit = min(answer.pinned.limit or DEFAULT_LINES, DEFAULT_LINES)
    return replace(answer.pinned, before_ns=before_ns, after_ns=None, take=Order.DESC, limit=limit)


def _buttons(answer: LogsAnswer, older: LogsCommand | None, *, share: bool) -> Block | None:
    return actions(
        [
            button("◀ Older", Action.SHOW, format_command(older), key="older") if older else None,
            button("Newer ▶", Action.SHOW, format_command(answer.newer), key="newer") if answer.newer else None,
            share_button(format_command(answer.pinned)) if share else None,
        ]
    )


def _exact(line: LogLine) -> str:
    level = line.level.name if line.level is not None else None
    return " ".join(part for part in (format_ns(line.timestamp_ns), line.source, level, line.message) if part)
