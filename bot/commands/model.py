"""What people ask, as values. `bot.commands.parsing.parser` reads them from text, `bot.commands.runner` answers them.

References stay as typed: only the registry knows which platforms exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.alerts import Severity
from bot.domain.logs import LogFilter, Order

DEFAULT_LINES = 100
DEFAULT_JOBS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """Which time span; bounds are inclusive nanoseconds since the epoch. Empty: all there is."""

    since: timedelta | None = None
    """Counted back from now; never together with `start_ns`."""
    start_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LogsCommand:
    """Show lines of one job."""

    ref: str
    window: Window = Window()
    filter: LogFilter = field(default_factory=LogFilter)
    limit: int | None = DEFAULT_LINES
    """How many lines; None is all."""
    tail: bool = field(default=False, compare=False)
    """Whether that number was typed as --tail, which advice then names."""
    take: Order = Order.DESC
    """From which end of the window the lines are taken: DESC the newest, ASC the oldest."""
    show: Order = Order.ASC
    """In which order they are shown."""
    before_ns: int | None = None
    """Only lines older than this, to page on; exclusive, within the window."""
    after_ns: int | None = None
    """Only lines newer than this, to page on; exclusive, within the window."""
    public: bool = False
    json: bool = False
    download: str | None = None
    """File to write to; `-` is the standard output."""
    follow: bool = False
    redact: bool = True


@dataclass(frozen=True, slots=True)
class MetricsCommand:
    """Show figures of one job."""

    ref: str
    window: Window = Window()
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class StatusCommand:
    """Is it alive?"""

    ref: str
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class DiagnoseCommand:
    """Why did it die, or is it well? What the job's log means."""

    ref: str
    window: Window = Window()
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class RulesCommand:
    """Which rules are there?"""

    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class ReplayCommand:
    """Which alerts would have fired in the past?"""

    ref: str
    window: Window = Window()
    settings: tuple[str, ...] = ()
    """Rule settings as typed."""
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class JobsCommand:
    """What runs where."""

    provider: str | None = None
    limit: int = DEFAULT_JOBS
    """The newest so many of each platform."""
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class WatchCommand:
    """Alert this channel; in a terminal: follow the log with alerts between its lines."""

    ref: str
    settings: tuple[str, ...] = ()
    """Rule settings as typed, such as `low-gpu.threshold=30`."""


@dataclass(frozen=True, slots=True)
class UnwatchCommand:
    """Stop alerting this channel."""

    ref: str | None
    """None: everything this channel watches."""


@dataclass(frozen=True, slots=True)
class ListCommand:
    """What does this channel watch?"""

    public: bool = False


@dataclass(frozen=True, slots=True)
class SilenceCommand:
    """Mute alerts in this channel for a while."""

    duration: timedelta
    ref: str | None = None
    """None: every job."""
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnsilenceCommand:
    """End a mute before its time."""

    silence_id: int


@dataclass(frozen=True, slots=True)
class HelpCommand:
    """What can be typed."""

    topic: str | None = None
    """A subcommand; None for the overview."""


Reading = (
    LogsCommand
    | MetricsCommand
    | StatusCommand
    | DiagnoseCommand
    | RulesCommand
    | ReplayCommand
    | JobsCommand
    | WatchCommand
)
"""The commands that need platforms and nothing else."""

Command = Reading | UnwatchCommand | ListCommand | SilenceCommand | UnsilenceCommand | HelpCommand


@dataclass(frozen=True, slots=True)
class ScanCommand:
    """Why did my run die? What a log file means; no platform is asked."""

    path: str
    """`-` is the standard input."""
    json: bool = False
    follow: bool = False
    exit_code: bool = False
    """Whether something that needs a person is told by the exit code."""
    redact: bool = True


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """Run the bot."""


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """What is wrong with this installation?"""

    json: bool = False
    health: bool = False
    """Only whether the running bot is alive."""


@dataclass(frozen=True, slots=True)
class UpgradeCommand:
    """Bring the database's tables up to date."""


@dataclass(frozen=True, slots=True)
class VersionCommand:
    """Which version is this?"""


ShellCommand = Command | ScanCommand | ServeCommand | CheckCommand | UpgradeCommand | VersionCommand
