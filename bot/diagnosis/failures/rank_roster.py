"""Know which rank a process has, from what launchers print at the start of a run: by its pid, or by its host.

Sources: Ray Train `_internal/backend_executor.py`, DeepSpeed `launcher/launch.py`, Transformers' example scripts,
torchrun's rendezvous, NCCL's lines about a communicator, and the heads that `tail` writes above the lines of a file.
Processes and devices that a line names are in `process_ranks`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.diagnosis.failures.process_ranks import PROCESS_RANKS, find_actor_rank, find_bus, read_bus, read_process
from bot.diagnosis.file_sources import rank_of_path

_ONE_PROCESS = r"MPI size: 1,|(?:world_size|num_processes|nproc[_-]per[_-]node)['\"]?[ =:]{1,3}1(?:[^\d.]|$)"
_PER_NODE = r"(?i:(?:nproc[_-]per[_-]node|local_world_size)['\"]?[ =:]{1,12}\d)"
_NODE = r"global_ranks=\[\d|(?i:node_rank|machine_rank)['\"]?[ =:]{1,12}\d"
_OF_PID = (
    r"pid[ =:]{1,2}\d+ (?:has|is|as|->|=>) (?:world |global )?rank|[Rr]ank[ =:]{1,2}\d+[ ,:]{1,3}(?:is |has )?\(?pid\b"
)
_SECTION = (
    r"^==> \S+ <==$|^[=#*-]{2,8} ?(?:rank|Rank|RANK|worker|Worker|process|Process)[ _:]?\d+\b[^\n]{0,40}[=#*-]{2}$"
)
_NCCL = r"ncclCommInitRank comm \w+ rank \d+ nranks|Proxy Call to rank \d+ failed"
ROSTER = (
    rf"\bworld_rank=\d|WORLD INFO DICT|Process rank: \d|{_NCCL}|{_PER_NODE}|{_ONE_PROCESS}|{_NODE}|{_OF_PID}|{_SECTION}"
    rf"|{PROCESS_RANKS}"
)
"""Part of the page filter: the lines that state the ranks."""
MAX_PROCESSES = 1024

_PROCESS = re.compile(
    r"\bpid=(\d+)\) world_rank=(\d+)|\bpid[ =:]{1,2}(\d+) (?:has|is|as|->|=>) (?:world |global )?rank[ =:]{0,2}(\d+)"
)
_RANK_OF_PID = re.compile(r"\b[Rr]ank[ =:]{1,2}(\d+)[ ,:]{1,3}(?:is |has )?\(?pid[ =:]{1,2}(\d+)")
_HOSTS = re.compile(r"WORLD INFO DICT: (\{.*\})")
_HOST = re.compile(r"'([\w.-]{1,80})': \[([\d, ]*)\]")
_NCCL_PROCESS = re.compile(
    r"([\w.-]{1,80}):(\d+):\d+ \[(\d+)\] NCCL INFO ncclCommInitRank comm \w+ rank (\d+) nranks (\d+)"
)
_PROXY = re.compile(r"[\w.-]{1,80}:(\d+):\d+ \[\d+\] (?:\S+ )?NCCL WARN Proxy Call to rank (\d+) failed")
"""A process calls its own proxy thread, so the rank is its own."""
_LOCAL = re.compile(r"\blocal_rank=[1-9]|(?i:(?:nproc[_-]per[_-]node|local_world_size)['\"]?[ =:]{1,12}(?:[2-9]|1\d))")
_PROCESSES_PER_NODE = re.compile(r"(?i)(?:nproc[_-]per[_-]node|local_world_size)['\"]?[ =:]{1,12}(\d{1,3})\b")
_NODE_RANK = re.compile(r"(?i)(?:node_rank|machine_rank)['\"]?[ =:]{1,12}(\d{1,5})\b")
_FIRST_RANK = re.compile(r"\bglobal_ranks=\[(\d+)")
_SECTION_HEAD = re.compile(r"^==> (\S+) <==$|^[=#*-]{2,8} ?(?i:rank|worker|process)[ _:]?(\d+)\b.{0,40}[=#*-]{2}$")
_LEADER = "-master-0"
"""The rank 0 of a PyTorchJob, whose workers count from rank 1."""
_OWN_RANK = re.compile(r"\bProcess rank: (\d+)")
_SINGLE = re.compile(_ONE_PROCESS)
_WORD = re.compile(r"[\w.-]{1,80}")
_TABLE_PID = re.compile(r"\(pid: (\d+)\)")
_PID = re.compile(r"(?i)\b(?:pid|process)[ =:]+(\d+)\b|^(?:\S+ )?[\w.-]{1,80}:(\d+):\d+ \[\d+\] ")


@dataclass(slots=True)
class RankRoster:
    """The ranks of a run; plain values, stored as JSON."""

    processes: dict[str, int] = field(default_factory=dict)
    """Rank by pid. A pid that two hosts use is left out."""
    buses: dict[str, int] = field(default_factory=dict)
    """Rank by the address of its device on the PCI bus. An address that two ranks have is left out."""
    hosts: dict[str, int] = field(default_factory=dict)
    """First rank by host."""
    own: set[int] = field(default_factory=set)
    """Ranks that processes state of themselves."""
    has_local_ranks: bool = False
    """Has a node several of them?"""
    is_single: bool = False
    """Does the run have one process?"""
    node_rank: int | None = None
    """Index of the only node that the log is of; -1 if it is of several."""
    processes_per_node: int | None = None
    first_rank: int | None = None
    """Of the only node that the log is of; -1 if it is of several."""
    section_rank: int | None = None
    """The rank of the file whose lines follow, in an output that joins several."""
    has_leader: bool = False
    """Is rank 0 in a pod whose name has another role?"""

    def read(self, line: str, text: str) -> None:
        """Read a line that states ranks, and its text without prefixes."""
        self.is_single = self.is_single or _SINGLE.search(text) is not None
        if (own := _OWN_RANK.search(text)) and len(self.own) < MAX_PROCESSES:
            self.own.add(int(own.group(1)))
        self.has_local_ranks = self.has_local_ranks or _LOCAL.search(text) is not None
        self._read_node(text)
        if head := _SECTION_HEAD.match(text):
            self.section_rank = rank_of_path(head[1]) if head[1] else int(head[2])
        for stated in _PROCESS.finditer(text):
            self._add_process(stated[1] or stated[3], int(stated[2] or stated[4]))
        for stated in _RANK_OF_PID.finditer(line):
            self._add_process(stated[2], int(stated[1]))
        if (process := read_process(line, text)) is not None:
            local = self.first_rank_of("") + process.rank if process.is_local else process.rank
            self._add_process(process.pid, local)
        if (device := read_bus(line)) is not None and len(self.buses) < MAX_PROCESSES:
            bus, rank = device
            self.buses[bus] = rank if self.buses.get(bus, rank) == rank else -1
        if found := _PROXY.search(text):
            self._add_process(found[1], int(found[2]))
        if found := _NCCL_PROCESS.search(text):
            host, pid, local, rank, size = found[1], found[2], int(found[3]), int(found[4]), int(found[5])
            self._add_process(pid, rank)
            if rank >= local and size > 1 and len(self.hosts) < MAX_PROCESSES:
                self.hosts.setdefault(host, rank - local)
        if found := _HOSTS.search(text):
            first = 0
            for host, devices in _HOST.findall(found.group(1))[:MAX_PROCESSES]:
                self.hosts[host] = first
                first += devices.count(",") + 1

    def read_name(self, name: str) -> None:
        """Read the name of a pod that wrote a line."""
        self.has_leader = self.has_leader or (_LEADER in name and name.partition("/")[0].endswith(_LEADER))

    def _read_node(self, text: str) -> None:
        """Read what a launcher states about the node that it runs on."""
        if found := _PROCESSES_PER_NODE.search(text):
            self.processes_per_node = int(found[1])
        if found := _NODE_RANK.search(text):
            self.node_rank = int(found[1]) if self.node_rank in (None, int(found[1])) else -1
        if found := _FIRST_RANK.search(text):
            self.first_rank = int(found[1]) if self.first_rank in (None, int(found[1])) else -1

    def read_table_row(self, text: str, rank: int | None) -> None:
        """Read the row of a launcher's table with the pid of the process whose rank the row before it states."""
        found = _TABLE_PID.search(text)
        if found and rank is not None:
            self._add_process(found[1], rank)

    def _add_process(self, pid: str, rank: int) -> None:
        known = self.processes.get(pid, rank)
        if len(self.processes) < MAX_PROCESSES:
            self.processes[pid] = known if known == rank else -1

    def find_process(self, rows: Iterable[str]) -> int | None:
        """Return the rank of the first process that rows of a log name."""
        known = list(rows)
        ranks = [self.processes.get(found[1] or found[2], -1) for row in known for found in _PID.finditer(row)]
        if known and (bus := find_bus(known[0])):
            ranks.append(self.buses.get(bus, -1))
        ranks += [find_actor_rank(row, self.processes_per_node) for row in known]
        return next((rank for rank in ranks if rank >= 0), None)

    def only_rank(self) -> int | None:
        """Return the rank of the only process of the run; None if there are more or that is not known."""
        if len(self.own) == 1:
            return next(iter(self.own))
        return 0 if self.is_single and not self.own else None

    def find_local(self, host: str, local_rank: int | None) -> int | None:
        """Return the rank of a process by its index on its host; the index itself if the host is not known."""
        return local_rank if local_rank is None else self.first_rank_of(host) + local_rank

    def host_in(self, rows: Iterable[str]) -> str:
        """Return the only known host that rows of a log name; "" if there is none."""
        named = (
            {word for row in rows for word in _WORD.findall(row) if word in self.hosts} if self.hosts else set[str]()
        )
        return named.pop() if len(named) == 1 else ""

    def first_rank_of(self, host: str) -> int:
        """Return the first rank of a host, or of the only node that the log is of; 0 if neither is known."""
        if host in self.hosts:
            return self.hosts[host]
        if self.first_rank is not None:
            return max(0, self.first_rank)
        return max(0, self.node_rank or 0) * (self.processes_per_node or 0)
