"""`rules` and `rules test`: the commands and their answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.window import ALL_TIME, Window
from bot.domain.alerts import Severity
from bot.domain.gaps import Gap
from bot.domain.jobs import Job

if TYPE_CHECKING:  # not needed for help, which must be fast
    from bot.rules.replay import Replayed


@dataclass(frozen=True, slots=True)
class RulesCommand:
    """List the rules."""

    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class RuleShown:
    """One rule as a list shows it."""

    name: str
    help: str
    severity: Severity
    is_on: bool
    parameters: tuple[tuple[str, str, str], ...]
    """(name, value, meaning), the value as a person would type it."""


@dataclass(frozen=True, slots=True)
class RulesAnswer:
    """The rules with the settings of this installation."""

    rules: tuple[RuleShown, ...]


@dataclass(frozen=True, slots=True)
class ReplayCommand:
    """Show which alerts would have fired in the past."""

    ref: str
    window: Window = ALL_TIME
    settings: tuple[str, ...] = ()
    """Rule settings as typed."""
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """The alerts that would have fired in a window of the past."""

    job: Job
    start: datetime
    end: datetime
    step: timedelta
    """Time between two simulated polls."""
    alerts: tuple[Replayed, ...]
    """In the order in which they fired."""
    quiet: tuple[str, ...]
    """Rules that would not have fired."""
    read: int
    """Lines that came from the platform."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    """How the replay differs from watching the job at that time."""
    pinned: str = ""
