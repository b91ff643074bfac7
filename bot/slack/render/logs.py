"""Render a page of a log: privately with the newest lines that fit, or shared with all lines in its thread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.logs import (
    DEFAULT_CONTEXT,
    DEFAULT_LINES,
    Cut,
    CutReason,
    LogFile,
    LogsAnswer,
    LogsCommand,
    exact_row,
)
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Gap
from bot.domain.logs import LogLine, Order
from bot.domain.overwritten_text import shown_text
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context, refine_button, section, share_button
from bot.slack.render.fitting_lines import FittingLines, fit_lines
from bot.slack.render.icons import WARNING
from bot.slack.render.log_lines import common_source
from bot.slack.render.message import BLOCKS_BUDGET, Block, Message, message, weight
from bot.slack.render.text import clean, code, cut, one_line, plain_time, slack_time, slack_time_range

SHORT = 12
"""Lines that a shared answer shows in the channel itself; a longer one shows them in its thread."""
_BUTTON_EXTRA = 150
"""Characters of a button beyond the pinned command: its label, its id and a longer command."""
_MAX_GAPS = 5
_CUT_NOTE = 200
"""Characters reserved for the note about lines that do not fit."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text file: every line unchanged, with full timestamps."""

    filename: str
    title: str
    content: bytes | LogFile

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.content.size if isinstance(self.content, LogFile) else len(self.content)

    def parts(self) -> Iterator[bytes]:
        """Its content, part by part."""
        return self.content.read() if isinstance(self.content, LogFile) else iter([self.content])


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
    """Render for the person who asked: the lines that fit, with buttons for more."""
    notes, fit = context(_notes(answer)), _private_fit(answer)
    head = section(_headline(answer, fit.lines))
    return message(
        _sentence(answer), [head, *fit.blocks, _cut_note(answer, fit), notes, _buttons(answer, fit, share=True)]
    )


def render_shared_logs(answer: LogsAnswer) -> Shared:
    """Render for a channel: a short answer in one message, a longer one with its lines in the thread."""
    if answer.count <= SHORT:
        head, notes = section(_headline(answer, answer.lines)), context(_notes(answer))
        fit = _fit(answer, BLOCKS_BUDGET // 3)
        if len(fit.lines) == len(answer.lines):
            buttons = _buttons(answer, fit, share=False)
            return Shared(message(_sentence(answer), [head, *fit.blocks, notes, buttons]))
    fit = _fit(answer, BLOCKS_BUDGET - _CUT_NOTE)
    root = message(
        _sentence(answer),
        [section(_headline(answer, None)), context(_notes(answer)), _buttons(answer, None, share=False)],
    )
    hidden = answer.count - len(fit.lines)
    has = f"the file has {_file_lines(answer) if answer.file is not None and answer.file.older else 'all'}"
    note = f"Showing {len(fit.lines):,} of {plural(answer.count, 'line')}; {has}." if hidden else ""
    thread = message(f"Log lines of {one_line(str(answer.job), 200)}.", [*fit.blocks, context([note])])
    return Shared(root, thread, render_snippet(answer) if hidden else None, "the lines are in the thread")


def render_snippet(answer: LogsAnswer) -> Snippet:
    """The file with every line that was found."""
    job = clean(str(answer.job))
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in job)
    file = answer.file
    content = (
        "".join(f"{exact_row(line)}\n" for line in answer.lines).encode(errors="replace") if file is None else file
    )
    return Snippet(f"{name[:100]}.log.txt", f"{cut(job, 160)}: {_file_lines(answer)}", content)


def private_file(answer: LogsAnswer) -> Snippet | None:
    """The file for the person who asked for every line, if the private answer does not show them all."""
    if answer.file is None or len(_private_fit(answer).lines) == answer.count:
        return None
    return render_snippet(answer)


def render_file_message(answer: LogsAnswer) -> str:
    """The direct message before the file of a private answer."""
    return f"Log of {code(str(answer.job))}: {_file_lines(answer)}"


def file_note(answer: LogsAnswer) -> str:
    """Where the file of a private answer is."""
    has = _file_lines(answer) if answer.file is not None and answer.file.older else f"All {answer.count:,} lines"
    return f"{has[0].upper()}{has[1:]}: in the file in your direct messages with trainwatch"


def _file_lines(answer: LogsAnswer) -> str:
    """The lines that the file has, and of how many."""
    file = answer.file
    if file is None or not file.older:
        return plural(answer.count, "line")
    return f"the newest {file.lines:,} of {plural(answer.count, 'line')} ({file.size // 10**6:,} MB is the most)"


def gap_notes(gaps: tuple[Gap, ...]) -> list[str]:
    """What could not be read, and why, one note each."""
    more = len(gaps) - _MAX_GAPS
    notes = [f"{WARNING} {one_line(gap.public, 300)}" for gap in gaps[:_MAX_GAPS]]
    return [*notes, f"{WARNING} and {plural(more, 'more gap')}"] if more > 0 else notes


def _private_fit(answer: LogsAnswer) -> FittingLines:
    """The lines that a private answer shows, beside its notes and buttons."""
    for_buttons = 4 * (len(format_command(answer.pinned)) + _BUTTON_EXTRA)
    head, notes = section(_headline(answer, answer.lines)), context(_notes(answer))
    return _fit(answer, BLOCKS_BUDGET - weight([head, notes]) - for_buttons - _CUT_NOTE)


def _fit(answer: LogsAnswer, budget: int) -> FittingLines:
    """The lines nearest to the marked one, or to the side that the page begins from."""
    if answer.marked is not None:
        return fit_lines(answer.lines, budget, answer.marked, marked=answer.marked)
    from_first = answer.pinned.take is answer.pinned.show
    return fit_lines(answer.lines, budget, 0 if from_first else len(answer.lines) - 1)


