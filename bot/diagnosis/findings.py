"""The result of a diagnosis: frozen values and their JSON form."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.diagnosis.categories import Category
from bot.diagnosis.confidence import confidence_word
from bot.diagnosis.last_lines import LastLines
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.labels import Label
from bot.domain.alerts import Severity
from bot.domain.durations import format_iso_ms
from bot.domain.progress import RunProgress
from bot.domain.run_verdicts import RunVerdict, verdict_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure in a log, with its evidence."""

    severity: Severity
    category: Category
    signature: str
    """A name from the catalogue, or `python_exception`, `nonfinite_loss`, `divergence`, `no_progress`, ..."""
    title: str
    hint: str
    line: int
    """Number of the root line, counted from 1 at the start of the log; 0 if a dump and not a line shows the failure."""
    ranks: tuple[Label, ...] = ()
    """The root rank first, then the other ranks with the same failure."""
    count: int = 1
    first_ns: int | None = None
    last_ns: int | None = None
    excerpt: tuple[str, ...] = ()
    confidence: float = 0.5
    fingerprint: str = ""
    why: str = ""
    """One sentence: why this is the root cause, and why it has this severity."""
    root_index: int | None = None
    """Index of the root line in `excerpt`; None if no single line is the root."""
    file: str | None = None
    """The file that `line` counts in, if the log is in several."""
    is_in_server: bool = False
    """Is it in the log of a server?"""
    signs: tuple[str, ...] = ()
    """What `confidence` depends on: the kind of evidence, and what supports or weakens it."""
    verdict: RunVerdict | None = None
    """What to do with the run; None for what does not end it."""
    precedence: Precedence = Precedence.ROOT
    """Decides which of the failures of several files explains the others."""

    @property
    def root_rank(self) -> Label | None:
        """The rank to check first."""
        return self.ranks[0] if self.ranks else None

    @property
    def decisive_text(self) -> str:
        """The marked line, or the title if no line is marked."""
        return self.excerpt[self.root_index] if self.root_index is not None else self.title

    def to_json(self) -> dict[str, object]:
        """One entry of `incidents` in `trainwatch scan --json`."""
        return {
            "severity": self.severity.value,
            "category": self.category,
            "signature": self.signature,
            "title": self.title,
            "hint": self.hint,
            "why": self.why,
            "line": self.line,
            **({"file": self.file} if self.file is not None else {}),
            "ranks": list(self.ranks),
            "count": self.count,
            "first": _iso(self.first_ns),
            "last": _iso(self.last_ns),
            "excerpt": list(self.excerpt),
            "confidence": round(self.confidence, 2),
            "confidence_word": confidence_word(self.confidence),
            **verdict_fields(self.verdict),
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything known about a run from its log so far."""

    failures: tuple[Failure, ...] = ()
    """Worst first: page, warn, info; in log order within one severity."""
    lines: int = 0
    progress: RunProgress = field(default_factory=RunProgress)
    last_lines: LastLines = field(default_factory=LastLines)
    attempt_ns: int | None = None
    """Time of the first step of the current attempt; None: it is the first one that the log shows."""

    def to_json(self) -> dict[str, object]:
        """The output of `trainwatch scan --json`."""
        return {
            "incidents": [failure.to_json() for failure in self.failures],
            "lines": self.lines,
            "progress": self.progress.to_json(),
        }


def worst_first(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Sort by severity, then by line."""
    return tuple(sorted(failures, key=lambda failure: (-failure.severity.rank, failure.line)))


def _iso(timestamp_ns: int | None) -> str | None:
    return None if timestamp_ns is None else format_iso_ms(timestamp_ns)
