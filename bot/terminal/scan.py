"""`trainwatch scan FILE|-`: a log file to its report, page by page in constant memory. Offline.

Following a file that grows is in `scan_following.py`, what a report looks like in `report.py`, how a file may be
packed in `scan_forms.py`.
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
from bot.terminal.output import Output
from bot.terminal.report import report_text
from bot.terminal.scan_input import TruncatedFile, read_text_pages

BIG = 32 << 20
"""Bytes from which on it is worth saying how far we are."""
_BAR = 24


def scan(command: ScanCommand, reader: PageScanner, output: Output) -> int:
    """Read the whole file, write what it means; the exit code.

    Raises:
        ConfigError: the file cannot be read.
    """
    diagnoser = Diagnoser(reader)
    with opened(command.path) as file:
        _read(file, diagnoser, output)
    output.clear_progress()
    diagnosis = diagnoser.report()
    write_report(diagnosis, command, output)
    return exit_code(diagnosis, command)


def write_report(diagnosis: Diagnosis, command: ScanCommand, output: Output) -> None:
    """For people, or as JSON; without secrets unless they are wanted."""
    if command.redact and diagnosis.failures:
        diagnosis, hidden = redact_diagnosis(diagnosis, Redactor())
        if hidden and not command.json:
            output.note(f"{hidden:,} secrets hidden; --no-redact shows what they are")
    if command.json:
        output.write(json.dumps(diagnosis.to_json(), allow_nan=False) + "\n")
    else:
        output.write(report_text(diagnosis, colour=output.colour, width=min(output.width, 120)))


def exit_code(diagnosis: Diagnosis, command: ScanCommand) -> int:
    """Return `PROBLEM_FOUND` if the command asks for it and a failure has severity page."""
    found = any(one.severity == "page" for one in diagnosis.failures)
    return ExitCode.PROBLEM_FOUND if command.exit_code and found else ExitCode.OK


@contextlib.contextmanager
def opened(path: str) -> Iterator[io.BufferedReader]:
    """The file's bytes; `-` is the standard input.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with open(sys.stdin.fileno(), "rb", closefd=False) if path == "-" else Path(path).open("rb") as file:
            yield file
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        raise ConfigError(f"{path} cannot be read: {problem.strerror or problem}.") from None


def _read(file: io.BufferedReader, diagnoser: Diagnoser, output: Output) -> None:
    """Feed every page; a compressed file that breaks off is read as far as it goes.

    Raises:
        ConfigError: it holds no text that we can read.
    """
    size, done = _size(file), 0
    try:
        for page in read_text_pages(file):
            diagnoser.feed_page(page)
            done += len(page)
            if done >= BIG or size >= BIG:
                output.progress(_bar(file.tell() if size else done, size))
    except TruncatedFile as problem:
        output.note(f"The compressed file is truncated or damaged ({problem}). The report covers the readable part.")


def _size(file: io.BufferedReader) -> int:
    """Bytes of a file; 0 of a pipe, whose length nobody knows."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _bar(done: int, size: int) -> str:
    read = f"{done / (1 << 20):,.0f} MiB"
    if not size:
        return f"{read} read"
    share = min(done / size, 1.0)
    full = round(share * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {share:4.0%} of {size / (1 << 20):,.0f} MiB"
