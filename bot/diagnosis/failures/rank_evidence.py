"""Find the rank to check first: the one that the log blames, or the one missing from a collective."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.collective_reports import CollectiveReports
from bot.diagnosis.failures.failure_events import FailureEvent, ReadPosition, parse_event
from bot.diagnosis.failures.missing_rank import MissingRank, find_missing_rank
from bot.diagnosis.failures.rank_reports import RANK_REPORT, find_ended_rank, find_launcher_rank
from bot.diagnosis.failures.rank_roster import RankRoster
from bot.diagnosis.failures.stated_ranks import (
    find_absent_rank,
    find_detail_rank,
    find_head_rank,
    find_local_rank,
    find_named_rank,
    find_odd_rank,
    find_own_rank,
    rank_of_name,
)
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.prefixes import split_prefix

_TABLE_ROW = re.compile(
    r"^\s*(?P<key>rank|exitcode)\s+: (?P<value>-?\d+)(?: \(local_rank: (?P<local>\d+)\))?"
    r"|^-- Process (?P<spawned>\d+) terminated with the following error|^\[Rank (?P<snippet>\d+) Error Snippet\]"
    r"|^/job:\S+/task:(?P<task>\d+)\s*$|^(?P<stalled>\d+)!: \["
)
_REPORT = re.compile(RANK_REPORT)
_ENDED_BY_LAUNCHER = re.compile(r"^\s*traceback : Signal 15 \(SIGTERM\) received by PID")
"""A row about a process other than the first one that failed."""
_REFERRAL = "logs for faulty rank"
"""Of the ranks that reached a monitored barrier: the log of rank 0 names the one that did not, unless rank 0 died."""
_EXITED_TASK = re.compile(
    r"error: \S+: (?:task (\d+)|tasks ([1-9]\d*)[-,][\d,-]+): Exited with exit code (?!(?:15|129|130|143)\b)[1-9]"
)
_LOCAL_RANK = re.compile(
    r"\blocal_rank: (\d+)|^(?:[\w.-]{1,80}: )?\S{1,80}:\d+:\d+ \[(\d+)\] |--local_rank=(\d+)\b.* return code = -?[1-9]"
    r"|CalledProcessError: Command .*--local[_-]rank[=', ]{1,4}(\d+)\b"
)
"""As torchrun, NCCL and DeepSpeed write it."""
_LOCAL_PREFIX = re.compile(r"\[(?:([\w.-]{1,60}):)?default(\d{1,3})\]:?|\[local_rank[ :=_]?()(\d{1,3})\]")
"""The index of a process on its node, as torchrun's `--tee` writes it, perhaps with the node."""
MAX_LOCAL_RANKS = 64
_OPERATOR_CONTAINER = "/pytorch"
"""The container of a PyTorchJob's pods."""


def is_table_row(text: str) -> bool:
    """Is the line a row of a launcher's failure table?"""
    return bool(_TABLE_ROW.match(text)) or _REPORT.search(text) is not None


