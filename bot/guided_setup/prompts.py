"""Ask a person in a terminal, or a script that writes its answers to the standard input."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from bot.errors import InputEnded
from bot.terminal.log_lines import escape_controls

_NO = ("n", "no")


@dataclass(frozen=True, slots=True)
class Prompter:
    """Questions go to `err`, so that nothing but them is in a terminal's scrollback when `out` is a pipe."""

    source: TextIO
    err: TextIO
    read_hidden: Callable[[str], str] | None = None
    """Reads a line without showing it, as `getpass.getpass` does; None where the input is not a terminal."""

    width: int = 80
    """Columns of the terminal."""

    def say(self, text: str = "", indent: str = "") -> None:
        """Show a paragraph, wrapped between words."""
        lines = textwrap.wrap(
            escape_controls(text), self.width, initial_indent=indent, subsequent_indent=indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        self.err.write("\n".join(lines) + "\n")
        self.err.flush()

    def ask(self, question: str, default: str = "") -> str:
        """Return what the person types, without white space around it; `default` for nothing.

        Raises:
            InputEnded: the input ended.
        """
        self.err.write(f"{question}{f' [{default}]' if default else ''}: ")
        self.err.flush()
        line = self.source.readline()
        if not line:
            self.say()
            raise InputEnded
        return line.strip() or default

    def ask_secret(self, question: str) -> str:
        """The same for a token or key: a terminal does not show it, and answers whether something was pasted.

        Raises:
            InputEnded: the input ended.
        """
        if self.read_hidden is None:
            return self.ask(question)
        try:
            return self.read_hidden(f"{question} (not shown while you paste): ").strip()
        except EOFError:
            raise InputEnded from None

    def confirm(self, question: str) -> bool:
        """Whether the person agrees; nothing typed means yes."""
        return self.ask(f"{question} [Y/n]").lower() not in _NO
