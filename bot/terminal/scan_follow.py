"""`trainwatch scan --follow`: what happens in a log while it happens, until Ctrl-C or the end of a pipe.

A file is followed by its name, as `tail -F` does: one that is cut short or replaced is read from its beginning. Lines
that come are timed by their arrival.
"""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import PAGE, Diagnoser
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.page_scanner import PageScanner
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import describe_progress, redact_diagnosis
from bot.terminal.output import Output
from bot.terminal.report import incident_text
from bot.terminal.scan import exit_code
from bot.terminal.scan_input import require_text

POLL_S = 0.5
"""How long to wait for more."""
JUDGE_S = 5.0
"""How long after a judgement a log that says nothing is judged again."""
NS = 1_000_000_000
_SEVERITIES = ("page", "warn")


class Source(Protocol):
    """Where bytes come from."""

    def read(self) -> bytes | None:
        """What has come, b"" when nothing has after a moment's wait, None when nothing more can come."""
        ...


def follow_log(command: ScanCommand, reader: PageScanner, output: Output) -> int:
    """Tell what has happened, then what happens; the exit code when a pipe ends.

    Raises:
        ConfigError: the file cannot be read, or is no text.
    """
    source: Source = Pipe() if command.path == "-" else Tail(Path(command.path), output.note)
    follower = Follower(command, reader, output)
    begun = False
    while (data := source.read()) is not None:
        if data and not begun:
            begun = True
            require_text(data)
        follower.take(data, time.time_ns())
    return follower.finish()


class Pipe:
    """The standard input, as it arrives."""

    def read(self) -> bytes | None:
        """As `Source`."""
        descriptor = sys.stdin.fileno()
        ready, _, _ = select.select([descriptor], [], [], POLL_S)
        return (os.read(descriptor, PAGE) or None) if ready else b""


class Tail:
    """A file that grows, is cut short, is replaced, or is away for a while."""

    def __init__(self, path: Path, note: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
        """Open it.

        Raises:
            ConfigError: there is none that can be read.
        """
        self._path, self._note, self._sleep = path, note, sleep
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ConfigError(f"{path} is no file that can be followed; pipe it: … | trainwatch scan --follow -")
            self._file: BinaryIO = path.open("rb")
        except OSError as problem:
            raise ConfigError(f"{path} cannot be read: {problem.strerror or problem}.") from None

    def read(self) -> bytes | None:
        """As `Source`; a file that is away is waited for."""
        data = self._file.read(PAGE)
        if data or self._moved_on():
            return data
        self._sleep(POLL_S)
        return self._file.read(PAGE)

    def _moved_on(self) -> bool:
        """Go to the file's beginning when it is shorter than what was read, or another one."""
        try:
            now, known = self._path.stat(), os.fstat(self._file.fileno())
            if (now.st_ino, now.st_dev) != (known.st_ino, known.st_dev):
                replacement = self._path.open("rb")
                self._file.close()
                self._file = replacement
                self._note(f"{self._path} was replaced; the new one is read from its beginning")
                return True
        except OSError:
            return False
        if now.st_size < self._file.tell():
            self._file.seek(0)
            self._note(f"{self._path} was cut short; it is read from its beginning")
            return True
        return False


@dataclass(slots=True)
class Follower:
    """Reads what comes and tells what is new in it."""

    command: ScanCommand
    reader: PageScanner
    output: Output
    told: dict[tuple[str, str], str] = field(default_factory=dict)
    """Signature and fingerprint to the severity that was told."""
    _diagnoser: Diagnoser = field(init=False)
    _rest: bytes = b""
    _caught_up: bool = False
    _finished: bool = False
    _judged_ns: int = 0

    def __post_init__(self) -> None:
        self._diagnoser = Diagnoser(self.reader)

    def take(self, data: bytes, now_ns: int) -> None:
        """Read what came by now, which may be nothing; tell what is new."""
        if data:
            self._feed(data, now_ns)
        elif not self._caught_up:
            self._caught_up = True
            self._judge(now_ns, opening=True)
        elif now_ns - self._judged_ns >= JUDGE_S * NS:
            self._judge(now_ns)
        if data and self._caught_up:
            self._judge(now_ns)

    def finish(self) -> int:
        """Nothing more can come: the last word."""
        self._diagnoser.feed_page(self._rest)
        diagnosis = self._diagnoser.report()
        self._tell(diagnosis)
        return exit_code(diagnosis, self.command)

    def _feed(self, data: bytes, now_ns: int) -> None:
        """Whole lines, timed by their arrival; what was there before us has only its own times."""
        whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
        if not newline:
            return
        if not self._caught_up:
            self._diagnoser.feed_page(whole + newline)
            return
        self._diagnoser.feed(whole.decode("utf-8", "replace"), timestamp_ns=now_ns)

    def _judge(self, now_ns: int, *, opening: bool = False) -> None:
        self._judged_ns = now_ns
        diagnosis = self._diagnoser.report(None if opening else now_ns)
        self._tell(diagnosis)
        if opening:
            said = describe_progress(diagnosis.progress)
            quiet = "" if self.told else " Nothing so far that needs you."
            self.output.note(f"── {diagnosis.lines:,} lines read{f', {said}' if said else ''}.{quiet} Following.")

    def _tell(self, diagnosis: Diagnosis) -> None:
        if self.command.redact and diagnosis.failures:
            diagnosis, _ = redact_diagnosis(diagnosis, Redactor())
        for incident in diagnosis.failures:
            key = (incident.signature, incident.fingerprint)
            if incident.severity in _SEVERITIES and self.told.get(key) not in ("page", incident.severity):
                self.told[key] = incident.severity
                self._write(incident)
        hangs = {one.signature for one in diagnosis.failures if one.category == "hang"}
        for key in [key for key in self.told if key[0] == "no_progress" and key[0] not in hangs]:
            del self.told[key]
            self.output.note("── It moves again.")
        if diagnosis.progress.finished and not self._finished:
            self.output.note("── The run reached its end.")
        self._finished = diagnosis.progress.finished

    def _write(self, incident: Failure) -> None:
        output = self.output
        if self.command.json:
            output.write(json.dumps(incident.to_json(), allow_nan=False) + "\n")
        else:
            output.write(incident_text(incident, colour=output.colour, width=min(output.width, 120)) + "\n")
