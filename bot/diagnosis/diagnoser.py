"""The façade: feed a log, ask for its diagnosis. One pass, bounded memory, the same for a live tail and a file.

    reader = PageScanner(load_catalogue())        # compiled once, shared by all jobs
    diagnoser = Diagnoser(reader)                # one for each job
    diagnoser.feed("loss: nan", replica="worker-1", timestamp_ns=...)     # or feed_many, or feed_page for files
    diagnosis = diagnoser.report(now_ns)

How lines are read is in `reading`; what they come to, in `incidents`, `numerics` and `pace`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from bot.diagnosis.failures.exceptions import unfinished
from bot.diagnosis.findings import Diagnosis, Failure, RunProgress, worst_first
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.reading.cursor import NO_ORIGIN, Origin
from bot.diagnosis.state import VERSION, DiagnoserState

PAGE = 1 << 20
"""Bytes looked at together."""
LONGEST = 1 << 22
"""Bytes of one line after which it is cut: a line without an end must not fill the memory."""
BATCH = 512
"""Lines gathered before they are looked at."""

SETTLED_NS = 60 * 1_000_000_000
"""After this long without a line, what was said last was the last."""

Line = tuple[str, int | None, str | None, int | None]
"""A line's text, rank, replica and time in nanoseconds, as the provider gives them."""


class Diagnoser:
    """Reads one job's log.

    Args:
        reader: the compiled catalogue; it holds no state, so one serves all jobs.
        plateau: also tell when the loss no longer falls.
    """

    def __init__(self, reader: PageScanner, *, plateau: bool = False) -> None:
        self._reader = reader
        self._plateau = plateau
        self._memory = DiagnoserState()
        self._tail = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._queue: list[Line] = []

    def feed(
        self, text: str, *, rank: int | None = None, replica: str | None = None, timestamp_ns: int | None = None
    ) -> None:
        """Take one line (or several, joined by line ends), with the rank, replica and time that the provider gives."""
        self._queue.append((text, rank, replica, timestamp_ns))
        if len(self._queue) >= BATCH:
            self._flush()

    def feed_many(self, lines: Iterable[Line]) -> None:
        """Take lines: text, rank, replica, nanoseconds."""
        for text, rank, replica, timestamp_ns in lines:
            self.feed(text, rank=rank, replica=replica, timestamp_ns=timestamp_ns)

    def feed_page(self, page: bytes) -> None:
        """Take any piece of a log file; it may end in the middle of a line."""
        self._flush()
        for start in range(0, len(page), PAGE):
            self._take(page[start : start + PAGE] if len(page) > PAGE else page)

    def report(self, now_ns: int | None = None, *, running: bool = True) -> Diagnosis:
        """What is known now; feeding may go on afterwards.

        Args:
            now_ns: the time to judge a hang by; None takes the last time the provider, or the log itself, told.
            running: False while the job is pending or paused, or its log cannot be fetched: then nothing is a hang.
        """
        self._flush()
        if not self._parts and not self._memory.last_raw:
            return self._diagnosis(now_ns, running)
        before = self.dump()
        if self._parts:
            page = b"".join(self._parts)
            self._tail = self._reader.read(self._memory, page, self._tail)
            self._memory.lines += not page.endswith(b"\n")
        self._reader.sample_newest(self._memory)
        diagnosis = self._diagnosis(now_ns, running)
        self.load(before)
        return diagnosis

    def dump(self) -> dict[str, object]:
        """All that is remembered, for JSON; `load` goes on from it as if nothing had happened."""
        self._flush()
        memory = self._memory
        memory.rest, memory.tail = b"".join(self._parts).decode("latin-1"), self._tail.decode("latin-1")
        return dict(msgspec.to_builtins(memory))

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from a dump. One of another version is not understood, and reading starts afresh."""
        known = state.get("version") == VERSION
        self._memory = memory = msgspec.convert(dict(state), DiagnoserState) if known else DiagnoserState()
        self._parts = [memory.rest.encode("latin-1")] if memory.rest else []
        self._size = len(memory.rest)
        self._tail = memory.tail.encode("latin-1")
        self._queue = []

    def _take(self, page: bytes) -> None:
        cut = max(page.rfind(b"\n"), page.rfind(b"\r")) + 1
        if cut:
            whole = b"".join((*self._parts, page[:cut])) if self._parts else page[:cut]
            self._parts, self._size = [], 0
            self._tail = self._reader.read(self._memory, whole, self._tail)
            page = page[cut:]
        if not page:
            return
        self._parts.append(page)
        self._size += len(page)
        if self._size >= LONGEST:
            whole = b"".join(self._parts)
            self._parts, self._size = [whole[LONGEST:]], self._size - LONGEST
            self._tail = self._reader.read(self._memory, whole[:LONGEST], self._tail)

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
        self._tail = self._reader.read(self._memory, page, self._tail, origins if has_origins else None)

    def _diagnosis(self, now_ns: int | None, running: bool) -> Diagnosis:
        memory = self._memory
        quiet_ns = now_ns - memory.clock_ns if now_ns is not None and memory.clock_ns is not None else SETTLED_NS
        settled = quiet_ns >= SETTLED_NS
        found = memory.episode.incidents(memory.lines if settled else None)
        numbers = memory.numerics.incidents(plateau=self._plateau, settled=settled)
        finished = bool(memory.episode.success_at(memory.samples))
        if not finished and not any(incident.severity == "page" for incident in found):
            found += self._silence(now_ns, running=running, settled=settled)
        latest: dict[str, Any] = dict(memory.latest)
        progress = RunProgress(
            **latest, gap_s=memory.pace.gap_s, last_ns=memory.pace.last_ns, lines=memory.samples, finished=finished
        )
        return Diagnosis(worst_first(fold(found, numbers)), memory.lines, progress)

    def _silence(self, now_ns: int | None, *, running: bool, settled: bool) -> list[Failure]:
        """What is wrong although nothing failed in words: a torn traceback, a hang, a slow-down."""
        memory = self._memory
        torn = memory.tracebacks.unfinished(memory.lines) if settled else None
        if torn is not None:
            return [unfinished(torn)]
        behind = memory.offset - memory.last_end
        after = self._tail[-behind:].decode("utf-8", "replace") if behind > 0 else ""
        stall = memory.pace.stall(memory.clock_ns if now_ns is None else now_ns, after) if running else None
        return [incident for incident in (stall, memory.pace.slow_down()) if incident is not None]


def fold(found: list[Failure], numbers: list[Failure]) -> list[Failure]:
    """A run whose loss was lost before it crashed has one story: the crash is the last chapter of it."""
    lost = next((incident for incident in numbers if incident.severity == "page"), None)
    crash = next((incident for incident in found if incident.severity == "page"), None)
    if lost is None or crash is None:
        return [*numbers, *found]
    if lost.line <= crash.line:
        why = f"{lost.why} Then: {crash.title}."
        return [*(n for n in numbers if n is not lost), replace(lost, why=why), *(i for i in found if i is not crash)]
    return [*(replace(n, severity="info") if n is lost else n for n in numbers), *found]
