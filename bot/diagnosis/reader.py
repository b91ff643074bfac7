"""The façade: feed a log, ask for its diagnosis. One pass, bounded memory, the same for a live tail and a file.

A page of bytes goes through two RE2 filters: lines that could belong to a failure, and progress lines. Only what hits
becomes Python strings. Everything that is remembered depends on the sequence of lines alone, never on how they were
cut into pages, and can be dumped as JSON between polls.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from bot.diagnosis.benign import is_dump, is_hypothetical, is_quotation
from bot.diagnosis.findings import Diagnosis, Label, LogIncident, RunProgress, worst_first
from bot.diagnosis.incidents import EXCERPT_LINE, Candidate, Episode, Sight
from bot.diagnosis.numerics import Numerics
from bot.diagnosis.pace import Pace
from bot.diagnosis.patterns import Match, compile_pattern
from bot.diagnosis.progress import NONFINITE, PROGRESS, Sample, parse_sample
from bot.diagnosis.signatures import Catalogue, Signature, prefilter_pattern
from bot.diagnosis.streams import ansi_pattern, clock_ns, split_prefix
from bot.diagnosis.tracebacks import STRUCTURE, Tracebacks

VERSION = 1
PAGE = 1 << 20
"""Bytes looked at together."""
LONGEST = 1 << 22
"""Bytes of one line after which it is cut: a line without an end must not fill the memory."""
WINDOW = 4000
"""Bytes of a long line looked at around a hit."""
TAIL = 8192
"""Bytes of the log's end that are kept, for excerpts, pulses and the log's own clock."""
DENSE = 2048
"""Progress lines that are all read; after them one in `SKIM`, since thousands a second tell nothing new."""
SKIM = 16
ATTENTION = 64
"""Progress lines read one by one after one that was not finite."""
BATCH = 512
BEFORE = 4
CONTEXT = 2000
"""Bytes before and after a root line that its excerpt is chosen from."""

_LINE_ENDS = re.compile(r"[\r\n]")

Line = tuple[str, str | None, int | None]
"""A line's text, its replica and its time in nanoseconds, as a provider tells them."""


@dataclass(slots=True)
class Memory:
    """All that is remembered of a log; JSON-able."""

    version: int = VERSION
    lines: int = 0
    offset: int = 0
    """Bytes taken."""
    rest: str = ""
    """An unfinished line, as Latin-1: any bytes survive."""
    tail: str = ""
    tracebacks: Tracebacks = field(default_factory=Tracebacks)
    episode: Episode = field(default_factory=Episode)
    numerics: Numerics = field(default_factory=Numerics)
    pace: Pace = field(default_factory=Pace)
    latest: dict[str, float | int | None] = field(default_factory=dict)
    """The newest value of each number of `RunProgress`."""
    progress: int = 0
    parsed_at: int = 0
    """Number of the progress line that was read last."""
    attentive_until: int = 0
    last_raw: bytes = b""
    """The newest progress line, where skimming passed over it."""
    last_source: str = ""
    last_line: int = 0
    last_end: int = 0
    """Byte after the newest progress line."""
    clock_ns: int | None = None
    """The newest time a provider gave."""


