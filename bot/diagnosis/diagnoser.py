"""The facade: feed a log, get its diagnosis. One pass and bounded memory, for a live job and for a file.

scanner = PageScanner(load_catalogue())      # compiled once, shared by all jobs
diagnoser = Diagnoser(scanner)               # one for each job
diagnoser.feed("loss: nan", replica="worker-1", timestamp_ns=...)     # or feed_many, or feed_page for files
diagnosis = diagnoser.report(now_ns)
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import msgspec

from bot.diagnosis.confidence import estimate_confidence
from bot.diagnosis.cut_lines import without_added_end
from bot.diagnosis.failures.candidates import FAILED_END
from bot.diagnosis.failures.cpu_use import MIN_SAMPLES, judge_cpu_use
from bot.diagnosis.failures.endings import LAST_WORDS
from bot.diagnosis.failures.ends.cut_tracebacks import explain_cut_traceback
from bot.diagnosis.failures.ends.empty_data import NO_DATA, find_empty_data
from bot.diagnosis.failures.ends.failed_end import LogEnd, find_failed_end
from bot.diagnosis.failures.ends.failed_jobs import FAILED_JOB, find_failed_job
from bot.diagnosis.failures.ends.skipped_updates import report_skipped_updates
from bot.diagnosis.failures.ends.stall_reports import MAX_ROWS, find_stall_report
from bot.diagnosis.failures.ends.stated_ends import find_stated_end
from bot.diagnosis.failures.exceptions import failure_from_unfinished
from bot.diagnosis.failures.rank_evidence import RankEvidence
from bot.diagnosis.failures.reasons import grade
from bot.diagnosis.failures.tracebacks import UnfinishedTraceback
from bot.diagnosis.findings import Diagnosis, Failure, worst_first
from bot.diagnosis.hints.filling import choose_hints
from bot.diagnosis.last_lines import LastLines, last_lines_of
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.cursor import NO_ORIGIN, Origin
from bot.diagnosis.reading.sourced_lines import SourcedLine, newest_sourced_lines
from bot.diagnosis.run_verdicts import JudgedFailure, judge_failure
from bot.diagnosis.silent_ranks import name_silent_replicas
from bot.diagnosis.state import VERSION, DiagnoserState
from bot.diagnosis.training.hang import find_hang
from bot.diagnosis.training.run_progress import build_progress
from bot.domain.alerts import Severity
from bot.domain.progress import RunProgress

PAGE = 1 << 20
"""Number of bytes scanned together."""
LAST_PAGES = 8
"""Number of pages of a file in which the last lines are searched."""
MAX_LINE = 1 << 22
"""A longer line, in bytes, is cut: a line without an end must not fill the memory."""
BATCH = 512
"""Number of lines scanned together."""

SETTLED_NS = 60 * 1_000_000_000
"""After this time without a line, the last line counts as the end of the log."""

_WAITS, _OF_WAITS = (
    frozenset({"no_capacity", "volume_mount", "gang_waits"}),
    frozenset({"code", "hang", "launch", "scheduler"}),
)
"""Signatures of what a start waits for, and what the end of a program that gives it up looks like."""
_EXITS = (("trace",), ("bare_exception",), ("teardown",))
"""Evidence of failures that only report an end."""
_EXIT_REPORTS = frozenset({"worker_failed", "task_exit", "mpi_abort"})
"""Signatures of launchers that only report the exit of a process."""

Line = tuple[str, int | None, str | None, int | None]
"""A line's text, and its rank, replica and time in nanoseconds as the provider states them."""


