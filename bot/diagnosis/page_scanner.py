"""Pages of whole lines change the memory: find the few lines that matter, in order, and take each.

Two RE2 filters run over the page: lines that could belong to a failure, and progress lines. Only what hits becomes
Python strings. What is remembered depends on the sequence of lines alone, never on how they were cut into pages.
The facade is `diagnoser`.
"""

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from bot.diagnosis.catalogue import Catalogue, Signature, prefilter_pattern
from bot.diagnosis.failures.candidates import EXCERPT_LINE, Candidate, Sight
from bot.diagnosis.failures.noise import is_dump, is_hypothetical, is_quotation
from bot.diagnosis.failures.quotations import OPENING
from bot.diagnosis.failures.recovery import Advance
from bot.diagnosis.failures.tracebacks import STRUCTURE, Raised
from bot.diagnosis.findings import Label
from bot.diagnosis.reading.cursor import NO_ORIGIN, Origin, Walk, anchor
from bot.diagnosis.reading.prefixes import ansi_pattern, read_clock, split_prefix, unwrap
from bot.diagnosis.state import DiagnoserState
from bot.diagnosis.training.progress import NONFINITE, PROGRESS, Sample, parse_sample
from bot.domain.regex import Match, compile_pattern

TAIL = 8192
"""Bytes of the log's end that are kept, for excerpts, pulses and the log's own clock."""
DENSE = 2048
"""Progress lines that are all read; after them one every `SKIM` bytes: thousands a second tell nothing new."""
SKIM = 4096
SKIM_NS = 1_000_000_000
"""Where a provider tells the time, a progress line this long after the last is read in any case."""
ATTENTION = 16384
"""Bytes after a line that was not finite in which every progress line is read."""
BEFORE = 4
CONTEXT = 2000
"""Bytes before and after a root line that its excerpt is chosen from."""

_LINE_ENDS = re.compile(r"[\r\n]")
_RUNNING = re.compile(rb"(?m)^\s*State:\s+Running")
_SUCCESS = r"(?i:training (?:is )?(?:done|complete))"
_RETRIES = r"(?i:will retry|retrying|skipp(?:ing|ed) [a-z]|attempt \d+ ?(?:/|of) ?\d)"


