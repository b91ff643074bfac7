"""`logs`: the command and its answer, one page of a job's log. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.commands.subcommands.window import ALL_TIME, Window
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogLine, Order

DEFAULT_LINES = 100


@dataclass(frozen=True, slots=True)
class LogsCommand:
    """Show lines of one job."""

    ref: str
    window: Window = ALL_TIME
    filter: LogFilter = field(default_factory=LogFilter)
    limit: int | None = DEFAULT_LINES
    """Maximum number of lines; None shows every line."""
    tail: bool = field(default=False, compare=False)
    """Whether the limit was typed as `--tail`; hints then name that option."""
    take: Order = Order.DESC
    """The end of the window that lines are taken from: DESC is the newest, ASC the oldest."""
    show: Order = Order.ASC
    """The order in which lines are shown."""
    before_ns: int | None = None
    """Only lines older than this, for paging; exclusive, within the window."""
    after_ns: int | None = None
    """Only lines newer than this, for paging; exclusive, within the window."""
    public: bool = False
    json: bool = False
    download: str | None = None
    """File to write to; `-` is the standard output."""
    follow: bool = False
    redact: bool = True


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that were read but are not shown."""

    reason: str
    """Ready to print behind a number: `did not match --grep`, `are older; narrow with --since`."""
    lines: int | None
    """None: some, the number is not known."""


@dataclass(frozen=True, slots=True)
class LogsAnswer:
    """Lines of one job, oldest first unless `--desc`."""

    job: JobRef
    lines: tuple[LogLine, ...]
    start: datetime | None
    end: datetime
    read: int
    """Lines that came from the platform, before filtering."""
    cuts: tuple[Cut, ...] = ()
    gaps: tuple[Gap, ...] = ()
    pushed_down: tuple[str, ...] = ()
    """Filter options that the platform applied itself, as typed: `--level`."""
    redacted: int = 0
    """Number of secrets hidden."""
    older: str | None = None
    """The command text that shows the page before this one; None when there is none."""
    newer: str | None = None
    pinned: str = ""
    """The command text with its times made absolute: run again, it shows the same."""