class Diagnoser:
    """Reads one job's log.

    Args:
        catalogue: from `load_catalogue`.
        plateau: also tell when the loss no longer falls.
    """

    def __init__(self, catalogue: Catalogue, *, plateau: bool = False) -> None:
        self._catalogue = catalogue
        self._plateau = plateau
        self._failure = prefilter_pattern(
            catalogue, (*STRUCTURE, NONFINITE, r"(?i:training (?:is )?(?:done|complete))")
        )
        self._progress = compile_pattern(f"(?m){PROGRESS}")
        self._nonfinite = compile_pattern(f"(?m){NONFINITE}")
        self._ansi = ansi_pattern()
        self._memory = Memory()
        self._tail = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._queue: list[Line] = []

    def feed(self, text: str, *, source: str | None = None, timestamp_ns: int | None = None) -> None:
        """Take one line (or several, joined by line ends), with the replica and the time the provider tells."""
        self._queue.append((text, source, timestamp_ns))
        if len(self._queue) >= BATCH:
            self._flush()

    def feed_many(self, lines: Iterable[Line]) -> None:
        """Take lines: text, source, nanoseconds."""
        for text, source, timestamp_ns in lines:
            self.feed(text, source=source, timestamp_ns=timestamp_ns)

    def feed_page(self, page: bytes) -> None:
        """Take any piece of a log file; it may end in the middle of a line."""
        self._flush()
        for start in range(0, len(page), PAGE):
            self._take(page[start : start + PAGE] if len(page) > PAGE else page)

    def report(self, now_ns: int | None = None, *, running: bool = True) -> Diagnosis:
        """What is known now; feeding may go on afterwards.

        Args:
            now_ns: the time to judge a hang by; None takes the last time written in the log itself.
            running: False while the job is pending or paused, or its log cannot be fetched: then nothing is a hang.
        """
        self._flush()
        unread = self._memory.progress > self._memory.parsed_at
        if not self._parts and not unread:
            return self._diagnosis(now_ns, running)
        before = self.dump()
        if self._parts:
            page = b"".join(self._parts)
            self._parts = []
            self._read(page, None, ended=True)
        if self._memory.progress > self._memory.parsed_at:
            self._sample_last()
        diagnosis = self._diagnosis(now_ns, running)
        self.load(before)
        return diagnosis

    def dump(self) -> dict[str, object]:
        """All that is remembered, for JSON; `load` goes on from it as if nothing had happened."""
        self._flush()
        self._memory.rest, self._memory.tail = b"".join(self._parts).decode("latin-1"), self._tail.decode("latin-1")
        state = msgspec.to_builtins(self._memory)
        self._memory.rest = self._memory.tail = ""
        return dict(state)

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from a dump. One of another version is not understood, and reading starts afresh."""
        if state.get("version") != VERSION:
            self._memory = Memory()
            return
        self._memory = msgspec.convert(dict(state), Memory)
        self._parts = [self._memory.rest.encode("latin-1")] if self._memory.rest else []
        self._size = len(self._memory.rest)
        self._tail = self._memory.tail.encode("latin-1")
        self._memory.rest = self._memory.tail = ""
        self._queue = []

    def _take(self, page: bytes) -> None:
        cut = max(page.rfind(b"\n"), page.rfind(b"\r")) + 1
        if cut:
            whole = b"".join((*self._parts, page[:cut])) if self._parts else page[:cut]
            self._parts, self._size = [], 0
            self._read(whole, None)
            page = page[cut:]
        if not page:
            return
        self._parts.append(page)
        self._size += len(page)
        if self._size >= LONGEST:
            whole = b"".join(self._parts)
            self._parts, self._size = [whole[LONGEST:]], self._size - LONGEST
            self._read(whole[:LONGEST], None)

    def _flush(self) -> None:
        if not self._queue:
            return
        texts, origins = [], []
        for text, source, timestamp_ns in self._queue:
            for part in text.splitlines() or ("",) if "\n" in text else (text,):
                texts.append(part)
                origins.append((source or "", timestamp_ns))
        self._queue = []
        self._read(("\n".join(texts) + "\n").encode("utf-8", "replace"), origins)

    def _read(self, page: bytes, origins: Sequence[tuple[str, int | None]] | None, *, ended: bool = False) -> None:
        """Read whole lines: find the few that matter, in order, and take each."""
        if b"\x1b" in page:
            page = self._ansi.sub(b"", page)
        memory = self._memory
        walk = Walk(page, origins, memory.lines, memory.lines)
        failure, progress = self._failure.search(page, 0), self._progress.search(page, 0)
        while failure is not None or progress is not None:
            starts = [anchor(found) for found in (failure, progress) if found is not None]
            stop = walk.go(min(starts))
            failing = failure is not None and anchor(failure) < stop
            moving = progress is not None and anchor(progress) < stop
            raw = walk.raw()
            odd = failing and self._nonfinite.search(raw) is not None
            if moving or odd:
                self._progress_line(walk, raw, odd=odd)
            if failing:
                self._failure_line(walk, raw)
                failure = self._failure.search(page, stop)
            if moving:
                progress = self._progress.search(page, stop)
        self._complete_excerpts(page)
        memory.lines += page.count(b"\n") + (1 if ended and not page.endswith(b"\n") else 0)
        memory.offset += len(page)
        self._tail = (self._tail + page)[-TAIL:] if len(page) < TAIL else page[-TAIL:]
        if origins and (last := origins[-1][1]) is not None:
            memory.clock_ns = last

    def _progress_line(self, walk: "Walk", raw: bytes, *, odd: bool) -> None:
        memory = self._memory
        memory.progress += 1
        if odd:
            memory.attentive_until = memory.progress + ATTENTION
        source, moment_ns = walk.origin()
        number = memory.progress
        if number <= DENSE or number % SKIM == 0 or number <= memory.attentive_until or moment_ns is not None:
            self._sample(raw, source, moment_ns, walk.line)
        else:
            memory.last_raw, memory.last_source, memory.last_line = raw, source, walk.line
        memory.last_end = memory.offset + walk.end

    def _sample(self, raw: bytes, source: str, moment_ns: int | None, line: int) -> None:
        memory = self._memory
        text = raw.decode("utf-8", "replace")
        spoken = split_prefix(text, source)
        lines, memory.parsed_at = memory.progress - memory.parsed_at, memory.progress
        sample = parse_sample(spoken.text)
        if sample is None:
            return
        if moment_ns is None:
            moment_ns = clock_ns(text)
        memory.numerics.feed(sample, spoken.speaker.label, line + 1, moment_ns, text)
        if sample.step is not None or sample.epoch is not None or sample.loss is not None:
            memory.pace.feed(sample, line + 1, moment_ns, max(1, lines), text)
            memory.episode.progressed(memory.progress, moment_ns)
        self._remember(sample)

    def _remember(self, sample: Sample) -> None:
        latest = self._memory.latest
        for name, value in (
            ("step", sample.step), ("total_steps", sample.total), ("epoch", sample.epoch), ("loss", sample.loss),
            ("grad_norm", sample.grad_norm), ("learning_rate", sample.learning_rate),
            ("tokens_per_s", sample.tokens_per_s), ("samples_per_s", sample.samples_per_s),
        ):  # fmt: skip
            if value is not None and math.isfinite(value):
                latest[name] = value

    def _failure_line(self, walk: "Walk", raw: bytes) -> None:
        text = raw.decode("utf-8", "replace")
        source, moment_ns = walk.origin()
        if "\\n" in text and "Traceback (most recent" in text:
            for part in text.split("\\n"):
                self._event(walk, part, source, moment_ns)
        else:
            self._event(walk, text, source, moment_ns)

    def _event(self, walk: "Walk", line: str, source: str, moment_ns: int | None) -> None:
        memory = self._memory
        spoken = split_prefix(line, source)
        text, label = spoken.text, spoken.speaker.label
        raised = memory.tracebacks.feed(spoken.speaker, text, walk.line)
        signature = self._catalogue.classify(text)
        if signature is None and raised is None and "exitcode" not in text and "rank " not in text:
            return
        if not (raised and raised.traced) and self._quoted(signature, text):
            return
        if moment_ns is None:
            moment_ns = clock_ns(line)
        sight = Sight.of(text, walk.line + 1, label, moment_ns, memory.progress, signature, raised)
        candidate = memory.episode.observe(sight)
        if candidate is not None:
            self._excerpt(candidate, walk, label)

    def _quoted(self, signature: Signature | None, text: str) -> bool:
        if is_quotation(text) or is_dump(text):
            return True
        return signature is not None and is_hypothetical(text, self._catalogue.start_of(signature, text))

    def _excerpt(self, candidate: Candidate, walk: "Walk", label: Label | None) -> None:
        """The lines before the root, of the same speaker, and the root itself; those after come as they are read."""
        before = walk.page[max(0, walk.start - CONTEXT) : walk.start]
        if walk.start < CONTEXT:
            before = self._tail[-(CONTEXT - walk.start) :] + before
        lines = [line for line in _LINE_ENDS.split(before.decode("utf-8", "replace"))[1:] if line.strip()]
        own = [line for line in lines[-40:] if split_prefix(line).speaker.label in (label, None)]
        root = walk.raw().decode("utf-8", "replace").strip()
        candidate.excerpt = [line.rstrip()[:EXCERPT_LINE] for line in own[-BEFORE:]] + [root[-2 * EXCERPT_LINE :]]
        candidate.awaits_from = self._memory.offset + walk.end

    def _complete_excerpts(self, page: bytes) -> None:
        """Give candidates of this page, or of the one before, the lines after them."""
        offset = self._memory.offset
        for candidate in (*self._memory.episode.candidates.values(), *self._memory.episode.notes.values()):
            if candidate.after <= 0:
                continue
            start = max(0, candidate.awaits_from - offset)
            text = page[start : candidate.awaits_from - offset + CONTEXT]
            lines = [line for line in _LINE_ENDS.split(text.decode("utf-8", "replace")) if line.strip()]
            taken = lines[: candidate.after]
            candidate.excerpt += [line.rstrip()[:EXCERPT_LINE] for line in taken]
            candidate.after -= len(taken)
            if offset + len(page) > candidate.awaits_from + CONTEXT:
                candidate.after = 0

    def _sample_last(self) -> None:
        """Read the newest progress line, which skimming may have passed over."""
        memory = self._memory
        if memory.last_raw:
            self._sample(memory.last_raw, memory.last_source, None, memory.last_line)

    def _diagnosis(self, now_ns: int | None, running: bool) -> Diagnosis:
        memory = self._memory
        found = memory.episode.incidents()
        numbers = memory.numerics.incidents(plateau=self._plateau)
        died = any(incident.severity == "page" for incident in found)
        finished = bool(memory.episode.success)
        if running and not died and not finished:
            behind = memory.offset - memory.last_end
            after = self._tail[-behind:].decode("utf-8", "replace") if behind > 0 else ""
            stall = memory.pace.stall(now_ns if now_ns is not None else memory.clock_ns, after)
            if stall is not None:
                found.append(stall)
        slow = memory.pace.slow_down()
        if slow is not None and not died and not finished:
            found.append(slow)
        latest: dict[str, Any] = dict(memory.latest)
        progress = RunProgress(
            **latest, gap_s=memory.pace.gap_s, last_ns=memory.pace.last_ns, lines=memory.progress, finished=finished
        )
        return Diagnosis(worst_first(fold(found, numbers)), memory.lines, progress)


@dataclass(slots=True)
class Walk:
    """A cursor over one page's lines (carriage returns end one too, but do not count)."""

    page: bytes
    origins: Sequence[tuple[str, int | None]] | None
    first: int
    """Number of the page's first line, from 0."""
    line: int
    start: int = 0
    end: int = 0
    """Of the piece of line the cursor is on: up to a line end or a carriage return."""
    near: int = 0

    def go(self, position: int) -> int:
        """Move to the piece that holds `position`; return where to search on."""
        if position >= self.end:
            page, mark = self.page, self.start
            begin = max(page.rfind(b"\n", mark, position) + 1, mark)
            self.line += page.count(b"\n", mark, begin)
            end = page.find(b"\n", position)
            end = len(page) if end < 0 else end
            self.start = max(page.rfind(b"\r", begin, position) + 1, begin)
            back = page.find(b"\r", position, end)
            self.end = end if back < 0 else back
        self.near = position
        return self.end + 1 if self.end - self.start <= WINDOW else min(self.end, position + WINDOW // 2) + 1

    def raw(self) -> bytes:
        """The piece; of a long one its head and what is around the position."""
        if self.end - self.start <= WINDOW:
            return self.page[self.start : self.end]
        left = max(self.start, self.near - WINDOW // 2)
        head = self.page[self.start : min(self.start + 100, left)]
        return head + self.page[left : min(self.end, self.near + WINDOW // 2)]

    def origin(self) -> tuple[str, int | None]:
        """The replica and time that the provider told for this line."""
        return self.origins[self.line - self.first] if self.origins is not None else ("", None)


def anchor(found: Match) -> int:
    """A byte of the line that a match is about: its end, as some patterns begin at the line end before."""
    return max(found.start(), found.end() - 1)


def fold(found: list[LogIncident], numbers: list[LogIncident]) -> list[LogIncident]:
    """A run whose loss was lost before it crashed has one story: the crash is the last chapter of it."""
    lost = next((incident for incident in numbers if incident.severity == "page"), None)
    crash = next((incident for incident in found if incident.severity == "page"), None)
    if lost is None or crash is None:
        return [*numbers, *found]
    if lost.line <= crash.line:
        why = f"{lost.why} Then: {crash.title}."
        return [*(n for n in numbers if n is not lost), replace(lost, why=why), *(i for i in found if i is not crash)]
    return [*(replace(n, severity="info") if n is lost else n for n in numbers), *found]
