"""The subcommands that only a shell has: `scan`, `serve`, `check`, `db` and `version`. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScanCommand:
    """Explain what a log file means; no platform is asked."""

    path: str
    """`-` is the standard input."""
    json: bool = False
    follow: bool = False
    exit_code: bool = False
    """Whether the exit code shows that something needs a person."""
    redact: bool = True


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """Run the bot."""


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """Check this installation."""

    json: bool = False
    health: bool = False
    """Only check whether the running bot is alive."""


@dataclass(frozen=True, slots=True)
class UpgradeCommand:
    """Bring the tables of the database up to date."""


@dataclass(frozen=True, slots=True)
class VersionCommand:
    """Print the version."""
