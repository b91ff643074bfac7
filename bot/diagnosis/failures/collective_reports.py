"""What the ranks report about a collective that failed: PyTorch's watchdog, its signals, and lost connections.

Wordings of PyTorch 2.1 to 2.13 (`ProcessGroupNCCL.cpp`, `ProcessGroupGloo.cpp`, `ProcessGroupWrapper.cpp`). Sequence
numbers count per process group, so each group is kept apart. `missing_rank` draws the conclusion.
"""

import re
from dataclasses import dataclass, field

from bot.diagnosis.reading.labels import Label

MAX_REPORTS = 8192
"""Maximum number of ranks, over all groups."""
MAX_GROUPS = 256
MAX_CALLS = 256
"""Maximum number of calls whose operation is kept."""

_GROUP = re.compile(
    r"\[PG (?:ID \d+ )?(?:PG )?(?:GUID )?(?P<name>[^\s(\]]+) ?(?:\((?P<description>[^)]*)\))? ?Rank (?P<rank>\d+)\]"
)
_STUCK = re.compile(
    r"SeqNum=(?P<first>\d+)(?:, OpType=(?P<operation>\w+))?"
    r"|watchdog at work(?: sequence id)?: (?P<second>\d+)|Timeout at NCCL work: (?P<third>\d+)"
)
_STATUS = re.compile(
    r"(?i)last enqueued (?:\w+ )?work: (?P<enqueued>-?\d+)(?:, last started (?:\w+ )?work: -?\d+)?,"
    r"? last completed (?:\w+ )?work: (?P<completed>-?\d+)"
)
_FINGERPRINT = re.compile(
    r"Rank (\d+) is running (?:\w+ )?collective: CollectiveFingerPrint\((?:SequenceNumber=(\d+)(?:, )?)?OpType=(\w+)"
    r"(?:, TensorShape=\[([\d, ]*)\])?"
)
_MISMATCH = re.compile(r"op\.preamble\.length <= op\.nbytes|Detected mismatch between collectives")
_TIMEOUT = re.compile(r"(?i)time(?:d |-)?out")
_OBSERVED = "Observed flight recorder dump signal from another rank"
_SIGTERM = 15


@dataclass(slots=True)
class GroupReports:
    """What the ranks of one process group report."""

    description: str = ""
    stuck: dict[str, int] = field(default_factory=dict)
    """By rank, the smallest sequence number whose collective timed out."""
    entered: dict[str, int] = field(default_factory=dict)
    """By rank, the sequence number of the last collective that it enqueued."""


