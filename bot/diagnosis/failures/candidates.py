"""Candidates for the root cause of a failure: the first `FailureEvent` becomes one, and equal ones are counted."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.diagnosis.catalogue import HintSubject, Signature
from bot.diagnosis.categories import Category
from bot.diagnosis.failures.category_evidence import NOTHING_STATED, FailureText, weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.exceptions import ExceptionClass, names_own_module, words_of_exception
from bot.diagnosis.failures.failure_events import FailureEvent
from bot.diagnosis.failures.frames import is_native_frame
from bot.diagnosis.failures.persistence import Repeats, is_copy, is_refused_copy
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.subjects import names_subject, repeats_end, restates
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.vague_lines import is_vague
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.plain_message import cut_around
from bot.domain.alerts import Severity
from bot.domain.levels import stated_level
from bot.domain.logs import Level

MAX_RANKS = 4096
FAILED_END = "failed_end"
"""Name of a failure that only the end of a log, or a line that is not known, explains."""
TITLE_CHARS = 140
SAME_FAILURE_LINES = 400
"""Maximum number of lines between an error line and the exception that it announces: other ranks write between them."""
LINES_AFTER = 3
"""Number of excerpt lines after the decisive line."""

SHOWN_EXCEPTION = re.compile(r"\b(?P<kind>[A-Z]\w{2,60}(?:Error|Exception))\(\\?['\"](?P<message>[^'\"]{3,300})")
"""An exception as Python shows it: often, another process raised it, whose monitor logs it as a warning."""
_OWN_MODULE_TITLE = "A name is missing in your own module"
_OWN_MODULE_HINT = (
    "Compare the module with the code that imports it. The name is gone, or the file was edited during the run."
    " https://docs.python.org/3/library/exceptions.html#ImportError"
)
_DETAILS_FOLLOW = re.compile(r"<exception str\(\) failed>|\bfits failed\b|with the following error")
_ANNOUNCEMENT = re.compile(
    r"\bCaught \w+ in (?:DataLoader worker process|pin memory thread|replica \d+ on device)|\bOperator \w+ raises an\b"
    r"|\bexception occurred in a subprocess|Exception ranks:"
)
_LAST_WORDS = re.compile(
    r"Fatal Python error: |Windows fatal exception: |Process received signal|\bSIG[A-Z]{3,4} received"
    r"|\bCaught signal \d|terminate called|^\s*what\(\): "
)
"""What a process that crashes writes itself."""
_NATIVE_SOURCE = re.compile(
    r"\.(?:cc|cpp|cu|cuh|h|hpp|rs):\d+|\[(?:\w+\.){1,3}plugin\]|\[E:|::\w+|\b[CF]\d{4} \d\d:|\[(?:TRT|TensorRT)\]"
)
"""The origin of a message of native code."""
ECHO = re.compile(r'^\W*\{"created":"@|"grpc_message":"')
"""A remote call's record of an error, which the exception before it states."""
_EXIT_CODE = re.compile(r"(?:exitcode[ :]+|exit code |return code = )(-?\d+)")


