"""Classify Python exceptions that no signature matches: role, category, severity and hint."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from bot.diagnosis.catalogue import HintSubject
from bot.diagnosis.categories import Category
from bot.diagnosis.failures.category_evidence import NOTHING_STATED, FailureText, weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.frames import innermost_rows
from bot.diagnosis.failures.tracebacks import RaisedException, UnfinishedTraceback
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.fingerprints import is_library
from bot.domain.alerts import Severity

_PEER_ERROR = re.compile(
    r"(ConnectionResetError|ConnectionAbortedError|ConnectionRefusedError|BrokenPipeError|EOFError|BrokenProcessPool"
    r"|CancelledError|DistBackendError|DistStoreError|DistNetworkError|HorovodInternalError|RayActorError"
    r"|BrokenBarrierError|WorkerCrashedError|(?:Comm|Stream|Channel|Connection)Closed\w*|ClosedResourceError|queue\.Empty|RemoteDisconnected|IncompleteRead)$"
)
_LAUNCHER = re.compile(
    r"(ChildFailedError|SignalException|CalledProcessError|ProcessRaisedException|ProcessExitedException|SystemExit|click\.exceptions\.Exit|TrainingFailedError)$"
)
_MISTAKE = re.compile(r"(?:^|\.)(?:Name|UnboundLocal|Reference|Syntax|Indentation|Tab)Error$")
"""A mistake in code, whatever surrounds it."""
_INTERRUPT = re.compile(r"(KeyboardInterrupt|GeneratorExit|StopIteration|StopAsyncIteration)$")
_PLACEHOLDER = re.compile(
    r"(SimplifiedTraceback|UnfilteredStackTrace|JaxStackTraceBeforeTransformation|RemoteTraceback)$"
)
"""Not an error: a placeholder for frames that a library hides from the next exception."""
_WARNING = re.compile(r"Warning$|(?:^|\.)(?:Early_?Stop\w*|StopTraining|(?:Trial)?Pruned)$")
"""Not a failure: a warning, or the name that a library gives to a run or a trial that ends before its last step."""
_DATA = re.compile(
    r"(?i)data(?:set|loader|_loader|pipe)?s?\b|\bdali\b|h5py|\.(?:rec|tar|parquet|jsonl?|csv|npy|npz|bin|idx|h5|hdf5|tfrecord|lmdb|jpe?g|png|wav|mp4|txt)\b|shard|corpus|tokeniz|webdataset|decod"
)
_STORAGE = re.compile(
    r"(?i)checkpoint|ckpt|save_pretrained|save_state|torch\.save|serialization|\.pt\b|\.safetensors\b"
)
_NETWORK = re.compile(
    r"(ConnectionError|ConnectTimeout|ReadTimeout|SSLError|URLError|HTTPError|MaxRetryError|gaierror|NameResolutionError|ProxyError)$"
)
_FILE_ERROR = re.compile(
    r"(?:FileNotFoundError|FileNotFoundException|NoSuchFileException|IsADirectoryError|NotADirectoryError|PermissionError|OSError)$"
)
_DEVICE_MEMORY = re.compile(r"(ResourceExhaustedError|OutOfMemoryError)$")
_RAY_TASK = re.compile(r"RayTaskError(?:\(\w+\))?$")
_CHANNEL = re.compile(
    r"/multiprocessing/(?:connection|queues|managers|reduction|resource_sharer|spawn|synchronize)\.py$"
)
"""Python's own channels between processes."""
_READS_FILE = re.compile(
    r"(?i)serializ|pickle|checkpoint|ckpt|restore|resume|load(?!er)|/(?:gzip|bz2|lzma|zipfile|tarfile|_compression)\.py|/numpy/"
)
"""What is in the place where the end of a file comes too early, rather than that of a connection."""
_DATA_LIBRARY = re.compile(
    r"/(?:datasets|pyarrow|pandas|PIL|webdataset|h5py|lmdb|torch/utils/data|torchvision/(?:datasets|io)|torchaudio|cv2"
    r"|zarr|decord|av|soundfile|librosa|tensorflow_datasets|streaming|litdata|nvidia/dali|numpy|fsspec)/|-packages/soundfile\.py$"
)
_SETTINGS_FILE = re.compile(r"[\w-]\.(?:ya?ml|toml|cfg|ini|env|py|sh)['\"]?\s*$|/(?:\w+_)?config\.json['\"]?\s*$")
_MODULE_PATH = re.compile(r"cannot import name .* from .*\(([^()]+\.py)\)$")
_INSTALLED = re.compile(r"(?:site|dist)-packages/")
_SOURCE_TREE = re.compile(
    r"(?i)/(?:megatron(?:-lm)?|vllm|sglang|verl|axolotl|torchtune|torchtitan|torchrl|llama-?factory|openrlhf|trl|peft|diffusers"
    r"|transformers|accelerate|deepspeed|nemo|lightning|ultralytics|yolov\d+|mm(?:detection|engine|cv|seg\w*|pretrain)"
    r"|detectron2|fairseq|espnet2?|tensorrt_llm|text_generation_server|colossalai|paddle\w*|unsloth|swift|xtuner"
    r"|litgpt|composer|llm-foundry|stable_baselines3|ray|timm)/.*\.pyx?$"
)
"""A framework that runs from its own source tree."""
_BENIGN_BARE = re.compile(r"^(\[Errno \d+\] [\w ]+)?$")

