"""Scan pages of whole lines: find the few lines that matter, in order, and update the state with each.

Two RE2 patterns search the page: one for lines that may belong to a failure, one for progress lines. Only matching
lines become Python strings. The state depends on the sequence of lines alone, never on how they were cut into pages.
"""

import copy
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Catalogue, Signature, prefilter_pattern
from bot.diagnosis.cut_lines import CutLines
from bot.diagnosis.failures.cpu_use import ON_CPU
from bot.diagnosis.failures.excerpts import center_excerpt
from bot.diagnosis.failures.excused_events import excuse_event
from bot.diagnosis.failures.failure_events import FailureEvent, ReadPosition, parse_event
from bot.diagnosis.failures.life_signs import LIFE, read_life_sign
from bot.diagnosis.failures.lines_between import LinesBetween
from bot.diagnosis.failures.mentions import is_content
from bot.diagnosis.failures.noise import as_handled, as_logged, as_raised
from bot.diagnosis.failures.persistence import SKIPPED
from bot.diagnosis.failures.quotations import OPENING, is_quoted
from bot.diagnosis.failures.rank_reports import RANK_REPORT
from bot.diagnosis.failures.rank_roster import ROSTER
from bot.diagnosis.failures.tracebacks import STRUCTURE, RaisedException
from bot.diagnosis.failures.windows import Place, is_last_state, text_before
from bot.diagnosis.hints.choices import HintChoice
from bot.diagnosis.line_facts import LineReader
from bot.diagnosis.reading.cursor import NO_ORIGIN, LineCursor, Origin, last_byte
from bot.diagnosis.reading.origins import MAX_LINES, extend_origins, record_times
from bot.diagnosis.reading.prefixes import LogTime, ansi_pattern, parse_timestamp, split_prefix, unwrap_json
from bot.diagnosis.reading.sourced_lines import is_logged, read_sourced_line
from bot.diagnosis.sample_reader import read_sample
from bot.diagnosis.state import DiagnoserState
from bot.diagnosis.training.checkpoints import CHECKPOINT
from bot.diagnosis.training.failed_steps import CONTEXT, states_failed_step
from bot.diagnosis.training.newest_lines import NewestLines, PageView
from bot.diagnosis.training.progress import NONFINITE, PROGRESS
from bot.diagnosis.training.progress_lines import parse_progress_line
from bot.domain.levels import stated_level
from bot.domain.logs import Level
from bot.domain.regex import Pattern, compile_pattern

TAIL = 8192
"""Number of bytes kept from the end of the log, for excerpts, heartbeats and the log's own timestamps."""
DENSE_SAMPLES = 2048
"""After this number of progress lines, only one per `SKIP_BYTES` is read: thousands per second add nothing."""
WHOLE_FILES, DENSE_SAMPLES_OF_MANY, SPREAD = 4, 128, 16
"""Of a run in many files, the first and last few are read as any log. Ranks log alike, so in the others fewer lines
suffice before lines are skipped, first a few bytes, then more with each line read, up to `SKIP_BYTES`."""
SKIP_BYTES = 4096
SKIP_NS = 1_000_000_000
"""If the provider states times, a progress line this long after the last one is never skipped."""
TAKE_TURNS = 64
"""Of the lines skipped for their time, one in this number is read, so that no kind of line is always skipped."""
NEWEST = 12
"""Number of progress lines at the log's end of which all are read for a report."""
ATTENTION = 16384
"""Number of bytes after a non-finite line, or a failure in one of many files, in which no progress line is skipped."""

NOT_FOUND = sys.maxsize
"""A position after the end of any page."""

GOES_ON = ON_CPU | SKIPPED
"""Signatures of notes that also show that the run goes on after a failure next to them."""
_HOST = re.compile(r"\s*([\w.-]{1,80}): ")
_SUCCESS = r"(?i:training (?:is )?(?:done|complete))"
_QUOTABLE_ROLES = ("root", "cascade", "note", "success", "start")
"""Roles of lines that a model may write. Lines that only a shell or a launcher prints are always events."""