@dataclass(slots=True, kw_only=True)
class Candidate:
    """One possible root cause, with everything that equal events add to it."""

    name: str
    precedence: Precedence
    category: Category
    severity: Severity
    title: str
    hint: str
    line: int
    fingerprint: str
    is_note: bool = False
    """Does the run go on after it?"""
    min_repeats: int = 1
    identifies_missing_rank: bool = False
    explained_by: str = ""
    outranks_stop: bool = False
    count: int = 1
    repeats: Repeats = field(default_factory=Repeats)
    first_ns: int | None = None
    last_ns: int | None = None
    sources: dict[str, bool] = field(default_factory=dict)
    """Labels in log order; is each a rank?"""
    is_final: bool = False
    """Was all that follows in the log written before it?"""
    is_blaming: bool = False
    """Is the first of the sources a rank that the text holds responsible?"""
    names: HintSubject = ""
    """What the hint refers to."""
    unnamed_hint: str = ""
    """Replaces the hint if the log does not name that."""
    serving_hint: str = ""
    """Replaces the hint in the log of a server."""
    keeps_hint: bool = False
    """Does the hint hold in any category?"""
    is_in_server: bool = False
    reason_line: int = 0
    """Number of the line that explains the failure, if it is not its own."""
    awaits_reason: Literal["", "next", "indented", "node", "details", "error", "more"] = ""
    """Does the message end before its reason? It is on the next line, an indented one, the one after the lines about a
    node of a graph, on the row of details below a status, on the next error line that is not vague, or on
    the next one that states a reason."""
    excerpt: list[str] = field(default_factory=list)
    root_index: int = 0
    """Index of the decisive line in `excerpt`."""
    decisive_line: int = 0
    """Number of the decisive line, counted from 1 at the start of the log."""
    statement: FailureText = NOTHING_STATED
    """What it says about its category."""
    usual: Category | None = None
    """The category of such failures without further evidence, if what it says decides; None if it is known."""
    has_subject: bool = False
    """Does the decisive line name what the hint refers to?"""
    is_warning: bool = False
    """Was the decisive line logged as a warning or less?"""
    exception: str = ""
    """The line of its exception, as far as that matters for later ones of its chain."""
    message_below: str = ""
    """The next line of its process, if the message of its exception ends before its reason."""
    awaits_message: bool = False
    """Is that line still to come?"""
    is_in_cell: bool = False
    """Did it fail in a cell of a notebook, whose kernel lives on?"""
    is_logged: bool = False
    """Did the program log the exception itself? Then it was caught."""
    is_quoted: bool = False
    """Is it perhaps part of a text that the program prints, such as a sample of its model?"""
    is_in_warning: bool = False
    """Is the exception part of the text of a warning? Then it was caught, too."""
    has_exception: bool = False
    """Does the excerpt contain the failure's exception?"""
    source_name: str = ""
    source_rank: int | None = None
    has_rank_prefix: bool = False
    """The process whose lines are in the excerpt, and whether its lines state its rank."""
    hidden_lines: int = 0
    """Number of progress lines cut after the last line of the excerpt."""
    missing_lines: int = LINES_AFTER
    """Number of excerpt lines still to come."""
    excerpt_end: int = 0
    """Offset in the log from which they come."""
    prior_success: str = ""
    """The success that the run had reported before: none, soft or hard."""
    is_overcome: bool = False
    """Has the program gone on for long, or to its end?"""
    is_part: bool = False
    """Did the next job of a series start after it? Then the job that failed stays failed, whatever others achieve."""
    is_handled: bool = False
    """Did the run report that it retries, skips or ignores the failure?"""

    @property
    def key(self) -> str:
        """Equal for events of one candidate."""
        return self.fingerprint if self.name == "python_exception" else self.name

    @property
    def kind(self) -> str:
        """The kind of evidence: a sign of `confidence.toml`."""
        if self.is_note:
            return "note"
        if self.precedence is Precedence.ROOT:
            return "exception" if self.name == "python_exception" else "specific"
        return self.precedence.name.lower()

    @property
    def is_refused_copy(self) -> bool:
        """Does a storage refuse a copy of files permanently?"""
        return self.category in ("storage", "launch") and is_refused_copy(self.excerpt, self.root_index)

    @property
    def is_of_copy(self) -> bool:
        """Does a copy of files fail, without an exception of the training itself?"""
        return self.category == "storage" and not self.has_exception and is_copy(self.excerpt, self.root_index)

    @property
    def shows_waiting(self) -> bool:
        """Do the ranks that log it wait for another one, or find that they disagree with it?"""
        is_consequence = self.precedence is Precedence.CASCADE and self.category == "collective"
        return self.identifies_missing_rank or is_consequence

    def record_source(self, label: Label | None, time_ns: int | None) -> None:
        """Record which process logged the failure, and when."""
        if time_ns is not None:
            self.first_ns = time_ns if self.first_ns is None else self.first_ns
            self.last_ns = time_ns
        if label is not None and len(self.sources) < MAX_RANKS:
            self.sources.setdefault(str(label), isinstance(label, int))

    def record_event(self, event: FailureEvent) -> None:
        """Record which processes an event names, and when and where in the run it happened."""
        self.repeats.record(event.line, event.position.samples)
        self.is_handled &= not self.is_note  # it came back
        self.record_source(event.label, event.time_ns)
        if event.blamed_rank is not None and not self.is_blaming:
            self.is_blaming = True
            self.sources = {str(event.blamed_rank): True, **self.sources}
        for rank in event.blamed_others:
            self.record_source(rank, None)

    def put_first(self, label: Label | None) -> None:
        """Let a rank be the first source instead of a replica, whose ranks the line before did not state."""
        if isinstance(label, int) and not next(iter(self.sources.values()), True):
            self.sources = {str(label): True, **self.sources}

    def read_reason(self, text: str) -> None:
        """Let the line with the reason decide the category, if the failure itself does not."""
        weighed = weigh_category(FailureText(text))
        is_suggested = weighed.has_terms if self.precedence >= Precedence.TEARDOWN else weighed.is_clear
        if self.category == "code" and is_suggested:
            self.category = weighed.category

    def state_details(self, text: str) -> None:
        """Let the details below a status, which is all that the exception states itself, say what failed."""
        self.title = cut_around(text.strip(), 0, TITLE_CHARS)
        weighed = weigh_category(FailureText(text))
        if weighed.has_terms:
            self.category, self.hint = weighed.category, HINTS.get(weighed.category, self.hint)
        self.statement, self.usual = FailureText(text), "code"

    def explain_by(self, text: str, line: int, rank: int | None) -> None:
        """Let a line before the failure, of any process, say why it failed, and on which rank."""
        self.reason_line = line
        self.title = cut_around(text.strip(), 0, TITLE_CHARS)
        shown = SHOWN_EXCEPTION.search(text)
        stated = FailureText(shown["message"], shown["kind"]) if shown else FailureText(text)
        weighed = weigh_category(stated)
        if weighed.has_terms and weighed.category != self.category:
            self.category, self.hint, self.serving_hint = weighed.category, HINTS.get(weighed.category, self.hint), ""
            self.unnamed_hint = ""
        self.statement, self.usual = stated, "code"
        if rank is not None:
            self.sources, self.is_blaming = {str(rank): True, **self.sources}, True

    def labels(self) -> list[Label]:
        """Return the first source, then the others in order."""
        labels: list[Label] = [int(text) if is_rank else text for text, is_rank in self.sources.items()]
        return labels[:1] + sorted(labels[1:], key=lambda label: (isinstance(label, str), label))

    def to_failure(
        self,
        severity: Severity,
        why: str,
        *,
        ranks: Sequence[Label] | None = None,
        last_ns: int | None = None,
        signs: tuple[str, ...] = (),
    ) -> Failure:
        """Report the candidate; `ranks` and `last_ns` replace its own, `signs` follow the kind of its evidence."""
        return Failure(
            severity=severity, category=self.category,
            signature=FAILED_END if self.reason_line else self.name, title=self.title,
            hint=self._chosen_hint(), line=self.decisive_line or self.line,
            ranks=tuple(self.labels() if ranks is None else ranks), count=self.count,
            first_ns=self.first_ns, last_ns=self.last_ns if last_ns is None else last_ns, excerpt=tuple(self.excerpt),
            signs=(self.kind, *signs), fingerprint=self.fingerprint, why=why,
            root_index=self.root_index if self.excerpt else None, is_in_server=self.is_in_server,
            precedence=self.precedence,
        )  # fmt: skip

    def _chosen_hint(self) -> str:
        if self.is_in_server and self.serving_hint:
            return self.serving_hint
        return self.hint if self.has_subject or not self.unnamed_hint else self.unnamed_hint