class Diagnoser:
    """Reads the log of one job.

    Args:
        scanner: the compiled catalogue; it holds no state, so all jobs share one.
        plateau: also report a loss that no longer improves.
        last_lines: also report the last lines of the last `LAST_PAGES` pages.
    """

    def __init__(self, scanner: PageScanner, *, plateau: bool = False, last_lines: bool = False) -> None:
        self._scanner = scanner
        self._plateau = plateau
        self._state = DiagnoserState()
        self._tail = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._queue: list[Line] = []
        self._last_pages = deque[bytes](maxlen=LAST_PAGES) if last_lines else None

    def feed(
        self, text: str, *, rank: int | None = None, replica: str | None = None, timestamp_ns: int | None = None
    ) -> None:
        """Read one line, or several joined by line ends, with the rank, replica and time that the provider states."""
        self._queue.append((text, rank, replica, timestamp_ns))
        if len(self._queue) >= BATCH:
            self._flush()

    def feed_many(self, lines: Iterable[Line]) -> None:
        """Read lines with their ranks, replicas and times."""
        for text, rank, replica, timestamp_ns in lines:
            self.feed(text, rank=rank, replica=replica, timestamp_ns=timestamp_ns)

    def feed_page(self, page: bytes) -> None:
        """Read any piece of a log file; it may end in the middle of a line."""
        self._flush()
        for start in range(0, len(page), PAGE):
            part = page[start : start + PAGE] if len(page) > PAGE else page
            self._read_page(part)
            if self._last_pages is not None:
                self._last_pages.append(part)

    def report(self, now_ns: int | None = None, *, running: bool = True) -> Diagnosis:
        """Return the diagnosis so far; more lines may follow.

        Args:
            now_ns: the time to detect a hang by; None uses the last time in the log.
            running: False if the job is pending or paused or its log cannot be fetched: then it cannot hang.
        """
        self._flush()
        last_lines = last_lines_of(b"".join(self._last_pages)) if self._last_pages is not None else LastLines()
        if not self._parts and not self._state.skipped_raw:
            diagnosis = self._completed(self._diagnose(now_ns, running), now_ns, running)
            return replace(diagnosis, last_lines=last_lines)
        before = self.dump()
        if self._parts:
            page = b"".join(self._parts)
            self._tail = self._scanner.scan(self._state, page, self._tail)
            self._state.lines += not page.endswith(b"\n")
        self._scanner.sample_skipped(self._state)
        diagnosis = self._completed(self._diagnose(now_ns, running), now_ns, running)
        self.load(before)
        return replace(diagnosis, last_lines=last_lines)

    @property
    def rank_evidence(self) -> RankEvidence:
        """What the open failure reveals about the ranks of the run."""
        return self._state.root_cause.ranks

    @property
    def tail(self) -> bytes:
        """The end of the log, up to `page_scanner.TAIL` bytes."""
        return self._tail + b"".join(self._parts)

    def dump(self) -> dict[str, object]:
        """Return the state for JSON; `load` continues from it."""
        self._flush()
        state = self._state
        state.newest.forget_parsed()
        state.rest, state.tail = b"".join(self._parts).decode("latin-1"), self._tail.decode("latin-1")
        return dict(msgspec.to_builtins(state))

    def load(self, stored: Mapping[str, object]) -> None:
        """Continue from a dump, or start again if it is from another version or damaged."""
        self._state = state = _parse_state(stored)
        self._parts = [state.rest.encode("latin-1")] if state.rest else []
        self._size = len(state.rest)
        self._tail = state.tail.encode("latin-1")
        self._queue = []

    def _read_page(self, page: bytes) -> None:
        cut = max(page.rfind(b"\n"), page.rfind(b"\r")) + 1
        if cut:
            whole = b"".join((*self._parts, page[:cut])) if self._parts else page[:cut]
            self._parts, self._size = [], 0
            self._tail = self._scanner.scan(self._state, whole, self._tail)
            page = page[cut:]
        if not page:
            return
        self._parts.append(page)
        self._size += len(page)
        if self._size >= MAX_LINE:
            whole = b"".join(self._parts)
            self._parts, self._size = [whole[MAX_LINE:]], self._size - MAX_LINE
            self._tail = self._scanner.scan(self._state, whole[:MAX_LINE], self._tail)

    def _flush(self) -> None:
        if not self._queue:
            return
        texts: list[str] = []
        origins: list[Origin] = []
        for text, rank, replica, timestamp_ns in self._queue:
            parts = text.split("\n") if "\n" in text else (text,)
            texts.extend(parts)
            origins.extend([(rank, replica, timestamp_ns)] * len(parts))
        self._queue = []
        page = ("\n".join(texts) + "\n").encode("utf-8", "replace")
        has_origins = any(origin != NO_ORIGIN for origin in origins)
        self._tail = self._scanner.scan(self._state, page, self._tail, origins if has_origins else None)

    def _diagnose(self, now_ns: int | None, running: bool) -> Diagnosis:
        state = self._state
        quiet_ns = now_ns - state.clock_ns if now_ns is not None and state.clock_ns is not None else SETTLED_NS
        is_settled = quiet_ns >= SETTLED_NS
        found = state.root_cause.failures(state.lines if is_settled else None, self._lines_since, self._last_words)
        if is_settled:
            found = [self._with_reason(one, found) for one in found]
        losses = state.loss.failures(with_plateau=self._plateau, is_settled=is_settled)
        finished = bool(state.root_cause.success_at(state.samples))
        if not state.root_cause.is_stopped and _page(found) is None:
            silent = self._silent_failures(found, now_ns, running=running, is_settled=is_settled)
            found += [one for one in silent if not finished or self._precedes_success(one)]
        if not finished and _page(found) is None:
            found = report_skipped_updates(found, lambda: self._log_end().with_before().rows(MAX_ROWS))
        found = [self._with_rank(one) for one in merge_slowdown(found)]
        found = judge_cpu_use(found, has_trained=state.pace.has_trained or state.samples >= MIN_SAMPLES)
        if not state.samples:
            found = merge_wait_and_end(found)
        found = [name_silent_replicas(one, state.newest_ns) for one in found]
        newest = self._scanner.newest_lines(state, self._tail)
        pace, saved = state.pace, state.checkpoints.last(state.samples)
        base = RunProgress(
            gap_s=pace.gap_s, last_ns=pace.last_ns, lines=state.samples, finished=finished, checkpoint=saved
        )
        progress = build_progress(newest, state.step_pace, base, pace.clock)
        failures = choose_hints(merge_loss_and_crash(losses, found), self._scanner.hints, progress)
        judged = [self._judged(one, progress) for one in worst_first(failures)]
        return Diagnosis(tuple(judged), state.lines, progress, attempt_ns=state.step_pace.attempt_ns or None)

    def _completed(self, diagnosis: Diagnosis, now_ns: int | None, running: bool) -> Diagnosis:
        """Return the diagnosis with the last line completed, if that is cut and then states what failed."""
        line = self._tail.rstrip(b"\r\n").rpartition(b"\n")[2].decode("utf-8", "replace")
        added = "" if _page(diagnosis.failures) is not None else self._scanner.cut_lines.find_missing_end(line)
        if not added:
            return diagnosis
        before = self.dump()
        self._state.lines -= 1
        self._tail = self._scanner.scan(self._state, f"{line}{added}\n".encode(), self._tail)
        completed = self._diagnose(now_ns, running)
        self.load(before)
        return replace(completed, failures=tuple(without_added_end(one, line, added) for one in completed.failures))

    def _lines_since(self, offset: int) -> list[SourcedLine]:
        """The lines from an offset in the log to its end, as far as its tail contains them."""
        return list(self._newest_lines(offset))[::-1]

    def _last_words(self, offset: int) -> list[SourcedLine]:
        """The last few of these lines."""
        return list(islice(self._newest_lines(offset), LAST_WORDS))[::-1]

    def _newest_lines(self, offset: int) -> Iterator[SourcedLine]:
        start = max(0, offset - (self._state.offset - len(self._tail)))
        origins = (run[:2] for run in reversed(self._state.tail_origins) for _ in range(run.lines))
        return newest_sourced_lines(self._tail[start:], origins)

    def _judged(self, failure: Failure, progress: RunProgress) -> Failure:
        """The failure with its confidence, and a verdict on its run."""
        if failure.signs:
            failure = replace(failure, confidence=estimate_confidence(failure.signs, self._scanner.weights))
        if failure.severity is Severity.INFO:
            return failure
        judged = JudgedFailure(
            failure.signature, failure.category, failure.decisive_text, failure.severity is Severity.PAGE,
            has_checkpoint=progress.checkpoint is not None,
        )  # fmt: skip
        return replace(failure, verdict=judge_failure(judged, self._scanner.verdict_rules))

    def _silent_failures(
        self, found: Sequence[Failure], now_ns: int | None, *, running: bool, is_settled: bool
    ) -> list[Failure]:
        """Report failures without a known error line: an unfinished traceback, a failed end, a hang, a slow-down."""
        state = self._state
        unfinished = state.tracebacks.find_unfinished(state.lines) if is_settled else None
        if unfinished is not None and not unfinished.is_service:
            return [self._unfinished(unfinished)]
        failed = (
            self._failed_end(found, may_go_on=running and now_ns is not None) or self._unstated_end()
            if is_settled
            else None
        )
        if failed is not None:
            return [failed]
        if unfinished is not None:
            return [self._unfinished(unfinished)]
        size = state.offset - state.progress_end
        after = self._tail[-size:].decode("utf-8", "replace") if size > 0 else ""
        hang = find_hang(state.pace, state.clock_ns if now_ns is None else now_ns, after) if running else None
        if hang is None and running:
            hang = find_stall_report(self._log_end())
        return [failure for failure in (hang, state.throughput.failure()) if failure is not None]

    def _unfinished(self, found: UnfinishedTraceback) -> Failure:
        return explain_cut_traceback(failure_from_unfinished(found), self._log_end().rows(MAX_ROWS))

    def _precedes_success(self, failure: Failure) -> bool:
        """Had the run failed before something reported a success, which was not that of its launcher?"""
        tracker = self._state.root_cause
        if failure.signature == NO_DATA:
            return True
        if failure.signature == FAILED_JOB:
            return failure.line > tracker.success_line or tracker.success != "hard"
        return failure.signature == FAILED_END and failure.line < tracker.success_line and tracker.success != "hard"

    def _with_reason(self, failure: Failure, found: Sequence[Failure]) -> Failure:
        """A launcher's report of an end, replaced by what the end of the log says about it."""
        is_explained = failure.signature == FAILED_END and failure.precedence is Precedence.TEARDOWN
        if failure.severity is not Severity.PAGE or not (failure.signature in _EXIT_REPORTS or is_explained):
            return failure
        reason = self._failed_end([one for one in found if one is not failure])
        if reason is None or reason.signs[0] == "trace" or reason.line in self._stop_lines():
            return failure
        if is_explained and grade(reason.decisive_text) < grade(failure.decisive_text):
            return failure
        category = failure.category if reason.category == "code" else reason.category
        why = f"{reason.why} Then: {failure.title}."
        return replace(reason, category=category, ranks=failure.ranks or reason.ranks, why=why)

    def _with_rank(self, failure: Failure) -> Failure:
        """A failure that the end of the log states, with the rank that other lines state."""
        if failure.signature != FAILED_END or any(isinstance(rank, int) for rank in failure.ranks):
            return failure
        rank = self.rank_evidence.named_rank(failure.excerpt[failure.root_index or 0 :])
        return failure if rank is None else replace(failure, ranks=(rank,))

    def _stop_lines(self) -> set[int]:
        """Numbers of the lines that report a stop: what a scheduler does after a process failed is not its reason."""
        candidates = self._state.root_cause.candidates.values()
        return {one.line for one in candidates if one.precedence is Precedence.STOP}

    def _failed_end(self, found: Sequence[Failure], *, may_go_on: bool = False) -> Failure | None:
        """Report the failure that the end of the log states, other than what is known not to be worth a page."""
        end = replace(self._log_end(), may_go_on=may_go_on)
        return find_failed_end(end, {one.line for one in found if one.signs[:1] not in _EXITS})

    def _unstated_end(self) -> Failure | None:
        """Report a failure that no line at the end of the log states: of a job in a table, or of a lack of data."""
        end = self._log_end()
        is_whole = self._state.offset <= len(self._tail)
        stated = find_stated_end(end) if is_whole else None
        return find_failed_job(end) or find_empty_data(end, is_whole=is_whole) or stated

    def _log_end(self) -> LogEnd:
        """The end of the log, from its last line of progress on."""
        state, tail = self._state, self._tail
        size = state.offset - state.progress_end
        start = tail.rfind(b"\n", 0, max(0, len(tail) - size - 1)) + 1 if size < len(tail) else 0
        return LogEnd(
            tail[start:], state.lines, is_cut=len(tail) < size, quotation=state.quotation,
            has_trained=state.pace.has_trained, is_harmless=self._scanner.is_harmless, before=tail[:start],
        )  # fmt: skip


