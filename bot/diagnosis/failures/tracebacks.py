"""Reassemble Python tracebacks from interleaved lines: one exception with the frame it was raised in.

The page filter passes on only lines that may belong to a failure, from many ranks at once. The state per source is
small: the last frame, the last frame in the user's code, and the number of open tracebacks, because without rank
prefixes several ranks share one source.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from bot.diagnosis.reading.fingerprints import is_library
from bot.diagnosis.reading.prefixes import LineSource

MAX_OPEN = 2048
"""Maximum number of sources with an open traceback; the oldest is dropped first."""

STALE_LINES = 4000
"""After this number of lines, an open traceback is dropped: its end was lost."""

NEAR_END = 200
"""A traceback without its last line counts if it is within this number of lines from the log's end."""

MAX_PREFIX = 120
"""Maximum number of characters before the header of a traceback that the lines below it may share."""

FRAME_CHARS = 200
"""Maximum number of characters kept of a frame's line."""

NEAR_START, MIN_HEADLESS_FRAMES = 2, 3
"""A log that starts inside a traceback has, starting within two lines, at least three frames without a header."""

STRUCTURE = (
    r"Traceback \(most recent call last\)",
    r"File \\?\"",
    r"│ (?:/|[A-Z]:\\)\S+:\d+ in ",
    r"[A-Za-z](?:Error|Exception|Interrupt|Exit|Timeout|Failure)(?:\([A-Z]\w+\))?(?:: |:?[ \t]*$)",
    r"[a-z0-9]\.(?:[Ee]rror|timeout|gaierror|herror)(?:: |[ \t]*$)",
    r"During handling of the above exception|The above exception was the direct cause",
    r"Exception (?:ignored in|in callback)|Task (?:exception was never|was destroyed)"
    r"|Error in atexit\._run_exitfuncs|--- Logging error ---",
    r"Root Cause \(first observed failure\)|(?:rank|exitcode) +: -?\d",
    r"-- Process \d+ terminated with the following error",
    r"Killed[ \t]*$",
    r"\d!: \[",
    r"Caused by: [a-z]|\[Rank \d+ Error Snippet|/replica:\d+/task:\d+[ \t]*$",
)
"""Parts of the page filter: the lines that this module reads."""

HEADER = re.compile(r"Traceback \(most recent call last\)")
_TABLE_HEADER = re.compile(r"^\s+traceback\s*: Traceback")
"""A launcher prints a worker's traceback in its failure table, indented."""
NOTEBOOK_HEADER = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)\s{2,}Traceback \(most recent call last\)")
"""A notebook names the exception in the header, too."""
FRAME = re.compile(r'File "([^"]+)", line (\d+)(?:, in (.*))?')
RICH_FRAME = re.compile(r"│ ((?:/|[A-Z]:\\)\S+):(\d+) in\s+([^\s│]*)")
_OTHER_RANK = re.compile(
    r"(?i)\(most recent call last\):? \((?:rank|worker|process) (\d{1,5})\)"
    r"|^\W{0,2}(?:exception|error|failure|traceback) (?:of|on|in|from) (?:rank|worker) (\d{1,5})\W{1,3}Traceback"
)
"""A header with the rank whose traceback it is, as `torch.distributed.checkpoint` writes it."""
_EXCEPTION = re.compile(
    r"^(?:E\s+)?(?P<type>(?:[A-Za-z_][\w]*\.)*[A-Z]\w*?(?:Error|Exception|Interrupt|Exit|Timeout|Failure|Died|Crash|Empty|Full"
    r"|Abort(?:ed)?|Stop\w*|Cancelled|Unavailable|Exhausted|Refused|Denied|NotFound|Fault|Escape|BadZipFile|OutOfResources)"
    r"(?:\([A-Z]\w+\))?)(?::\s?(?P<message>.*)|\s*)$",
    re.DOTALL,
)
_DOTTED = re.compile(
    r"^(?P<type>(?:[a-z_]\w*\.)+(?:_?[A-Z]\w+|error|timeout|gaierror|herror))(?:: (?P<message>.*)|\s*)$", re.DOTALL
)
"""Other names of exceptions, some in lower case such as `zlib.error`; they count only in a traceback."""
_SERVICE = re.compile(
    r"-packages/(?:wandb|mlflow|comet_ml|neptune|tensorboardX?|sentry_sdk|clearml|prometheus_client|opentelemetry)/"
)
"""Libraries that report on a run from separate threads."""
_CLEANUP = re.compile(
    r"Task exception was never retrieved|Task was destroyed but|Exception in callback \S+|Exception ignored (in|on)"
    r"|Error in atexit\._run_exitfuncs|--- Logging error ---"
)
_CLEANUP_FRAME = re.compile(
    r"(multiprocessing/(util|resource_tracker)\.py|weakref\.py|tempfile\.py|/shutil\.py|threading\.py).*"
    r"in (_run_finalizers|_exit_function|__call__|_exitfunc|_remove_temp_dir|_shutdown|rmtree"
    r"|_rmtree\w*|main|_cleanup|__del__)\b"
    r"|multiprocessing/queues\.py.*in _feed|in (__del__|_cleanup|_atexit\w*|atexit_\w+|_exitfunc)$"
)
_SHARED_HEADER = re.compile(r"\S.{20,}Traceback|\^CTraceback|Traceback \(most recent call last\):\s*\S")
"""A header that shares its line with other text."""
_JAVA_CAUSE = re.compile(r"^\s*Caused by: [\w.$]+(?:Exception|Error)\b")
_NUMBER = re.compile(r"\d+")
_NOBODY = LineSource()
CAUSE = re.compile(r"During handling of the above exception|The above exception was the direct cause")


