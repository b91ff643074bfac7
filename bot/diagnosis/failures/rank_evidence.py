"""Find the rank to check first: the one that the log blames, or the one missing from a collective."""

import re
from dataclasses import dataclass, field

from bot.diagnosis.failures.candidates import MAX_RANKS, FailureEvent

MIN_REPORTS, RANKS_PER_NODE = 3, 8
"""If at least three ranks report a timeout, the only other rank of their node is suspect. Nodes usually have eight."""

_SEQUENCE = re.compile(r"SeqNum=(\d+)|watchdog at work: (\d+)")
_TABLE_ROW = re.compile(
    r"^\s*(?P<key>rank|exitcode)\s+: (?P<value>-?\d+)|^-- Process (?P<spawned>\d+) terminated with the following error"
)
_LOCAL_RANK = re.compile(r"\blocal_rank: (\d+)|^\S{1,80}:\d+:\d+ \[(\d+)\] ")
"""As torchrun and NCCL write it."""


def is_table_row(text: str) -> bool:
    """Is the line a row of a launcher's failure table?"""
    return bool(_TABLE_ROW.match(text))


@dataclass(slots=True)
class RankEvidence:
    """What a log reveals about the rank that failed first."""

    sequences: dict[str, int] = field(default_factory=dict)
    """The smallest sequence number at which each rank's collective timed out."""
    is_in_table: bool = False
    table_rank: int | None = None
    blamed_rank: int | None = None
    local_rank: int | None = None
    """The first rank that a launcher names by its index on the node: better than nothing."""

    def read_table(self, text: str) -> bool:
        """Read a torchrun failure table; return whether the line is only a row of it.

        The rank under "Root Cause" failed first.
        """
        if "Root Cause (first observed failure)" in text:
            self.is_in_table = True
            return False
        found = _TABLE_ROW.match(text)
        if found is None:
            return False
        if found.group("spawned"):
            self.table_rank = int(found.group("spawned"))
            return True
        if self.is_in_table and found.group("key") == "rank":
            self.table_rank, self.is_in_table = int(found.group("value")), False
        return found.group("key") == "rank"

    def observe(self, event: FailureEvent) -> None:
        """Read the ranks that a failure names."""
        if self.blamed_rank is None:
            self.blamed_rank = event.blamed_rank
        if self.local_rank is None and (found := _LOCAL_RANK.search(event.text)):
            self.local_rank = int(found.group(found.lastindex or 0))

    def record_sequence(self, event: FailureEvent) -> None:
        """Read the sequence number of a collective that timed out."""
        found = _SEQUENCE.search(event.text)
        if found is None or not isinstance(event.label, int) or len(self.sequences) >= MAX_RANKS:
            return
        number, key = int(found.group(1) or found.group(2)), str(event.label)
        self.sequences[key] = min(number, self.sequences.get(key, number))

    def merge(self, other: "RankEvidence") -> None:
        """Add what the log of another process of the run reveals."""
        for key, number in other.sequences.items():
            self.sequences[key] = min(number, self.sequences.get(key, number))
        self.table_rank = other.table_rank if self.table_rank is None else self.table_rank
        self.blamed_rank = other.blamed_rank if self.blamed_rank is None else self.blamed_rank
        self.local_rank = other.local_rank if self.local_rank is None else self.local_rank

    def named_rank(self) -> int | None:
        """Return the rank that the log names, from the most to the least reliable source."""
        named = (self.table_rank, self.blamed_rank, self.local_rank)
        return next((rank for rank in named if rank is not None), None)

    def missing_rank(self) -> tuple[int, str] | None:
        """Return the rank that the others of a collective waited for, and how that is known."""
        if self.blamed_rank is not None:
            return self.blamed_rank, f"The log names rank {self.blamed_rank} as the one that the others waited for."
        if len(self.sequences) < 2:
            return None
        ordered = sorted(self.sequences.items(), key=lambda item: item[1])
        (rank, smallest), (_, next_smallest) = ordered[:2]
        if smallest < next_smallest:
            return int(rank), f"Rank {rank} has the smallest sequence number."
        absent = _absent_rank(sorted(int(rank) for rank in self.sequences))
        if absent is None or ordered[-1][1] != smallest:
            return None
        return absent, f"Only rank {absent} did not report the timeout."


def _absent_rank(ranks: list[int]) -> int | None:
    """Return the only rank missing from a list: a hole, or the last of a node."""
    if len(ranks) < MIN_REPORTS:
        return None
    first, end = ranks[0] // RANKS_PER_NODE * RANKS_PER_NODE, -(-(ranks[-1] + 1) // RANKS_PER_NODE) * RANKS_PER_NODE
    holes = set(range(first, end)) - set(ranks)
    inner = {rank for rank in holes if rank < ranks[-1]}
    return next(iter(inner or holes)) if len(inner or holes) == 1 else None
