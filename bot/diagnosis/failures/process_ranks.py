"""Read which process, device or actor has which rank, where a line states both.

Sources: DeepSpeed `launcher/launch.py`, vLLM `distributed/parallel_state.py`, verl `single_controller/ray`, Ray Train,
NCCL's lines about a communicator, and what training scripts print of their devices.
"""

import re
from typing import NamedTuple

_PCI = r"(?i:\b(?:pci|bus)[-_ ]?(?:bus)?[-_ ]?(?:id)?[ :=(]{1,3}[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\b)"
PROCESS_RANKS = (
    r"\bin world size \d|\d+ spawned with command: |\[rank-\d{1,5}\]: (?:Sav|Load|Init|Start)"
    r"|\[rank=\d{1,5}, |\brank=\d{1,5},? (?:local_rank|world_size|device)="
    r"|[Rr]ank[ :=]{1,2}\d{1,5} (?:on|at) \S{1,80} \(?pid\b"
    rf"|[Rr]ank \d{{1,5}} (?:->|started as|runs as|is process) (?:pid )?\d|\bbusId [0-9a-f]{{4,}}|{_PCI}"
)
"""Part of the page filter: lines that state the rank of a process or a device."""

_OF_RAY = re.compile(r"^\W{0,3}(?:\S{1,40} )?\([\w.:]{1,60} pid=(\d+)(?:, ip=[\d.]+)?\) ")
_RAY_RANK = re.compile(
    r"^\[?rank[-=](\d{1,5})[\],]|\[rank[-=](\d{1,5})[\],]|\brank (\d{1,5}) in world size \d"
    r"|\brank=(\d{1,5}),? (?:local_rank|world_size|device)="
)
_SPAWNED = re.compile(r"\bprocess (\d+) spawned with command: .{0,4000}?--local[_-]rank[=', ]{1,4}(\d{1,3})\b")
_LISTED = re.compile(
    r"\b[Rr]ank[ :=]{1,2}(\d{1,5}) (?:(?:on|at) \S{1,80} \(?pid[ :=]{0,2}"
    r"|(?:->|started as|runs as|is process) (?:pid )?)(\d+)\b"
)
_NCCL_BUS = re.compile(r"\brank (\d+) nranks \d+ .{0,60}\bbusId ([0-9a-f]{4,})\b")
_STATED_BUS = re.compile(
    r"(?i)\brank[ :=]{1,2}(\d{1,5})\b[^\n]{0,80}\b(?:pci|bus)[-_ ]?(?:bus)?[-_ ]?(?:id)?[ :=(]{1,3}"
    r"[0-9a-f]{4,8}:([0-9a-f]{2}:[0-9a-f]{2})\b"
)
_BUS = re.compile(r"(?i)\b(?:PCI:)?[0-9a-f]{4,8}:([0-9a-f]{2}:[0-9a-f]{2})\b")
_ACTOR = re.compile(r"\bname=\w{0,60}?[A-Za-z]_(\d{1,4}):(\d{1,3})\b")
"""The name of an actor of verl: the index of its node's group, and its own in that."""
_NUMBERED_ACTOR = re.compile(
    r"\bname=\w{0,40}?(?i:rank|worker|actor|trainer|learner)[A-Za-z]{0,20}[_-](\d{1,4})\b(?!:)"
)


class StatedProcess(NamedTuple):
    """A process and its rank."""

    pid: str
    rank: int
    is_local: bool = False
    """Is it the index on its node?"""


def read_process(line: str, text: str) -> StatedProcess | None:
    """Return the process whose rank a line states; None if it states none.

    Args:
        line: with its prefixes, of which Ray's has the pid.
        text: without them.
    """
    if found := _SPAWNED.search(text):
        return StatedProcess(found[1], int(found[2]), is_local=True)
    if found := _LISTED.search(text):
        return StatedProcess(found[2], int(found[1]))
    process = _OF_RAY.search(line)
    if process is None:
        return None
    ranks = {next(int(group) for group in found.groups() if group) for found in _RAY_RANK.finditer(line, process.end())}
    return StatedProcess(process[1], ranks.pop()) if len(ranks) == 1 else None


def read_bus(text: str) -> tuple[str, int] | None:
    """Return the address of a device on the PCI bus, and the rank that a line states for it."""
    if found := _NCCL_BUS.search(text):
        address = found[2].zfill(5)
        return f"{address[-5:-3]}:{address[-3:-1]}", int(found[1])
    if found := _STATED_BUS.search(text):
        return found[2].lower(), int(found[1])
    return None


def find_bus(row: str) -> str | None:
    """Return the only address on the PCI bus that a row names."""
    found = {address.lower() for address in _BUS.findall(row)}
    return found.pop() if len(found) == 1 else None


def find_actor_rank(row: str, processes_per_node: int | None) -> int:
    """Return the rank in the name of an actor that a row states; -1 if it has none."""
    if found := _ACTOR.search(row):
        node, index = int(found[1]), int(found[2])
        return index if not node else -1 if not processes_per_node else node * processes_per_node + index
    return int(found[1]) if (found := _NUMBERED_ACTOR.search(row)) else -1
