"""The result of a diagnosis: frozen values and their JSON form."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.diagnosis.catalogue import Category
from bot.domain.alerts import Severity

Label = int | str
"""A rank, or the name of a replica where the log names no rank."""


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
    """Number of the root line, counted from 1 at the start of the log."""
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

    @property
    def root_rank(self) -> Label | None:
        """The rank to check first."""
        return self.ranks[0] if self.ranks else None

    def to_json(self) -> dict[str, object]:
        """One entry of `incidents` in `trainwatch scan --json`."""
        return {
            "severity": self.severity.value,
            "category": self.category,
            "signature": self.signature,
            "title": self.title,
            "hint": self.hint,
            "line": self.line,
            "ranks": list(self.ranks),
            "count": self.count,
            "first": _iso(self.first_ns),
            "last": _iso(self.last_ns),
            "excerpt": list(self.excerpt),
            "confidence": round(self.confidence, 2),
        }


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far the run got, according to its log; None where the log has no such number."""

    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    samples_per_s: float | None = None
    gap_s: float | None = None
    """Typical time between two progress lines, in seconds."""
    last_ns: int | None = None
    """Time of the newest progress."""
    lines: int = 0
    """Number of progress lines read."""
    finished: bool = False
    """Does the log state that the run completed?"""

    def to_json(self) -> dict[str, object]:
        """The known values by name, with the time as ISO 8601."""
        values: dict[str, object] = {
            name: getattr(self, name) for name in RunProgress.__dataclass_fields__ if getattr(self, name) is not None
        }
        if self.last_ns is not None:
            del values["last_ns"]
            values["last"] = _iso(self.last_ns)
        return {key: _plain(value) for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything known about a run from its log so far."""

    failures: tuple[Failure, ...] = ()
    """Worst first: page, warn, info; in log order within one severity."""
    lines: int = 0
    progress: RunProgress = field(default_factory=RunProgress)

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
    if timestamp_ns is None:
        return None
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1_000_000:03d}Z"


def _plain(value: object) -> object:
    """Write NaN and infinity as strings: JSON has neither."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
