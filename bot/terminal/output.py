"""Write results to standard output, and notes and progress to standard error."""

import io
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console, RenderableType

from bot.domain.wording import plural
from bot.terminal.log_lines import LineFormat, escape_controls


@dataclass
class Output:
    """The output streams of a process. Writes block on purpose (back-pressure)."""

    out: TextIO
    err: TextIO
    colour: bool = False
    """Whether `out` is a terminal that supports colours."""
    show_progress: bool = False
    """Whether to print progress: `err` is a terminal and `out` is not."""
    width: int = 100
    progress_every_s: float = 0.5
    """Minimum time between two progress updates, in seconds."""
    _shown_at: float = field(default=0.0, init=False)
    _has_progress: bool = field(default=False, init=False)

    def line_format(self, *, json: bool) -> LineFormat:
        """The format of log lines on `out`."""
        if json:
            return LineFormat.JSON
        return LineFormat.COLOUR if self.colour else LineFormat.PLAIN

    def write(self, text: str) -> None:
        """Write text to `out` and flush it."""
        self.clear_progress()
        self.out.write(text)
        self.out.flush()

    def note(self, text: str) -> None:
        """Write a line for people to `err`."""
        self.clear_progress()
        self.err.write(escape_controls(text) + "\n")
        self.err.flush()

    def progress(self, text: str) -> None:
        """Show a progress line on `err`, in place of the previous one."""
        now = time.monotonic()
        if self.show_progress and now - self._shown_at >= self.progress_every_s:
            self._shown_at, self._has_progress = now, True
            self.err.write(f"\r\x1b[K{escape_controls(text)}")
            self.err.flush()

    def clear_progress(self) -> None:
        """Erase the progress line."""
        if self._has_progress:
            self._has_progress = False
            self.err.write("\r\x1b[K")


def redaction_note(count: int) -> str:
    """The note after output in which `count` secrets were redacted."""
    return f"{plural(count, 'secret')} hidden. To show secrets, use --no-redact."


def print_rich(output: Output, renderable: RenderableType) -> None:
    """Print a rich renderable to `out`. A pipe gets wide tables without colours."""
    output.clear_progress()
    width = output.width if output.colour else max(output.width, 160)
    console = Console(
        file=output.out, force_terminal=output.colour, color_system="auto" if output.colour else None,
        width=width, highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    console.print(renderable)


def standard_output() -> Output:
    """Wrap `sys.stdout` and `sys.stderr`. Text that is not valid Unicode is written as escape sequences."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", encoding="utf-8")
    console = Console(file=sys.stdout)  # reads NO_COLOR, FORCE_COLOR, TERM and the width
    colour = console.is_terminal and console.color_system is not None and not console.no_color
    show_progress = sys.stderr.isatty() and not sys.stdout.isatty()
    return Output(sys.stdout, sys.stderr, colour=colour, show_progress=show_progress, width=console.width)
