"""`trainwatch logs`: print log lines as they are read.

Memory is constant, except when lines must be printed in reverse reading order. `logs --follow` is in
`bot.terminal.follow`, `logs --download` in `bot.terminal.downloads`.
"""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, build_query, stream_lines
from bot.commands.subcommands.logs import CutReason, LogsCommand
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, Order
from bot.domain.wording import plural
from bot.providers.base import Provider
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
        ProviderError: the platform failed. Lines that were read before are printed.
    """
    if command.around_ns is not None:
        await print_around(provider, ref, command, output, redactor, now)
        return
    query = build_query(ref, command, now)
    printer = _LogPrinter(command, query.order, output, redactor)
    is_reversed = query.order is not command.show
    kept, left = list[LogLine](), command.limit
    try:
        async with contextlib.aclosing(stream_lines(provider, query)) as batches:
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
                output.progress(f"{printer.read:,} lines read, {printer.shown + len(kept):,} found")
    finally:
        printer.print(kept[::-1])
        output.clear_progress()
    for note in printer.notes():
        output.note(note)


@dataclass(slots=True)
class _LogPrinter:
    """Prints lines, and counts what was read, shown, dropped and missing."""

    command: LogsCommand
    order: Order
    """In which the lines are read."""
    output: Output
    redactor: Redactor
    read: int = 0
    shown: int = 0
    redacted: int = 0
    """Number of secrets."""
    has_more: bool = False
    dropped: Counter[CutReason] = field(default_factory=Counter)
    pushed_down: tuple[str, ...] = ()
    gaps: list[Gap] = field(default_factory=list)
    _formatter: LineFormatter = field(init=False)

    def __post_init__(self) -> None:
        self._formatter = LineFormatter(self.output.line_format(json=self.command.json), self.command.filter)

    def count(self, batch: Batch, *, has_more: bool) -> None:
        self.read += batch.read
        self.has_more = has_more
        self.dropped.update(batch.dropped)
        self.pushed_down = batch.pushed_down or self.pushed_down
        self.gaps += batch.gaps

    def print(self, lines: Sequence[LogLine]) -> None:
        if self.command.redact:
            lines, redacted = self.redactor.redact_lines(lines)
            self.redacted += redacted
        self.shown += len(lines)
        if lines:
            self.output.write(self._formatter.text(lines))

    def notes(self) -> list[str]:
        """Explain which lines are not shown and why."""
        notes = []
        if not self.shown:
            searched = f"No matching lines in the {self.read:,} lines read."
            notes.append(searched if self.read else "No lines in this time range.")
        if self.has_more:
            side = "newer" if self.order is Order.ASC else "older"
            option = "a larger --tail" if self.command.tail else "--limit N or --all"
            notes.append(f"Showing {plural(self.shown, 'line')}. For {side} lines, use {option}.")
        cuts = map(str, cuts_of(self.dropped, self.pushed_down, self.command.filter))
        notes += [f"{cut[0].upper()}{cut[1:]}." for cut in cuts]
        notes += [redaction_note(self.redacted)] if self.redacted else []
        return notes + [gap.public for gap in redact_gaps(self.gaps, self.redactor)]
