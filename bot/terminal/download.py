"""`trainwatch logs --download FILE`: save a job's log to a file, in constant memory.

Without filters, the platform's own log file is saved if it has one, with secrets redacted. Otherwise the file gets the
lines that `trainwatch logs` would print.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter
from bot.errors import ConfigError
from bot.providers.base import Downloads, Provider
from bot.redaction.redactor import Redactor
from bot.terminal.logs import print_logs
from bot.terminal.output import Output

_MAX_LINE_BYTES = 4 * 1024 * 1024
"""An unfinished line is kept back up to this size, so that secrets in it stay whole for redaction."""


async def download(
    provider: Provider, ref: JobRef, command: LogsCommand, output: Output, redactor: Redactor, now: datetime
) -> None:
    """Write the log to `command.download`. An incomplete file keeps the suffix `.part`.

    Raises:
        ProviderError: the platform failed or its file ended early.
        ConfigError: the file cannot be written.
    """
    assert command.download is not None
    whole = command.filter == LogFilter() and command.window == Window() and command.limit is None
    with _open_target(command.download) as file:
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
def _open_target(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        return
    path = Path(name)
    part = path.with_name(f"{path.name}.part")
    if path.is_dir():
        raise ConfigError(f"{path} is a directory. Specify a file.")
    try:
        file = part.open("wb")
    except OSError as problem:
        raise ConfigError(f"Cannot write {part}: {problem.strerror}. Specify another file.") from None
    with file:
        yield file
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
