"""`trainwatch scan`: diagnose log files, offline and in constant memory. Several files are the log of one run.

`bot.terminal.log_files` finds the files, `bot.commands.handlers.log_text` reads them. `scan --follow` is in
`bot.terminal.scan_follow`.
"""

import contextlib
import io
import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.commands.handlers.log_text import BinaryFile, TruncatedFile, read_text_pages
from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.dumps.rank_dumps import HEAD, is_rank_dump
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.merged_files import FileDiagnosis, merge_files, with_rank
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.wording import plural
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import redact_diagnosis
from bot.terminal.dump_files import open_dump
from bot.terminal.exit_codes import ExitCode
from bot.terminal.log_files import STANDARD_INPUT, ScannedFile, find_files
from bot.terminal.output import Output, redaction_note
from bot.terminal.render.scanned_files import files_text
from bot.terminal.report import report_text

_BAR_WIDTH = 24


def scan(command: ScanCommand, scanner: PageScanner, output: Output, redactor: Redactor | None = None) -> int:
    """Diagnose the files, print one report and return the exit code. Without a redactor, the shipped patterns apply.

    Raises:
        ConfigError: a file cannot be read or is not a text log. Such files in a folder are skipped with a note.
    """
    found = find_files(command.paths)
    progress = ReadProgress(output, sum(_size_of(file.path) for file in found.files))
    parts = list(_diagnose_files(found.files, scanner, progress))
    output.clear_progress()
    if not parts:
        raise ConfigError("None of the files is a text log.")
    if found.others:
        output.note(f"{plural(found.others, 'other file')} in the folders not read: not named like logs.")
    only = parts[0]
    is_one_log = len(found.files) == 1 and only.dump is None
    diagnosis = with_rank(only.diagnosis, only.rank) if is_one_log else merge_files(parts)
    code = exit_code(diagnosis, command)
    if command.redact:
        diagnosis, hidden = redact_diagnosis(diagnosis, redactor or Redactor())
        if hidden and not command.json:
            output.note(redaction_note(hidden))
    _print_report(diagnosis, parts if len(found.files) > 1 else (), scanner, command, output)
    return code


def exit_code(diagnosis: Diagnosis, command: ScanCommand) -> int:
    """Return `PROBLEM_FOUND` if the command has `--exit-code` and a failure has severity page."""
    found = any(one.severity == "page" for one in diagnosis.failures)
    return ExitCode.PROBLEM_FOUND if command.exit_code and found else ExitCode.OK


@dataclass(slots=True)
class ReadProgress:
    """Shows how much of the files is read, and how fast."""

    output: Output
    total: int
    """Bytes of all files; 0 if unknown."""
    before: int = 0
    """Bytes of the files that are done."""
    _started: float = field(default_factory=time.monotonic)

    def show(self, done: int) -> None:
        """Show that this many bytes of the current file are read."""
        read = self.before + done
        rate = read / max(time.monotonic() - self._started, 1e-3)
        self.output.progress(f"{_progress_bar(read, self.total)} · {_mib(rate)}/s")


def _diagnose_files(
    files: Sequence[ScannedFile], scanner: PageScanner, progress: ReadProgress
) -> Iterator[FileDiagnosis]:
    for file in files:
        try:
            yield _read_file(file, scanner, progress)
        except BinaryFile as problem:
            if len(files) == 1:
                raise
            progress.output.note(f"Skipped: {problem.public}")
        except ConfigError as problem:
            if file.is_named:
                raise
            progress.output.note(f"Skipped: {problem.public}")


def _read_file(file: ScannedFile, scanner: PageScanner, progress: ReadProgress) -> FileDiagnosis:
    """Diagnose one log, or read one dump; of a damaged compressed file, the part that can be read."""
    diagnoser, done = Diagnoser(scanner, last_lines=True), 0
    with _open_log(file.path) as log:
        size = _size(log)
        if is_rank_dump(log.peek(HEAD)):
            progress.before += size
            return FileDiagnosis(file.path, file.rank, Diagnosis(), open_dump(log, file.path))
        try:
            for page in read_text_pages(log, file.path):
                diagnoser.feed_page(page)
                done += len(page)
                progress.show(log.tell() if size else done)
        except TruncatedFile as problem:
            text = f"The compressed file is truncated or damaged ({problem}). The report covers the readable part."
            progress.output.note(f"{file.path}: {text}")
        progress.before += size or done
    return FileDiagnosis(file.path, file.rank, diagnoser.report())


def _print_report(
    diagnosis: Diagnosis, files: Sequence[FileDiagnosis], scanner: PageScanner, command: ScanCommand, output: Output
) -> None:
    if command.json:
        document = diagnosis.to_json()
        if files:
            document["files"] = [_file_json(file) for file in files]
        output.write(json.dumps(document, allow_nan=False) + "\n")
        return
    width = output.report_width
    output.write(report_text(diagnosis, colour=output.colour, width=width, find_match=scanner.match_span))
    if files:
        output.write(files_text(files, output.screen))


def _file_json(file: FileDiagnosis) -> dict[str, object]:
    problems = sum(one.severity == "page" for one in file.diagnosis.failures)
    return {"path": file.path, "rank": file.rank, "lines": file.diagnosis.lines, "problems": problems}


@contextlib.contextmanager
def _open_log(path: str) -> Iterator[io.BufferedReader]:
    try:
        is_standard_input = path == STANDARD_INPUT
        with open(sys.stdin.fileno(), "rb", closefd=False) if is_standard_input else Path(path).open("rb") as file:
            yield file
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        raise ConfigError(f"Cannot read {path}: {problem.strerror or problem}.") from None


def _size(file: io.BufferedReader) -> int:
    """The size of a regular file in bytes; 0 for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _size_of(path: str) -> int:
    with contextlib.suppress(OSError):
        return 0 if path == STANDARD_INPUT else Path(path).stat().st_size
    return 0


def _progress_bar(done: int, size: int) -> str:
    if not size:
        return f"{_mib(done)} read"
    share = min(done / size, 1.0)
    full = round(share * _BAR_WIDTH)
    return f"{'█' * full}{'░' * (_BAR_WIDTH - full)} {share:4.0%} of {_mib(size)}"


def _mib(size: float) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
