"""`trainwatch scan`: diagnose log files, offline and in constant memory. Several files are the log of one run.

`bot.terminal.log_files` finds the files, `file_reading` and `scan_pool` read them. `scan --follow` is in
`bot.terminal.scan_follow`.
"""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.merged_files import FileDiagnosis, merge_files, name_files, name_single
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import format_iso_ms
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import redact_diagnosis
from bot.terminal.exit_codes import ExitCode
from bot.terminal.file_reading import FileResult, diagnose_log_file
from bot.terminal.log_files import STANDARD_INPUT, ScannedFile, find_files
from bot.terminal.output import Output, redaction_note
from bot.terminal.render.scanned_files import files_text
from bot.terminal.report import report_text
from bot.terminal.scan_pool import SizedFile, read_in_pool, text_size, usable_cores, worth_a_pool

_BAR_WIDTH = 24


def scan(
    command: ScanCommand,
    scanner: PageScanner,
    output: Output,
    redactor: Redactor | None = None,
    signatures: Path | None = None,
    processes: int | None = None,
) -> int:
    """Diagnose the files, print one report and return the exit code.

    Args:
        command: what to read and how to print it.
        scanner: the compiled catalogue.
        output: where to print.
        redactor: of secrets; without one, the shipped patterns apply.
        signatures: the file of user-defined signatures that the scanner has, for further processes.
        processes: how many may read at once; None for one on each core, if there is enough to read.

    Raises:
        ConfigError: a file cannot be read or is not a text log. Such files in a folder are skipped with a note.
    """
    found = find_files(command.paths)
    parts = _readable(found.files, _read(found.files, scanner, output, signatures, processes), output)
    if not parts:
        raise ConfigError("None of the files is a text log.")
    if found.others:
        output.note(found.describe_others())
    parts = name_files(parts)
    is_one_log = len(found.files) == 1 and parts[0].dump is None
    diagnosis = name_single(parts[0]).diagnosis if is_one_log else merge_files(parts)
    code = exit_code(diagnosis, command)
    if command.redact:
        diagnosis, hidden = redact_diagnosis(diagnosis, redactor or Redactor())
        if hidden and not command.json:
            output.note(redaction_note(hidden))
    _print_report(diagnosis, parts, scanner, command, output)
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
    done: int = 0
    _started: float = field(default_factory=time.monotonic)

    def add(self, size: int) -> None:
        """Show that more bytes are read."""
        self.show(self.done + size)

    def show(self, done: int) -> None:
        """Show that this many bytes are read."""
        self.done = done
        rate = done / max(time.monotonic() - self._started, 1e-3)
        self.output.progress(f"{_progress_bar(done, self.total)} · {_mib(rate)}/s")


def _read(
    files: Sequence[ScannedFile], scanner: PageScanner, output: Output, signatures: Path | None, processes: int | None
) -> Iterator[FileResult]:
    """Diagnose the files on several cores if that is faster, else one after the other; in their order."""
    bytes_of = [_size_of(file.path) for file in files]
    sized = [SizedFile(index, file, text_size(file, bytes_of[index])) for index, file in enumerate(files)]
    sizes = [one.size for one in sized]
    progress = ReadProgress(output, sum(bytes_of))
    count = usable_cores() if processes is None else processes
    results: Mapping[int, FileResult] = {}
    if count > 1 and (processes is not None or worth_a_pool(sizes, count)):
        non_empty = [one for one in sized if one.size]
        results = read_in_pool(non_empty, len(files), count, signatures, progress.show)
    for one in sized:
        yield results.get(one.index) or diagnose_log_file(
            one.file, scanner.for_file(one.index, len(files)), progress.add
        )
    output.clear_progress()


def _readable(files: Sequence[ScannedFile], results: Iterable[FileResult], output: Output) -> list[FileDiagnosis]:
    """Return the diagnoses; note the files that could not be read, or raise if that cannot be passed over."""
    parts: list[FileDiagnosis] = []
    for file, result in zip(files, results, strict=True):
        if result.diagnosis is not None:
            parts.append(result.diagnosis)
            if result.problem and len(files) == 1 and result.diagnosis.dump is not None:
                raise ConfigError(f"{file.path}: {result.problem}")
            if result.problem:
                output.note(f"{file.path}: {result.problem}")
            continue
        if len(files) == 1 or (file.is_named and not result.is_binary):
            raise ConfigError(result.problem)
        output.note(f"Skipped: {result.problem}")
    return parts


def _print_report(
    diagnosis: Diagnosis, files: Sequence[FileDiagnosis], scanner: PageScanner, command: ScanCommand, output: Output
) -> None:
    is_run = len(files) > 1
    if command.json:
        document = diagnosis.to_json()
        if is_run:
            document["files"] = [_file_json(file) for file in files]
        output.write(json.dumps(document, allow_nan=False) + "\n")
        return
    width = output.report_width
    output.write(report_text(diagnosis, colour=output.colour, width=width, find_match=scanner.match_span))
    if is_run:
        output.write(files_text(files, output.screen))


def _file_json(file: FileDiagnosis) -> dict[str, object]:
    return {
        "path": file.path,
        "rank": file.rank,
        "process": str(file.label),
        "attempt": file.attempt,
        "lines": file.diagnosis.lines,
        "problems": file.problems,
        "first": _iso(file.edges.first_ns),
        "last": _iso(file.edges.last_ns),
    }


def _iso(timestamp_ns: int | None) -> str | None:
    return None if timestamp_ns is None else format_iso_ms(timestamp_ns)


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