class PageScanner:
    """The compiled filters, and what to do with what they find. Holds no state of a log."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._failure = prefilter_pattern(catalogue, (*STRUCTURE, NONFINITE, _SUCCESS, _RETRIES, OPENING))
        self._progress = compile_pattern(f"(?m){PROGRESS}".encode())
        self._nonfinite = compile_pattern(f"(?m){NONFINITE}".encode())
        self._ansi = ansi_pattern()

    def read(self, memory: DiagnoserState, page: bytes, tail: bytes, origins: Sequence[Origin] | None = None) -> bytes:
        """Take a page of whole lines; return the new tail."""
        if b"\x1b" in page:
            page = self._ansi.sub(b"", page)
        walk = Walk(page, origins, memory.lines, memory.lines)
        failure = self._failure.search(page, 0)
        progress = self._next(memory, walk, 0)
        while failure is not None or progress is not None:
            stop = walk.go(min(anchor(found) for found in (failure, progress) if found is not None))
            failing = failure is not None and anchor(failure) < stop
            moving = progress is not None and anchor(progress) < stop
            raw = walk.raw()
            odd = failing and self._nonfinite.search(raw) is not None
            if moving or odd:
                self._progress_line(memory, walk, raw, odd=odd)
            if failing:
                self._failure_line(memory, walk, raw, tail)
                failure = self._failure.search(page, stop)
            if moving or odd:
                progress = self._next(memory, walk, stop)
        self._newest(memory, walk)
        if origins and not memory.pace.trained:
            memory.episode.outlived(origins[-1][-1])
        complete_excerpts(memory, page)
        memory.lines += page.count(b"\n")
        memory.offset += len(page)
        if origins and (last := origins[-1][-1]) is not None:
            memory.clock_ns = last
        return (tail + page)[-TAIL:] if len(page) < TAIL else page[-TAIL:]

    def sample_newest(self, memory: DiagnoserState) -> None:
        """Read the newest progress line, which skimming may have passed over."""
        if memory.last_raw:
            self._sample(memory, memory.last_raw.encode("latin-1"), NO_ORIGIN, memory.last_line)
            memory.last_raw = ""

    def _next(self, memory: DiagnoserState, walk: Walk, position: int) -> Match | None:
        """The next progress line worth reading."""
        if memory.samples >= DENSE and walk.origins is None:
            ahead = memory.sampled_at + SKIM - memory.offset
            if memory.offset + ahead > memory.attentive_until:
                position = max(position, ahead)
        return self._progress.search(walk.page, position) if position < len(walk.page) else None

    def _newest(self, memory: DiagnoserState, walk: Walk) -> None:
        """Keep the page's last progress line, if skimming passed over it: when the run last moved must be exact."""
        if memory.samples < DENSE or walk.origins is not None:
            return
        page = walk.page
        least = max(0, memory.sampled_at - memory.offset)
        end, reach = len(page), SKIM
        while end > least:
            start = max(least, page.rfind(b"\n", 0, max(0, end - reach)) + 1)
            found = deque(self._progress.finditer(page[start:end]), maxlen=1)
            if found:
                last = Walk(page, None, memory.lines, memory.lines)
                last.go(start + anchor(found[0]))
                memory.last_raw, memory.last_line = last.raw().decode("latin-1"), last.line
                memory.last_end = memory.offset + last.end
                return
            end, reach = start, reach * 2

    def _progress_line(self, memory: DiagnoserState, walk: Walk, raw: bytes, *, odd: bool) -> None:
        end = memory.offset + walk.end
        origin = walk.origin()
        moment_ns = origin[-1]
        if odd:
            memory.attentive_until = end + ATTENTION
        memory.last_end = end
        skip = memory.samples >= DENSE and end > memory.attentive_until and end < memory.sampled_at + SKIM
        if skip and moment_ns is not None and moment_ns - (memory.sampled_ns or 0) < SKIM_NS:
            return
        memory.samples += 1
        memory.sampled_at, memory.sampled_ns, memory.last_raw = end, moment_ns, ""
        self._sample(memory, raw, origin, walk.line)

    def _sample(self, memory: DiagnoserState, raw: bytes, origin: Origin, line: int) -> None:
        rank, replica, moment_ns = origin
        text = raw.decode("utf-8", "replace")
        spoken = split_prefix(unwrap(text), rank, replica)
        memory.numerics.hear(spoken.text)
        sample = parse_sample(spoken.text)
        if sample is None:
            return
        if sample.training:
            memory.quotes.close()
        if sample.epoch is None and sample.step is not None and "epoch" in memory.latest:
            sample = replace(sample, epoch=memory.latest["epoch"])  # a bar counts anew in each epoch
        moment = read_clock(text) if moment_ns is None else (moment_ns, "provider")
        memory.numerics.feed(sample, spoken.speaker.label, line + 1, moment[0] if moment else None, text)
        if sample.step is not None or sample.epoch is not None or sample.loss is not None:
            memory.pace.feed(sample, line + 1, moment, text, dense=memory.samples <= DENSE)
            at_once = "it/s" in text or "s/it" in text
            position = (memory.samples, memory.sampled_at)
            memory.episode.progressed(Advance(position, moment_ns, spoken.speaker.label, sample.step, at_once))
        _remember(memory, sample)

    def _failure_line(self, memory: DiagnoserState, walk: Walk, raw: bytes, tail: bytes) -> None:
        text = unwrap(raw.decode("utf-8", "replace"))
        if "\\n" in text and "Traceback (most recent" in text:
            text = text.replace("\\n", "\n")
        for part in text.split("\n"):
            self._event(memory, walk, part, tail)

    def _event(self, memory: DiagnoserState, walk: Walk, line: str, tail: bytes) -> None:
        rank, replica, moment_ns = walk.origin()
        spoken = split_prefix(line, rank, replica)
        text, label = spoken.text, spoken.speaker.label
        raised, part = memory.tracebacks.feed(spoken.speaker, text, walk.line)
        if part:
            return
        if raised is not None and not raised.traced and f"[rank{label}]:" in line:
            raised = replace(raised, traced=True)  # PyTorch prefixes what nobody caught
        memory.quotes.hear(text, walk.line)
        signature = self._catalogue.classify(text)
        if signature is not None and signature.name == "advice_retry":
            memory.episode.retries(walk.line + 1)
        if signature is None and raised is None and not memory.episode.reads(text):
            return
        if not (raised and raised.traced) and (
            self._quoted(signature, raised, text) or _is_last_state(walk, text, tail)
        ):
            return
        if memory.quotes.hold(walk.line, clocked=read_clock(line) is not None) and _is_quotable(signature, raised):
            return
        moment = read_clock(line) if moment_ns is None else (moment_ns, "provider")
        if not memory.pace.trained:
            memory.episode.outlived(walk.spoken_ns(memory.clock_ns))
        read = (memory.samples, memory.offset + walk.end, memory.latest.get("step"))
        sight = Sight.of(text, walk.line + 1, label, moment, read)
        candidate = memory.episode.observe(sight, signature, raised)
        if candidate is not None:
            _excerpt(candidate, memory, walk, label, tail)

    def _quoted(self, signature: Signature | None, raised: Raised | None, text: str) -> bool:
        if is_quotation(text) or is_dump(text):
            return True
        return (
            raised is None
            and signature is not None
            and is_hypothetical(text, self._catalogue.start_of(signature, text))
        )


