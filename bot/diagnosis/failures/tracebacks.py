"""Interleaved lines become whole events: one exception with the frame it came from.

Only lines that look like part of a failure arrive here (the page filter in `reader` sees to that), from many
ranks at once. What is kept per speaker is small: the last frame, in the user's code if any, and how many
tracebacks are open, since without rank prefixes eight of them write into one stream.
Whether an event is a root or an echo is decided in `incidents`.
"""

import re
from dataclasses import dataclass, field

from bot.diagnosis.failures.fingerprints import is_library
from bot.diagnosis.reading.prefixes import Speaker

MAX_OPEN = 2048
"""Speakers whose tracebacks are being put together; the oldest is forgotten first."""

STALE_LINES = 4000
"""A traceback that has no end after so many lines has lost it."""

NEAR_END = 200
"""Lines from the log's end within which a traceback may still lack its last line."""

NEAR_START, HEADLESS = 2, 3
"""A log that begins in the middle of a traceback begins, within so many lines, with so many frames."""

STRUCTURE = (
    r"Traceback \(most recent call last\)",
    r"File \"",
    r"│ (?:/|[A-Z]:\\)\S+:\d+ in ",
    r"[A-Za-z](?:Error|Exception|Interrupt|Exit|Timeout|Failure)(?:\([A-Z]\w+\))?(?:: |:?[ \t]*$)",
    r"During handling of the above exception|The above exception was the direct cause",
    r"Exception ignored in|Task (?:exception was never|was destroyed)"
    r"|Error in atexit\._run_exitfuncs|--- Logging error ---",
    r"Root Cause \(first observed failure\)|(?:rank|exitcode) +: -?\d",
    r"-- Process \d+ terminated with the following error",
    r"Killed[ \t]*$",
)
"""Parts for the page filter: the lines this module wants to see."""

_HEADER = re.compile(r"Traceback \(most recent call last\)")
_TABLED = re.compile(r"^\s+traceback\s*: Traceback")
"""A launcher quotes a worker's traceback in its table, indented to the exception's own line."""
_NOTEBOOK = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)\s{2,}Traceback \(most recent call last\)")
"""A notebook names the exception in the head, too."""
_FRAME = re.compile(r'File "([^"]+)", line (\d+)(?:, in (.*))?')
_RICH_FRAME = re.compile(r"│ ((?:/|[A-Z]:\\)\S+):(\d+) in\s+([^\s│]*)")
_EXCEPTION = re.compile(
    r"^(?:E\s+)?(?P<type>(?:[A-Za-z_][\w]*\.)*[A-Z]\w*?(?:Error|Exception|Interrupt|Exit|Timeout|Failure|Died|Crash|Empty|Full"
    r"|Abort(?:ed)?|Stop\w*|Cancelled|Unavailable|Exhausted|Refused|Denied|NotFound|Fault|Escape|BadZipFile|OutOfResources)"
    r"(?:\([A-Z]\w+\))?)(?::\s?(?P<message>.*)|\s*)$",
    re.DOTALL,
)
_DOTTED = re.compile(r"^(?P<type>(?:[a-z_]\w*\.)+[A-Z]\w+)(?:: (?P<message>.*)|\s*)$", re.DOTALL)
_SERVICE = re.compile(
    r"-packages/(?:wandb|mlflow|comet_ml|neptune|tensorboardX?|sentry_sdk|clearml|prometheus_client|opentelemetry)/"
)
"""Libraries that report on a run from threads of their own."""
_CLEANUP = re.compile(
    r"Task exception was never retrieved|Task was destroyed but|Exception ignored (in|on)"
    r"|Error in atexit\._run_exitfuncs|--- Logging error ---"
)
_CLEANUP_FRAME = re.compile(
    r"(multiprocessing/(util|resource_tracker)\.py|weakref\.py|tempfile\.py|/shutil\.py|threading\.py).*"
    r"in (_run_finalizers|_exit_function|__call__|_exitfunc|_remove_temp_dir|_shutdown|rmtree"
    r"|_rmtree\w*|main|_cleanup|__del__)\b"
    r"|multiprocessing/queues\.py.*in _feed|in (__del__|_cleanup|_atexit\w*|atexit_\w+|_exitfunc)$"
)
_MIXED = re.compile(r"\S.{20,}Traceback|Traceback \(most recent call last\):\s*\S")
"""A header that shares its line with something else."""
_INNER = re.compile(r"Original Traceback")
_CAUSE = re.compile(r"During handling of the above exception|The above exception was the direct cause")


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that was put together."""

    kind: str
    """The exception's type as printed."""
    message: str
    frame: str
    """`file:function` of the last frame in the user's code, else the last frame at all; empty when none was seen."""
    traced: bool
    """Were there frames or a header before it? A bare `ValueError: ...` line is weaker evidence."""
    chained: bool
    """Does it follow another exception of the same speaker, as its consequence?"""
    cleanup: bool
    """Did it come from clean-up code: finalizers, `atexit`, `__del__`?"""
    service: bool = False
    """Did it stay within a library that only reports on the run?"""
    rooted: bool = False
    """Does a frame name its file by a full path, as those of an installed program do?"""


