"""Read many log files on all cores: each process diagnoses whole files and returns its small results.

Processes are started afresh (`spawn`), which works alike on every system. They ignore Ctrl-C, which is for the parent:
it asks them to stop, and they do so after the page that they read.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from bot.commands.user_config import load_scanner
from bot.diagnosis.page_scanner import PageScanner
from bot.terminal.file_reading import FileResult, diagnose_log_file
from bot.terminal.log_files import ScannedFile

MIN_BYTES = 64 << 20
"""Less than this is read sooner by one process than several start."""
BATCH_BYTES, BATCH_FILES = 16 << 20, 64
"""Size of the files that a process reads before it returns their results."""
MAX_PROCESSES = 8
_COMPRESSION = 8
"""How much larger the text of a compressed log is."""
_POLL_S = 0.2
"""How often the progress is shown."""
_STOP = -1
"""The number of bytes read, once the processes must stop."""


@dataclass(frozen=True, slots=True)
class SizedFile:
    """A file to read, and its place in the order of results."""

    index: int
    file: ScannedFile
    size: int
    """Bytes of text, roughly; 0 if unknown."""


class _Stopped(Exception):
    """The parent asked this process to stop."""


@dataclass(slots=True)
class _Worker:
    """What a process keeps between two batches."""

    scanner: PageScanner
    run_files: int
    read: "Synchronized[int]"

    def count(self, size: int) -> None:
        """Add to the number of bytes read by all processes.

        Raises:
            _Stopped: the parent asked to stop.
        """
        with self.read.get_lock():
            if self.read.value == _STOP:
                raise _Stopped
            self.read.value += size


_Batch = Future[list[tuple[int, FileResult]]]
_worker: list[_Worker] = []
"""Of this process, if it is one of the pool."""


def text_size(file: ScannedFile, size: int) -> int:
    """Estimate the bytes of text in a file of `size` bytes: logs compress well."""
    return size * _COMPRESSION if file.path.endswith((".gz", ".xz", ".bz2", ".zst")) else size


def worth_a_pool(sizes: Sequence[int], processes: int) -> bool:
    """Is reading these files on several cores faster than in one process?"""
    return processes > 1 and len(sizes) > 1 and sum(sizes) - max(sizes) >= MIN_BYTES // 2 and sum(sizes) >= MIN_BYTES


def usable_cores() -> int:
    """Number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_PROCESSES)


def read_in_pool(
    files: Sequence[SizedFile], run_files: int, processes: int, signatures: Path | None, show: Callable[[int], None]
) -> Mapping[int, FileResult]:
    """Diagnose files on several cores; return the results by index. Those of a process that was killed are missing.

    Args:
        files: in any order.
        run_files: the number of all files of the run, including those that are read elsewhere.
        processes: how many.
        signatures: the user's, which each process loads.
        show: receives the number of bytes read so far, a few times a second.
    """
    context = multiprocessing.get_context("spawn")
    results: dict[int, FileResult] = {}
    try:
        read: Synchronized[int] = context.Value("q", 0)
    except OSError:  # a sandbox without shared memory
        return results
    setup = (signatures, run_files, read)
    with (
        contextlib.suppress(BrokenProcessPool),
        ProcessPoolExecutor(processes, context, _set_up, setup) as pool,
        _stopping(read),
    ):
        with _ctrl_c_blocked():
            waiting: set[_Batch] = {pool.submit(_read_batch, batch) for batch in batches(files)}
        while waiting:
            done, waiting = wait(waiting, _POLL_S, FIRST_COMPLETED)
            for one in done:
                results.update(one.result())
            show(read.value)
    return results


def batches(files: Sequence[SizedFile]) -> Iterator[list[SizedFile]]:
    """Group files into batches of about the same size, the largest files first, so that no process ends much later."""
    batch: list[SizedFile] = []
    size = 0
    for file in sorted(files, key=lambda one: -one.size):
        if batch and (size + file.size > BATCH_BYTES or len(batch) >= BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


@contextlib.contextmanager
def _stopping(read: "Synchronized[int]") -> Iterator[None]:
    """Ask the processes to stop at the end, which is early if this one is interrupted."""
    try:
        yield
    finally:
        with read.get_lock():
            read.value = _STOP


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Let processes that start here inherit a blocked SIGINT, so that they print no traceback while they start."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _set_up(signatures: Path | None, run_files: int, read: "Synchronized[int]") -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.append(_Worker(load_scanner(signatures), run_files, read))


def _end_with_parent() -> None:
    """End this process if its parent was killed, which leaves no other sign."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _read_batch(batch: Sequence[SizedFile]) -> list[tuple[int, FileResult]]:
    (worker,) = _worker
    results: list[tuple[int, FileResult]] = []
    with contextlib.suppress(_Stopped):
        for one in batch:
            scanner = worker.scanner.for_file(one.index, worker.run_files)
            results.append((one.index, diagnose_log_file(one.file, scanner, worker.count)))
    return results
