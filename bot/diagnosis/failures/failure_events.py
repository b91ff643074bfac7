"""Lines of a log that are part of a failure: those with a signature or an exception."""

import re
from typing import NamedTuple

from bot.diagnosis.failures.stated_ranks import find_rank
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.prefixes import LogTime

_BLAMED_RANKS = re.compile(
    r"\b[Rr]anks (\d+(?:, ?\d+)+) (?:failed|did not|have not|never|are (?:missing|stuck|dead))"
    r"|\branks?[ =:]{1,2}\[(\d+(?:, ?\d+)*)\] (?:was|were|has|have) (?:been )?(?:aborted|killed|lost)"
)
"""Several ranks at once; the first one is the root rank."""
_BLAMED_RANK = re.compile(
    r"\b[Rr]ank (\d+) (?:failed to pass|crashed|did not|(?:is|has) (?:dead|missing|behind|stuck|failed|died|crashed))"
    r"|\[missing ranks?: (\d+)\]|Stalled ranks: ?(\d+)\b"
    r"|ranks? \[(\d+)\] (?:(?:are|is) the lagging|did not|have not|never)"
    r"|\[(\d+)\] finished collective #\d+, but|rank (\d+) status failed|Exception in device=\w+:(\d+)"
    r"|\brank (\d+) stalled\b"
    r"|\b(?:[Pp]rocess|[Tt]ask|[Rr]ank) (\d+) has already (?:registered|connected)"
    r"|process rank (\d+) with PID|\bprocess (\d+) terminated with (?:signal|exit code)|invoked on rank (\d+)"
    r"|/task:(\d+)\b.*(?:heartbeat|ERROR|incarnation|has (?:failed|died|restarted))"
    r"|[Rr]anks? \((\d+)(?:, ?\d+)*\) (?:has|have) stalled|\bremote rank: ?\[(\d+)\]|\bdst_rank\[(\d+)\]"
    r"|\bShard (\d+) failed to start|while waiting for send/recv from rank (\d+)|Time out nodes are \['(\d+)'\]"
    r"|retrieving ncclUniqueId from \[(\d+)\]|\bFrom /job:\w+/replica:\d+/task:(\d+):"
)
_FAILED_TASK = re.compile(r"error: \S+: task (\d+): [A-DF-SU-Z]")
"""A task that Slurm ended: a rank, or the launcher of a node's ranks."""


class ReadPosition(NamedTuple):
    """How much of a log is read."""

    samples: int = 0
    """Number of progress samples."""
    offset: int = 0
    """Number of bytes."""


class FailureEvent(NamedTuple):
    """One line that is part of a failure."""

    text: str
    line: int
    label: Label | None
    time: LogTime | None
    position: ReadPosition
    step: float | None = None
    """The newest step before it."""
    blamed_rank: int | None = None
    """The rank that the text holds responsible."""
    blamed_others: tuple[int, ...] = ()
    """Further ranks that it holds responsible."""
    is_task: bool = False
    """Is that rank the number of a Slurm task, which may start several ranks?"""
    host: str = ""
    """The host at the start of its line, as pdsh writes it."""
    is_error: bool = False
    """Is it an exception, or logged as an error?"""

    @property
    def has_trained(self) -> bool:
        """Had the run logged progress before it?"""
        return self.position.samples > 0

    @property
    def time_ns(self) -> int | None:
        """Its time by any clock."""
        return self.time.ns if self.time else None

    @property
    def provider_ns(self) -> int | None:
        """Its time, if the provider stated it."""
        return self.time.ns if self.time and self.time.clock == "provider" else None


def parse_event(
    text: str,
    line: int,
    label: Label | None,
    time: LogTime | None,
    position: ReadPosition,
    step: float | None,
    *,
    is_plain: bool = False,
) -> FailureEvent:
    """Build an event; its label is the rank that the text blames, else the line's rank, else a rank in the text.

    A plain text states no rank.
    """
    if is_plain:
        return FailureEvent(text, line, label, time, position, step)
    several = _BLAMED_RANKS.search(text)
    task = None if several else _FAILED_TASK.search(text)
    found = None if several else _BLAMED_RANK.search(text) or task
    blamed = int(found.group(found.lastindex or 0)) if found else None
    others: tuple[int, ...] = ()
    if several:
        blamed, *rest = (int(number) for number in several.group(several.lastindex or 0).split(","))
        others = tuple(rest)
    if blamed is not None:
        label = blamed
    elif not isinstance(label, int):
        stated = find_rank(text)
        label = label if stated is None else stated
    is_task = task is not None and found is task
    return FailureEvent(text, line, label, time, position, step, blamed, others, is_task)
