"""Find the ranks whose logs end before those of the others, are empty, or do not exist. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.labels import name_labels
from bot.domain.alerts import Severity
from bot.domain.durations import NS_PER_SECOND, spoken_seconds

MIN_PEERS = 3
"""Number of ranks that must be alike before another one differs."""
MAX_SHARE = 0.25
"""Share of ranks that may be silent: if more are, most ranks just log little."""
EARLY_NS = 30 * NS_PER_SECOND
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
        found = [
            f"Rank {rank}'s log ends {spoken_seconds(self.early_ns[rank] / NS_PER_SECOND)} before the others."
            for rank in earliest[:_MAX_SENTENCES]
        ]
        if len(earliest) > _MAX_SENTENCES:
            found.append(f"So do those of {name_labels(earliest[_MAX_SENTENCES:])}.")
        found += [_sentence(self.empty, "has logged nothing", "have logged nothing")] if self.empty else []
        found += [_sentence(self.missing, "has no file", "have no files")] if self.missing else []
        return found


def silent_ranks(logs: Sequence[ProcessLog]) -> SilentRanks:
    """Compare the logs of the ranks of the newest attempt."""
    ranked = {log.rank: log for log in logs if log.rank is not None and log.is_newest}
    if len(ranked) < MIN_PEERS:
        return SilentRanks()
    limit = len(ranked) * MAX_SHARE
    ends = {rank: log.last_ns for rank, log in ranked.items() if log.last_ns is not None}
    usual_ns = int(median(ends.values())) if len(ends) >= MIN_PEERS else 0
    early = {rank: usual_ns - end for rank, end in ends.items() if usual_ns - end > EARLY_NS}
    empty = sorted(rank for rank, log in ranked.items() if not log.lines)
    worlds = {log.world_size for log in ranked.values() if log.world_size is not None}
    size = worlds.pop() if len(worlds) == 1 else 0
    missing = sorted(set(range(max(size, max(ranked) + 1))) - set(ranked)) if max(ranked) < 4 * len(ranked) else []
    return SilentRanks(
        early if len(early) <= limit else {},
        tuple(empty) if len(empty) <= limit else (),
        tuple(missing) if len(missing) <= limit else (),
        {rank: ranked[rank].path for rank in early},
    )


def silence_failure(silences: SilentRanks) -> Failure:
    """Report silent ranks of a run in which nothing else explains its end."""
    ranks = silences.ranks
    path = silences.paths.get(ranks[0])
    title, *more = silences.sentences()
    return Failure(
        severity=Severity.WARN, category="hang", signature="silent_rank", title=title.rstrip("."), hint=_HINT, line=0,
        ranks=ranks, confidence=0.5, fingerprint="silent_rank", file=path,
        why=" ".join([*more, "Nothing in the files explains it."]),
    )  # fmt: skip


def _sentence(ranks: Sequence[int], one: str, several: str) -> str:
    return f"{name_labels(ranks).capitalize()} {one if len(ranks) == 1 else several}."
