"""`trainwatch logs`: lines to the output as they are read, in constant memory unless they must be turned round.

Following is in `following.py`, writing to a file in `downloading.py`.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, reading_order, stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, Order
from bot.domain.wording import plural
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.terminal.log_lines import LineFormatter
from bot.terminal.output import Output


@dataclass(slots=True)
class Tally:
    """What was read, shown, dropped and missed."""

    read: int = 0
    shown: int = 0
    hidden: int = 0
    """Secrets."""
    dropped: Counter[str] = field(default_factory=Counter)
    pushed_down: tuple[str, ...] = ()
    gaps: list[str] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.read += batch.read
        self.dropped.update(batch.dropped)
        self.pushed_down = batch.pushed_down or self.pushed_down
        self.gaps += [gap.public for gap in batch.gaps]

    def remarks(self) -> list[str]:
        """What a person should know of the lines that are not there."""
        cuts = cuts_of(self.dropped, self.pushed_down)
        remarks = [f"{'some lines' if cut.lines is None else plural(cut.lines, 'line')} {cut.reason}" for cut in cuts]
        if self.hidden:
            remarks.append(f"{plural(self.hidden, 'secret')} hidden; --no-redact shows what they are")
        return remarks + self.gaps


async def print_logs(
    provider: Provider, ref: JobRef, command: LogsCommand, output: Output, redactor: Redactor, now: datetime
) -> None:
    """Write the lines that the command asks for; remarks go to the error stream.

    Raises:
        ProviderError: the platform failed; lines written before stand.
    """
    writer = LineFormatter(output.line_format(json=command.json))
    turned = reading_order(command) is not command.show
    tally, kept, left = Tally(), list[LogLine](), command.limit
    more = False
    try:
        async with contextlib.aclosing(stream_lines(provider, ref, command, now)) as batches:
            async for batch in batches:
                tally.add(batch)
                lines = batch.lines if left is None else batch.lines[:left]
                more = batch.more or len(lines) < len(batch.lines)
                left = None if left is None else left - len(lines)
                if turned:
                    kept += lines
                else:
                    _write(lines, command, output, redactor, writer, tally)
                if left == 0:
                    break
                output.progress(f"{tally.read:,} lines read, {tally.shown + len(kept):,} found")
    finally:
        _write(kept[::-1], command, output, redactor, writer, tally)
        output.clear_progress()
    for remark in _remarks(command, tally, more=more):
        output.note(remark)


def _write(
    lines: Sequence[LogLine],
    command: LogsCommand,
    output: Output,
    redactor: Redactor,
    writer: LineFormatter,
    tally: Tally,
) -> None:
    if command.redact:
        lines, hidden = redactor.redact_lines(lines)
        tally.hidden += hidden
    tally.shown += len(lines)
    if lines:
        output.write(writer.text(lines))


def _remarks(command: LogsCommand, tally: Tally, *, more: bool) -> list[str]:
    remarks = tally.remarks()
    if more:
        side = "newer" if reading_order(command) is Order.ASC else "older"
        advice = "a larger --tail" if command.tail else "--limit N or --all"
        remarks.insert(0, f"{plural(tally.shown, 'line')} shown, there are {side} ones: {advice} shows more")
    if not tally.shown:
        where = "in this window" if tally.read == 0 else f"among the {tally.read:,} lines read"
        remarks.insert(0, f"no lines {where}")
    return remarks
