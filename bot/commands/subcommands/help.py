"""`help`: its row, the command and its answer. `bot.commands.parsing.help` writes the text. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.subcommands.spec import Subcommand


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


HELP = Subcommand(
    "help",
    "List the subcommands, or explain one of them",
    lambda arguments: HelpCommand(arguments.positionals[0].lower() if arguments.positionals else None),
    "[SUBCOMMAND]",
    aliases=("?",),
)
