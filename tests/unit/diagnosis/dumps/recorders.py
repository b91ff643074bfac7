"""Flight-recorder dumps in the shape that PyTorch 2.13 writes, made by hand."""

import json
import pickle
from collections.abc import Mapping, Sequence

Call = tuple[str, int]
"""An operation and the number of elements it sends."""


def entry(
    sequence: int, call: Call, *, group: str = "0", description: str = "default_pg", state: str = "completed",
    backend: str = "nccl", at: int = 0, function: str = "synchronize",
) -> dict[str, object]:  # fmt: skip
    """One call of the recorder."""
    operation, size = call
    frames = [
        {"name": operation, "filename": "/opt/py/site-packages/torch/distributed/distributed_c10d.py", "line": 2501},
        {"name": function, "filename": "/app/train.py", "line": 20 + sequence},
    ]
    return {
        "record_id": sequence, "pg_id": int(group), "process_group": (group, description), "is_p2p": False,
        "collective_seq_id": sequence, "p2p_seq_id": 0, "op_id": sequence, "profiling_name": f"{backend}:{operation}",
        "time_created_ns": 1_700_000_000_000_000_000 + (at or sequence), "input_sizes": [[size]],
        "input_dtypes": ["Float"], "output_sizes": [[size]], "output_dtypes": ["Float"], "state": state,
        "time_discovered_started_ns": None, "time_discovered_completed_ns": None, "retired": state == "completed",
        "timeout_ms": 600000, "frames": frames,
    }  # fmt: skip


def recorder(
    calls: Sequence[Call], *, members: Sequence[int] = (), group: str = "0", description: str = "default_pg",
    backend: str = "nccl", is_waiting: bool = True,
) -> dict[str, object]:  # fmt: skip
    """The dump of a rank that entered these calls of one group and waits in the last one."""
    last = len(calls)
    entries = [
        entry(
            number, call, group=group, description=description, backend=backend,
            state="started" if is_waiting and number == last else "completed",
        )
        for number, call in enumerate(calls, 1)
    ]  # fmt: skip
    completed = last - 1 if is_waiting else last
    return {
        "version": "2.10",
        "pg_config": {group: {"name": group, "desc": description, "ranks": json.dumps(list(members))}},
        "pg_status": {group: {"last_enqueued_collective": last, "last_completed_collective": completed}},
        "entries": entries,
    }


def as_pickle(dump: Mapping[str, object]) -> bytes:
    """As `nccl_trace_rank_0` holds it."""
    return pickle.dumps(dump, protocol=2)


def as_json(dump: Mapping[str, object]) -> bytes:
    """As `_dump_nccl_trace_json` returns it: numbers of the status are text, and frames are left out."""
    shown = json.loads(json.dumps(dump))
    for one in shown["entries"]:
        del one["frames"]
    shown["pg_status"] = {
        group: {key: str(value) for key, value in status.items()} for group, status in shown["pg_status"].items()
    }
    return json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()
