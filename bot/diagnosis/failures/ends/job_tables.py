"""Read tables of the states of jobs, pods and containers, as schedulers and clouds print them, and find what failed.

The states of one job are compared: a later attempt that runs or has completed replaces one that failed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.diagnosis.categories import Category
from bot.diagnosis.failures.ends.last_words import EndRow
from bot.domain.regex import compile_pattern

_FAILED: dict[str, Category] = {
    **dict.fromkeys(("FAILED", "Failed", "failed", "failure", "Failure", "Error", "ERROR", "error", "EXIT",
                     "F"), "code"),
    **dict.fromkeys(("CrashLoopBackOff", "RunContainerError", "StartError", "ContainerCannotRun", "ErrImagePull",
                     "ImagePullBackOff", "CreateContainerError", "CreateContainerConfigError", "Init:Error",
                     "Init:CrashLoopBackOff", "FAILED_SETUP", "FAILED_PRECHECKS", "BOOT_FAIL",
                     "LaunchFailed"), "launch"),
    "JOB_STATE_FAILED": "code", "X": "code", "dead": "code", "FAILURE": "code", "CRASHED": "code",
    "Crashed": "code", "ABORTED": "code", "Aborted": "code", "ERRORED": "code", "Errored": "code",
    "KILLED": "code", "JOB_STATE_EXPIRED": "scheduler",
    **dict.fromkeys(("OUT_OF_MEMORY", "OUT_OF_ME+", "OOM", "OOMKilled", "OutOfMemory"), "host_memory"),
    **dict.fromkeys(("TIMEOUT", "TimedOut", "TIMED_OUT", "timed_out", "TIME_LIMIT", "DEADLINE", "DeadlineExceeded",
                     "NODE_FAIL", "TO", "NF", "BF", "FAILED_NO_RESOURCE", "Evicted", "Expired", "DL"), "scheduler"),
    "\u2716": "code", "\u2717": "code", "\u2718": "code", "\u274c": "code",
}  # fmt: skip
"""States of what failed, with the category that they suggest."""
_GOOD = frozenset((
    "COMPLETED", "Completed", "Complete", "COMPLETE", "FINISHED", "SUCCESS", "passed", "Passed",
    "completed", "SUCCEEDED", "Succeeded", "succeeded", "success", "Success", "DONE", "CD",
    "RUNNING", "Running", "running", "COMPLETING", "R", "CG", "RUN", "PENDING", "RECOVERING", "Up", "\u2714", "\u2713",
    "\u25cf", "\u2705", "Finished", "Restarting", "in_progress",
    "JOB_STATE_SUCCEEDED", "JOB_STATE_RUNNING", "ContainerCreating",
))  # fmt: skip
"""States of what completed, runs or is started again."""
_NEUTRAL = frozenset((
    "skipped", "Skipped", "SKIPPED", "upstream_failed", "queued", "pending", "cancelled", "canceled", "Cancelled",
    "CANCELLED", "CANCELLED+", "Terminating", "None", "none",
))  # fmt: skip
"""States of what neither failed nor replaces what did."""
_STATE_NAMES = frozenset(("STATE", "STATUS", "STAT", "ST", "CONCLUSION", "PHASE", "RESULT", "FINALSTATUS"))
_CODE_NAMES = frozenset(("EXITCODE", "EXIT_CODE", "EXITSTATUS", "EXIT_STATUS", "EXIT"))
_JOB_NAMES = (
    "TASK_ID",
    "JOBNAME",
    "JOB_NAME",
    "NAME",
    "NAMES",
    "DISPLAYNAME",
    "DISPLAY_NAME",
    "JOB",
    "TASK",
    "POD",
    "CONTAINER",
)
_TREE = frozenset(("\u2716", "\u2717", "\u2718", "\u2714", "\u2713", "\u25cf"))
_OF_JOBS = re.compile(
    r"(?i)\b(?:jobs?|jobid|pods?|sacct|squeue|bjobs|bacct|qstat|qacct|condor\w*|argo|ray|sky|docker|podman"
    r"|nomad|flux|gh"
    r"|batch|databricks|workflows?|steps?|stages?|completions|containers?|restarts|executions?|runs?|tasks?"
    r"|compute|pipelines?|instances?)\b|JOB|EXIT_?CODE"
    r"|\w_id\b|WORKFLOW|READY"
)
"""What a header, or the command above it, is about."""
_OF_OTHERS = re.compile(
    r"(?i)\btrials?\b|\btests?\b|\bcheck\b|\bprecision\b|\brecall\b|\btype\b.*\breason\b|\bloss\b|\bkind\b"
)
"""Tables of trials, tests, classes and events."""
_EVENTS = re.compile(r"\s*Events:|.*\bType\b.*\bReason\b|.*\bTYPE\b.*\bREASON\b")
"""The start of a list of events, of which no row is a job."""
_PROMPT = re.compile(r"^\s*(?:\S{1,60}[@:]\S{1,60}[$#%>]|[$%>]|\(\w[\w-]*\) \$) ?\S|^\+{1,3} \S")
_BARE_TABLE = re.compile(
    r"--no-?headers?|@tsv\b|--noheader\b"
    r"|\b(?:squeue|sacct|bjobs|bhist)\b.* -(?:h|n|noheader)\b|--jq|-o[ =]tsv|-output[ =](?:tsv|text|table)"
)
"""Options with which a table has no header."""
_TOKEN = re.compile(r"[^\s|\u2500-\u257f]+")
_LINES = re.compile(r"[\W_]*")
_NO_ROW = re.compile(r"[A-Za-z][\w ]{0,30}:\s*\d+|-{1,2}[A-Za-z].*")
"""A line of a summary, such as `Failed      : 1`, or of a help text, such as `--retries N  after a failed job`."""
_CODE = re.compile(r"-?[1-9]\d{0,9}(?::\d{1,3})?|0:[1-9]\d{0,2}")
_EXITED = re.compile(r"\bExited \(([1-9]\d{0,2})\)")
_STEP_ID = re.compile(r"\d+(?:[_+]\d+)?\.\w+")
_ARRAY_TASK = re.compile(r"\d+(?:_(\d+)|\[(\d+)\])")
_SUFFIX = re.compile(r"-(?=[a-z0-9]*\d|[b-df-hj-np-tv-z]{5}$)[a-z0-9]{5}$")
_HASH = re.compile(r"-(?=[a-f0-9]*\d)[a-f0-9]{8,10}$")
_TIMED = re.compile(r"^(X|[\u2713\u2714\u2716\u2717\u2718]) (\S.{0,60}?) in \d+(?:h|m|s)")
_ATTEMPT = re.compile(r"\(\d+\)$")
MAY_BE_TABLE = compile_pattern(
    rb"FAILED|FAILURE|CRASHED|ABORTED|ERRORED|KILLED|(?m:^X )|\b(?:dead|Failed|failed|failure|Error|ERROR|EXIT"
    rb"|OUT_OF_ME|OOM|TIMEOUT|DEADLINE|NODE_FAIL"
    rb"|BOOT_FAIL|Evicted)"
    rb"|CrashLoop|Exited \([1-9]|\xe2\x9c[\x96\x97\x98]|Container\w*Error|ImagePull|\b(?:F|TO|NF)\b"
    rb"|(?i:exit_?(?:code|status))"
)


class _Column(NamedTuple):
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of a table that matter; None if it does not have one."""

    state: _Column | None
    code: _Column | None
    name: _Column | None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table."""

    row: EndRow
    job: str
    """Its name without what distinguishes attempts."""
    attempt: int | None
    """The number of the job; a larger one is a later attempt."""
    name: str
    category: Category | None
    """What its failure suggests; None if it did not fail."""


def read_table_rows(rows: Sequence[EndRow]) -> list[TableRow]:
    """Read the rows of all tables of jobs."""
    return list(_read_tables(rows))


def lines_of_tables(rows: Sequence[EndRow]) -> frozenset[int]:
    """Return the numbers of the lines that are rows of such tables."""
    return frozenset(state.row.number for state in _read_tables(rows))


def find_failed_jobs(states: Sequence[TableRow]) -> list[TableRow]:
    """Return the newest state of each job that failed and of which no other attempt runs or has completed."""
    newest = {(state.job, state.name): state for state in states}
    found = []
    for state in newest.values():
        others = [one for one in newest.values() if one.job == state.job and one.category is None]
        is_replaced = any(one.attempt is None or state.attempt is None or one.attempt > state.attempt for one in others)
        if state.category is not None and not is_replaced:
            found.append(state)
    return found


def _read_tables(rows: Sequence[EndRow]) -> Iterator[TableRow]:
    header: _Header | None = None
    command, has_parent = "", set[str]()
    for row in rows:
        text = row.raw
        if _PROMPT.match(text) or _EVENTS.match(text):
            header, command = None, text
            continue
        if (found := _read_header(text, command)) is not None:
            header, has_parent = found, set[str]()
            continue
        if (timed := _read_timed(row)) is not None:
            yield timed
            continue
        if header is None and not (command and _BARE_TABLE.search(command) and _OF_JOBS.search(command)):
            continue
        state = _read_row(row, header)
        if state is None:
            header = header if not any(char.isalnum() for char in text) else None if header and _ends(text) else header
            continue
        first = _first_token(text)
        if _STEP_ID.fullmatch(first) and first.partition(".")[0] in has_parent:
            state = TableRow(row, state.job, state.attempt, state.name, None) if state.category is None else None
        else:
            has_parent.add(first)
        if state is not None:
            yield state


def _ends(text: str) -> bool:
    """Is a line without a state prose, which ends a table?"""
    return len(text.split()) > 1 and "  " not in text.strip() and "\t" not in text and "|" not in text


def _first_token(text: str) -> str:
    found = _TOKEN.search(text)
    return found.group(0) if found else ""


def _read_header(text: str, command: str) -> _Header | None:
    tokens = [(found.group(0), _Column(*found.span())) for found in _TOKEN.finditer(text)]
    names = {token.upper().strip(":"): column for token, column in reversed(tokens)}
    if len(tokens) < 2 or _OF_OTHERS.search(text) or any(_CODE.fullmatch(token) for token, _ in tokens):
        return None
    state = next((column for name, column in names.items() if name in _STATE_NAMES), None)
    code = next((column for name, column in names.items() if name in _CODE_NAMES), None)
    is_tree = {"STEP", "TEMPLATE"} <= names.keys()
    if not (state or code or is_tree) or not (_OF_JOBS.search(text) or _OF_JOBS.search(command)):
        return None
    return _Header(state, code, next((names[name] for name in _JOB_NAMES if name in names), None))


def _read_timed(row: EndRow) -> TableRow | None:
    """Read a line of a list without a header that states how long each job took: `X train in 3m40s`."""
    found = _TIMED.match(row.raw)
    if found is None:
        return None
    name = found.group(2)
    return TableRow(row, name, None, name, _FAILED.get(found.group(1)))


def _read_row(row: EndRow, header: _Header | None) -> TableRow | None:
    text = row.raw
    tokens = [(found.group(0), _Column(*found.span())) for found in _TOKEN.finditer(text)]
    if len(tokens) < 2 or _NO_ROW.fullmatch(text.strip()):
        return None
    state = _state(tokens, header, text)
    if state is None:
        return None
    plain = [token for token, _ in tokens if _LINES.fullmatch(token) is None and token != state]
    first = plain[0] if plain else ""
    named = _overlapping(tokens, header.name) if header and header.name else None
    name = first if named is None or named == state else named
    array = _ARRAY_TASK.fullmatch(first)
    job = _ATTEMPT.sub("", _HASH.sub("", _SUFFIX.sub("", name)))
    job += f"[{array.group(1) or array.group(2)}]" if array else ""
    digits = re.match(r"\d+", first)
    full = first if digits else name
    if state in _NEUTRAL:
        job = full = f"{full} {state}"  # says nothing about other attempts
    return TableRow(row, job, int(digits.group(0)) if digits else None, full, _FAILED.get(state))


def _state(tokens: Sequence[tuple[str, _Column]], header: _Header | None, text: str) -> str | None:
    """Return the state in a row, as a key of `_FAILED` or of `_GOOD`."""
    if _EXITED.search(text):
        return "FAILED"
    words = [token for token, _ in tokens]
    if header is not None and header.state is not None:
        placed = _overlapping(tokens, header.state)
        if placed in _FAILED or placed in _GOOD or placed in _NEUTRAL:
            return placed
    states = [word for word in words if (word in _FAILED or word in _GOOD) and (len(word) > 2 or word in _TREE)]
    if states:
        return states[0]
    if header is not None and header.code is not None:
        code = _overlapping(tokens, header.code)
        if code is not None and (_CODE.fullmatch(code) or code in ("0", "0:0")):
            return "FAILED" if _CODE.fullmatch(code) else "COMPLETED"
    return None


def _overlapping(tokens: Sequence[tuple[str, _Column]], column: _Column) -> str | None:
    """Return the word of a row that is below the name of a column."""
    below = [token for token, (start, end) in tokens if start < column.end and column.start < end]
    return below[0] if below else None