def is_near(event: FailureEvent, candidate: Candidate) -> bool:
    """Is the event shortly after the candidate's decisive line, and may it be of the same process?"""
    first = next(iter(candidate.sources), None)
    is_same = first is None or event.label is None or first == str(event.label) or not candidate.sources[first]
    return is_same and 0 < event.line - (candidate.decisive_line or candidate.line) <= SAME_FAILURE_LINES


def announces_exception(candidate: Candidate) -> bool:
    """Does its exception only announce that of another process or thread, whose traceback follows?"""
    decisive = candidate.excerpt[candidate.root_index] if candidate.excerpt else ""
    return _ANNOUNCEMENT.search(candidate.exception) is not None or _DETAILS_FOLLOW.search(decisive) is not None


def _repeats(event: FailureEvent, candidate: Candidate) -> bool:
    if candidate.has_exception or not candidate.excerpt:
        return False
    return repeats_end(candidate.excerpt[candidate.root_index], event.text)


def states_crash(candidate: Candidate) -> bool:
    """Is its decisive line the last words of the process that crashed?"""
    row = candidate.excerpt[candidate.root_index] if candidate.excerpt else ""
    return _LAST_WORDS.search(row) is not None


def _reports_device(candidate: Candidate) -> bool:
    """Is it a fault of a device that native code reported? Exceptions for such faults come later, at any other call."""
    row = candidate.excerpt[candidate.root_index] if candidate.excerpt else ""
    level = stated_level(row) or Level.INFO
    return candidate.category == "gpu_fault" and level >= Level.ERROR and _NATIVE_SOURCE.search(row) is not None


def is_headless(candidate: Candidate) -> bool:
    """Is its decisive line a frame of a native stack, whose head was cut off with the start of the log?"""
    return bool(candidate.excerpt) and is_native_frame(candidate.excerpt[candidate.root_index])


def says_as_much(event: FailureEvent, candidate: Candidate) -> bool:
    """Does an error say at least as much as the decisive line of a candidate?"""
    row = candidate.excerpt[candidate.root_index] if candidate.excerpt else ""
    return not is_vague(event.text) and grade(event.text) >= grade(row)


