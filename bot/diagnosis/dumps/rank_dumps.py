"""Dumps of ranks as inputs besides logs: flight recorders and stacks, recognised by their content."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.diagnosis.dumps.flight_recorder import FlightTrace, read_flight_recorder
from bot.diagnosis.dumps.stack_comparison import compare_stacks
from bot.diagnosis.dumps.stacks import ProcessStack, is_stack_dump, read_stacks
from bot.diagnosis.dumps.trace_comparison import compare_traces
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.labels import Label
from bot.domain.alerts import Severity

HEAD = 1 << 13
"""Number of bytes at the start of a file that tell what it is."""
MAX_BYTES = 64 << 20
"""Maximum size of a dump."""

_RECORDER = re.compile(rb"pg_config|pg_status|profiling_name|collective_seq_id")
_JSON_START = re.compile(rb'\s*\{\s*"\w+"\s*:')
_LAST_NUMBER = re.compile(r"(\d{1,6})(?:\.\w+)?$")


@dataclass(frozen=True, slots=True)
class RankDump:
    """What one file holds."""

    path: str
    trace: FlightTrace | None = None
    stacks: tuple[ProcessStack, ...] = ()

    @property
    def processes(self) -> int:
        """Number of processes that it shows; 0 if it is damaged."""
        return len(self.stacks) + (self.trace is not None)


def is_rank_dump(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a flight recorder's dump or consists of stacks."""
    return is_flight_recorder(head) or is_stack_dump(head)


def is_flight_recorder(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a flight recorder's dump."""
    is_likely = head.startswith(b"\x80") or _JSON_START.match(head) is not None
    return is_likely and _RECORDER.search(head) is not None


def read_dump(path: str, data: bytes) -> RankDump:
    """Read a dump.

    Raises:
        UnreadableDump: a flight recorder's dump is damaged, or a pickle holds more than plain data.
    """
    if is_flight_recorder(data[:HEAD]):
        return RankDump(path, trace=read_flight_recorder(data))
    return RankDump(path, stacks=read_stacks(data))


def compare_dumps(dumps: Sequence[tuple[RankDump, int | None]]) -> Failure | None:
    """Return what the dumps of all ranks reveal together.

    Args:
        dumps: each with the rank that the name of its file states.
    """
    traces = {_label(dump, rank): dump.trace for dump, rank in dumps if dump.trace is not None}
    files = {_label(dump, rank): dump.path for dump, rank in dumps}
    stacks = dict(_labelled_stacks(dumps))
    damaged = frozenset(_label(dump, rank) for dump, rank in dumps if not dump.processes)
    by_trace, by_stack = compare_traces(traces, damaged) if traces else None, compare_stacks(stacks)
    found = by_trace or by_stack
    if found is None:
        return _nothing_found(dumps) if dumps else None
    if by_trace is not None and by_stack is not None and by_stack.ranks:
        found = replace(by_trace, why=f"{by_trace.why} Stacks: {by_stack.why}", ranks=by_trace.ranks or by_stack.ranks)
    file = files.get(found.ranks[0]) if found.ranks else None
    return replace(found, file=file or dumps[0][0].path)


def _nothing_found(dumps: Sequence[tuple[RankDump, int | None]]) -> Failure:
    """A note that the dumps were read, and what they lack."""
    ranks = sum(dump.processes for dump, _ in dumps)
    title = "No rank differs in these dumps" if ranks > 1 else "The dump of one rank alone shows no failure"
    title = title if ranks else "None of these dumps can be read"
    title += ". Scan those of all ranks."
    return Failure(
        severity=Severity.INFO, category="collective", signature="dumps_agree", title=title,
        hint="", line=0, file=dumps[0][0].path, fingerprint="dumps_agree",
    )  # fmt: skip


def _label(dump: RankDump, rank: int | None) -> Label:
    if rank is not None:
        return rank
    numbered = None if dump.stacks else _LAST_NUMBER.search(dump.path)
    return int(numbered[1]) if numbered else dump.path


def _labelled_stacks(dumps: Iterable[tuple[RankDump, int | None]]) -> Iterable[tuple[Label, ProcessStack]]:
    for dump, rank in dumps:
        for stack in dump.stacks:
            stated = stack.rank if stack.rank is not None else rank
            if stated is not None:
                yield stated, stack
            else:
                yield f"pid {stack.pid}" if stack.pid else dump.path, stack