@dataclass(frozen=True, slots=True)
class RaisedException:
    """A reassembled exception."""

    kind: str
    """The exception's type as printed."""
    message: str
    frame: str
    """`file:function` of the last frame in the user's code, else of the last frame; empty if there was none."""
    has_traceback: bool
    """Were there frames or a header before it? A bare `ValueError: ...` line is weaker evidence."""
    is_cleanup: bool
    """Was it raised in clean-up code: finalizers, `atexit`, `__del__`?"""
    is_service: bool = False
    """Was it raised in a library that only reports on the run?"""
    has_full_path: bool = False
    """Does a frame name its file by its full path, as frames of an installed program do?"""
    frames: int = 0
    """Number of its frames; 0 if unknown, because other tracebacks of the same source were open."""
    user_line: str = ""
    """The line of the last frame in the user's code; "" if there was none."""
    user_number: int = 0
    """Number of that frame, from 1."""
    last_path: str = ""
    """The file of the innermost frame, in the user's code or not."""
    follows: Literal["", "cause", "handling", "java"] = ""
    """Was it raised from the exception before it, or while that was handled? Java prints the cause last."""
    rank: int | None = None
    """The rank that its lines state, or only its header."""
    is_indented: bool = False
    """Is its header indented? Then a program printed it, and not Python at the program's end."""
    names_rank: bool = False
    """Does its header name the rank, which another process passes on?"""


@dataclass(slots=True)
class OpenTraceback:
    """What one source has printed of its tracebacks so far."""

    depth: int = 0
    """Number of tracebacks open at once."""
    last_line: int = 0
    user_frame: str = ""
    user_line: str = ""
    user_number: int = 0
    any_frame: str = ""
    last_path: str = ""
    is_cleanup: bool = False
    """Was it announced as clean-up?"""
    has_finalizer: bool = False
    """Does a frame belong to a finalizer of the standard library?"""
    is_service: bool = False
    has_full_path: bool = False
    frames: int = 0
    first_line: int = 0
    kind: str = ""
    """The exception's type, if the header names it."""
    rank: int | None = None
    """The rank that the header names."""
    is_in_table: bool = False
    is_indented: bool = False
    prefix: str = ""
    """What precedes the header on its line, in the format of a logger or launcher that is not known."""
    follows: Literal["", "cause", "handling", "java"] = ""

    @property
    def has_traceback(self) -> bool:
        """Is it a traceback: with a header, or one whose header was cut off at the start of the log?"""
        is_headless = self.first_line <= NEAR_START and self.frames >= MIN_HEADLESS_FRAMES
        return (self.depth > 0 and bool(self.any_frame or self.kind)) or is_headless

    @property
    def has_started(self) -> bool:
        """Is the next exception part of it?"""
        return self.depth > 0 or bool(self.any_frame) or bool(self.follows)


@dataclass(frozen=True, slots=True)
class UnfinishedTraceback:
    """A traceback whose exception line is missing."""

    kind: str
    """The exception's type, if the header names it."""
    frame: str
    """The last frame in the user's code, else the last frame."""
    last_frame: str
    line: int
    rank: int | None
    frames: int = 0
    user_line: str = ""
    user_number: int = 0
    is_service: bool = False
    """Was it raised in a library that only reports on the run?"""


