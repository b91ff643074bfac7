"""`trainwatch scan FILE|-`: diagnose a log file, offline and in constant memory.

`scan --follow` is in `bot.terminal.scan_follow`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import redact_diagnosis
from bot.terminal.exit_codes import ExitCode
from bot.terminal.output import Output, redaction_note
from bot.terminal.report import report_text
from bot.terminal.scan_input import TruncatedFile, read_text_pages

PROGRESS_MIN_BYTES = 32 << 20
"""Show progress for files from this size."""
MAX_REPORT_WIDTH = 120
_BAR_WIDTH = 24


def scan(command: ScanCommand, scanner: PageScanner, output: Output) -> int:
    """Diagnose the file, print the report and return the exit code.

    Raises:
        ConfigError: the file cannot be read or is not a text log.
    """
    diagnoser = Diagnoser(scanner)
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
    if command.redact and diagnosis.failures:
        diagnosis, hidden = redact_diagnosis(diagnosis, Redactor())
        if hidden and not command.json:
            output.note(redaction_note(hidden))
    if command.json:
        output.write(json.dumps(diagnosis.to_json(), allow_nan=False) + "\n")
    else:
        output.write(report_text(diagnosis, colour=output.colour, width=min(output.width, MAX_REPORT_WIDTH)))


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