def merge_slowdown(found: list[Failure]) -> list[Failure]:
    """Report a GPU that is throttled for heat and the slow-down that was measured as one warning."""
    slow = next((one for one in found if one.signature == "throughput_drop"), None)
    hot = next((one for one in found if one.signature == "thermal_slowdown"), None)
    if slow is None or hot is None:
        return found
    merged = replace(hot, severity=Severity.WARN, why=f"{slow.title}.")
    return [merged if one is hot else one for one in found if one is not slow]


def merge_wait_and_end(found: list[Failure]) -> list[Failure]:
    """Report what a start waited for instead of the end of a program that gave it up without another reason."""
    end = next((one for one in found if one.signature == FAILED_END and one.category in _OF_WAITS), None)
    wait = next((one for one in found if one.signature in _WAITS and one.severity is Severity.WARN), None)
    if end is None or wait is None:
        return found
    merged = replace(wait, severity=Severity.PAGE, why=f"The log ends with: {end.title}", signs=(*wait.signs, "exit"))
    return [merged if one is wait else one for one in found if one is not end]


def merge_loss_and_crash(losses: list[Failure], others: list[Failure]) -> list[Failure]:
    """Report a lost loss and the crash after it as one failure; a crash before it makes the lost loss a note.

    A crash because of the loss says what a divergence before it led to.
    """
    lost, crash = _page(losses), _page(others)
    if lost is None or crash is None:
        return [*losses, *others]
    if lost.signature == "divergence" and crash.category == "numerics":
        merged = replace(crash, why=f"{crash.why} Before: {lost.title}.")
        return [*(one for one in losses if one is not lost), *(merged if one is crash else one for one in others)]
    if lost.line <= crash.line:
        merged = replace(lost, why=f"{lost.why} Then: {crash.title.rstrip('.')}.")
        return [*(merged if one is lost else one for one in losses), *(one for one in others if one is not crash)]
    return [*(replace(one, severity=Severity.INFO) if one is lost else one for one in losses), *others]


def _page(failures: Iterable[Failure]) -> Failure | None:
    return next((failure for failure in failures if failure.severity is Severity.PAGE), None)


def _parse_state(stored: Mapping[str, object]) -> DiagnoserState:
    if stored.get("version") != VERSION:
        return DiagnoserState()
    try:
        return msgspec.convert(dict(stored), DiagnoserState)
    except msgspec.ValidationError:  # JSON has no infinity, and a log may contain any number
        return DiagnoserState()
