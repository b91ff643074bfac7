"""Log lines and how they are asked for: one vocabulary over every platform.

`LogLine` is a NamedTuple, not a dataclass: a line is built, compared and hashed millions of times (docs/adr/0010).
Fetching is in `bot.providers`; what the lines mean is in `bot.diagnosis`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef


class Level(enum.IntEnum):
    """Log severity; the numbers are those of Python's logging, so that levels can be compared."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


_LEVEL_WORDS = {
    "TRACE": Level.DEBUG,
    "DEBUG": Level.DEBUG,
    "INFO": Level.INFO,
    "NOTICE": Level.INFO,
    "WARN": Level.WARNING,
    "WARNING": Level.WARNING,
    "ERROR": Level.ERROR,
    "ERR": Level.ERROR,
    "CRITICAL": Level.CRITICAL,
    "FATAL": Level.CRITICAL,
    "PANIC": Level.CRITICAL,
}


def parse_level(word: str | None) -> Level | None:
    """A level from any platform's word for it; None for no word or an unknown one."""
    return _LEVEL_WORDS.get(word.strip().upper()) if word else None


class LogLine(NamedTuple):
    """One line as the platform keeps it. Two equal lines are two lines: true duplicates are kept."""

    timestamp_ns: int
    """Nanoseconds since the epoch, UTC."""
    message: str
    """As sent, indentation and inner newlines kept (Baseten appends tracebacks to a message)."""
    rank: int | None = None
    """Rank of the process that wrote it, where the platform numbers its processes."""
    replica: str | None = None
    """Short id of the replica that wrote it, where the platform names its replicas."""
    level: Level | None = None
    """Only when the platform says so; None is common and does not mean harmless."""
    request_id: str | None = None

    @property
    def source(self) -> str | None:
        """Who wrote the line, as shown to people: `rank 3`, or the replica's id."""
        return source_name(self.rank, self.replica)


def source_name(rank: int | None, replica: str | None) -> str | None:
    """`rank 3`, or the replica's id when there is no rank."""
    return replica if rank is None else f"rank {rank}"


class Order(enum.StrEnum):
    """In time."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines to keep. An empty filter keeps every line."""

    min_level: Level | None = None
    """Lines at or above it; lines without a level are dropped, as Baseten's `min_level` does."""
    grep: str | None = None
    """RE2 pattern searched in the message, case-sensitive unless it says `(?i)`."""
    includes: tuple[str, ...] = ()
    """Case-sensitive substrings that must all appear."""
    excludes: tuple[str, ...] = ()
    """Case-sensitive substrings; a line with any of them is dropped."""
    replicas: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogCursor:
    """Where to resume: opaque to everyone but the provider that made it. Kept in the database between polls.

    `state` is bounded: position, and a multiset of the lines already read inside the overlap.
    """

    state: bytes


DEFAULT_OVERLAP = timedelta(seconds=90)
"""How far behind the newest line a follower reads again for lines that arrive late (observed: Baseten's own client
re-reads 60 s; we add a margin)."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What to fetch. Bounds are inclusive nanoseconds since the epoch; None leaves a side open.

    `filter` is a hint: a provider pushes down what its platform can filter and may return more; `bot.commands.runner`
    and the watcher apply it again, so the result is the same.
    """

    job: JobRef
    start_ns: int | None = None
    """None: from the job's beginning, or, for Order.DESC, as far back as there is."""
    end_ns: int | None = None
    """None: up to the moment of the call."""
    order: Order = Order.ASC
    limit: int = 1000
    """At most this many lines in a page."""
    filter: LogFilter = field(default_factory=LogFilter)
    cursor: LogCursor | None = None
    """Continue after this page; the other fields must be those of the call that gave it, except `end_ns`, `limit`."""
    follow: bool = False
    """Keep re-reading `overlap` behind the newest line, for lines that arrive late. Only with Order.ASC."""
    overlap: timedelta = DEFAULT_OVERLAP


@dataclass(frozen=True, slots=True)
class LogPage:
    """What came back, in the order asked for."""

    lines: Sequence[LogLine]
    cursor: LogCursor | None
    """Where the next page begins. Following queries always have one; others only while `more`."""
    more: bool
    """Whether the platform holds more lines now. A page may be empty and still have more."""
    gaps: tuple[Gap, ...] = ()
    """What could not be read although it is there, such as a millisecond with more lines than a page holds."""
    pushed_down: frozenset[str] = frozenset()
    """Names of the LogFilter fields that the platform applied itself."""