def is_more_decisive(
    event: FailureEvent, raised: RaisedException | None, candidate: Candidate, others: Iterable[Candidate] = ()
) -> bool:
    """Does another line of the same failure state more: what the hint refers to, or the exception itself?

    Args:
        event: the other line.
        raised: the exception that it is, if any.
        candidate: the failure.
        others: what else happened: once a launcher reports the end of a process, that writes no more.
    """
    if not is_near(event, candidate):
        return False
    is_exception = raised is not None and raised.has_traceback
    if ECHO.search(event.text):
        return False
    if is_headless(candidate):
        return not is_native_frame(event.text)
    if candidate.precedence is Precedence.STOP and candidate.excerpt:
        return False  # the signal came first; the exception for it, or the end of each process, follows
    if candidate.excerpt and restates(candidate.excerpt[candidate.root_index], event.text, is_whole=is_exception):
        return False
    if candidate.is_warning and event.is_error and says_as_much(event, candidate):
        return True
    if candidate.has_exception and not is_exception:
        return False
    if is_exception and (announces_exception(candidate) or _repeats(event, candidate)):
        return True
    if is_exception and _reports_device(candidate):
        return False
    if is_exception and states_crash(candidate) and grade(event.text) is Grade.OUTCOME:
        return False
    exits = (one.line for one in others if one.precedence in (Precedence.TEARDOWN, Precedence.TRACE))
    if not is_exception and any(candidate.line < line < event.line for line in exits):
        return False
    found = (names_subject(candidate.names, event.text), is_exception)
    return found > (candidate.has_subject, candidate.has_exception)


def candidate_from_signature(event: FailureEvent, signature: Signature, raised: RaisedException | None) -> Candidate:
    """Build the candidate for a line that a signature matches."""
    if signature.role == "note":
        precedence = Precedence.ROOT
    elif signature.role == "teardown" and not signature.decisive:
        precedence = Precedence.TRACE
    else:
        precedence = Precedence[signature.role.upper()]
    parts = (raised.kind, raised.frame, raised.message) if raised else (signature.name, "", event.text)
    exit_code = _EXIT_CODE.search(event.text) if signature.role == "teardown" else None
    if raised is not None and names_own_module(raised):
        signature = replace(signature, category="code", title=_OWN_MODULE_TITLE, hint=_OWN_MODULE_HINT)
    statement = FailureText("" if precedence >= Precedence.TEARDOWN else event.text, has_trained=event.has_trained)
    if raised is not None:
        statement = words_of_exception(raised, has_trained=event.has_trained)
    usual = signature.category if signature.by_message else None
    if usual is not None and (category := weigh_category(statement, usual).category) != "code":
        changed = HINTS.get(category) if category != signature.category and not signature.keeps_hint else None
        signature = replace(signature, category=category, hint=changed or signature.hint)
    return Candidate(
        name=signature.name, precedence=precedence, category=signature.category, severity=signature.severity,
        title=f"{signature.title} (exit code {exit_code.group(1)})" if exit_code else signature.title,
        hint=signature.hint, line=event.line, is_note=signature.role == "note",
        fingerprint=failure_fingerprint(*parts),
        min_repeats=signature.min_repeats, identifies_missing_rank=signature.identifies_missing_rank,
        explained_by=signature.explained_by, outranks_stop=signature.outranks_stop, names=signature.names,
        serving_hint=signature.serving_hint, keeps_hint=signature.keeps_hint, statement=statement, usual=usual,
        is_final=signature.is_final,
    )  # fmt: skip


def candidate_from_exception(event: FailureEvent, raised: RaisedException, meaning: ExceptionClass) -> Candidate:
    """Build the candidate for an exception that no signature matches."""
    where = f" in {raised.frame}" if raised.frame else ""
    message = f": {cut_around(raised.message, 0, 140)}" if raised.message else ""
    name = raised.kind.rsplit(".", 1)[-1]
    kind = raised.kind if name[:1].islower() or name == "Error" else name  # the name of `zlib.error` alone says nothing
    is_bare = meaning.role == "root" and not raised.has_traceback
    precedence = Precedence.BARE_EXCEPTION if is_bare else Precedence[meaning.role.upper()]
    return Candidate(
        name="python_exception", precedence=precedence, category=meaning.category, severity=meaning.severity,
        title=f"{kind}{message}{where}", hint=meaning.hint, line=event.line,
        names=meaning.names, unnamed_hint=meaning.unnamed_hint, statement=meaning.statement,
        usual=None if meaning.statement is NOTHING_STATED else "code",
        fingerprint=failure_fingerprint(raised.kind, raised.frame, raised.message),
    )  # fmt: skip
