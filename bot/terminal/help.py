"""Render help as plain text that fits the terminal. Imports little, because help must be fast."""

import re
import textwrap
from collections.abc import Sequence

from bot.commands.parsing.help import help_answer
from bot.commands.subcommands.spec import Frontend
from bot.commands.subcommands.table import HelpAnswer, HelpCommand
from bot.terminal.colour_option import COLOUR
from bot.terminal.topics import TOPICS, read_topic

_MAX_WIDTH, _MIN_WIDTH = 100, 30
_COLUMN = 30
"""Widest column of names."""
_STACKED_BELOW = 60
"""On a narrower terminal a meaning is below its name."""
_WORDS = re.compile(r'(?:"[^"]*"|[^\s"])+')
_COLOUR_OPTION = (f"{COLOUR.name} {COLOUR.value}", COLOUR.help)
_OPTIONS = (
    ("-h, --help", "Show this help, or that of a subcommand."),
    ("-V, --version", "Show the version."),
    _COLOUR_OPTION,
)
_HELP_OPTION = (_COLOUR_OPTION, ("-h, --help", "Show this help."))


def help_page(command: HelpCommand, width: int) -> str:
    """Render the overview, the help of a subcommand, or a topic.

    Raises:
        UsageError: there is no such subcommand or topic.
    """
    width = min(max(width, _MIN_WIDTH), _MAX_WIDTH)
    topic = TOPICS.get(command.topic or "")
    if topic is not None:
        from bot.terminal.render.markdown import markdown_text  # noqa: PLC0415 - other help does not need it

        return markdown_text(read_topic(topic), width)
    answer = help_answer(command, Frontend.SHELL)
    if command.topic is None:
        topics = tuple((f"help {name}", one.help) for name, one in TOPICS.items())
        return help_text(answer, width, (("Subcommands", answer.rows), ("Options", _OPTIONS), ("Topics", topics)))
    return help_text(answer, width, (("Options", (*answer.rows, *_HELP_OPTION)), *answer.sections))


def help_text(answer: HelpAnswer, width: int, sections: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Render a help page, wrapped between words to `width` columns."""
    lines = [*_wrap(f"Usage: {answer.usage}", width, "", "    "), "", *_wrap(answer.description, width)]
    for title, rows in sections:
        column = min(max((len(name) for name, _ in rows), default=0), _COLUMN) + 2
        lines += ["", f"{title}:"]
        for name, meaning in rows:
            lines += _row(name, meaning, width, column)
    if answer.examples:
        lines += ["", "Examples:"]
        for text, meaning in answer.examples:
            lines += [*_command(text, width), *_wrap(meaning, width, "      ")]
    return "\n".join(lines) + "\n"


def _row(name: str, meaning: str, width: int, column: int) -> list[str]:
    """A name with its meaning beside it, or below it where the terminal is narrow or the name long."""
    if width < _STACKED_BELOW or len(name) > column - 2:
        indent = 6 if width < _STACKED_BELOW else column + 2
        return [*_wrap(name, width, "  ", "    "), *_wrap(meaning, width, " " * indent)]
    return _wrap(f"  {name:{column}}{meaning}", width, "", " " * (column + 2))


def _command(text: str, width: int) -> list[str]:
    """An example that can be copied: a long one continues after a backslash."""
    lines: list[str] = []
    for word in _WORDS.findall(text):
        if lines and len(lines[-1]) + 1 + len(word) <= width - 2:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{'    ' if lines else '  '}{word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
