"""Read a dump of PyTorch's flight recorder: the last collectives of one rank, by process group.

The recorder writes pickles (`nccl_trace_rank_3`), and JSON on request (`_dump_nccl_trace_json`, `_dump_fr_trace_json`).
https://docs.pytorch.org/tutorials/unstable/flight_recorder_tutorial.html
"""

import sys
from dataclasses import dataclass, field

import msgspec

from bot.diagnosis.dumps.plain_pickle import UnsafePickle, decode_pickle

MAX_CALLS = 256
"""Number of newest calls of a rank that are compared."""
MAX_GROUPS = 256
MAX_NAME = 80
_ANY_SIZES = frozenset({"scatter", "gather", "alltoall", "all_to_all", "allgather", "all_gather", "coalesced"})
"""Operations whose ranks may send different sizes."""
_LIBRARIES = ("/torch/", "/site-packages/", "/dist-packages/", "<frozen", "/lib/python3")


class UnreadableDump(ValueError):
    """A dump cannot be read; its text says why, as a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Call:
    """One collective as one rank entered it."""

    operation: str
    """Such as `all_reduce`."""
    size: str
    """What the ranks must agree on, such as `[1024] Float`; empty if they may differ."""
    place: str
    """Where the rank's own code called it, such as `synchronize (train.py:88)`; empty if unknown."""
    created_ns: int


@dataclass(frozen=True, slots=True)
class GroupTrace:
    """What one rank did in one process group."""

    description: str
    members: tuple[int, ...]
    """The global ranks of the group; empty if the dump does not state them."""
    enqueued: int
    """Sequence number of the last collective that the rank entered."""
    is_waiting: bool | None
    """Whether its last collective is not complete; None if the backend does not record that, as gloo."""
    calls: dict[int, Call]
    """The newest ones, by sequence number."""


@dataclass(frozen=True, slots=True)
class FlightTrace:
    """The dump of one rank."""

    groups: dict[str, GroupTrace] = field(default_factory=dict)
    """By the name of the process group."""


class _Frame(msgspec.Struct):
    name: str = ""
    filename: str = ""
    line: int = 0


class _Entry(msgspec.Struct):
    process_group: list[str] = []
    pg_id: int = -1
    collective_seq_id: int = 0
    is_p2p: bool = False
    profiling_name: str = ""
    input_sizes: list[list[int] | int] = []
    input_dtypes: list[str] = []
    state: str = ""
    time_created_ns: int | None = None
    frames: list[_Frame] = []


class _Status(msgspec.Struct):
    last_enqueued_collective: int = -1
    last_completed_collective: int = -1


class _Config(msgspec.Struct):
    name: str = ""
    desc: str = ""
    ranks: str | list[int] = ""


class _Dump(msgspec.Struct):
    entries: list[_Entry] = []
    pg_config: dict[str, _Config] = {}
    pg_status: dict[str, _Status] = {}


def read_flight_recorder(data: bytes) -> FlightTrace:
    """Read a dump, as a pickle or as JSON.

    Raises:
        UnreadableDump: it is damaged, or is not a flight recorder's.
    """
    try:
        if data.startswith(b"\x80"):
            dump = msgspec.convert(decode_pickle(data), _Dump, strict=False)
        else:
            dump = msgspec.json.decode(data, type=_Dump, strict=False)
    except (UnsafePickle, msgspec.DecodeError, RecursionError) as problem:
        reason = str(problem) if isinstance(problem, UnsafePickle) else "it is damaged, or is not a flight recorder's"
        raise UnreadableDump(reason) from None
    return _trace(dump)


def _trace(dump: _Dump) -> FlightTrace:
    calls: dict[str, dict[int, Call]] = {}
    described: dict[str, str] = {}
    waits: dict[str, bool | None] = {}
    ids: dict[str, str] = {}
    for entry in dump.entries[-MAX_CALLS:]:
        backend, _, operation = " ".join(entry.profiling_name.split()).rpartition(":")
        if entry.is_p2p or not operation or not entry.process_group:
            continue
        name = entry.process_group[0][:MAX_NAME]
        if name not in calls and len(calls) >= MAX_GROUPS:
            continue
        ids[name] = str(entry.pg_id)
        described[name] = (entry.process_group[1:] or [""])[0][:MAX_NAME]
        calls.setdefault(name, {})[entry.collective_seq_id] = _call(operation[:MAX_NAME], entry)
        waits[name] = None if backend == "gloo" else entry.state != "completed"
    groups = {}
    for name, known in calls.items():
        config = dump.pg_config.get(name, _Config())
        status = dump.pg_status.get(ids[name], _Status()) if waits[name] is not None else _Status()
        enqueued = max(*known, status.last_enqueued_collective)  # gloo counts sends there as well
        groups[name] = GroupTrace(described[name] or config.desc, _members(config.ranks), enqueued, waits[name], known)
    return FlightTrace(groups)


def _call(operation: str, entry: _Entry) -> Call:
    kind = operation.strip("_").removesuffix("_base").removesuffix("_into_tensor")
    sizes = "" if kind in _ANY_SIZES and operation == kind else _sizes(entry)
    place = _own_place(entry.frames)
    # Interned, because they are equal on thousands of ranks.
    return Call(sys.intern(operation), sys.intern(sizes), sys.intern(place), entry.time_created_ns or 0)


def _sizes(entry: _Entry) -> str:
    shown = ", ".join(str(size) for size in entry.input_sizes[:4])
    return f"{shown} {', '.join(dict.fromkeys(entry.input_dtypes))}".strip()[: 2 * MAX_NAME]


def _own_place(frames: list[_Frame]) -> str:
    """The innermost frame outside PyTorch and other libraries."""
    own = (one for one in frames if not any(part in one.filename for part in _LIBRARIES))
    frame = next(own, None)
    return "" if frame is None else f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.line})"[: 2 * MAX_NAME]


def _members(ranks: str | list[int]) -> tuple[int, ...]:
    try:
        return tuple(msgspec.json.decode(ranks, type=list[int]) if isinstance(ranks, str) else ranks)
    except msgspec.DecodeError:
        return ()
