"""Know which rank a process has, from what launchers print at the start of a run: by its pid, or by its host.

Sources: Ray Train `_internal/backend_executor.py`, DeepSpeed `launcher/launch.py`, Transformers' example scripts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_ONE_PROCESS = r"MPI size: 1,|(?:world_size|num_processes|nproc[_-]per[_-]node)['\"]?[ =:]{1,3}1(?:[^\d.]|$)"
_PER_NODE = r"(?i:(?:nproc[_-]per[_-]node|local_world_size)['\"]?[ =:]{1,3}\d)"
_NCCL = r"ncclCommInitRank comm \w+ rank \d+ nranks"
ROSTER = rf"\bworld_rank=\d|WORLD INFO DICT|Process rank: \d|{_NCCL}|{_PER_NODE}|{_ONE_PROCESS}"
"""Part of the page filter: the lines that state the ranks."""
MAX_PROCESSES = 1024

_PROCESS = re.compile(r"\bpid=(\d+)\) world_rank=(\d+)")
_HOSTS = re.compile(r"WORLD INFO DICT: (\{.*\})")
_HOST = re.compile(r"'([\w.-]{1,80})': \[([\d, ]*)\]")
_NCCL_PROCESS = re.compile(r":(\d+):\d+ \[\d+\] NCCL INFO ncclCommInitRank comm \w+ rank (\d+) nranks")
_LOCAL = re.compile(r"\blocal_rank=[1-9]|(?i:(?:nproc[_-]per[_-]node|local_world_size)['\"]?[ =:]{1,3}(?:[2-9]|1\d))")
_OWN_RANK = re.compile(r"\bProcess rank: (\d+)")
_SINGLE = re.compile(_ONE_PROCESS)
_PID = re.compile(r"(?i)\b(?:pid|process)[ =:]+(\d+)\b")


@dataclass(slots=True)
class RankRoster:
    """The ranks of a run; plain values, stored as JSON."""

    processes: dict[str, int] = field(default_factory=dict)
    """Rank by pid. A pid that two hosts use is left out."""
    hosts: dict[str, int] = field(default_factory=dict)
    """First rank by host."""
    own: set[int] = field(default_factory=set)
    """Ranks that processes state of themselves."""
    has_local_ranks: bool = False
    """Has a node several of them?"""
    is_single: bool = False
    """Does the run have one process?"""

    def read(self, text: str) -> None:
        """Read a line that states ranks."""
        self.is_single = self.is_single or _SINGLE.search(text) is not None
        if (own := _OWN_RANK.search(text)) and len(self.own) < MAX_PROCESSES:
            self.own.add(int(own.group(1)))
        self.has_local_ranks = self.has_local_ranks or _LOCAL.search(text) is not None
        for pid, rank in _PROCESS.findall(text) or _NCCL_PROCESS.findall(text):
            known = self.processes.get(pid, int(rank))
            if len(self.processes) < MAX_PROCESSES:
                self.processes[pid] = known if known == int(rank) else -1
        if found := _HOSTS.search(text):
            first = 0
            for host, devices in _HOST.findall(found.group(1))[:MAX_PROCESSES]:
                self.hosts[host] = first
                first += devices.count(",") + 1

    def find_process(self, rows: Iterable[str]) -> int | None:
        """Return the rank of the first process that rows of a log name."""
        ranks = (self.processes.get(pid, -1) for row in rows for pid in _PID.findall(row))
        return next((rank for rank in ranks if rank >= 0), None)

    def only_rank(self) -> int | None:
        """Return the rank of the only process of the run; None if there are more or that is not known."""
        if len(self.own) == 1:
            return next(iter(self.own))
        return 0 if self.is_single and not self.own else None

    def find_local(self, host: str, local_rank: int | None) -> int | None:
        """Return the rank of a process by its index on its host; the index itself if the host is not known."""
        return local_rank if local_rank is None else self.hosts.get(host, 0) + local_rank
