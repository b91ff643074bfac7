"""Where a command writes: lines and answers to one stream, remarks to the other, progress only to who watches."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console, RenderableType

from bot.terminal.log_lines import Form, harmless


@dataclass
class Output:
    """The two streams of a process. Blocking writes are meant: a slow reader holds us back, so nothing piles up."""

    out: TextIO
    err: TextIO
    colour: bool = False
    """Whether `out` is a terminal that wants colours."""
    watched: bool = False
    """Whether someone looks at `err` while `out` goes elsewhere."""
    width: int = 100
    progress_every_s: float = 0.5
    """The shortest time between two words of progress."""
    _shown_at: float = field(default=0.0, init=False)
    _progress: bool = field(default=False, init=False)

    def form(self, *, json: bool) -> Form:
        """How lines are written here."""
        if json:
            return Form.JSON
        return Form.COLOUR if self.colour else Form.PLAIN

    def write(self, text: str) -> None:
        """Write to `out`, at once."""
        self.clear_progress()
        self.out.write(text)
        self.out.flush()

    def note(self, text: str) -> None:
        """A remark for people, on `err`."""
        self.clear_progress()
        self.err.write(harmless(text) + "\n")
        self.err.flush()

    def progress(self, text: str) -> None:
        """What is going on, over what was said before."""
        now = time.monotonic()
        if self.watched and now - self._shown_at >= self.progress_every_s:
            self._shown_at, self._progress = now, True
            self.err.write(f"\r\x1b[K{harmless(text)}")
            self.err.flush()

    def clear_progress(self) -> None:
        """Take back the progress line."""
        if self._progress:
            self._progress = False
            self.err.write("\r\x1b[K")


def show(output: Output, what: RenderableType) -> None:
    """Print something rich can render."""
    output.clear_progress()
    width = output.width if output.colour else max(output.width, 160)
    console = Console(
        file=output.out, force_terminal=output.colour, color_system="auto" if output.colour else None,
        width=width, highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    console.print(what)


def standard_output() -> Output:
    """The process's own streams. Bytes that were no UTF-8 are written as escapes, never refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", encoding="utf-8")
    console = Console(file=sys.stdout)  # knows NO_COLOR, FORCE_COLOR, TERM and the width
    colour = console.is_terminal and console.color_system is not None and not console.no_color
    watched = sys.stderr.isatty() and not sys.stdout.isatty()
    return Output(sys.stdout, sys.stderr, colour=colour, watched=watched, width=console.width)
