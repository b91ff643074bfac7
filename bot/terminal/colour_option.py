"""`--color WHEN`, which every subcommand takes: take it out of the arguments. Pure."""

from collections.abc import Sequence

from bot.commands.subcommands.spec import Option
from bot.errors import UsageError

COLOUR = Option("--color", "Colour the output: always, never, or auto for terminals only (default).", "WHEN")
_TIMES = ("always", "auto", "never")
_SPELLINGS = (COLOUR.name, "--colour")


def take_colour_option(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--color`, and its value; None without it.

    Raises:
        UsageError: the value is missing or unknown.
    """
    rest: list[str] = []
    when = None
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in _SPELLINGS:
            rest.append(word)
            continue
        when = value if equals else next(words, "")
        if when not in _TIMES:
            raise UsageError(f"Invalid value `{when[:40]}` for `{COLOUR.name}`. Use always, auto or never.")
    return rest, when