@dataclass(slots=True)
class CollectiveReports:
    """The reports of all ranks so far; plain values, stored as JSON."""

    groups: dict[str, GroupReports] = field(default_factory=dict)
    """By the group's global name; "" for reports that name none."""
    count: int = 0
    """Number of reports in the groups."""
    operations: dict[str, str] = field(default_factory=dict)
    """By rank and sequence number, such as `3 40881`: `ALLGATHER`."""
    calls: dict[str, str] = field(default_factory=dict)
    """By rank, the collective that it ran when a check found a mismatch: `ALLREDUCE [1024]`."""
    waiting: set[int] = field(default_factory=set)
    """Ranks that report a timeout or a lost connection: they waited for another one."""
    has_unnamed: bool = False
    """Does a line without a rank report that too?"""
    observers: set[int] = field(default_factory=set)
    """Ranks that report another rank's signal. Those in `waiting` too timed out themselves."""
    known: set[int] = field(default_factory=set)
    """Ranks that a launcher's table or the name of a file states."""
    listed: int | None = None
    """The rank that a launcher's table listed last."""
    stopped: set[int] = field(default_factory=set)
    """Ranks that the launcher ended: they still ran when the first one failed."""
    has_mismatch: bool = False
    """Does a rank report that its peers ran another collective?"""
    has_timeout: bool = False
    """Does a rank report a timeout? If all lost a connection, the rank that they waited for had ended."""

    def read(self, text: str, label: Label | None) -> None:
        """Read one line of a failed collective, with the rank that wrote it."""
        self._read_calls(text)
        group = _GROUP.search(text)
        self.has_mismatch |= _MISMATCH.search(text) is not None
        self.has_timeout |= _TIMEOUT.search(text) is not None
        rank = label if isinstance(label, int) else int(group["rank"]) if group else None
        if rank is None:
            self.has_unnamed = True
        elif _OBSERVED in text:
            _add(self.observers, rank)
        else:
            self._read_watchdog(text, rank, group)

    def add_known(self, rank: int) -> None:
        """Record that a rank exists."""
        self.listed = rank
        _add(self.known, rank)

    def add_exit(self, code: int) -> None:
        """Record the exit code of the rank that a launcher's table listed last."""
        if code == -_SIGTERM and self.listed is not None:
            _add(self.stopped, self.listed)

    def merge(self, other: "CollectiveReports", rank: int | None = None) -> None:
        """Add the reports in another file of the run, with the rank that the file states."""
        for name, group in other.groups.items():
            known = self.groups.setdefault(name, GroupReports(group.description))
            for key, number in group.stuck.items():
                known.stuck[key] = min(number, known.stuck.get(key, number))
            known.entered |= group.entered
        self.operations |= other.operations
        self.calls |= other.calls
        self.waiting |= {rank} if rank is not None and other.has_unnamed and not other.waiting else other.waiting
        self.observers |= other.observers
        self.known |= other.known
        self.stopped |= other.stopped
        self.has_timeout |= other.has_timeout
        self.has_mismatch |= other.has_mismatch

    def _read_calls(self, text: str) -> None:
        """Read what a check found: a rank's own call, which comes first, and that of another, which may be garbled."""
        for index, (rank, number, operation, shape) in enumerate(_FINGERPRINT.findall(text)):
            sent = f"[{shape}]" if shape else ""
            call = " ".join(f"{operation} {number} {sent}".split())
            if index and len(self.calls) < MAX_REPORTS:
                self.calls.setdefault(rank, call)
            elif not index and (rank in self.calls or len(self.calls) < MAX_REPORTS):
                self.calls[rank] = call

    def _read_watchdog(self, text: str, rank: int, group: re.Match[str] | None) -> None:
        stuck, status = _STUCK.search(text), _STATUS.search(text)
        if stuck is not None or status is None:
            _add(self.waiting, rank)
        if stuck is None and status is None:
            return
        reports = self._group(group)
        if reports is None:
            return
        self.count += 1
        if stuck is not None:
            number = int(stuck["first"] or stuck["second"] or stuck["third"])
            self._record_stuck(reports, rank, number, stuck["operation"] or "")
        if status is not None and group is not None:
            reports.entered[str(rank)] = int(status["enqueued"])

    def _record_stuck(self, reports: GroupReports, rank: int, number: int, operation: str) -> None:
        key = str(rank)
        reports.stuck[key] = min(number, reports.stuck.get(key, number))
        if operation and len(self.operations) < MAX_CALLS:
            self.operations[f"{rank} {number}"] = operation
        unnamed = self.groups.get("")
        if unnamed is not None and reports is not unnamed and unnamed.stuck.get(key) == number:
            del unnamed.stuck[key]  # the line before, which did not name the group

    def _group(self, found: re.Match[str] | None) -> GroupReports | None:
        """The reports of the group that a line names; None if there are too many."""
        name = found["name"] if found else ""
        if name in self.groups:
            return self.groups[name] if self.count < MAX_REPORTS else None
        if len(self.groups) >= MAX_GROUPS:
            return None
        return self.groups.setdefault(name, GroupReports((found["description"] or "")[:80] if found else ""))


def _add(ranks: set[int], rank: int) -> None:
    if len(ranks) < MAX_REPORTS:
        ranks.add(rank)
