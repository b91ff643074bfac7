"""Write results to standard output, and notes and progress to standard error."""

import io
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

from bot.domain.wording import plural
from bot.terminal.charset import legacy_encoding, to_ascii
from bot.terminal.log_lines import LineFormat, escape_controls
from bot.terminal.render.screen import Screen
from bot.terminal.width import terminal_width

_REPORT_WIDTH, _MAX_REPORT_WIDTH = 100, 120
"""The width of reports in a pipe or file, and the largest in a terminal."""


@dataclass(slots=True)
class StatusLine:
    """The line on a terminal that shows progress."""

    shown_at: float | None = None
    """When progress was shown last; at first, when it began."""
    is_shown: bool = False


@dataclass
class Output:
    """The output streams of a process. Writes block on purpose (back-pressure)."""

    out: TextIO
    err: TextIO
    colour: bool = False
    """Whether `out` is a terminal that supports colours."""
    show_progress: bool = False
    """Whether to print progress, because `err` is a terminal."""
    width: int | None = None
    """Columns; None for a pipe or a file, where nothing is shortened."""
    ascii_only: bool = False
    """Whether `out` is a terminal that cannot show the characters of plots and tables."""
    progress_every_s: float = 0.5
    """Minimum time between two progress updates, in seconds."""
    progress_line: StatusLine = field(default_factory=StatusLine)
    """Shared by outputs that share `err`."""

    @property
    def screen(self) -> Screen:
        """What renderers need to know of `out`."""
        return Screen(self.width, self.colour)

    @property
    def report_width(self) -> int:
        """The width of the prose in a report."""
        return min(self.width or _REPORT_WIDTH, _MAX_REPORT_WIDTH)

    def line_format(self, *, json: bool) -> LineFormat:
        """The format of log lines on `out`."""
        if json:
            return LineFormat.JSON
        if self.colour:
            return LineFormat.COLOUR
        return LineFormat.PLAIN if self.width is None else LineFormat.PLAIN_SCREEN

    def write(self, text: str) -> None:
        """Write text to `out` and flush it."""
        self.clear_progress()
        self.out.write(to_ascii(text) if self.ascii_only else text)
        self.out.flush()

    def note(self, text: str) -> None:
        """Write a line for people to `err`."""
        self.clear_progress()
        shown = escape_controls(text)
        self.err.write((to_ascii(shown) if self.ascii_only else shown) + "\n")
        self.err.flush()

    def progress(self, text: str) -> None:
        """Show a progress line on `err`, in place of the previous one. Work that takes about a second shows none."""
        if not self.show_progress:
            return
        now, line = time.monotonic(), self.progress_line
        if line.shown_at is None:
            line.shown_at = now + self.progress_every_s
        if now - line.shown_at >= self.progress_every_s or not self.progress_every_s:
            line.shown_at, line.is_shown = now, True
            self.err.write(f"\r\x1b[K{escape_controls(text)}")
            self.err.flush()

    def clear_progress(self) -> None:
        """Erase the progress line."""
        if self.progress_line.is_shown:
            self.progress_line.is_shown = False
            self.err.write("\r\x1b[K")


def redaction_note(count: int) -> str:
    """The note after output in which `count` secrets were redacted."""
    return f"{plural(count, 'secret')} hidden. To show secrets, use --no-redact."


def standard_output(variables: Mapping[str, str]) -> Output:
    """Wrap `sys.stdout` and `sys.stderr`. Text that they cannot encode is written as escape sequences.

    A pipe or a file gets UTF-8. A terminal gets it too, unless the locale names another encoding.

    Args:
        variables: the environment with names in lower case. `no_color`, `force_color`, `term`, `columns` and the
            locale count.
    """
    is_terminal, legacy = sys.stdout.isatty(), legacy_encoding(variables)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = legacy if legacy is not None and stream.isatty() else "utf-8"
            stream.reconfigure(errors="backslashreplace", encoding=encoding)
    is_plain = "no_color" in variables or variables.get("term") in ("dumb", "unknown")
    colour = not is_plain and ("force_color" in variables or is_terminal)
    return Output(
        sys.stdout,
        sys.stderr,
        colour,
        sys.stderr.isatty(),
        terminal_width(variables, sys.stdout),
        ascii_only=is_terminal and legacy is not None,
    )