_HINT = (
    "Start at the last frame of your own code. The excerpt has the call path."
    " https://docs.python.org/3/library/exceptions.html"
)
_CALL_HINT = (
    "Start at its message, then compare the arguments of the call shown. The exception was raised in a library or"
    " framework, not in your own code; another version of it may expect other arguments."
    " https://docs.python.org/3/library/exceptions.html"
)
_BARE_HINT = (
    "Read the lines before it: the log has no traceback of this exception."
    " Run with the program's debug level to see where it was raised."
    " https://docs.python.org/3/library/exceptions.html"
)
_UNFINISHED_HINT = (
    "Start at the last frame shown: the log lacks the exception itself."
    " The process's own log, or the lines after it, may have its message."
    " https://docs.python.org/3/library/exceptions.html"
)
_LIBRARY_HINT = (
    "Start at its message: the log shows no frame of your own code. A library or a service raised it."
    " https://docs.python.org/3/library/exceptions.html"
)
_SERVICE_HINT = (
    "Check that the run continues. Only a library that reports on it failed. https://docs.wandb.ai/guides/track/"
)
_SETTINGS_HINT = (
    "Check the path of the named file. A program that starts reads its settings relative to where it starts."
    " https://docs.python.org/3/library/exceptions.html#FileNotFoundError"
)
_DATA_HINT = (
    "Check the named file or sample. It must exist on every node, be complete and have the expected format."
    " https://docs.pytorch.org/docs/stable/data.html"
)
_UNNAMED_DATA_HINT = (
    "The log does not name the file or sample it read: log the name, then check that it is complete on every node."
    " https://docs.pytorch.org/docs/stable/data.html"
)
_STORAGE_HINT = (
    "Check the named path. Check permissions, free space, and whether the last checkpoint is complete."
    " https://docs.pytorch.org/docs/stable/distributed.checkpoint.html"
)
_UNNAMED_STORAGE_HINT = (
    "The log does not name the path: check permissions and free space where checkpoints are, and the last checkpoint."
    " https://docs.pytorch.org/docs/stable/distributed.checkpoint.html"
)
_MEMORY_HINT = (
    "Use a smaller batch. Shorter sequences or activation checkpointing also help."
    " https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management"
)
_NETWORK_HINT = (
    "Check the service's name, the network and the credentials. The service could not be reached."
    " https://docs.python.org/3/library/urllib.error.html"
)


@dataclass(frozen=True, slots=True)
class ExceptionClass:
    """What an exception means for the run."""

    role: Literal["root", "stop", "cascade", "teardown", "trace", "silent"] = "root"
    category: Category = "code"
    hint: str = _HINT
    severity: Severity = Severity.PAGE
    names: HintSubject = ""
    """What the hint refers to."""
    unnamed_hint: str = ""
    """Replaces the hint if the log does not name that."""
    statement: FailureText = NOTHING_STATED
    """What it says, if that suggests the category."""


_SILENT = ExceptionClass("silent", severity=Severity.INFO)
_STOP = ExceptionClass("stop", "scheduler", severity=Severity.WARN)


def classify_exception(raised: RaisedException, *, has_trained: bool = True) -> ExceptionClass:
    """Classify an exception by its type, message and frame.

    Args:
        raised: the exception.
        has_trained: whether the run had logged progress before.
    """
    kind = raised.kind
    if _WARNING.search(kind) or _INTERRUPT.search(kind) or _PLACEHOLDER.search(kind):
        return _STOP if kind.endswith("KeyboardInterrupt") and raised.has_traceback else _SILENT
    if not raised.has_traceback and (_BENIGN_BARE.match(raised.message) or len(kind) < 5):
        return _SILENT
    if raised.is_service:
        return ExceptionClass(hint=_SERVICE_HINT, severity=Severity.WARN)
    if _LAUNCHER.search(kind):
        return ExceptionClass("trace" if kind.endswith(("SystemExit", "Exit")) else "teardown")
    if breaks_channel(raised):
        return ExceptionClass("cascade", "collective")  # the other end of a pipe or a socket is gone
    return _by_type(raised) or _by_words(raised, has_trained=has_trained)


def breaks_channel(raised: RaisedException) -> bool:
    """Was it raised by a channel between processes, whose other end is gone?"""
    is_broken = raised.kind.endswith(("FileNotFoundError", "OSError", "EOFError"))
    return is_broken and _CHANNEL.search(raised.last_path) is not None