@dataclass(slots=True)
class Open:
    """What one speaker has said so far of its tracebacks."""

    depth: int = 0
    last_line: int = 0
    user_frame: str = ""
    any_frame: str = ""
    chained: bool = False
    cleanup: bool = False
    """Announced as clean-up."""
    finalizer: bool = False
    """Came through a finalizer of the standard library."""
    service: bool = False
    rooted: bool = False
    frames: int = 0
    since: int = 0
    """Line of its first word."""
    kind: str = ""
    """The exception, where the head names it."""
    tabled: bool = False

    @property
    def traced(self) -> bool:
        """Is it a traceback: with a head, or cut off by the log's beginning?"""
        headless = self.since <= NEAR_START and self.frames >= HEADLESS
        return (self.depth > 0 and bool(self.any_frame or self.kind)) or headless


@dataclass(frozen=True, slots=True)
class Torn:
    """A traceback that never came to its exception."""

    kind: str
    """The exception, where the head told it."""
    frame: str
    last: str
    """The frame of the user's code, and the last at all."""
    line: int
    rank: int | None


@dataclass(slots=True)
class Tracebacks:
    """Puts tracebacks together, speaker by speaker."""

    open: dict[str, Open] = field(default_factory=dict)

    def feed(self, speaker: Speaker, text: str, line: int) -> tuple[Raised | None, bool]:
        """Take one line; return the exception that ends here, if one does, and whether the line is only a part."""
        if found := _FRAME.search(text) or _RICH_FRAME.search(text):
            state = self._of(speaker, line)
            self._frame(state, found, text)
            if found.re is _RICH_FRAME:  # drawn in tracebacks alone, of which the head may be cut off
                state.depth = max(state.depth, 1)
            return None, True
        if _HEADER.search(text):
            state = self._of(speaker, line)
            state.depth += 1
            state.tabled = _TABLED.match(text) is not None
            if named := _NOTEBOOK.match(text):
                state.kind = named.group("type")
            if _INNER.search(text):
                state.chained = False
            return None, not _MIXED.search(text)
        if _CAUSE.search(text):
            self._of(speaker, line).chained = True
            return None, True
        if _CLEANUP.search(text):
            self._of(speaker, line).cleanup = True
            return None, True
        return self._exception(speaker, text, line), False

    def unfinished(self, lines: int) -> Torn | None:
        """A traceback near the log's end that never came to its exception.

        Args:
            lines: in the log.
        """
        waiting = [
            (one.last_line, key) for key, one in self.open.items() if one.traced and not (one.cleanup or one.finalizer)
        ]
        last_line, key = max(waiting, default=(0, ""))
        if not key or lines - last_line > NEAR_END:
            return None
        rank, one = key.partition("@")[0], self.open[key]
        frame = one.user_frame or one.any_frame
        return Torn(one.kind, frame, one.any_frame, last_line + 1, int(rank) if rank else None)

    def _exception(self, speaker: Speaker, text: str, line: int) -> Raised | None:
        state = self.open.get(_key(speaker))
        if state is not None and line - state.last_line > STALE_LINES:
            del self.open[_key(speaker)]
            state = None
        text = text.lstrip() if state and state.tabled else text
        found = _EXCEPTION.match(text) or (state and _DOTTED.match(text))
        if not found:
            return None
        kind, message = found.group("type"), (found.group("message") or "").strip()
        if state is None:
            return Raised(kind, message, "", traced=False, chained=False, cleanup=False)
        raised = Raised(
            kind,
            message,
            state.user_frame or state.any_frame,
            traced=state.depth > 0 or bool(state.any_frame),
            chained=state.chained,
            cleanup=state.cleanup or (state.finalizer and not state.user_frame),
            service=state.service and not state.user_frame,
            rooted=state.rooted,
        )
        state.chained = False
        state.depth -= 1
        if state.depth <= 0:
            del self.open[_key(speaker)]
        return raised

    def _frame(self, state: Open, found: re.Match[str], text: str) -> None:
        path, function = found.group(1), found.group(3) or ""
        name = f"{path.rsplit('/', 1)[-1]}:{function.strip()}"
        state.any_frame = name
        state.frames += 1
        state.rooted = state.rooted or path.startswith("/")
        if not is_library(path):
            state.user_frame = name
        if "-packages/" in path and _SERVICE.search(path):
            state.service = True
        if _CLEANUP_FRAME.search(text):
            state.finalizer = True

    def _of(self, speaker: Speaker, line: int) -> Open:
        key = _key(speaker)
        state = self.open.get(key)
        if state is None or line - state.last_line > STALE_LINES:
            if len(self.open) >= MAX_OPEN:
                del self.open[next(iter(self.open))]
            state = self.open[key] = Open(since=line)
        state.last_line = line
        return state


def _key(speaker: Speaker) -> str:
    return f"{speaker.rank if speaker.rank is not None else ''}@{speaker.source}"