class PageScanner:
    """The compiled patterns, and what to do with the lines they find. Holds no state of a log."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._lines = catalogue, LineReader(catalogue)
        self.verdict_rules, self.weights = catalogue.verdict_rules, catalogue.weights
        self._dense_samples = DENSE_SAMPLES
        self.cut_lines = CutLines(catalogue)
        structure = (*STRUCTURE, NONFINITE, _SUCCESS, OPENING, CHECKPOINT, ROSTER, RANK_REPORT)
        self._failure = prefilter_pattern(catalogue, structure)
        self._progress = compile_pattern(f"(?m){PROGRESS}".encode())
        self._nonfinite = compile_pattern(f"(?m){NONFINITE}".encode())
        self._checkpoint = compile_pattern(CHECKPOINT.encode())
        self._life = compile_pattern(f"(?m){LIFE}".encode())
        self._ansi = ansi_pattern()

    def for_file(self, index: int, count: int) -> "PageScanner":
        """Return a scanner for one of the files of a run; of many files, those between both ends are only sampled."""
        if count <= 2 * WHOLE_FILES or index < WHOLE_FILES or index >= count - WHOLE_FILES:
            return self
        scanner = copy.copy(self)
        scanner._dense_samples = DENSE_SAMPLES_OF_MANY
        return scanner

    def match_span(self, signature: str, text: str) -> tuple[int, int] | None:
        """Return the start and end of what a signature matches in a line; None if it does not."""
        return self._catalogue.match_span(signature, text)

    def is_harmless(self, text: str) -> bool:
        """Is the message of a line known not to be a failure: a note, advice, or a report of a start or a success?"""
        signature = self._catalogue.classify(text)
        return signature is not None and signature.role in UNREPORTED_ROLES | {"note"}

    @property
    def texts(self) -> Iterator[str]:
        """The patterns, titles and hints of all signatures."""
        for signature in self._catalogue.signatures:
            yield from (signature.pattern, signature.title, signature.hint)

    @property
    def hints(self) -> Mapping[str, Sequence[HintChoice]]:
        """The hints that apply only with certain evidence, by signature."""
        return self._catalogue.hints

    def scan(self, state: DiagnoserState, page: bytes, tail: bytes, origins: Sequence[Origin] | None = None) -> bytes:
        """Read a page of whole lines; return the new tail."""
        if b"\x1b" in page:
            page = self._ansi.sub(b"", page)
        if b"\0" in page:
            page = page.replace(b"\0", b"")  # the hole of a log that was truncated under its writer
        if b"\b" in page:
            page = page.replace(b"\b", b"\r")  # either one starts a progress bar again
        cursor = LineCursor(page, origins, state.lines, state.lines)
        between = LinesBetween(page, state.offset, state.lines, origins)
        failure = _find(self._failure, page, 0)
        progress = self._next_progress(state, cursor, 0)
        life = self._next_life(state, page, 0)
        while (position := min(failure, progress, life)) < NOT_FOUND:
            stop = cursor.move_to(position)
            is_failure, is_progress = failure < stop, progress < stop
            between.read_before(cursor, state.root_cause, has_trained=state.pace.has_trained)
            raw = cursor.raw()
            is_nonfinite = is_failure and self._nonfinite.search(raw) is not None
            if is_progress or is_nonfinite:
                self._read_progress(state, cursor, raw, tail, is_nonfinite=is_nonfinite)
            if life < stop:
                self._read_life(state, cursor, raw)
            if is_failure:
                if self._checkpoint.search(raw) is not None:
                    self._read_checkpoint(state, cursor, raw)
                self._read_failure(state, cursor, raw, tail)
                between.expect_rows()
                failure = _find(self._failure, page, stop)
            if is_failure or life < NOT_FOUND:
                life = self._next_life(state, page, stop)
            if is_progress or is_nonfinite or state.dense_until > state.offset + stop:
                progress = self._next_progress(state, cursor, stop)
        self._remember_skipped(state, cursor)
        if state.samples >= self._dense_samples:
            state.newest.search(PageView(page, state.offset, state.lines, origins), len(page))
        between.read_rest(state.root_cause, has_trained=state.pace.has_trained)
        self._finish_page(state, page, origins)
        return (tail + page)[-TAIL:] if len(page) < TAIL else page[-TAIL:]

    def sample_skipped(self, state: DiagnoserState) -> None:
        """Read the newest progress line if it was skipped."""
        if state.skipped_raw:
            raw, is_dense = state.skipped_raw.encode("latin-1"), state.samples <= self._dense_samples
            read_sample(state, raw, NO_ORIGIN, state.skipped_line, end=state.progress_end, is_dense=is_dense)
            state.skipped_raw = ""

    def newest_lines(self, state: DiagnoserState, tail: bytes) -> NewestLines:
        """Return the newest lines of each kind, including kinds that only the log's end has."""
        if state.samples < self._dense_samples:
            return state.newest
        base, cursor, found = state.offset - len(tail), LineCursor(tail, None, 0, 0), []
        for match in deque(self._progress.finditer(tail), maxlen=NEWEST):
            if last_byte(match) >= cursor.end:
                cursor.move_to(last_byte(match))
                logged = parse_progress_line(cursor.raw(), NO_ORIGIN, 0).logged
                found += [] if logged is None else [(logged, cursor.raw(), base + cursor.end)]
        return state.newest.with_lines(found)

    def _finish_page(self, state: DiagnoserState, page: bytes, origins: Sequence[Origin] | None) -> None:
        newest_ns = origins[-1][-1] if origins else None
        if origins:
            record_times(state.newest_ns, origins)
        if origins or state.tail_origins:
            count = page.count(b"\n")
            state.tail_origins = extend_origins(state.tail_origins, origins or [NO_ORIGIN] * min(count, MAX_LINES))
        state.lines += page.count(b"\n")
        state.offset += len(page)
        state.clock_ns = state.clock_ns if newest_ns is None else newest_ns

    def _next_progress(self, state: DiagnoserState, cursor: LineCursor, position: int) -> int:
        """Find the next progress line that is not skipped; return a position on it."""
        if state.samples >= self._dense_samples and cursor.origins is None:
            turn = state.samples % 8 * 61  # lines that come in pairs take turns
            resume_at = state.sampled_at + self._skip_bytes(state) + turn
            if resume_at > state.dense_until:
                position = max(position, resume_at - state.offset)
        return _find(self._progress, cursor.page, position)

    def _skip_bytes(self, state: DiagnoserState) -> int:
        """Number of bytes to skip after the newest sample."""
        if self._dense_samples == DENSE_SAMPLES:
            return SKIP_BYTES
        return min(SKIP_BYTES, (state.samples - self._dense_samples) * SPREAD)

    def _remember_skipped(self, state: DiagnoserState, cursor: LineCursor) -> None:
        """Keep the page's last progress line if it was skipped: the time of the last progress must be exact."""
        if state.samples < self._dense_samples or cursor.origins is not None:
            return
        page = cursor.page
        first = max(0, state.sampled_at - state.offset)
        end, reach = len(page), SKIP_BYTES
        while end > first:
            start = max(first, page.rfind(b"\n", 0, max(0, end - reach)) + 1)
            found = deque(self._progress.finditer(page[start:end]), maxlen=1)
            if found:
                last = LineCursor(page, None, state.lines, state.lines)
                last.move_to(start + last_byte(found[0]))
                if states_failed_step(last.raw().decode("utf-8", "replace")):
                    end = last.start
                    continue
                state.skipped_raw, state.skipped_line = last.raw().decode("latin-1"), last.line
                state.progress_end = state.offset + last.end
                return
            end, reach = start, reach * 2

    def _next_life(self, state: DiagnoserState, page: bytes, position: int) -> int:
        """Find the next line that may show the outcome of a failure, if one is open; return a position on it."""
        return _find(self._life, page, position) if state.root_cause.awaits_outcome else NOT_FOUND

    def _read_life(self, state: DiagnoserState, cursor: LineCursor, raw: bytes) -> None:
        if not state.root_cause.awaits_outcome:
            return  # a line since the search let the failure expire
        rank, replica, _ = cursor.origin()
        text = raw.decode("utf-8", "replace")
        line = read_sourced_line(text, rank, replica)
        sign = read_life_sign(split_prefix(text).text if b'"status' in raw else line.text)
        is_local = b" pid=" in raw[:100]  # the processes of one server or one Ray job
        state.root_cause.record_life(sign, line, is_local=is_local)

    def _read_progress(
        self, state: DiagnoserState, cursor: LineCursor, raw: bytes, tail: bytes, *, is_nonfinite: bool
    ) -> None:
        if b"wandb: " in raw[:80]:
            return  # a summary repeats what the run logged before
        end = state.offset + cursor.end
        origin = cursor.origin()
        time_ns = origin[-1]
        if is_nonfinite:
            state.dense_until = end + ATTENTION
        is_near = end > state.dense_until and end < state.sampled_at + SKIP_BYTES
        if (
            is_near
            and state.samples >= self._dense_samples
            and time_ns is not None
            and time_ns - (state.sampled_ns or 0) < SKIP_NS
        ):
            state.skipped += 1
            if state.skipped % TAKE_TURNS:
                state.progress_end = end
                return
        state.samples += 1
        state.sampled_at, state.sampled_ns, state.skipped_raw = end, time_ns, ""
        before = text_before(cursor, tail, CONTEXT)
        is_dense = state.samples <= self._dense_samples
        if read_sample(state, raw, origin, cursor.line, end=end, is_dense=is_dense, before=before):
            state.progress_end = end

    def _read_checkpoint(self, state: DiagnoserState, cursor: LineCursor, raw: bytes) -> None:
        if state.samples >= self._dense_samples:
            view = PageView(cursor.page, state.offset, state.lines, cursor.origins)
            state.newest.search(view, cursor.start)
        text = unwrap_json(raw.decode("utf-8", "replace"))
        provider_ns = cursor.origin()[-1]
        time = parse_timestamp(text) if provider_ns is None else LogTime(provider_ns, "provider")
        line = state.newest.step_line
        step = None if line is None else line.sample.step
        text = split_prefix(text).text
        state.checkpoints.feed(text, None if time is None else time.ns, step, state.samples)

    def _read_failure(self, state: DiagnoserState, cursor: LineCursor, raw: bytes, tail: bytes) -> None:
        text = unwrap_json(raw.decode("utf-8", "replace"))
        if "\\n" in text and "Traceback (most recent" in text:
            if is_content(text.partition("Traceback (most recent")[0]):
                return
            text = text.replace("\\n", "\n")
        parts = text.split("\n")
        for index, part in enumerate(parts):
            self._read_event(state, cursor, part, tail, parts[:index] if index else [])

    def _read_event(
        self, state: DiagnoserState, cursor: LineCursor, line: str, tail: bytes, parts_before: list[str]
    ) -> None:
        rank, replica, provider_ns = cursor.origin()
        split = split_prefix(line, rank, replica)
        text, label = split.text, split.source.label
        raised, is_part = state.tracebacks.feed(split.source, text, cursor.line)
        if is_part:
            return
        whole = text
        if raised is not None and raised.has_traceback and raised.follows != "java":
            text = text[max(0, text.find(raised.kind)) :]  # without the prefix of a logger that is not known
        if raised is not None and label is None:
            label = raised.rank
        if raised is not None and not raised.has_traceback and f"[rank{label}]:" in line:
            raised = replace(raised, has_traceback=True)  # PyTorch prefixes uncaught exceptions with the rank
        state.quotation.observe(text, cursor.line)
        facts = self._lines.read(text)
        state.root_cause.ranks.read_line(line, text, split.source.name, is_plain=not facts.states_ranks)
        signature = facts.signature
        if signature is not None and (signature.role == "retry_notice" or signature.name in GOES_ON):
            state.root_cause.record_retry(cursor.line + 1)
        if not self._lines.may_be_event(text, raised) or is_last_state(cursor, text, tail):
            return
        signature = self._as_reported(signature, raised, line, text)
        place = Place(
            cursor, tail, state.tail_origins, state.offset, split.source, split.source.rank is not None, line,
            state.samples > 0, parts_before,
        )  # fmt: skip
        signature, raised = excuse_event(place, text, signature, raised)
        time = parse_timestamp(line)
        is_open = state.quotation.contains(cursor.line, has_timestamp=time is not None)
        if (is_open and _is_quotable(signature, raised)) and is_quoted(
            place.newest_lines(), text, is_logged=is_logged(line)
        ):
            return
        time = time if provider_ns is None else LogTime(provider_ns, "provider")
        position = ReadPosition(state.samples, state.offset + cursor.end)
        is_error = raised is not None or (stated_level(line) or Level.DEBUG) >= Level.ERROR
        host = _HOST.match(line)
        is_plain = whole is text and not facts.states_ranks
        event = parse_event(whole, cursor.line + 1, label, time, position, state.step, is_plain=is_plain)
        if raised is not None and raised.names_rank:
            event = event._replace(blamed_rank=raised.rank)
        event = event._replace(text=text, host=host.group(1) if host else "", is_error=is_error)
        _record_event(state, place, event, signature, raised)
        if self._dense_samples <= state.samples < DENSE_SAMPLES and state.root_cause.awaits_outcome:
            state.dense_until = position.offset + ATTENTION

    def _as_reported(
        self, signature: Signature | None, raised: RaisedException | None, line: str, text: str
    ) -> Signature | None:
        """Return the signature as the level of its line, and what else the line reports, change it."""
        if signature is None:
            return None
        if raised is not None and raised.has_traceback:
            if signature.role in UNREPORTED_ROLES:
                return self._catalogue.classify_exception(text)
            return as_raised(signature)
        handled = self._lines.read_mention(text).handled
        if raised is None and (logged := as_logged(signature, line)) is not signature:
            return logged if handled is None else as_handled(logged)
        return handled or signature


def _find(pattern: Pattern[bytes], page: bytes, position: int) -> int:
    """Return a position on the first line with a match."""
    found = pattern.search(page, position) if position < len(page) else None
    return NOT_FOUND if found is None else last_byte(found)


def _record_event(
    state: DiagnoserState,
    place: Place,
    event: FailureEvent,
    signature: Signature | None,
    raised: RaisedException | None,
) -> None:
    """Pass an event to the trackers, and choose the excerpts that end with it."""
    if signature is not None and signature.role in ("success", "start"):
        state.loss.record_boundary()
    if not place.has_rank_prefix and isinstance(event.label, int):
        place.source = place.source._replace(rank=event.label)
    for candidate, is_decisive in state.root_cause.observe(event, signature, raised, place):
        center_excerpt(candidate, place, raised, is_decisive=is_decisive)


def _is_quotable(signature: Signature | None, raised: RaisedException | None) -> bool:
    """Could a model have written the line?"""
    if raised is not None and raised.has_traceback:
        return False
    return signature is None or signature.role in _QUOTABLE_ROLES
