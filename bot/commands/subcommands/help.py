"""`help`: the command and its answer. The text comes from `bot.commands.parsing.help`. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HelpCommand:
    """Explain what can be typed."""

    topic: str | None = None
    """A subcommand; None for the overview."""


@dataclass(frozen=True, slots=True)
class HelpAnswer:
    """What can be typed."""

    topic: str | None
    """A subcommand; None for the overview."""
    usage: str
    description: str
    rows: tuple[tuple[str, str], ...]
    """(what to type, what it does)."""
    examples: tuple[tuple[str, str], ...] = ()
