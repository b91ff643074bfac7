"""`trainwatch logs`: print log lines as they are read.

Memory is constant, except when lines must be printed in reverse reading order. `logs --follow` is in
`bot.terminal.follow`, `logs --download` in `bot.terminal.downloads`.
"""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.commands.handlers.job_lifetime import clip_to_lifetime
from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, build_query, stream_lines
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import CutReason, LogsCommand
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogLine, LogQuery, Order
from bot.domain.wording import plural
from bot.errors import BudgetExhausted
from bot.providers.base import Provider
from bot.redaction.line_redactor import LineRedactor, count_hidden
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps
from bot.terminal.log_lines import LineFormatter
from bot.terminal.logs_around import print_around
from bot.terminal.output import Output, redaction_note


async def print_logs(
    provider: Provider, ref: JobRef, command: LogsCommand, output: Output, redactor: Redactor, now: datetime
) -> None:
    """Print the lines that the command selects, then notes about lines that are not shown.

    Raises:
        ProviderError: the platform failed, or a person stopped the command. Lines that were read before are printed.
    """
    command, cuts = await clip_to_lifetime(provider, ref, command, now)
    for cut in cuts:
        output.note(cut)
    if command.around_ns is not None:
        await print_around(provider, ref, command, output, redactor, now)
        return
    query = build_query(ref, command, now)
    printer = _LogPrinter(command, query, output, redactor)
    is_reversed = query.order is not command.show
    kept, left = list[LogLine](), command.limit
    stopped: BudgetExhausted | None = None
    try:
        async with contextlib.aclosing(stream_lines(provider, query, redactor if command.redact else None)) as batches:
            async for batch in batches:
                lines = batch.lines if left is None else batch.lines[:left]
                left = None if left is None else left - len(lines)
                printer.count(batch, has_more=batch.more or len(lines) < len(batch.lines))
                if is_reversed:
                    kept += lines
                else:
                    printer.print(lines)
                if left == 0:
                    break
    except BudgetExhausted as problem:
        stopped = problem
    finally:
        printer.print(kept[::-1])
        output.clear_progress()
    for note in printer.notes(is_complete=stopped is None):
        output.note(note)
    if stopped is not None:
        for note in printer.how_to_read_on():
            output.note(note)
        raise stopped


@dataclass(slots=True)
class _LogPrinter:
    """Prints lines, and counts what was read, shown, dropped and missing."""

    command: LogsCommand
    query: LogQuery
    output: Output
    redactor: Redactor
    read: int = 0
    shown: int = 0
    redacted: int = 0
    """Number of secrets."""
    has_more: bool = False
    reached_ns: int | None = None
    """Up to when the log was read."""
    dropped: Counter[CutReason] = field(default_factory=Counter)
    pushed_down: tuple[str, ...] = ()
    gaps: list[Gap] = field(default_factory=list)
    _formatter: LineFormatter = field(init=False)
    _hider: LineRedactor = field(init=False)

    def __post_init__(self) -> None:
        self._hider = LineRedactor(self.redactor, self.query.order)
        self._formatter = LineFormatter(self.output.line_format(json=self.command.json), self.command.filter)

    def count(self, batch: Batch, *, has_more: bool) -> None:
        self.read += batch.read
        self.has_more = has_more
        self.dropped.update(batch.dropped)
        self.pushed_down = batch.pushed_down or self.pushed_down
        self.gaps += batch.gaps
        reached_ns = batch.reached_ns if batch.last_ns is None else batch.last_ns
        self.reached_ns = self.reached_ns if reached_ns is None else reached_ns

    def how_to_read_on(self) -> list[str]:
        """The command for the rest of the log; it begins with the lines of the last nanosecond that was read."""
        if self.reached_ns is None:
            return []
        query, last_ns = self.query, self.reached_ns
        if query.order is Order.ASC:
            rest = replace(self.command, window=Window(None, last_ns, query.end_ns), after_ns=None)
        else:
            rest = replace(self.command, window=Window(None, query.start_ns, last_ns), before_ns=None)
        return [f"To read on, use `trainwatch {format_command(rest)}`."]

    def print(self, lines: Sequence[LogLine]) -> None:
        if self.command.redact:
            self.redacted += count_hidden(lines) if self.query.filter != LogFilter() else 0
            lines, redacted = self._hider.redact_lines(lines)
            self.redacted += redacted
        self.shown += len(lines)
        if lines:
            self.output.write(self._formatter.text(lines))

    def notes(self, *, is_complete: bool) -> list[str]:
        """Explain which lines are not shown and why; `is_complete` unless the reading was stopped."""
        notes = []
        if not self.shown and (self.read or is_complete):
            searched = f"No matching lines in the {self.read:,} lines read."
            notes.append(searched if self.read else "No lines in this time range.")
        if self.has_more:
            side = "newer" if self.query.order is Order.ASC else "older"
            option = "a larger --tail" if self.command.tail else "--limit N or --all"
            notes.append(f"Showing {plural(self.shown, 'line')}. For {side} lines, use {option}.")
        cuts = map(str, cuts_of(self.dropped, self.pushed_down, self.command.filter))
        notes += [f"{cut[0].upper()}{cut[1:]}." for cut in cuts]
        notes += [redaction_note(self.redacted)] if self.redacted else []
        return notes + [gap.public for gap in redact_gaps(self.gaps, self.redactor)]
