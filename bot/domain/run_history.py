"""Earlier runs, for the verdict on a new failure: what failed where, and what the last good run used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.jobs import JobRef


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the head of a run's log states about it; foreign text, redacted."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """By package, such as `NCCL` → `2.21.5`."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    """Distinct warnings, numbers and paths masked."""
    read: int = 0
    """Characters of the log read for this."""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that succeeded or failed."""

    job: JobRef
    scope: str
    """The project, account or model that it belongs to."""
    at: datetime
    category: str = ""
    """Of its failure; "": it succeeded."""
    fingerprint: str = ""
    node: str = ""
    """Where it failed; "": unknown."""
    name: str | None = None
    facts: RunFacts = field(default_factory=RunFacts)


@dataclass(frozen=True, slots=True)
class RunHistory:
    """The earlier runs that a verdict on a failure considers."""

    node_failures: int = 0
    """Failures of other jobs on its node within the last days, of categories that a node can cause."""
    same: EndedRun | None = None
    """The newest other run of its project with the same failure."""
    good: EndedRun | None = None
    """The newest run of its project that succeeded."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A failure whose verdict considered earlier runs. Stored with the watch."""

    fingerprint: str
    remedy: str
    reason: str
    missing: str = ""
