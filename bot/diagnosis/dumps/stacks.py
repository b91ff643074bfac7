"""Read stack dumps: of py-spy (text, `--locals`, `--json`) and of Python's faulthandler, one or many in a file."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.diagnosis.reading.labels import Label

MAX_STACKS = 8192
"""Maximum number of processes of one file."""
MAX_FRAMES = 256
_PYSPY = re.compile(r"(?m)^Process (\d+): (.*)$")
_PYSPY_THREAD = re.compile(r"^Thread (?:0x)?[0-9A-Fa-f]+ \(\S[^)]*\)(?:: \"(.*)\")?$")
_PYSPY_FRAME = re.compile(r"^ {4}(\S.*) \(([^()]*?)(?::(\d+))?\)$")
_FAULT_THREAD = re.compile(r"^(?:Current thread|Thread) 0x[0-9a-fA-F]+ (?:\[(.*?)\] )?\(most recent call first\):")
_FAULT_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.+)$')
_FAULT_START = re.compile(r"^Timeout \(|^Fatal Python error: ")
_RANK = re.compile(r"(?i)\b(?:global[_ -]?)?rank[ _:=#-]{0,3}(\d{1,6})\b|\[rank(\d{1,6})\]|\brank_(\d{1,6})\b")
_RANK_ARGUMENT = re.compile(r"--(?:local[_-])?rank[= ](\d{1,6})\b")
_RANK_LOCAL = re.compile(r"^ {12}(?:global_)?rank: (\d{1,6})$")
_RANK_NAMES = ("rank", "global_rank")
MAX_RANK_DIGITS = 7
_STACK_LINE = re.compile(
    rb'(?m)^(?:Process \d+: |Thread (?:0x)?[0-9A-Fa-f]+ \(|Current thread 0x|  File "|    \S.* \([^()\n]*\)$)'
)
_CRASH = b"Fatal Python error: Segmentation fault"
"""The stack of a crash belongs to a log, which has the failure."""
_JSON_STACKS = re.compile(rb'^\s*\[\s*\{\s*"(?:pid|thread_id|thread_name|frames)":')
_MIN_SHARE = 0.4
"""Share of the lines of a file's head that belong to stacks, if it is a dump and not a log with a stack in it."""


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One call."""

    function: str
    file: str
    """As the dump states it: a path, or only its last parts."""
    line: int

    @property
    def place(self) -> str:
        """`save_checkpoint (train.py:88)`."""
        name = self.file.rsplit("/", 1)[-1]
        return f"{self.function} ({name}:{self.line})" if self.line else f"{self.function} ({name})"


@dataclass(slots=True)
class Thread:
    """One thread of a process, with its innermost frame first."""

    name: str
    frames: list[StackFrame] = field(default_factory=list)


@dataclass(slots=True)
class ProcessStack:
    """The threads of one process, the main one first."""

    rank: Label | None = None
    """As the dump states it; None if only the name of the file may."""
    pid: str = ""
    threads: list[Thread] = field(default_factory=list)


def is_stack_dump(head: bytes) -> bool:
    """Tell by its first bytes whether a file consists of stacks."""
    if _JSON_STACKS.match(head):
        return True
    if _CRASH in head:
        return False
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(b"      ")]
    return bool(lines) and b"hread " in head and len(_STACK_LINE.findall(head)) >= _MIN_SHARE * len(lines)


def read_stacks(data: bytes) -> tuple[ProcessStack, ...]:
    """Return the newest stack of each process in a dump; none if it is damaged."""
    text = data.decode("utf-8", "replace")
    found = _read_json(text) if _JSON_STACKS.match(data) else _read_text(text)
    newest = {(one.rank, one.pid): one for one in found if any(thread.frames for thread in one.threads)}
    return tuple(newest.values())


def _read_text(text: str) -> list[ProcessStack]:
    reader = _TextReader()
    for line in text.splitlines():
        if len(reader.stacks) >= MAX_STACKS:
            break
        reader.read(line)
    for stack in reader.stacks:
        stack.threads.sort(key=lambda thread: not _is_main(thread))
    return reader.stacks


class _TextReader:
    """Reads py-spy and faulthandler text line by line."""

    def __init__(self) -> None:
        self.stacks: list[ProcessStack] = []
        self._marked: Label | None = None
        """The rank that a line between two stacks names."""

    def read(self, line: str) -> None:
        """Read one line."""
        if found := _PYSPY.match(line):
            argument = _RANK_ARGUMENT.search(found[2])
            self._start(int(argument[1]) if argument else self._marked, found[1])
        elif found := _PYSPY_THREAD.match(line) or _FAULT_THREAD.match(line):
            self._open(found[1] or "")
        elif _FAULT_START.match(line):
            self._start(self._marked, "")
        elif found := _PYSPY_FRAME.match(line):
            self._add(StackFrame(found[1], found[2], int(found[3] or 0)))
        elif found := _FAULT_FRAME.match(line):
            self._add(StackFrame(found[3], found[1], int(found[2])))
        elif found := _RANK_LOCAL.match(line):
            if self.stacks and self.stacks[-1].rank is None:
                self.stacks[-1].rank = int(found[1])
        elif not line.startswith("      ") and (found := _RANK.search(line)):
            self._marked = int(next(group for group in found.groups() if group))
            self._start(self._marked, "")

    def _start(self, rank: Label | None, pid: str) -> None:
        if self.stacks and not self.stacks[-1].threads:
            self.stacks.pop()
        self.stacks.append(ProcessStack(rank, pid))

    def _open(self, name: str) -> None:
        if not self.stacks:
            self._start(self._marked, "")
        self.stacks[-1].threads.append(Thread(name))

    def _add(self, frame: StackFrame) -> None:
        if self.stacks and self.stacks[-1].threads and len(self.stacks[-1].threads[-1].frames) < MAX_FRAMES:
            self.stacks[-1].threads[-1].frames.append(frame)


def _is_main(thread: Thread) -> bool:
    """Python's own dump does not name the main thread, but its first call is a module."""
    return thread.name == "MainThread" or (
        not thread.name and bool(thread.frames) and thread.frames[-1].function == "<module>"
    )


