"""One possible root of a failure, and the event it was seen in.

An event is a `Sight` of a line with the signature or the exception in it; it becomes a `Candidate`, which gathers all
lines that said the same. Which candidate explains the others, and how loud it is told, is decided in `incidents`.
"""

import re
from dataclasses import dataclass, field

from bot.diagnosis.catalogue import Category, Severity, Signature
from bot.diagnosis.failures.exceptions import Reading
from bot.diagnosis.failures.fingerprints import fingerprint
from bot.diagnosis.failures.tracebacks import Raised
from bot.diagnosis.findings import Failure, Label

MAX_RANKS = 4096
EXCERPT_LINE = 240
AFTER = 6
"""Lines of excerpt after the root line."""

ORDER = {"root": 0, "weak": 1, "cascade": 2, "abort": 3, "teardown": 4, "bare": 5, "trace": 6}
_RANK_IN_TEXT = re.compile(r"\[?\b[Rr]ank[ :=]+(\d+)\b")
_BLAMED = re.compile(
    r"\b[Rr]ank (\d+) (?:failed to pass|crashed|did not|(?:is|has) (?:dead|missing|behind|stuck|failed|died|crashed))"
    r"|\[missing ranks?: (\d+)\]|ranks? \[(\d+)\] (?:are|is) the lagging|rank (\d+) status failed"
    r"|process rank (\d+) with PID|\bprocess (\d+) terminated with (?:signal|exit code)|invoked on rank (\d+)"
    r"|/task:(\d+)\b.*(?:heartbeat|ERROR|incarnation|has (?:failed|died|restarted))|error: \S+: task (\d+): [A-DF-Z]"
)
"""A rank that the line holds responsible, whoever says it."""
_EXIT = re.compile(r"(?:exitcode[ :]+|exit code |return code = )(-?\d+)")


@dataclass(slots=True)
class Candidate:
    """One possible root, with all lines that said the same."""

    name: str
    order: int
    category: Category
    severity: Severity
    title: str
    hint: str
    line: int
    confidence: float
    fingerprint: str
    count: int = 1
    first_ns: int | None = None
    last_ns: int | None = None
    ranks: dict[str, int] = field(default_factory=dict)
    """Labels in the order they were seen; 1 for a rank, 0 for a name."""
    excerpt: list[str] = field(default_factory=list)
    root_at: int = 0
    """Place of the root line in `excerpt`."""
    after: int = AFTER
    """Excerpt lines still to come."""
    awaits_from: int = 0
    """Byte of the log from which on they come."""
    success: str = ""
    """The kind of success the run had told before: none, soft or hard."""
    handled: bool = False
    """Did the run say beside it that it retries, skips or ignores?"""


Place = tuple[int, int, float | None]
"""How far the log is read: progress samples, bytes, and the newest step told."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One event, as the reader saw it."""

    text: str
    line: int
    label: Label | None
    moment_ns: int | None
    position: tuple[int, int]
    """Progress samples and bytes read before it."""
    told: bool = False
    """Is the time the provider's, rather than read in the line?"""
    blamed: int | None = None
    """The rank that the text holds responsible."""
    step: float | None = None
    """The newest step that the run had told before."""

    @classmethod
    def of(cls, text: str, line: int, label: Label | None, moment: tuple[int, str] | None, read: "Place") -> "Sight":
        """A sight; where no prefix names the rank, the text may, and it may blame another than the one that speaks."""
        found = _BLAMED.search(text)
        blamed = int(found.group(found.lastindex or 0)) if found else None
        if blamed is not None:
            label = blamed
        elif not isinstance(label, int):
            found = _RANK_IN_TEXT.search(text)
            label = int(found.group(1)) if found else label
        moment_ns, clock = moment or (None, "")
        return cls(text, line, label, moment_ns, read[:2], clock == "provider", blamed, read[2])


def make_room(group: dict[str, Candidate], order: int) -> bool:
    """Forget the least likely root, if it is less likely than one of `order`."""
    key, worst = max(group.items(), key=lambda item: (item[1].order, item[1].line))
    if worst.order <= order:
        return False
    del group[key]
    return True


def known(sight: Sight, signature: Signature, raised: Raised | None) -> Candidate:
    """A failure that a signature knows."""
    indecisive = signature.role == "teardown" and not signature.decisive
    order = ORDER["trace" if indecisive else "root" if signature.role == "note" else signature.role]
    exit_code = _EXIT.search(sight.text) if signature.role == "teardown" else None
    return Candidate(
        name=signature.name,
        order=order,
        category=signature.category,
        severity=signature.severity,
        title=f"{signature.title} (exit code {exit_code.group(1)})" if exit_code else signature.title,
        hint=signature.hint,
        line=sight.line,
        confidence=(0.95, 0.75, 0.6, 0.6, 0.5, 0.3, 0.3)[order],
        fingerprint=fingerprint(
            raised.kind if raised else signature.name,
            raised.frame if raised else "",
            raised.message if raised else sight.text,
        ),
    )


def unknown(sight: Sight, raised: Raised, reading: Reading) -> Candidate:
    """An exception that no signature knows."""
    where = f" in {raised.frame}" if raised.frame else ""
    message = f": {raised.message[:140]}" if raised.message else ""
    order = ORDER[reading.role if raised.traced or reading.role != "root" else "bare"]
    return Candidate(
        name="python_exception",
        order=order,
        category=reading.category,
        severity=reading.severity,
        title=f"{raised.kind.rsplit('.', 1)[-1]}{message}{where}",
        hint=reading.hint,
        line=sight.line,
        confidence=0.9 if order == 0 else 0.4,
        fingerprint=fingerprint(raised.kind, raised.frame, raised.message),
    )


def cleanup(sight: Sight, raised: Raised) -> Candidate:
    """An exception of a process that was ending anyway."""
    hint = "It came from a finalizer as the process ended; nothing to do. https://docs.python.org/3/library/atexit.html"
    title = f"{raised.kind} while cleaning up"
    return Candidate("cleanup", 0, "code", "info", title, hint, sight.line, 0.8, "cleanup")


def speak(candidate: Candidate, label: Label | None, moment_ns: int | None) -> None:
    """Note who said it, and when."""
    if moment_ns is not None:
        candidate.first_ns = moment_ns if candidate.first_ns is None else candidate.first_ns
        candidate.last_ns = moment_ns
    if label is not None and len(candidate.ranks) < MAX_RANKS:
        candidate.ranks.setdefault(str(label), int(isinstance(label, int)))


def labels(candidate: Candidate) -> list[Label]:
    """Who said it: the first one first, the others in order."""
    labels: list[Label] = [int(text) if number else text for text, number in candidate.ranks.items()]
    return labels[:1] + sorted(labels[1:], key=lambda label: (isinstance(label, str), label))


def incident_of(candidate: Candidate, severity: Severity, ranks: list[Label], why: str, last_ns: int | None) -> Failure:
    """A candidate as it is told."""
    return Failure(
        severity, candidate.category, candidate.name, candidate.title, candidate.hint, candidate.line, tuple(ranks),
        candidate.count, candidate.first_ns, last_ns, tuple(candidate.excerpt), candidate.confidence,
        candidate.fingerprint, why, candidate.root_at if candidate.excerpt else None,
    )  # fmt: skip
