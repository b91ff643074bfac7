"""The types of a row in the command table, which says how a subcommand is typed, explained and read. Pure.

The rows are in the modules beside this one; `table` lists them.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.commands.subcommands.arguments import Arguments

CommandT_co = TypeVar("CommandT_co", covariant=True)


class Frontend(enum.Enum):
    """Where a command is typed; the value is the word before the subcommand."""

    SLACK = "/train"
    SHELL = "trainwatch"


class Effect(enum.Enum):
    """What a subcommand may do at most."""

    READ = "read"
    ADD = "add"
    """Add something, and nothing more when it is repeated."""
    REPLACE = "replace"
    """Change or end what exists."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a subcommand."""

    name: str
    help: str
    value: str | None = None
    """The placeholder for its value in help; None for a switch."""
    short: str | None = None
    repeatable: bool = False
    frontends: tuple[Frontend, ...] = tuple(Frontend)


@dataclass(frozen=True, slots=True)
class Positional:
    """What one or several positionals of a subcommand mean, for programs that fill in fields."""

    name: str
    help: str
    word: str = ""
    """What is typed before the value: `end` in `silence end 7`."""
    choices: tuple[str, ...] = ()
    """The possible values; empty for any."""
    is_required: bool = False
    is_repeatable: bool = False
    accepts: Callable[[str], bool] = lambda _: True
    """Whether a typed word is a value of this parameter rather than of the next one."""


@dataclass(frozen=True, slots=True)
class Subcommand(Generic[CommandT_co]):
    """One subcommand."""

    name: str
    help: str
    """One line for the overview."""
    build: Callable[[Arguments], CommandT_co]
    """Read the arguments; raises UsageError when something is missing, too much or contradictory."""
    positionals: str = ""
    """As the usage line shows them; empty when there are none."""
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    """(without `/train`, what it shows); help shows those whose options the frontend has."""
    notes: str = ""
    """What the options do not explain."""
    aliases: tuple[str, ...] = ()
    """Other words for its name."""
    action_aliases: tuple[tuple[str, str], ...] = ()
    """(word, first argument): `unmute` stands for `silence end`."""
    parameters: tuple[Positional, ...] = ()
    """The positionals one by one, in the order in which they are typed."""
    effect: Effect = Effect.READ

    def options_of(self, frontend: Frontend) -> tuple[Option, ...]:
        """The options that can be typed in a frontend."""
        return tuple(option for option in self.options if frontend in option.frontends)


JOB_PARAMETER = Positional("ref", "The job: its reference PLATFORM:ID, its id, its name or its page.", is_required=True)
PUBLIC = Option("--public", "Show the answer to the whole channel.", frontends=(Frontend.SLACK,))
WINDOW_OPTIONS = (
    Option("--since", "Look back this far, or to this time: 30m, 2h, 03:00, yesterday, 2026-11-29.", "TIME"),
    Option("--start", "Start at this time, in your time zone unless it names another.", "TIME"),
    Option("--end", "End at this time, inclusive.", "TIME"),
)
"""`Arguments.window` reads them."""
JSON = Option("--json", "Print JSON for scripts; `trainwatch help json` lists the fields.", frontends=(Frontend.SHELL,))
