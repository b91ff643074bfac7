"""What a diagnosis says: frozen values, and their JSON form.

How they are found is in `incidents` (failures), `numerics` (the loss) and `pace` (hangs).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.diagnosis.catalogue import Category, Severity

Label = int | str
"""A rank, or a replica's name where the log names no rank."""

ORDER: Mapping[str, int] = {"page": 0, "warn": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that happened to the run, with its evidence."""

    severity: Severity
    category: Category
    signature: str
    """The catalogue's name, or `python_exception`, `nonfinite_loss`, `divergence`, `no_progress`, ..."""
    title: str
    hint: str
    line: int
    """Number of the root line, from 1, counted from the start of what was fed."""
    ranks: tuple[Label, ...] = ()
    """The root rank first, then the others it was seen on."""
    count: int = 1
    first_ns: int | None = None
    last_ns: int | None = None
    excerpt: tuple[str, ...] = ()
    confidence: float = 0.5
    fingerprint: str = ""
    why: str = ""
    """One sentence: why this is the root, and why this severity."""
    root_at: int | None = None
    """Place of the root line in `excerpt`; None where no single line is the root."""

    @property
    def root_rank(self) -> Label | None:
        """The rank to look at first."""
        return self.ranks[0] if self.ranks else None

    def to_json(self) -> dict[str, object]:
        """The shape of `trainwatch scan --json`."""
        return {
            "severity": self.severity,
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
    """Where the run is, as its own lines tell; None where they do not."""

    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    learning_rate: float | None = None
    tokens_per_s: float | None = None
    samples_per_s: float | None = None
    gap_s: float | None = None
    """The median time between two progress lines."""
    last_ns: int | None = None
    """When the run last advanced."""
    lines: int = 0
    """Progress lines seen."""
    finished: bool = False
    """Did the run say that it reached its end?"""

    def to_json(self) -> dict[str, object]:
        """The known ones, by name; the time as ISO 8601."""
        values: dict[str, object] = {
            name: getattr(self, name) for name in RunProgress.__dataclass_fields__ if getattr(self, name) is not None
        }
        if self.last_ns is not None:
            values["last"] = _iso(values.pop("last_ns"))  # type: ignore[arg-type]
        return {key: _plain(value) for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of the run's log so far."""

    failures: tuple[Failure, ...] = ()
    """Worst first: page, warn, info; within one severity in the order of the log."""
    lines: int = 0
    progress: RunProgress = field(default_factory=RunProgress)

    @property
    def worst(self) -> Failure | None:
        """The incident to tell first; None when there is nothing to say."""
        return self.failures[0] if self.failures else None

    def to_json(self) -> dict[str, object]:
        """The shape of `trainwatch scan --json`."""
        return {
            "incidents": [incident.to_json() for incident in self.failures],
            "lines": self.lines,
            "progress": self.progress.to_json(),
        }


def worst_first(incidents: list[Failure]) -> tuple[Failure, ...]:
    """Sort for reading."""
    return tuple(sorted(incidents, key=lambda incident: (ORDER[incident.severity], incident.line)))


def _iso(moment_ns: int | None) -> str | None:
    if moment_ns is None:
        return None
    seconds, rest = divmod(moment_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest // 1_000_000:03d}Z"


def _plain(value: object) -> object:
    """JSON has no NaN: it is written as a word."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
