"""The log of one job in `trainwatch top`: follows it like `logs --follow`, with the same filter and redaction."""

import io
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input, RichLog, Static

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.jobs import JobRef
from bot.errors import BotError
from bot.terminal.charset import to_ascii
from bot.terminal.follow import FollowContext, follow
from bot.terminal.output import Output
from bot.terminal.top.views import SearchLine, TopContext

_MAX_LINES = 5_000
"""Lines that can be scrolled back to."""
_SHOWN_BEFORE = 200


class LogScreen(Screen[None]):
    """The newest lines, and those that arrive."""

    CSS = """
    LogScreen RichLog { scrollbar-size: 0 0; height: 1fr; }
    LogScreen #keys { height: 1; text-style: dim; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("slash", "search", "Filter"),
    ]

    def __init__(self, ref: JobRef, context: TopContext) -> None:
        """Follow the log of the job with this reference."""
        super().__init__()
        self._ref, self._shared = ref, context
        self._pattern = ""
        self._log = RichLog(max_lines=_MAX_LINES, wrap=True, auto_scroll=True, min_width=20)
        self._search_line = SearchLine("Only lines that match: ")
        self._keys = Static("", id="keys", markup=False)

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield self._log
        yield self._keys
        yield self._search_line

    def on_mount(self) -> None:
        """Start to follow."""
        self.set_focus(self._log)
        self._follow()

    def action_search(self) -> None:
        """Type a regular expression."""
        self._search_line.open(self._pattern)

    def action_back(self) -> None:
        """Leave the filter, or the log."""
        if self._search_line.display:
            self._search_line.close()
            self.set_focus(self._log)
        else:
            self.dismiss()

    def on_input_changed(self, event: Input.Changed) -> None:
        """A filter is applied when it is complete."""
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Follow again with the filter."""
        event.stop()
        self._pattern = event.value
        self._search_line.close()
        self.set_focus(self._log)
        self._log.clear()
        self._follow()

    def _follow(self) -> None:
        only = f" - only {self._pattern}" if self._pattern else ""
        self._keys.update(f"{self._ref}{only} - / filter - Escape back")
        self.run_worker(self._read(), group="log", exclusive=True)

    async def _read(self) -> None:
        out, err = _Sink(self._show), _Sink(self._show)
        output = Output(out, err, self._shared.output.colour, width=max(20, self.size.width))
        try:
            wanted = ["--grep", self._pattern] if self._pattern else []
            command = parse_argv(["logs", str(self._ref), "--follow", "--tail", str(_SHOWN_BEFORE), *wanted])
            assert isinstance(command, LogsCommand)
            provider, ref = self._shared.runner.registry.resolve(command.ref)
            await follow(
                provider, ref, command, FollowContext(output, self._shared.runner.redactor, self._shared.runner.clock)
            )
        except BotError as problem:
            self._show(f"{self._shared.runner.redactor.redact(problem.public)[0]}\n")

    def _show(self, text: str) -> None:
        shown = to_ascii(text) if self._shared.output.ascii_only else text
        self._log.write(Text.from_ansi(shown.removesuffix("\n")))


class _Sink(io.StringIO):
    """Gives each write to a function."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._on_write = show

    def write(self, text: str) -> int:
        self._on_write(text)
        return len(text)