def _is_quotable(signature: Signature | None, raised: Raised | None) -> bool:
    """Might a model have written it? What a shell or a launcher says alone on its line, and full paths, are events."""
    if raised is not None and raised.traced:
        return not raised.rooted
    return signature is None or signature.role in ("root", "cascade", "note", "success", "start")


def complete_excerpts(memory: DiagnoserState, page: bytes) -> None:
    """Give candidates of this page, or of one before, the lines after them."""
    offset = memory.offset
    episode = memory.episode
    for candidate in (*episode.candidates.values(), *episode.notes.values(), *episode.closed):
        if candidate.after <= 0:
            continue
        start = max(0, candidate.awaits_from - offset)
        text = page[start : max(start, candidate.awaits_from - offset + CONTEXT)]
        lines = [line for line in _LINE_ENDS.split(text.decode("utf-8", "replace")) if line.strip()]
        candidate.excerpt += [line.rstrip()[:EXCERPT_LINE] for line in lines[: candidate.after]]
        candidate.after -= len(lines[: candidate.after])
        if offset + len(page) >= candidate.awaits_from + CONTEXT:
            candidate.after = 0


def _excerpt(candidate: Candidate, memory: DiagnoserState, walk: Walk, label: Label | None, tail: bytes) -> None:
    """The lines before the root, of the same speaker, and the root itself; those after come as they are read."""
    before = _before(walk, tail)
    lines = [line for line in _LINE_ENDS.split(before.decode("utf-8", "replace"))[1:] if line.strip()]
    own = [line for line in lines[-40:] if split_prefix(line).speaker.label in (label, None)]
    root = walk.raw().decode("utf-8", "replace").strip()
    earlier = [line.rstrip()[:EXCERPT_LINE] for line in own[-BEFORE:]]
    candidate.excerpt, candidate.root_at = [*earlier, root[: 2 * EXCERPT_LINE]], len(earlier)
    candidate.awaits_from = memory.offset + walk.end


def _is_last_state(walk: Walk, text: str, tail: bytes) -> bool:
    """Does this stand under Kubernetes' "Last State": why the container before the one that runs ended?

    `kubectl describe` writes "State" before "Last State".
    """
    if not text.lstrip().startswith(("Reason:", "Exit Code:")):
        return False
    before = _before(walk, tail)
    return any(b"Last State:" in line for line in before.splitlines()[-2:]) and _RUNNING.search(before) is not None


def _before(walk: Walk, tail: bytes) -> bytes:
    """What stands before the line, on this page and on those before it."""
    before = walk.page[max(0, walk.start - CONTEXT) : walk.start]
    return before if walk.start >= CONTEXT else tail[-(CONTEXT - walk.start) :] + before


def _remember(memory: DiagnoserState, sample: Sample) -> None:
    for name, value in (
        ("step", sample.step),
        ("total_steps", sample.total),
        ("epoch", sample.epoch),
        ("loss", sample.loss),
        ("grad_norm", sample.grad_norm),
        ("learning_rate", sample.learning_rate),
        ("tokens_per_s", sample.tokens_per_s),
        ("samples_per_s", sample.samples_per_s),
    ):
        if value is not None and math.isfinite(value):
            memory.latest[name] = value
