"""`trainwatch logs`: print log lines as they are read, or save them to a file (`--download`).

Memory is constant, except when lines must be printed in reverse reading order. `logs --follow` is in
`bot.terminal.follow`. A download without filters is the platform's own log file if it has one, with secrets redacted;
otherwise the file gets the lines that `trainwatch logs` would print.
"""

import contextlib
import io
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, build_query, stream_lines
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import CutReason, LogsCommand
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogLine, Order
from bot.domain.wording import plural
from bot.errors import ConfigError
from bot.providers.base import Downloads, Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps
from bot.terminal.log_lines import LineFormatter
from bot.terminal.logs_around import print_around
from bot.terminal.output import Output, redaction_note

_MAX_LINE_BYTES = 4 * 1024 * 1024
"""An unfinished line is kept back up to this size, so that secrets in it stay whole for redaction."""


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


async def download(
    provider: Provider, ref: JobRef, command: LogsCommand, output: Output, redactor: Redactor, now: datetime
) -> None:
    """Write the log to `command.download`. An incomplete file keeps the suffix `.part`.

    Raises:
        ProviderError: the platform failed or its file ended early.
        ConfigError: the file exists or cannot be written.
    """
    assert command.download is not None
    whole = command.filter == LogFilter() and command.window == Window() and command.limit is None
    with _open_target(command.download, force=command.force) as file:
        if whole and isinstance(provider, Downloads):
            artifact = await provider.download_logs(ref, form="json" if command.json else "txt")
            await _copy_artifact(artifact.chunks, file, redactor if command.redact else None, output)
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n")
            try:
                to_file = Output(text, output.err, show_progress=output.err.isatty())
                await print_logs(provider, ref, command, to_file, redactor, now)
            finally:
                text.detach()
        written = file.tell() if file.seekable() else None
    if command.download != "-" and written is not None:
        output.note(f"Wrote {written:,} bytes to {command.download}.")


@contextlib.contextmanager
def _open_target(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open the file to write to: under its name with `.part` until it is complete."""
    path = Path(name)
    if name == "-":
        yield sys.stdout.buffer
        return
    if path.is_dir():
        raise ConfigError(f"{path} is a directory. Specify a file.")
    if path.is_file() and not force:
        raise ConfigError(f"{path} exists. To replace it, use `--force`; or specify another file.")
    is_device = path.exists() and not path.is_file()
    part = path if is_device else path.with_name(f"{path.name}.part")
    try:
        file = part.open("wb")
    except OSError as problem:
        raise ConfigError(f"Cannot write {path}: {problem.strerror}. Specify another file.") from None
    with file:
        yield file
    if not is_device:
        part.replace(path)


async def _copy_artifact(
    chunks: AsyncIterator[bytes], file: BinaryIO, redactor: Redactor | None, output: Output
) -> None:
    rest, total = b"", 0
    async for chunk in chunks:
        total += len(chunk)
        output.progress(f"{total:,} bytes")
        if redactor is None:
            file.write(chunk)
            continue
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        file.write(_redact_bytes(whole + newline, redactor))
        if len(rest) > _MAX_LINE_BYTES:
            file.write(_redact_bytes(rest, redactor))
            rest = b""
    if redactor is not None:
        file.write(_redact_bytes(rest, redactor))
    output.clear_progress()


def _redact_bytes(data: bytes, redactor: Redactor) -> bytes:
    text, hidden = redactor.redact(data.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape") if hidden else data