@dataclass(slots=True)
class Tracebacks:
    """Reassembles the tracebacks of each source."""

    open: dict[str, OpenTraceback] = field(default_factory=dict)
    headed: LineSource | None = None
    """The process of the newest traceback of which perhaps only the header has a prefix."""

    def feed(self, source: LineSource, text: str, line: int) -> tuple[RaisedException | None, bool]:
        """Read one line; return the exception that ends here, if any, and whether the line is only a part of one."""
        source = self._owner(source, line)
        if found := FRAME.search(text) or RICH_FRAME.search(text):
            state = self._open(source, line)
            self._frame(state, found, text)
            if found.re is RICH_FRAME:  # occurs only in tracebacks, whose header may be cut off
                state.depth = max(state.depth, 1)
            return None, True
        if header := HEADER.search(text):
            state = self._open(source, line)
            state.depth += 1
            state.prefix = text[: header.start()] if header.start() <= MAX_PREFIX else ""
            state.is_in_table = _TABLE_HEADER.match(text) is not None
            state.is_indented = not state.is_in_table and text[0].isspace()
            if found := _OTHER_RANK.search(text):
                state.rank = int(found.group(1) or found.group(2))
            if named := NOTEBOOK_HEADER.match(text):
                state.kind = named.group("type")
            if source.rank is not None and not HEADER.match(text):
                self.headed = source
            return None, _SHARED_HEADER.search(text) is None or NOTEBOOK_HEADER.match(text) is not None
        if CAUSE.search(text):
            self._open(source, line).follows = "handling" if "During handling" in text else "cause"
            return None, True
        if _JAVA_CAUSE.match(text):
            self._open(source, line).follows = "java"
            text = text.partition("Caused by: ")[2]
        if _CLEANUP.search(text):
            self._open(source, line).is_cleanup = True
            return None, True
        return self._exception(source, text, line), False

    def find_unfinished(self, lines: int) -> UnfinishedTraceback | None:
        """Return the newest traceback without its exception, if it is near the end of a log of `lines` lines."""
        waiting = [
            (one.last_line, key)
            for key, one in self.open.items()
            if one.has_traceback and not (one.is_cleanup or one.has_finalizer)
        ]
        last_line, key = max(waiting, default=(0, ""))
        if not key or lines - last_line > NEAR_END:
            return None
        rank, one = key.partition("@")[0], self.open[key]
        frame = one.user_frame or one.any_frame
        return UnfinishedTraceback(
            one.kind, frame, one.any_frame, last_line + 1, int(rank) if rank else None, one.frames, one.user_line,
            one.user_number, one.is_service and not one.user_frame,
        )  # fmt: skip

    def _owner(self, source: LineSource, line: int) -> LineSource:
        """The source of a line, or of the header before it if the line has no prefix."""
        if source != _NOBODY or self.headed is None:
            return source
        state = self.open.get(_key(self.headed))
        return self.headed if state is not None and line - state.last_line <= NEAR_END else source

    def _exception(self, source: LineSource, text: str, line: int) -> RaisedException | None:
        state = self.open.get(_key(source))
        if state is not None and line - state.last_line > STALE_LINES:
            del self.open[_key(source)]
            state = None
        if state is not None:
            text = _without_prefix(text, state.prefix)
            text = text.lstrip() if state.is_in_table or state.is_indented else text
        found = _EXCEPTION.match(text) or (state and (_DOTTED.match(text) or _match_named(text, state.kind)))
        if not found:
            return None
        kind, message = found.group("type"), (found.group("message") or "").strip()
        if state is None:
            return RaisedException(kind, message, "", has_traceback=False, is_cleanup=False)
        raised = RaisedException(
            kind,
            message,
            state.user_frame or state.any_frame,
            has_traceback=state.has_started,
            is_cleanup=state.is_cleanup or (state.has_finalizer and not state.user_frame),
            is_service=state.is_service and not state.user_frame,
            has_full_path=state.has_full_path,
            frames=state.frames if state.depth <= 1 else 0,
            user_line=state.user_line,
            user_number=state.user_number,
            last_path=state.last_path,
            follows=state.follows,
            rank=source.rank if state.rank is None else state.rank,
            is_indented=state.is_indented,
            names_rank=state.rank is not None,
        )
        state.depth -= 1
        if state.depth <= 0:
            del self.open[_key(source)]
        return raised

    def _frame(self, state: OpenTraceback, found: re.Match[str], text: str) -> None:
        path, function = found.group(1).replace("\\", "/"), found.group(3) or ""
        name = f"{path.rsplit('/', 1)[-1]}:{function.strip()}"
        state.any_frame, state.last_path = name, path[-FRAME_CHARS:]
        state.frames += 1
        state.has_full_path = state.has_full_path or path.startswith("/")
        if not is_library(path):
            state.user_frame, state.user_line, state.user_number = name, text.rstrip()[:FRAME_CHARS], state.frames
        if "-packages/" in path and _SERVICE.search(path):
            state.is_service = True
        if _CLEANUP_FRAME.search(text):
            state.has_finalizer = True

    def _open(self, source: LineSource, line: int) -> OpenTraceback:
        key = _key(source)
        state = self.open.get(key)
        if state is None or line - state.last_line > STALE_LINES:
            if len(self.open) >= MAX_OPEN:
                del self.open[next(iter(self.open))]
            state = self.open[key] = OpenTraceback(first_line=line)
        state.last_line = line
        return state


def _without_prefix(text: str, prefix: str) -> str:
    """Remove what a line has in common with its traceback's header, which may differ in numbers such as a time."""
    if not prefix or prefix.isspace():
        return text
    found = re.match(_NUMBER.sub(r"\\d+", re.escape(prefix)), text)
    return text[found.end() :] if found else text


def _match_named(text: str, kind: str) -> re.Match[str] | None:
    """Match the line of the exception that a notebook named in the header, whatever its name."""
    return re.match(rf"(?P<type>(?:[\w.]+\.)?{re.escape(kind)})(?:: (?P<message>.*)|\s*)$", text) if kind else None


def _key(source: LineSource) -> str:
    return f"{source.rank if source.rank is not None else ''}@{source.name}"