def _headline(answer: LogsAnswer, lines: Sequence[LogLine] | None) -> str:
    """What the answer holds, the time range of these lines or of all, and the marked line."""
    count = plural(answer.count, "line") if answer.lines else "No lines"
    marked = "" if answer.marked is None else f"\n> {one_line(shown_text(answer.lines[answer.marked].message), 200)}"
    return f"*Log* {code(str(answer.job))} · {count}\n{_shown_range(answer, lines)}{marked}"


def _sentence(answer: LogsAnswer) -> str:
    count = plural(answer.count, "log line") if answer.lines else "No log lines"
    return f"{count} of {one_line(str(answer.job), 200)}, {_plain_range(answer)}."


def _shown_range(answer: LogsAnswer, lines: Sequence[LogLine] | None) -> str:
    start, end = _range(answer, lines)
    if start is None:
        return f"from the start to {slack_time(end, seconds=True)}"
    return slack_time_range(start, end, seconds=True)


def _plain_range(answer: LogsAnswer) -> str:
    start, end = _range(answer, None)
    if start == end:
        return plain_time(end)
    return f"{plain_time(start) if start else 'from the start'} to {plain_time(end)}"


def _range(answer: LogsAnswer, lines: Sequence[LogLine] | None) -> tuple[datetime | None, datetime]:
    """The times of the first and last of these lines, or of all; without any, the window from None for the start."""
    stamps = [line.timestamp_ns for line in (answer.lines if lines is None else lines)]
    if lines is None and answer.file is not None and answer.file.span is not None:
        stamps += answer.file.span
    if not stamps:
        return answer.start, answer.end
    return datetime_from_ns(min(stamps)), datetime_from_ns(max(stamps))


def _notes(answer: LogsAnswer) -> list[str]:
    source = common_source(answer.lines)
    return [
        "times in UTC" if answer.lines else "",
        _mark_note(answer),
        f"all from {code(source)}" if source and answer.lines else "",
        *(str(one) for one in answer.cuts if not _has_button(one, answer)),
        plural(answer.redacted, "secret") + " hidden" if answer.redacted else "",
        *(one_line(note, 300) for note in answer.notes),
        *gap_notes(answer.gaps),
    ]


def _has_button(cut: Cut, answer: LogsAnswer) -> bool:
    """Whether a button below the lines shows the lines that are cut."""
    return (cut.reason is CutReason.OLDER and answer.older is not None) or (
        cut.reason is CutReason.NEWER and answer.newer is not None
    )


def _mark_note(answer: LogsAnswer) -> str:
    """What the mark means."""
    around_ns = answer.pinned.around_ns
    if answer.marked is None or around_ns is None:
        return ""
    return f"\u25b6 is the line nearest to {slack_time(datetime_from_ns(around_ns), seconds=True)}"


def _cut_note(answer: LogsAnswer, fit: FittingLines) -> Block | None:
    shown, hidden = len(fit.lines), answer.count - len(fit.lines)
    if not hidden:
        return None
    sides = ("Newer", "Older") if _is_newest_first(answer) else ("Older", "Newer")
    pages = [side for side, lines in zip(sides, (fit.above, fit.below), strict=True) if lines]
    more = f"press {' or '.join(pages) or 'Older'}, narrow with `--grep`, or share them all"
    return context([f"showing {shown:,} of {plural(answer.count, 'line')}: {more}"])


def _pages(answer: LogsAnswer, fit: FittingLines | None) -> tuple[LogsCommand | None, LogsCommand | None]:
    """The commands for the lines before and after those shown; they are in this answer when not all of it fits."""
    if fit is None or not fit.lines:
        # The file of a shared answer has the older lines.
        return (answer.older if answer.file is None else None), answer.newer
    ends = [(fit.above, fit.same_above), (fit.below, fit.same_below)]
    (hides_older, same_older), (hides_newer, same_newer) = ends[::-1] if _is_newest_first(answer) else ends
    oldest_ns, newest_ns = sorted((fit.lines[0].timestamp_ns, fit.lines[-1].timestamp_ns))
    pinned = answer.pinned
    limit = min(pinned.limit or DEFAULT_LINES, DEFAULT_LINES)
    base = replace(answer.newer or pinned, around_ns=None, context=DEFAULT_CONTEXT, limit=limit)
    older, newer = answer.older, answer.newer
    if hides_older:
        skip = same_older + (pinned.skip if same_older and pinned.before_ns == oldest_ns else 0)
        older = replace(base, take=Order.DESC, before_ns=oldest_ns, after_ns=None, skip=skip)
    if hides_newer:
        skip = same_newer + (pinned.skip if same_newer and pinned.after_ns == newest_ns else 0)
        newer = replace(base, take=Order.ASC, before_ns=None, after_ns=newest_ns, skip=skip)
    return older, newer


def whole_query(answer: LogsAnswer) -> LogsCommand:
    """The command that the answer is a page of."""
    return replace(answer.asked or answer.pinned, before_ns=None, after_ns=None, skip=0)


def _is_newest_first(answer: LogsAnswer) -> bool:
    return answer.pinned.show is Order.DESC


def _buttons(answer: LogsAnswer, fit: FittingLines | None, *, share: bool) -> Block | None:
    older, newer = _pages(answer, fit)
    return actions(
        [
            button("◀ Older", Action.SHOW, format_command(older), key="older") if older else None,
            button("Newer ▶", Action.SHOW, format_command(newer), key="newer") if newer else None,
            share_button(format_command(answer.pinned)) if share else None,
            refine_button(format_command(whole_query(answer))),
        ]
    )
