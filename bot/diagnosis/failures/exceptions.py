"""What a Python exception means that no signature knows: whose fault, and is it a root at all?"""

import re
from dataclasses import dataclass
from typing import Literal

from bot.diagnosis.catalogue import Category, Severity
from bot.diagnosis.failures.tracebacks import Raised, Torn
from bot.diagnosis.findings import Failure

_ECHO = re.compile(
    r"(ConnectionResetError|ConnectionAbortedError|ConnectionRefusedError|BrokenPipeError|EOFError|BrokenProcessPool"
    r"|CancelledError|DistBackendError|DistStoreError|DistNetworkError|HorovodInternalError|RayActorError"
    r"|BrokenBarrierError|WorkerCrashedError|queue\.Empty|RemoteDisconnected|IncompleteRead)$"
)
_LAUNCHER = re.compile(
    r"(ChildFailedError|SignalException|CalledProcessError|ProcessRaisedException|ProcessExitedException|SystemExit|click\.exceptions\.Exit|TrainingFailedError)$"
)
_INTERRUPT = re.compile(r"(KeyboardInterrupt|GeneratorExit|StopIteration|StopAsyncIteration)$")
_ABRIDGED = re.compile(r"(SimplifiedTraceback|UnfilteredStackTrace|JaxStackTraceBeforeTransformation|RemoteTraceback)$")
"""Not an error: it stands for the frames that a library has hidden from the next one."""
_WARNING = re.compile(r"Warning$")
_DATA = re.compile(
    r"(?i)data(?:set|loader|_loader|pipe)?s?\b|\bdali\b|h5py|\.(?:rec|tar|parquet|jsonl?|csv|npy|npz|bin|idx|h5|hdf5|tfrecord|lmdb|jpe?g|png|wav|mp4|txt)\b|shard|corpus|tokeniz|webdataset|decod"
)
_STORAGE = re.compile(
    r"(?i)checkpoint|ckpt|save_pretrained|save_state|torch\.save|serialization|\.pt\b|\.safetensors\b"
)
_NETWORK = re.compile(
    r"(ConnectionError|ConnectTimeout|ReadTimeout|SSLError|URLError|HTTPError|MaxRetryError|gaierror|NameResolutionError|ProxyError)$"
)
_DEVICE_MEMORY = re.compile(r"(ResourceExhaustedError|OutOfMemoryError)$")
_RAY_TASK = re.compile(r"RayTaskError$")
_BENIGN_BARE = re.compile(r"^(\[Errno \d+\] [\w ]+)?$")

_HINT = "Start at the last frame of your own code named here; the excerpt holds the call path. https://docs.python.org/3/library/exceptions.html"
_SERVICE_HINT = (
    "A library that reports on the run failed; the run itself may go on. https://docs.wandb.ai/guides/track/"
)
_DATA_HINT = "Look at the file or sample it names: is it there on every node, whole, and of the format expected? https://docs.pytorch.org/docs/stable/data.html"
_STORE_HINT = "Look at the path it names: permissions, space, and whether the last checkpoint is complete. https://docs.pytorch.org/docs/stable/distributed.checkpoint.html"
_MEMORY_HINT = "Use less memory a step: a smaller batch, shorter sequences, or checkpointing of activations. https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management"
_NET_HINT = "A remote service was not reached: check its name, the network of the node, and the credentials. https://docs.python.org/3/library/urllib.error.html"


@dataclass(frozen=True, slots=True)
class Reading:
    """An opinion on one exception."""

    role: Literal["root", "cascade", "teardown", "trace", "silent"]
    category: Category
    severity: Severity
    hint: str


def read_exception(raised: Raised) -> Reading:
    """Judge an exception by its type, message and frame."""
    kind = raised.kind
    if _WARNING.search(kind) or _INTERRUPT.search(kind) or _ABRIDGED.search(kind):
        if kind.endswith("KeyboardInterrupt") and raised.traced:
            return Reading("trace", "scheduler", "info", "Somebody or the launcher interrupted the run.")
        return Reading("silent", "code", "info", _HINT)
    if not raised.traced and (_BENIGN_BARE.match(raised.message) or len(kind) < 5):
        return Reading("silent", "code", "info", _HINT)
    if raised.service:
        return Reading("root", "code", "warn", _SERVICE_HINT)
    if _LAUNCHER.search(kind):
        return Reading("trace" if kind.endswith(("SystemExit", "Exit")) else "teardown", "code", "page", _HINT)
    return _by_kind(kind) or _by_place(raised)


def _by_kind(kind: str) -> Reading | None:
    if _ECHO.search(kind):
        return Reading("cascade", "collective", "page", _HINT)
    if _RAY_TASK.search(kind):  # what went wrong within the task is its user's
        return Reading("cascade", "code", "page", _HINT)
    if _DEVICE_MEMORY.search(kind):
        return Reading("root", "gpu_memory", "page", _MEMORY_HINT)
    if _NETWORK.search(kind):
        return Reading("root", "launch", "page", _NET_HINT)
    return None


def _by_place(raised: Raised) -> Reading:
    kind, text = raised.kind, f"{raised.kind} {raised.message} {raised.frame}"
    if kind.endswith(("FileNotFoundError", "IsADirectoryError", "NotADirectoryError", "PermissionError", "OSError")):
        if _STORAGE.search(text):
            return Reading("root", "storage", "page", _STORE_HINT)
        return Reading("root", "data" if _DATA.search(text) else "code", "page", _DATA_HINT)
    if _DATA.search(raised.frame) and not kind.endswith(
        ("AttributeError", "NameError", "TypeError", "NotImplementedError")
    ):
        return Reading("root", "data", "page", _DATA_HINT)
    return Reading("root", "code", "page", _HINT)


def unfinished(torn: Torn) -> Failure:
    """A traceback without its last line: cut off with the log, or torn apart by other ranks' output."""
    reading = read_exception(Raised(torn.kind or "Error", "", torn.frame, traced=True, chained=False, cleanup=False))
    category, hint = reading.category, reading.hint
    if category == "code" and _STORAGE.search(f"{torn.frame} {torn.last}"):
        category, hint = "storage", _STORE_HINT
    title = f"A traceback without its exception{f', {torn.kind}' if torn.kind else ''}, in {torn.frame or 'a notebook'}"
    why = "The log ends before the exception's own line, or several ranks wrote over it."
    ranks = () if torn.rank is None else (torn.rank,)
    return Failure("page", category, "python_exception", title, hint, torn.line, ranks, confidence=0.4, why=why)
