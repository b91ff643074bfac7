"""Where the last lines of a log come from: the ranks and replicas that the provider states, kept as runs."""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby, islice, repeat
from typing import NamedTuple

from bot.diagnosis.reading.cursor import LineCursor, Origin

MAX_LINES = 100
"""Number of lines whose origin is kept."""
MAX_NAMES = 1024
"""Number of replicas and ranks whose last time is kept."""


class OriginRun(NamedTuple):
    """Consecutive lines of one rank and replica, as the provider states them. A NamedTuple is stored as an array."""

    rank: int | None
    replica: str | None
    lines: int


def extend_origins(runs: Sequence[OriginRun], origins: Sequence[Origin]) -> list[OriginRun]:
    """Add the lines of a page to those whose origin is known; keep the last `MAX_LINES`."""
    newest = [origin[:2] for origin in origins[-MAX_LINES:]]
    found = [OriginRun(rank, replica, len(list(lines))) for (rank, replica), lines in groupby(newest)]
    room = MAX_LINES - len(newest)
    for run in reversed(runs):
        if room <= 0:
            break
        kept = min(run.lines, room)
        room -= kept
        if found and found[0][:2] == run[:2]:
            kept += found.pop(0).lines
        found.insert(0, OriginRun(run.rank, run.replica, kept))
    return found


def record_times(newest_ns: dict[str, int], origins: Sequence[Origin]) -> None:
    """Record when each replica, or each rank without one, logged last; origins are in the order of the log."""
    found: dict[tuple[int | None, str | None], int] = {}
    for rank, replica, time_ns in origins:
        if time_ns is not None and time_ns > found.get((rank, replica), time_ns - 1):
            found[rank, replica] = time_ns
    for (rank, replica), time_ns in found.items():
        name = replica or (None if rank is None else f"rank {rank}")
        if name is not None and (name in newest_ns or len(newest_ns) < MAX_NAMES):
            newest_ns[name] = max(time_ns, newest_ns.get(name, time_ns))


def origins_before(
    cursor: LineCursor, runs: Sequence[OriginRun], count: int
) -> Iterator[tuple[int | None, str | None]]:
    """Where the cursor's line and the lines before it come from, newest first; unknown where nobody stated it.

    `runs` are those of the log before the page: of `MAX_LINES` lines, so no more are known on the page.
    """
    index = cursor.line - cursor.first_line
    known = (origin[:2] for origin in cursor.origins[index::-1]) if cursor.origins is not None else ()
    before = (run[:2] for run in reversed(runs) for _ in range(run.lines))
    return islice(chain(islice(chain(known, before), MAX_LINES + 1), repeat((None, None))), count)
