"""Log lines, queries and pages, the same for all platforms.

`LogLine` is a NamedTuple, not a dataclass, because lines are built, compared and hashed by the million (docs/adr/0010).
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef


class Level(enum.IntEnum):
    """Log level, with the numbers of Python's logging, so that levels can be compared."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


_LEVEL_WORDS = {
    **dict.fromkeys(("TRACE", "DEBUG"), Level.DEBUG),
    **dict.fromkeys(("INFO", "NOTICE"), Level.INFO),
    **dict.fromkeys(("WARN", "WARNING"), Level.WARNING),
    **dict.fromkeys(("ERROR", "ERR"), Level.ERROR),
    **dict.fromkeys(("CRITICAL", "FATAL", "PANIC"), Level.CRITICAL),
}


def parse_level(word: str | None) -> Level | None:
    """Return the level for any platform's word; None for a missing or unknown word."""
    return _LEVEL_WORDS.get(word.strip().upper()) if word else None


class LogLine(NamedTuple):
    """One line as stored by the platform. Two equal lines are two lines: duplicates are kept."""

    timestamp_ns: int
    """Nanoseconds since the epoch, UTC."""
    message: str
    """As sent, with indentation and inner newlines (Baseten appends tracebacks to a message)."""
    rank: int | None = None
    """Rank of the process that wrote it, where the platform numbers its processes."""
    replica: str | None = None
    """Short id of the replica that wrote it, where the platform names its replicas."""
    level: Level | None = None
    """Only if the platform states it; None is common and does not mean harmless."""
    request_id: str | None = None

    @property
    def source(self) -> str | None:
        """The source as shown to people: `rank 3`, or the replica's id."""
        return source_name(self.rank, self.replica)


def source_name(rank: int | None, replica: str | None) -> str | None:
    """Return `rank 3`, or the replica's id if there is no rank."""
    return replica if rank is None else f"rank {rank}"


def source_tag(rank: int | None, replica: str | None) -> str | None:
    """Return `r3`, or the replica's id for a line without a rank."""
    return replica if rank is None else f"r{rank}"


class Order(enum.StrEnum):
    """Order by time."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines to keep. An empty filter keeps every line."""

    min_level: Level | None = None
    """Keep lines at or above it, by the platform's level or the one the message states; drop lines without any."""
    grep: str | None = None
    """RE2 pattern to search for in the message, case-sensitive unless it begins with `(?i)`."""
    includes: tuple[str, ...] = ()
    """Case-sensitive substrings that must all appear."""
    excludes: tuple[str, ...] = ()
    """Case-sensitive substrings; a line with any of them is dropped."""
    replicas: tuple[str, ...] = ()
    """Keep lines of any of these: the platform's replica, or a pod, worker or host that a prefix of the line names."""
    ranks: tuple[int, ...] = ()
    """Keep lines of any of these: the rank in a prefix of the line, else the platform's rank."""
    request_id: str | None = None
    component: str | None = None
    """Keep lines of this part of a deployment. No line names its part, so only the platform can apply it."""


@dataclass(frozen=True, slots=True)
class LogCursor:
    """Where to resume reading. Stored in the database between polls; only its provider can decode it.

    `state` has a bounded size: a position, and the multiset of lines already read within the overlap.
    """

    state: bytes


DEFAULT_OVERLAP = timedelta(seconds=90)
"""The span before the newest line that a follower reads again, for lines that arrive late.

Observed: Baseten's own client reads 60 s again; this adds a margin."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What to fetch. Bounds are inclusive, in nanoseconds since the epoch; None leaves a side open.

    `filter` is a hint: a provider pushes down what its platform can filter and may return more lines. Callers apply
    the filter again.
    """

    job: JobRef
    start_ns: int | None = None
    """None: the beginning of the job, or for Order.DESC, as far back as the platform has lines."""
    end_ns: int | None = None
    """None: up to now."""
    order: Order = Order.ASC
    limit: int = 1000
    """Maximum number of lines in a page."""
    filter: LogFilter = field(default_factory=LogFilter)
    cursor: LogCursor | None = None
    """Continue after this page. Except for `end_ns` and `limit`, the other fields must be those of the same query."""
    follow: bool = False
    """Read `overlap` before the newest line again, for lines that arrive late. Only with Order.ASC."""
    overlap: timedelta = DEFAULT_OVERLAP


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of a log, in the order of the query."""

    lines: Sequence[LogLine]
    cursor: LogCursor | None
    """Where the next page begins. Pages of following queries always have one; others only if `more`."""
    more: bool
    """Whether the platform has more lines now. Even an empty page may have more."""
    gaps: tuple[Gap, ...] = ()
    """Lines that exist but could not be read, such as a millisecond with more lines than a page."""
    pushed_down: frozenset[str] = frozenset()
    """Names of the LogFilter fields that the platform has applied."""
    reached_ns: int | None = None
    """If `more`: all lines before this time, in the order of the query, were returned; None if that is not known."""