def _read_json(text: str) -> list[ProcessStack]:
    decoder, at, stacks = json.JSONDecoder(), 0, list[ProcessStack]()
    while at < len(text) and len(stacks) < MAX_STACKS:
        try:
            threads, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        stacks += _json_stacks(threads)
        while at < len(text) and text[at].isspace():
            at += 1
    return stacks


def _json_stacks(document: object) -> Iterable[ProcessStack]:
    stacks: dict[str, ProcessStack] = {}
    for row in document if isinstance(document, list) else []:
        if not isinstance(row, dict):
            continue
        pid = str(row.get("pid", ""))
        stack = stacks.setdefault(pid, ProcessStack(_json_rank(row), pid))
        frames = row.get("frames")
        known = [_json_frame(one) for one in (frames if isinstance(frames, list) else [])[:MAX_FRAMES]]
        stack.threads.append(Thread(str(row.get("thread_name") or ""), [one for one in known if one]))
    for stack in stacks.values():
        stack.threads.sort(key=lambda thread: thread.name != "MainThread")
    return stacks.values()


def _json_frame(row: object) -> StackFrame | None:
    if not isinstance(row, dict):
        return None
    line = row.get("line")
    file = str(row.get("filename") or row.get("short_filename") or "")
    return StackFrame(str(row.get("name") or ""), file, line if isinstance(line, int) else 0)


def _json_rank(row: dict[str, object]) -> Label | None:
    """The rank that a process's arguments or a local variable states."""
    info = row.get("process_info")
    argument = _RANK_ARGUMENT.search(str(info.get("command_line"))) if isinstance(info, dict) else None
    if argument:
        return int(argument[1])
    frames = row.get("frames")
    for frame in frames if isinstance(frames, list) else []:
        known = frame.get("locals") if isinstance(frame, dict) else None
        for local in known if isinstance(known, list) else []:
            text = str(local.get("repr")) if isinstance(local, dict) and local.get("name") in _RANK_NAMES else ""
            if text.isdecimal() and len(text) < MAX_RANK_DIGITS:
                return int(text)
    return None
