"""`trainwatch logs --download`: save a log to a file.

A download without filters is the platform's own log file if it has one: byte for byte, apart from redacted secrets.
Otherwise the file gets the lines that `trainwatch logs` would print. Memory is constant.
"""

import asyncio
import contextlib
import gzip
import io
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter
from bot.errors import ConfigError, NotSupported
from bot.providers.base import Download, Downloads, Provider
from bot.redaction.file_redactor import FileRedactor
from bot.redaction.redactor import Redactor
from bot.terminal.logs import print_logs
from bot.terminal.output import Output, redaction_note

_PIECE_BYTES = 1024 * 1024
_GZIP = b"\x1f\x8b"
_OTHER_COMPRESSED = (b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
_NOT_SEARCHED = "The file is compressed in a form that cannot be searched, so secrets in it are not hidden."


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
    notes: list[str] = []
    with open_target(command.download, force=command.force) as file:
        artifact = await _open_artifact(provider, ref, command) if whole else None
        if artifact is not None:
            own_notes = await _copy(artifact.chunks, file, redactor if command.redact else None, output)
            notes = [*artifact.notes, *own_notes]
        else:
            await _print_lines(provider, ref, command, output, redactor, now, file)
        written = file.tell() if file.seekable() else None
    for note in notes:
        output.note(note)
    if command.download != "-" and written is not None:
        output.note(f"Wrote {written:,} bytes to {command.download}.")


async def _open_artifact(provider: Provider, ref: JobRef, command: LogsCommand) -> Download | None:
    """Open the platform's file of this log; None if it has none."""
    if not isinstance(provider, Downloads):
        return None
    try:
        return await provider.download_logs(ref, form="json" if command.json else "txt")
    except NotSupported:
        return None


async def _print_lines(
    provider: Provider,
    ref: JobRef,
    command: LogsCommand,
    output: Output,
    redactor: Redactor,
    now: datetime,
    file: BinaryIO,
) -> None:
    """Write the lines that `trainwatch logs` would print."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="\n")
    try:
        to_file = replace(output, out=text, colour=False, width=None)
        await print_logs(provider, ref, command, to_file, redactor, now)
    finally:
        text.detach()


def refuse_existing(path: Path, *, force: bool) -> None:
    """Check that a file may be written.

    Raises:
        ConfigError: the path is a directory, or a file that `force` does not allow to replace.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a directory. Specify a file.")
    if path.is_file() and not force:
        raise ConfigError(f"{path} exists. To replace it, use `--force`; or specify another file.")


@contextlib.contextmanager
def open_target(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open the file to write to: under its name with `.part` until it is complete."""
    path = Path(name)
    if name == "-":
        yield sys.stdout.buffer
        return
    try:
        refuse_existing(path, force=force)
        is_device = path.exists() and not path.is_file()
        part = path if is_device else path.with_name(f"{path.name}.part")
        file = part.open("wb")
    except (OSError, ValueError) as problem:  # ValueError: a NUL byte or a lone surrogate
        reason = problem.strerror if isinstance(problem, OSError) else "the name is not valid"
        raise ConfigError(f"Cannot write {name[:500]}: {reason}. Specify another file.") from None
    with file:
        yield file
    if not is_device:
        part.replace(path)


async def _copy(chunks: AsyncIterator[bytes], file: BinaryIO, redactor: Redactor | None, output: Output) -> list[str]:
    """Copy the artifact without its secrets; return notes about what was hidden."""
    chunks = _counted(chunks, output)
    first = await _first_bytes(chunks)
    if redactor is not None and first.startswith(_GZIP):
        return await _copy_gzip(first, chunks, file, redactor)
    notes = [_NOT_SEARCHED] if redactor is not None and first.startswith(_OTHER_COMPRESSED) else []
    if redactor is None or notes:
        file.write(first)
        async for chunk in chunks:
            file.write(chunk)
        return notes
    cleaner = FileRedactor(redactor)
    file.write(cleaner.feed(first))
    async for chunk in chunks:
        file.write(cleaner.feed(chunk))
    file.write(cleaner.finish())
    return [redaction_note(cleaner.hidden)] if cleaner.hidden else []


async def _copy_gzip(first: bytes, chunks: AsyncIterator[bytes], file: BinaryIO, redactor: Redactor) -> list[str]:
    """Copy a compressed file as served, or compressed again if secrets in it are hidden."""
    with tempfile.TemporaryFile() as served, tempfile.TemporaryFile() as redacted:
        served.write(first)
        async for chunk in chunks:
            served.write(chunk)
        try:
            hidden = await asyncio.to_thread(_redact_gzip, served, redacted, redactor)
        except (OSError, EOFError, zlib.error):
            hidden, notes = 0, [_NOT_SEARCHED]
        else:
            notes = [redaction_note(hidden)] if hidden else []
        source = redacted if hidden else served
        source.seek(0)
        while piece := source.read(_PIECE_BYTES):
            file.write(piece)
    return notes


def _redact_gzip(served: BinaryIO, redacted: BinaryIO, redactor: Redactor) -> int:
    cleaner = FileRedactor(redactor)
    served.seek(0)
    with gzip.GzipFile(fileobj=served) as source, gzip.GzipFile("", "wb", fileobj=redacted, mtime=0) as target:
        while piece := source.read(_PIECE_BYTES):
            target.write(cleaner.feed(piece))
        target.write(cleaner.finish())
    return cleaner.hidden


async def _counted(chunks: AsyncIterator[bytes], output: Output) -> AsyncIterator[bytes]:
    """Yield the chunks and show progress."""
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        output.progress(f"{total:,} bytes")
        yield chunk
    output.clear_progress()


async def _first_bytes(chunks: AsyncIterator[bytes]) -> bytes:
    """Return enough of the beginning to recognize a compressed file; less if there is no more."""
    first = b""
    async for chunk in chunks:
        first += chunk
        if len(first) >= 8:
            break
    return first
