"""Read log files one at a time and diagnose each, in this process; `bot.terminal.scan_pool` uses several."""

import contextlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.commands.handlers.log_text import BinaryFile, TruncatedFile, read_text_pages
from bot.diagnosis.dumps.rank_dumps import HEAD, is_rank_dump
from bot.diagnosis.file_diagnoser import FileDiagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.merged_files import FileDiagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.errors import ConfigError
from bot.terminal.dump_files import open_dump
from bot.terminal.log_files import STANDARD_INPUT, ScannedFile

CountBytes = Callable[[int], None]
"""Receives the number of bytes read of a file since the last call."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What reading one file gave."""

    diagnosis: FileDiagnosis | None = None
    """None if it could not be read."""
    problem: str = ""
    """Why it could not be read, or was read in part."""
    is_binary: bool = False


def diagnose_log_file(file: ScannedFile, scanner: PageScanner, count: CountBytes) -> FileResult:
    """Diagnose one log, in constant memory, or read one dump. Of a damaged compressed file, the rest is left out."""
    reader, problem = FileDiagnoser(file.path, scanner), ""
    try:
        with open_log(file.path) as log:
            size, before = file_size(log), 0
            if is_rank_dump(log.peek(HEAD)):
                dump, problem = open_dump(log, file.path)
                count(size)
                return FileResult(FileDiagnosis(file.path, Diagnosis(), dump=dump), problem)
            try:
                for page in read_text_pages(log, file.path):
                    reader.feed_page(page)
                    done = log.tell() if size else before + len(page)
                    count(done - before)
                    before = done
            except TruncatedFile as damage:
                problem = (
                    f"The compressed file is truncated or damaged ({damage}). The report covers the readable part."
                )
            count(size - before if size else 0)
    except ConfigError as unreadable:
        return FileResult(problem=unreadable.public, is_binary=isinstance(unreadable, BinaryFile))
    return FileResult(reader.result(), problem)


def file_size(file: io.BufferedReader) -> int:
    """The size of a regular file in bytes; 0 for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, io.UnsupportedOperation):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


@contextlib.contextmanager
def open_log(path: str) -> Iterator[io.BufferedReader]:
    """Open a file, or the standard input for `-`.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        is_standard_input = path == STANDARD_INPUT
        with open(sys.stdin.fileno(), "rb", closefd=False) if is_standard_input else Path(path).open("rb") as file:
            yield file
    except OSError as problem:
        if isinstance(problem, BrokenPipeError):
            raise
        raise ConfigError(f"Cannot read {path}: {problem.strerror or problem}.") from None
