"""Stack dumps in the forms of py-spy 0.4 and Python 3.11's faulthandler; paths and numbers are our own."""

import json
from collections.abc import Sequence

Frame = tuple[str, str, int]

WAITING: tuple[Frame, ...] = (
    ("all_reduce", "torch/distributed/distributed_c10d.py", 2501),
    ("wrapper", "torch/distributed/c10d_logger.py", 83),
    ("synchronize", "train.py", 20),
    ("main", "train.py", 140),
    ("<module>", "train.py", 151),
)
SAVING: tuple[Frame, ...] = (
    ("sleep", "time.py", 3),
    ("save", "torch/serialization.py", 850),
    ("save_checkpoint", "train.py", 88),
    ("main", "train.py", 142),
    ("<module>", "train.py", 151),
)
LOADING: tuple[Frame, ...] = (
    ("wait", "threading.py", 331),
    ("get", "queue.py", 180),
    ("_try_get_data", "torch/utils/data/dataloader.py", 1243),
    ("next_batch", "data/stream.py", 51),
    ("<module>", "train.py", 151),
)
EVALUATING: tuple[Frame, ...] = (
    ("all_reduce", "torch/distributed/distributed_c10d.py", 2501),
    ("evaluate", "evaluation.py", 33),
    ("<module>", "train.py", 151),
)
_HELPER: tuple[Frame, ...] = (
    ("wait", "threading.py", 331),
    ("_pin_memory_loop", "torch/utils/data/_utils/pin_memory.py", 52),
    ("_bootstrap", "threading.py", 1002),
)


def pyspy(
    frames: Sequence[Frame], pid: int = 4100, *, command: str = "python -u train.py", has_locals: bool = False
) -> str:
    """`py-spy dump --pid 4100`, with another thread first."""
    lines = [f"Process {pid}: {command}", "Python v3.11.7 (/usr/local/bin/python3.11)", ""]
    for thread, known in (
        (f'Thread {pid + 9} (idle): "Thread-1"', _HELPER),
        (f'Thread {pid} (active): "MainThread"', frames),
    ):
        lines.append(thread)
        for name, file, line in known:
            lines.append(f"    {name} ({file}:{line})")
            if has_locals:
                lines += ["        Arguments:", '            text: "rank: 77 (of: 9)"', "            rank: 5"]
    return "\n".join(lines) + "\n"


def pyspy_json(frames: Sequence[Frame], pid: int = 4100) -> str:
    """`py-spy dump --json`."""
    rows = [
        {
            "pid": pid, "thread_id": number, "thread_name": name, "os_thread_id": pid + number, "active": True,
            "owns_gil": False,
            "frames": [
                {"name": call, "filename": file, "module": None, "short_filename": file, "line": line, "locals": None}
                for call, file, line in known
            ],
        }
        for number, (name, known) in enumerate((("Thread-1", _HELPER), ("MainThread", frames)))
    ]  # fmt: skip
    return json.dumps(rows, indent=2) + "\n"


def faulthandler(frames: Sequence[Frame]) -> str:
    """`faulthandler.dump_traceback_later(60)`: whole paths, and the main thread last."""
    lines = ["Timeout (0:01:00)!"]
    for thread, known in (("Thread 0x00007f65810d36c0", _HELPER), ("Thread 0x00007f6581610b80", frames)):
        lines.append(f"{thread} (most recent call first):")
        lines += [f'  File "{_path(file)}", line {line} in {name}' for name, file, line in known]
        lines.append("")
    return "\n".join(lines)


def _path(file: str) -> str:
    if file.startswith("torch/"):
        return f"/opt/venv/lib/python3.11/site-packages/{file}"
    return f"/usr/lib/python3.11/{file}" if file in ("threading.py", "queue.py", "time.py") else f"/app/{file}"
