"""`trainwatch scan FILE|-`: diagnose a log file, offline and in constant memory.

The file is UTF-8 or UTF-16 text, plain or compressed by gzip, bzip2 or xz. Other binary data is refused: a report on it
would say that no problem was found. `scan --follow` is in `bot.terminal.scan_follow`.
"""

import bz2
import codecs
import contextlib
import functools
import gzip
import io
import itertools
import json
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import PAGE, Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import redact_diagnosis
from bot.terminal.exit_codes import ExitCode
from bot.terminal.output import Output, redaction_note
from bot.terminal.report import report_text

PROGRESS_MIN_BYTES = 32 << 20
"""Show progress for files from this size."""
_BAR_WIDTH = 24
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_Compressed = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
_OPENERS: Mapping[bytes, Callable[[io.BufferedReader], _Compressed]] = {
    _GZIP: gzip.open,
    _BZIP2: bz2.open,
    _XZ: functools.partial(lzma.LZMAFile, format=lzma.FORMAT_XZ),
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = bytes(code for code in range(32) if code not in b"\b\t\n\v\f\r\x1b")
"""Control characters that do not occur in text. Progress bars and colours use the others."""
_MAX_CONTROLS_RATIO = 0.05
"""Share of control characters in a page of text. Random bytes have twice as many."""


def scan(command: ScanCommand, scanner: PageScanner, output: Output) -> int:
    """Diagnose the file, print the report and return the exit code.

    Raises:
        ConfigError: the file cannot be read or is not a text log.
    """
    diagnoser = Diagnoser(scanner, last_lines=True)
    with _open_log(command.path) as file:
        _feed(file, diagnoser, output)
    output.clear_progress()
    diagnosis = diagnoser.report()
    _print_report(diagnosis, command, output)
    return exit_code(diagnosis, command)


def exit_code(diagnosis: Diagnosis, command: ScanCommand) -> int:
    """Return `PROBLEM_FOUND` if the command has `--exit-code` and a failure has severity page."""
    found = any(one.severity == "page" for one in diagnosis.failures)
    return ExitCode.PROBLEM_FOUND if command.exit_code and found else ExitCode.OK


def _print_report(diagnosis: Diagnosis, command: ScanCommand, output: Output) -> None:
    if command.redact:
        diagnosis, hidden = redact_diagnosis(diagnosis, Redactor())
        if hidden and not command.json:
            output.note(redaction_note(hidden))
    if command.json:
        output.write(json.dumps(diagnosis.to_json(), allow_nan=False) + "\n")
    else:
        output.write(report_text(diagnosis, colour=output.colour, width=output.report_width))


@contextlib.contextmanager
def _open_log(path: str) -> Iterator[io.BufferedReader]:
    try:
        with open(sys.stdin.fileno(), "rb", closefd=False) if path == "-" else Path(path).open("rb") as file:
            yield file
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        raise ConfigError(f"Cannot read {path}: {problem.strerror or problem}.") from None


def _feed(file: io.BufferedReader, diagnoser: Diagnoser, output: Output) -> None:
    """Feed the whole file to the diagnoser; of a damaged compressed file, the part that can be read."""
    size, done = _size(file), 0
    try:
        for page in read_text_pages(file):
            diagnoser.feed_page(page)
            done += len(page)
            if done >= PROGRESS_MIN_BYTES or size >= PROGRESS_MIN_BYTES:
                output.progress(_progress_bar(file.tell() if size else done, size))
    except TruncatedFile as problem:
        output.note(f"The compressed file is truncated or damaged ({problem}). The report covers the readable part.")


def _size(file: io.BufferedReader) -> int:
    """The size of a regular file in bytes; 0 for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _progress_bar(done: int, size: int) -> str:
    if not size:
        return f"{done / (1 << 20):,.0f} MiB read"
    share = min(done / size, 1.0)
    full = round(share * _BAR_WIDTH)
    return f"{'█' * full}{'░' * (_BAR_WIDTH - full)} {share:4.0%} of {size / (1 << 20):,.0f} MiB"


class TruncatedFile(Exception):
    """The compressed file is damaged or ends too early. The pages before this point were delivered."""


def read_text_pages(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield the log as UTF-8, up to `PAGE` bytes at a time.

    Raises:
        ConfigError: the file is not text, or uses an unsupported compression.
        TruncatedFile: the compressed data is damaged or incomplete.
    """
    pages = _pages(file)
    first = next(pages, b"")
    pages = itertools.chain((first,), pages)
    if first.startswith(_UTF16):
        yield from (text.encode() for text in codecs.iterdecode(pages, "utf-16", "replace"))
    else:
        require_text(first)
        yield from pages


def require_text(page: bytes) -> None:
    """Accept the first page of a log if it is close to UTF-8.

    Raises:
        ConfigError: the page is compressed or binary.
    """
    text = page.lstrip(b"\0")  # a log that was truncated while its writer kept its offset begins with NULs
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if page.startswith((_GZIP, _BZIP2, _XZ, _ZSTD)) or controls > len(text) * _MAX_CONTROLS_RATIO:
        raise ConfigError("This is not a text log. Decompress it first.")


def _pages(file: io.BufferedReader) -> Iterator[bytes]:
    magic = file.peek(len(_XZ))
    for prefix, opener in _OPENERS.items():
        if magic.startswith(prefix):
            return _decompressed(opener(file))
    return iter(lambda: file.read(PAGE), b"")


def _decompressed(file: _Compressed) -> Iterator[bytes]:
    try:
        # `read` would discard what it has collected when it meets damaged data.
        yield from iter(lambda: file.read1(PAGE), b"")
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as problem:
        raise TruncatedFile(problem) from problem
