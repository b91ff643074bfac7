"""`trainwatch logs --around`: print the line nearest to a time, marked, with lines before and after it."""

from datetime import datetime

from bot.commands.handlers.logs_around import read_around
from bot.commands.subcommands.logs import CutReason, LogsAnswer, LogsCommand
from bot.domain.durations import format_ns
from bot.domain.jobs import JobRef
from bot.domain.wording import plural
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.terminal.log_lines import LineFormatter
from bot.terminal.output import Output, redaction_note

_ENDS = frozenset({CutReason.OLDER, CutReason.NEWER})


async def print_around(
    provider: Provider, ref: JobRef, command: LogsCommand, output: Output, redactor: Redactor, now: datetime
) -> None:
    """Print the lines, then notes about the mark and about lines that are not shown.

    Raises:
        ProviderError: the platform failed.
    """
    answer = await read_around(provider, ref, command, redactor, now)
    formatter = LineFormatter(output.line_format(json=command.json), command.filter)
    rows = [formatter.text([line]) for line in answer.lines]
    marked = [index == answer.marked for index in range(len(rows))]
    mark = _json_row if command.json else _row
    output.write("".join(map(mark, rows, marked)))
    for note in _notes(answer):
        output.note(note)


def _row(row: str, is_marked: bool) -> str:
    return f"{'>' if is_marked else ' '} {row}"


def _json_row(row: str, is_marked: bool) -> str:
    return row.removesuffix("}\n") + f', "marked": {"true" if is_marked else "false"}}}\n'


def _notes(answer: LogsAnswer) -> list[str]:
    """Explain the mark, and which lines are not shown and why."""
    around_ns = answer.pinned.around_ns
    assert around_ns is not None
    if not answer.lines:
        notes = [f"No matching lines in the {answer.read:,} lines read." if answer.read else "This log has no lines."]
    else:
        notes = [f"{plural(len(answer.lines), 'line')}; > marks the one nearest to {format_ns(around_ns)}."]
    if any(cut.reason in _ENDS for cut in answer.cuts):
        notes.append("For more lines, use a larger --context.")
    notes += [f"{cut}." for cut in answer.cuts if cut.reason not in _ENDS]
    notes += [redaction_note(answer.redacted)] if answer.redacted else []
    return notes + [gap.public for gap in answer.gaps]