@dataclass(slots=True)
class RankEvidence:
    """What a log reveals about the rank that failed first."""

    reports: CollectiveReports = field(default_factory=CollectiveReports)
    """What the ranks of a failed collective report."""
    roster: RankRoster = field(default_factory=RankRoster)
    is_in_table: bool = False
    row_rank: int | None = None
    """That of the newest row of a launcher's table, whose next row has the pid."""
    table_rank: int | None = None
    table_local_rank: int | None = None
    """The index on its node of the rank in that table."""
    table_local_ranks: dict[str, int] = field(default_factory=dict)
    """Ranks by the index on their node, as that table lists them; -1 if two nodes have the index."""
    launcher_rank: int | None = None
    """The process that a launcher reports as the first one that ended."""
    ended_rank: int | None = None
    """The first rank that any line reports as failed."""
    suspect_rank: int | None = None
    """The rank of which the newest line of that kind says that it is slow, silent or lost."""
    blamed_rank: int | None = None
    blamed_others: list[int] = field(default_factory=list)
    """Those that a list of missing tasks names after it."""
    is_referred: bool = False
    """Do the others only refer to the log of the blamed rank, which may name another one?"""
    task_rank: int | None = None
    """The first Slurm task that failed."""
    exited_task: int | None = None
    """The only Slurm task that exited with an error by itself; -1 if there are several."""
    local_rank: int | None = None
    """The first rank that a launcher names by its index on the node: better than nothing."""
    local_host: str = ""
    """That node, as the line names it."""

    def read_line(self, line: str, text: str, name: str, *, is_plain: bool = False) -> None:
        """Read what any line, its text without prefixes, and the name of its pod state about the ranks.

        A plain text states nothing about them; the prefixes may.
        """
        self.roster.read_name(name)
        if is_plain and not ("ank" in line and ("pid" in line or "bus" in line)):
            return
        self.roster.read(line, text)
        self.launcher_rank = find_launcher_rank(text) if self.launcher_rank is None else self.launcher_rank
        suspect = find_absent_rank([text])
        self.suspect_rank = self.suspect_rank if suspect is None else suspect

    def read_table(self, text: str) -> bool:
        """Read a torchrun failure table; return whether the line is only a row of it.

        The rank under "Root Cause" failed first.
        """
        if "Root Cause (first observed failure)" in text:
            self.is_in_table = True
            return False
        found = _TABLE_ROW.match(text)
        if found is None:
            return self.table_rank is None and _ENDED_BY_LAUNCHER.match(text) is not None
        if number := found.group("spawned") or found.group("snippet"):
            self.table_rank = int(number)
            return True
        if number := found.group("task") or found.group("stalled"):
            if self.blamed_rank is None:
                self.blamed_rank = int(number)
            elif found.group("task") and len(self.blamed_others) < MAX_LOCAL_RANKS:
                self.blamed_others.append(int(number))
            return True
        if found.group("key") == "rank":
            self.reports.add_known(int(found.group("value")))
            self._add_local(found.group("local"), int(found.group("value")))
            self.row_rank = int(found.group("value"))
        else:
            self.reports.add_exit(int(found.group("value")))
            self.roster.read_table_row(text, self.row_rank)
            self.row_rank = None
        if self.is_in_table and found.group("key") == "rank":
            self.table_rank, self.is_in_table = int(found.group("value")), False
            self.table_local_rank = int(found.group("local")) if found.group("local") else None
        return found.group("key") == "rank"

    def observe(self, event: FailureEvent, *, is_waiting: bool) -> None:
        """Read the ranks that a failure names.

        Args:
            event: a line of a failure.
            is_waiting: whether a rank that waited in vain for another one writes such lines.
        """
        if is_waiting and event.blamed_rank is None:
            self.reports.read(event.text, event.label)
        self.task_rank = event.blamed_rank if event.is_task and self.task_rank is None else self.task_rank
        self._blame(event.blamed_rank, is_referral=_REFERRAL in event.text)
        self.ended_rank = find_ended_rank(event.text) if self.ended_rank is None else self.ended_rank
        if (found := _EXITED_TASK.search(event.text)) is not None:
            task = int(found.group(1) or found.group(2))
            self.exited_task = task if self.exited_task in (None, task) else -1
        if self.local_rank is None and (found := _LOCAL_RANK.search(event.text)):
            self.local_rank = int(found.group(found.lastindex or 0))
            self.local_host = event.host

    def merge(self, other: "RankEvidence", rank: int | None = None) -> None:
        """Add what the log of another process of the run reveals, with the rank that its file states."""
        self.reports.merge(other.reports, rank)
        self.table_rank = other.table_rank if self.table_rank is None else self.table_rank
        self.launcher_rank = other.launcher_rank if self.launcher_rank is None else self.launcher_rank
        self._blame(other.blamed_rank, is_referral=other.is_referred)
        self.local_rank = other.local_rank if self.local_rank is None else self.local_rank

    def _add_local(self, local: str | None, rank: int) -> None:
        if local is not None and len(self.table_local_ranks) < MAX_LOCAL_RANKS:
            known = self.table_local_ranks.setdefault(local, rank)
            self.table_local_ranks[local] = known if known == rank else -1

    def _blame(self, rank: int | None, *, is_referral: bool) -> None:
        """Keep the first rank that is blamed, unless it was only referred to."""
        if rank is not None and (self.blamed_rank is None or (self.is_referred and not is_referral)):
            self.blamed_rank, self.is_referred = rank, is_referral

    def choose_ranks(
        self, root: Candidate, candidates: Iterable[Candidate], *, is_waiting: bool
    ) -> tuple[list[Label], str]:
        """Return the ranks of a failure, first the one to check, and a sentence on how that is known.

        A rank replaces the names of processes.

        Args:
            root: the failure.
            candidates: it, and what followed from it.
            is_waiting: whether its own ranks may only have waited for another one.
        """
        labels = root.labels()
        rows = root.excerpt[root.root_index :]
        if rows and not root.is_blaming and (not is_waiting or root.precedence <= Precedence.WEAK):
            first = self._rank_of_rows(rows, is_ranked=any(isinstance(label, int) for label in labels))
            labels = labels if first is None else [first, *(label for label in labels if label != first)]
        is_listed = bool(self.blamed_others) or (not labels and bool(self.reports.waiting))
        missing = self.missing_rank() if is_waiting or is_listed else None
        if missing is not None and (is_waiting or missing.ranks):
            others = [label for label in labels if label not in missing.ranks]
            ranks = [*missing.ranks, *others]
            return [rank for rank in ranks if isinstance(rank, int) or not missing.ranks], f" {missing.sentence}"
        if is_waiting and self.suspect_rank is not None:
            others = [label for label in labels if isinstance(label, int) and label != self.suspect_rank]
            return [self.suspect_rank, *others], f" The log names rank {self.suspect_rank} as slow, silent or lost."
        numbers: list[Label] = [label for label in labels if isinstance(label, int)]
        if numbers and numbers[0] == self.task_rank and self.table_rank is not None:
            return [self.table_rank], ""
        if numbers:
            whole = self._global_rank(rows, numbers[0])
            return [whole, *(label for label in numbers[1:] if label != whole)], ""
        if labels:
            stated = (
                self.table_rank, self.blamed_rank, self.launcher_rank, self.roster.find_process(rows), self.ended_rank,
            )  # fmt: skip
            rank = next((rank for rank in stated if rank is not None), None)
        else:
            rank = self.named_rank(rows, only_rank(candidates))
        rank = self._rank_of_name(labels, rows) if rank is None else rank
        if rank is None and not labels:
            rank = find_head_rank(root.excerpt[: root.root_index])
            rank = self._rank_of_index(rows) if rank is None else rank
            rank = find_detail_rank(rows[1:]) if rank is None else rank
            rank = find_odd_rank(rows[1:]) if rank is None else rank
        return labels if rank is None else [rank], ""

    def _rank_of_rows(self, rows: Sequence[str], *, is_ranked: bool) -> int | None:
        """Return the rank that the rows say is missing, or that the marked one, the first, is of.

        Args:
            rows: the marked one and those after it.
            is_ranked: whether lines of the failure state ranks, of which the marked one's comes first.
        """
        if (absent := find_absent_rank(rows)) is not None:
            return absent
        split = split_prefix(rows[0])
        if parse_event(split.text, 0, None, None, ReadPosition(), None).blamed_rank is not None:
            return None
        rank = split.source.rank if is_ranked else None
        rank = find_own_rank(split.text) if rank is None else rank
        return self.roster.find_process(rows[:1]) if rank is None else rank

    def _rank_of_name(self, labels: Sequence[Label], rows: Sequence[str]) -> int | None:
        """Return the rank that the name of the only process of a failure ends in, if each host has one process."""
        if self.roster.has_local_ranks or len(labels) > 1:
            return None
        name = str(labels[0]) if labels else ""
        rank = rank_of_name(name) if labels else find_named_rank(rows[0]) if rows else None
        if name.endswith(_OPERATOR_CONTAINER) and not self.roster.has_leader:
            return None  # rank 0 may be in a pod with another role
        is_after_leader = self.roster.has_leader and "-worker-" in name
        return rank + 1 if rank is not None and is_after_leader else rank

    def _rank_of_index(self, rows: Sequence[str]) -> int | None:
        """Return the rank whose index on its node, or whose device, the marked row states."""
        local = find_local_rank(rows[0]) if rows else None
        return None if local is None else self.roster.first_rank_of(self.roster.host_in(rows[:1])) + local

    def _global_rank(self, rows: Sequence[str], rank: Label) -> Label:
        """Return the rank of the process whose index on its node the marked row states instead."""
        found = _LOCAL_PREFIX.search(rows[0], 0, 200) if rows else None
        if found is None or str(rank) != (found[2] or found[4]):
            return rank
        if self.table_rank is not None and str(self.table_local_rank) == str(rank):
            return self.table_rank
        return self.roster.first_rank_of(found[1] or "") + int(rank)

    def named_rank(self, rows: Sequence[str] = (), only: int | None = None) -> int | None:
        """Return the rank that the log names, from the most to the least reliable source.

        Args:
            rows: of the failure, which may name a process.
            only: the only rank that reports a failure, if it is the only one.
        """
        found = next((_LOCAL_RANK.search(row) for row in rows), None)
        index = int(found.group(found.lastindex or 0)) if found else self.local_rank
        listed = self.table_local_ranks.get(str(index), -1)
        host = self.local_host if self.local_host in self.roster.hosts else self.roster.host_in(rows)
        local = listed if listed >= 0 else self.roster.find_local(host, index)
        on_host = local if host in self.roster.hosts else None
        named = (
            self.table_rank, self.blamed_rank, self.launcher_rank, self.roster.find_process(rows), on_host, only,
            local, self.exited_task, self.ended_rank, self.roster.section_rank, self.roster.only_rank(),
        )  # fmt: skip
        return next((rank for rank in named if rank is not None and rank >= 0), None)

    def for_next_failure(self) -> "RankEvidence":
        """Return what remains known once a failure has passed."""
        return RankEvidence(is_in_table=self.is_in_table, roster=self.roster)

    def missing_rank(self) -> MissingRank | None:
        """Return the rank that the others of a collective waited for, or that differs, and how that is known."""
        ended = (self.task_rank, self.launcher_rank, self.ended_rank)
        if self.blamed_rank in self.reports.waiting and self.blamed_rank in ended:
            found = find_missing_rank(self.reports)  # that rank waited too, and then ended itself
            if found is not None and found.ranks:
                return found
        if self.blamed_rank is not None:
            sentence = f"The log names rank {self.blamed_rank} as the one that the others waited for."
            others = [rank for rank in dict.fromkeys(self.blamed_others) if rank != self.blamed_rank]
            return MissingRank((self.blamed_rank, *others), sentence)
        return find_missing_rank(self.reports)


def only_rank(candidates: Iterable[Candidate]) -> int | None:
    """Return the only rank that reports a failure, else a lost connection, else the end of a process."""
    known = list(candidates)
    for limit in (Precedence.WEAK, Precedence.CASCADE, Precedence.TRACE):
        failed = [one for one in known if one.precedence <= limit]
        ranks = {label for one in failed for label in one.labels() if isinstance(label, int)}
        if ranks:
            return ranks.pop() if len(ranks) == 1 else None
    return None