def _by_type(raised: RaisedException) -> ExceptionClass | None:
    kind = raised.kind
    if kind.endswith("EOFError") and _READS_FILE.search(f"{raised.last_path} {raised.frame} {raised.user_line}"):
        return _of_category("data" if _DATA.search(raised.frame) else "storage", raised)
    if _PEER_ERROR.search(kind):
        return ExceptionClass("cascade", "collective")
    if _RAY_TASK.search(kind):  # the failure within the task is in user code
        return ExceptionClass("cascade")
    return None


def _by_words(raised: RaisedException, *, has_trained: bool) -> ExceptionClass:
    if _MISTAKE.search(raised.kind):
        return ExceptionClass(hint=_default_hint(raised))
    statement = words_of_exception(raised, has_trained=has_trained)
    return replace(_of_category(weigh_category(statement).category, raised), statement=statement)


def _of_category(category: Category, raised: RaisedException) -> ExceptionClass:
    """Return the class of an exception of a category, with a hint about a file if its type or place suggests that."""
    is_file = _FILE_ERROR.search(raised.kind) is not None
    if category == "launch" and is_file and _SETTINGS_FILE.search(raised.message):
        return ExceptionClass("root", category, _SETTINGS_HINT, names="file", unnamed_hint=_SETTINGS_HINT)
    if category == "launch" and _NETWORK.search(raised.kind):
        return ExceptionClass("root", category, _NETWORK_HINT, names="host")
    if category == "gpu_memory" and _DEVICE_MEMORY.search(raised.kind):
        return ExceptionClass("root", category, _MEMORY_HINT, names="amount")
    if category == "storage" and is_file:
        return ExceptionClass("root", category, _STORAGE_HINT, names="file", unnamed_hint=_UNNAMED_STORAGE_HINT)
    if (category in ("data", "code") and is_file) or (category == "data" and _is_in_data_code(raised)):
        return ExceptionClass("root", category, _DATA_HINT, names="file", unnamed_hint=_UNNAMED_DATA_HINT)
    return ExceptionClass("root", category, HINTS.get(category) or _default_hint(raised))


def words_of_exception(raised: RaisedException, *, has_trained: bool) -> FailureText:
    """What an exception says about its category."""
    return FailureText(raised.message, raised.kind, _place(raised), has_trained)


def _place(raised: RaisedException) -> str:
    """Where it was raised: the module of a library, or the user's file and function; the folders above say nothing."""
    path, (file, _, function) = raised.last_path, raised.frame.partition(":")
    if found := _INSTALLED.search(path):
        return "" if function == "<module>" else f"{path[found.end() :]}:{function}"
    if _SOURCE_TREE.search(path):
        return f"{'/'.join(path.split('/')[-3:])}:{function}"
    return f"{file}:{function}"


def _default_hint(raised: RaisedException) -> str:
    """Where to start: in the user's own code only if the innermost frame is the user's."""
    if not raised.has_traceback:
        return _BARE_HINT
    if not raised.user_line:
        return _LIBRARY_HINT
    is_own = not is_library(raised.last_path) and _SOURCE_TREE.search(raised.last_path) is None
    return _HINT if is_own else _CALL_HINT


def names_own_module(raised: RaisedException) -> bool:
    """Does an import fail in a module that is the user's own, whose path the message states?"""
    found = _MODULE_PATH.search(raised.message) if raised.kind.endswith("ImportError") else None
    return found is not None and not is_library(found.group(1))


def _is_in_data_code(raised: RaisedException) -> bool:
    """Was it raised while data was read? The name of a file that only imports something is not evidence."""
    if raised.frame.endswith(":<module>") and _INSTALLED.search(raised.last_path):
        return False
    if _INSTALLED.search(raised.last_path):
        return bool(_DATA_LIBRARY.search(raised.last_path))
    return bool(_DATA.search(raised.frame))


def failure_from_unfinished(found: UnfinishedTraceback) -> Failure:
    """Report a traceback whose last line was cut off with the log or overwritten by other ranks' output."""
    meaning = classify_exception(
        RaisedException(
            found.kind or "Error", "", found.frame, has_traceback=True, is_cleanup=False, is_service=found.is_service
        )
    )
    category, hint = meaning.category, _UNFINISHED_HINT if meaning.hint == _LIBRARY_HINT else meaning.hint
    if category == "code" and _STORAGE.search(f"{found.frame} {found.last_frame}"):
        category, hint = "storage", _STORAGE_HINT
    kind = f" ({found.kind})" if found.kind else ""
    return Failure(
        severity=meaning.severity, category=category, signature="python_exception",
        title=f"Traceback without its exception line{kind}, in {found.frame or 'a notebook'}", hint=hint,
        line=found.line, ranks=() if found.rank is None else (found.rank,), signs=("unfinished",),
        why="The log ends before the exception line, or several ranks overwrote it.",
        excerpt=tuple(innermost_rows(found.frames, found)),
    )  # fmt: skip
