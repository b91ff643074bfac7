"""`trainwatch scan --follow`: diagnose a growing log and print failures as they occur.

A file is followed by name, like `tail -F`: it is read from the start again after truncation or rotation. New lines get
their time of arrival as timestamp.
"""

import json
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bot.commands.handlers.log_text import require_text
from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import PAGE, Diagnoser
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import NS_PER_SECOND
from bot.domain.wording import plural
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import describe_progress, redact_diagnosis
from bot.terminal.log_files import STANDARD_INPUT
from bot.terminal.output import Output
from bot.terminal.report import failure_text
from bot.terminal.scan import exit_code

POLL_S = 0.5
"""How long to wait for new data, in seconds."""
IDLE_REPORT_NS = 5 * NS_PER_SECOND
"""How often to diagnose a log without new lines, to detect hangs."""
_REPORTED_SEVERITIES = ("page", "warn")


def follow_log(command: ScanCommand, scanner: PageScanner, output: Output, redactor: Redactor) -> int:
    """Print the failures so far, then new ones. Returns the exit code when a pipe ends.

    Raises:
        ConfigError: the file cannot be read or is not a text log.
    """
    (path,) = command.paths
    read = read_standard_input if path == STANDARD_INPUT else FileTail(Path(path), output.note).read
    follower = Follower(command, scanner, output, redactor)
    is_text = False
    while (data := read()) is not None:
        if data and not is_text:
            require_text(data, path)
            is_text = True
        follower.feed(data, time.time_ns())
    return follower.finish()


def read_standard_input() -> bytes | None:
    """Return new data, b"" if none arrived within `POLL_S`, or None at the end."""
    descriptor = sys.stdin.fileno()
    ready, _, _ = select.select([descriptor], [], [], POLL_S)
    return (os.read(descriptor, PAGE) or None) if ready else b""


class FileTail:
    """A growing file. It can be truncated, replaced or missing for a while."""

    def __init__(self, path: Path, note: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
        """Open the file.

        Raises:
            ConfigError: the path is not a readable regular file.
        """
        self._path, self._note, self._sleep = path, note, sleep
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ConfigError(f"{path} is not a regular file. Use a pipe: COMMAND | trainwatch scan --follow -")
            self._file: BinaryIO = path.open("rb")
        except OSError as problem:
            raise ConfigError(f"Cannot read {path}: {problem.strerror or problem}.") from None

    def read(self) -> bytes | None:
        """As `read_standard_input`, but without an end: a missing file may come back."""
        data = self._file.read(PAGE)
        if data or self._restart():
            return data
        self._sleep(POLL_S)
        return self._file.read(PAGE)

    def _restart(self) -> bool:
        """Go to the start of a file that was truncated or replaced."""
        try:
            current, opened = self._path.stat(), os.fstat(self._file.fileno())
            if (current.st_ino, current.st_dev) != (opened.st_ino, opened.st_dev):
                replacement = self._path.open("rb")
                self._file.close()
                self._file = replacement
                self._note(f"{self._path} was replaced. Reading the new file from its start.")
                return True
        except OSError:
            return False
        if current.st_size < self._file.tell():
            self._file.seek(0)
            self._note(f"{self._path} was truncated. Reading it from its start.")
            return True
        return False


@dataclass(slots=True)
class Follower:
    """Diagnoses data as it arrives and prints each failure once."""

    command: ScanCommand
    scanner: PageScanner
    output: Output
    redactor: Redactor = field(default_factory=Redactor)
    _diagnoser: Diagnoser = field(init=False)
    _reported: dict[tuple[str, str], str] = field(default_factory=dict)
    """Signature and fingerprint of each printed failure → its severity at that time."""
    _partial_line: bytes = b""
    _caught_up: bool = False
    """Whether the data that existed at the start has been read."""
    _finished: bool = False
    _diagnosed_ns: int = 0

    def __post_init__(self) -> None:
        self._diagnoser = Diagnoser(self.scanner)

    def feed(self, data: bytes, now_ns: int) -> None:
        """Process new data, which may be empty, and print what changed."""
        if data:
            self._feed_lines(data, now_ns)
            if self._caught_up:
                self._diagnose(now_ns)
        elif not self._caught_up:
            self._caught_up = True
            self._print_summary(self._diagnose(None))
            self._diagnosed_ns = now_ns
        elif now_ns - self._diagnosed_ns >= IDLE_REPORT_NS:
            self._diagnose(now_ns)

    def finish(self) -> int:
        """Diagnose the last line and return the exit code."""
        self._diagnoser.feed_page(self._partial_line)
        return exit_code(self._diagnose(None), self.command)

    def _feed_lines(self, data: bytes, now_ns: int) -> None:
        whole, newline, self._partial_line = (self._partial_line + data).rpartition(b"\n")
        if not newline:
            return
        if self._caught_up:
            self._diagnoser.feed(whole.decode("utf-8", "replace"), timestamp_ns=now_ns)
        else:  # old lines did not arrive now; only their own timestamps count
            self._diagnoser.feed_page(whole + newline)

    def _diagnose(self, now_ns: int | None) -> Diagnosis:
        """Print what changed since the last diagnosis. With a time, this also detects hangs."""
        diagnosis = self._diagnoser.report(now_ns)
        self._diagnosed_ns = now_ns or self._diagnosed_ns
        self._print_changes(diagnosis)
        return diagnosis

    def _print_summary(self, diagnosis: Diagnosis) -> None:
        progress = describe_progress(diagnosis.progress)
        read = f"{plural(diagnosis.lines, 'line')} read{f' · {progress}' if progress else ''}."
        self.output.note(f"── {read}{'' if self._reported else ' No known failure so far.'} Following.")

    def _print_changes(self, diagnosis: Diagnosis) -> None:
        shown = (
            redact_diagnosis(diagnosis, self.redactor)[0] if self.command.redact and diagnosis.failures else diagnosis
        )
        for failure in shown.failures:
            key = (failure.signature, failure.fingerprint)
            if failure.severity in _REPORTED_SEVERITIES and self._reported.get(key) not in ("page", failure.severity):
                self._reported[key] = failure.severity
                self._print_failure(failure)
        hangs = {one.signature for one in diagnosis.failures if one.category == "hang"}
        for key in [key for key in self._reported if key[0] == "no_progress" and key[0] not in hangs]:
            del self._reported[key]
            self.output.note("── Progress resumed.")
        if diagnosis.progress.finished and not self._finished:
            self.output.note("── The run finished.")
        self._finished = diagnosis.progress.finished

    def _print_failure(self, failure: Failure) -> None:
        output = self.output
        text = failure_text(
            failure, colour=output.colour, width=output.report_width, find_match=self.scanner.match_span
        )
        output.write((json.dumps(failure.to_json(), allow_nan=False) if self.command.json else text) + "\n")
