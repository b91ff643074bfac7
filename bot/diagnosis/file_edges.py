"""What the first and last lines of a file state: its process, and from when to when it was written. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bot.diagnosis.reading.prefixes import LogTime, parse_timestamp, unwrap_json

HEAD = 1 << 16
"""Number of bytes at the start of a file in which its process is searched."""
_MAX_LINES = 60
"""Number of lines at each end in which a time is searched."""
_MAX_CHARS = 500
_RANK = re.compile(
    rb"\[rank=(\d{1,6}), world_size=(\d{1,6})\]|GLOBAL_RANK: (\d{1,6}), MEMBER: \d+/(\d{1,6})"
    rb"|NCCL INFO (?:comm 0x\w+ )?rank (\d{1,6}) nranks (\d{1,6})|distributed init \(rank (\d{1,6})\)"
    rb"|(?m:^(?:export )?(?:RANK|SLURM_PROCID|OMPI_COMM_WORLD_RANK|PMI_RANK)=\"?(\d{1,6})\b)"
)
"""How Ray Train, Lightning, NCCL, fairseq and environments state the rank of a process, and some the number of all."""
_WORLD = re.compile(rb"(?i)\bworld[_ ]size[=:] ?(\d{1,6})\b")
_NODE = re.compile(rb"(?m)^([\w.-]{2,80}):\d{2,8}:\d{2,8} \[\d+\] NCCL |^SLURMD_NODENAME=([\w.-]{1,80})")


@dataclass(frozen=True, slots=True)
class FileEdges:
    """What the ends of a file state."""

    rank: int | None = None
    """If all statements agree."""
    world_size: int | None = None
    """Number of processes of the run."""
    node: str | None = None
    first_ns: int | None = None
    last_ns: int | None = None
    clock: str = ""
    """Of both times; as `LogTime.clock`."""


def read_edges(head: bytes, tail: bytes) -> FileEdges:
    """Read the first and the last bytes of a file."""
    ranks, worlds = set[int](), set[int]()
    for found in _RANK.finditer(head):
        rank, *world = (int(group) for group in found.groups() if group is not None)
        ranks.add(rank)
        worlds.update(world)
    worlds.update(int(found[1]) for found in _WORLD.finditer(head))
    nodes = {(found[1] or found[2]).decode() for found in _NODE.finditer(head)}
    first, last = _first_time(_lines(head)), _first_time(reversed(list(_lines(tail))))
    is_one_clock = first is not None and last is not None and first.clock == last.clock
    return FileEdges(
        rank=ranks.pop() if len(ranks) == 1 else None,
        world_size=worlds.pop() if len(worlds) == 1 else None,
        node=nodes.pop() if len(nodes) == 1 else None,
        first_ns=first.ns if first is not None and is_one_clock else None,
        last_ns=last.ns if last is not None else None,
        clock=last.clock if last is not None else "",
    )


def _lines(text: bytes) -> Iterator[str]:
    return (line[:_MAX_CHARS].decode("utf-8", "replace") for line in text.splitlines())


def _first_time(lines: Iterable[str]) -> LogTime | None:
    times = (parse_timestamp(unwrap_json(line)) for line in islice(lines, _MAX_LINES))
    return next((time for time in times if time is not None), None)
