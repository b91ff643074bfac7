"""Find the ranks whose logs end before those of the others, are empty, or do not exist. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeVar

from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.labels import name_labels
from bot.domain.alerts import Severity
from bot.domain.durations import NS_PER_SECOND, spoken_seconds

MIN_PEERS = 3
"""Number of ranks that must be alike before another one differs."""
MAX_SHARE = 0.25
"""Share of ranks that may be silent: if more are, most ranks just log little."""
EARLY_NS = 90 * NS_PER_SECOND
WAITING_CATEGORIES = ("collective", "hang")
"""What is reported by ranks that wait for another one."""
_MAX_SENTENCES = 3
_HINT = (
    "Check the node and the container of the silent rank: its exit code, `dmesg` and the scheduler's events."
    " https://pytorch.org/docs/stable/elastic/errors.html"
)


@dataclass(frozen=True, slots=True)
class ProcessLog:
    """The log of one process: all of its files."""

    process: str
    rank: int | None
    lines: int
    last_ns: int | None
    path: str
    """Its file with most lines."""
    world_size: int | None = None
    """Number of processes of the run, if the log states it."""
    is_newest: bool = True
    """Is it of the newest attempt?"""

    def joined(self, other: "ProcessLog") -> "ProcessLog":
        """Add another file of the same process."""
        ends = [one for one in (self.last_ns, other.last_ns) if one is not None]
        rank = other.rank if self.rank is None else self.rank
        path = other.path if other.lines > self.lines else self.path
        return replace(self, rank=rank, lines=self.lines + other.lines, last_ns=max(ends, default=None), path=path)


@dataclass(frozen=True, slots=True)
class SilentRanks:
    """Ranks whose logs end early, are empty or do not exist."""

    early_ns: Mapping[int, int] = field(default_factory=dict)
    """How long before the others each of them ends, in nanoseconds."""
    empty: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    paths: Mapping[int, str] = field(default_factory=dict)
    """The files of those that end early."""

    @property
    def ranks(self) -> tuple[int, ...]:
        """All of them, the most telling first."""
        earliest = sorted(self.early_ns, key=lambda rank: -self.early_ns[rank])
        return tuple(dict.fromkeys([*earliest, *self.empty, *self.missing]))

    @property
    def only_rank(self) -> int | None:
        """The silent rank, if there is just one."""
        return self.ranks[0] if len(self.ranks) == 1 else None

    def __bool__(self) -> bool:
        """Is any rank silent?"""
        return bool(self.ranks)

    def sentences(self) -> list[str]:
        """Return `Rank 8's log ends 3 min before the others.`, and the same for empty and missing files."""
        earliest = sorted(self.early_ns, key=lambda rank: -self.early_ns[rank])
        found = [_early_sentence(f"Rank {rank}'s log", self.early_ns[rank]) for rank in earliest[:_MAX_SENTENCES]]
        if len(earliest) > _MAX_SENTENCES:
            found.append(f"So do those of {name_labels(earliest[_MAX_SENTENCES:])}.")
        found += [_sentence(self.empty, "has logged nothing", "have logged nothing")] if self.empty else []
        found += [_sentence(self.missing, "has no file", "have no files")] if self.missing else []
        return found


L = TypeVar("L", int, str)


def early_ends(ends_ns: Mapping[L, int]) -> Mapping[L, int]:
    """Return how long before the others the logs of a few processes end, in nanoseconds; empty if many do."""
    if len(ends_ns) < MIN_PEERS:
        return {}
    usual_ns = int(median(ends_ns.values()))
    early = {label: usual_ns - end for label, end in ends_ns.items() if usual_ns - end > EARLY_NS}
    return early if len(early) <= max(1, len(ends_ns) * MAX_SHARE) else {}


def name_silent_replicas(failure: Failure, newest_ns: Mapping[str, int]) -> Failure:
    """Name the replicas that fell silent before the others in a page that says that a run waits.

    Args:
        failure: any.
        newest_ns: when each replica logged last.
    """
    if failure.severity is not Severity.PAGE or failure.category not in WAITING_CATEGORIES:
        return failure
    early = early_ends(newest_ns)
    if not early:
        return failure
    first = sorted(early, key=lambda name: -early[name])
    sentences = [_early_sentence(f"The log of {name}", early[name]) for name in first[:_MAX_SENTENCES]]
    ranks = failure.ranks or tuple(first)
    return replace(failure, ranks=ranks, why=" ".join([failure.why, *sentences]).strip())


def silent_ranks(logs: Sequence[ProcessLog]) -> SilentRanks:
    """Compare the logs of the ranks of the newest attempt."""
    ranked = {log.rank: log for log in logs if log.rank is not None and log.is_newest}
    if len(ranked) < MIN_PEERS:
        return SilentRanks()
    limit = max(1, len(ranked) * MAX_SHARE)
    early = early_ends({rank: log.last_ns for rank, log in ranked.items() if log.last_ns is not None})
    empty = sorted(rank for rank, log in ranked.items() if not log.lines)
    worlds = {log.world_size for log in ranked.values() if log.world_size is not None}
    size = worlds.pop() if len(worlds) == 1 else 0
    missing = sorted(set(range(max(size, max(ranked) + 1))) - set(ranked)) if max(ranked) < 4 * len(ranked) else []
    return SilentRanks(
        early,
        tuple(empty) if len(empty) <= limit else (),
        tuple(missing) if len(missing) <= limit else (),
        {rank: ranked[rank].path for rank in early},
    )


def silence_failure(silences: SilentRanks, last_line: str, line: int) -> Failure:
    """Report silent ranks of a run in which nothing else explains its end.

    Args:
        silences: at least one.
        last_line: of the log of the first of them, "" if it has none.
        line: its number in the file.
    """
    ranks = silences.ranks
    title, *more = silences.sentences()
    return Failure(
        severity=Severity.WARN, category="hang", signature="silent_rank", title=title.rstrip("."), hint=_HINT,
        line=line, ranks=ranks, confidence=0.5, fingerprint="silent_rank", file=silences.paths.get(ranks[0]),
        excerpt=(last_line,) if last_line else (), root_index=0 if last_line else None,
        why=" ".join([*more, "Nothing in the files explains it."]),
    )  # fmt: skip


def _early_sentence(log: str, early_ns: int) -> str:
    return f"{log} ends {spoken_seconds(early_ns / NS_PER_SECOND)} before the others."


def _sentence(ranks: Sequence[int], one: str, several: str) -> str:
    return f"{name_labels(ranks).capitalize()} {one if len(ranks) == 1 else several}."
