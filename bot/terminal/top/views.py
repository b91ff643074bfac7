"""Parts that the screens of `trainwatch top` share: their context, the line of a filter, and the help."""

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Input, Static

from bot.commands.runner import CommandRunner
from bot.terminal.charset import to_ascii
from bot.terminal.output import Output
from bot.terminal.render.screen import Screen as TextScreen
from bot.terminal.top.frame import HELP
from bot.terminal.top.reader import TopReader


@dataclass(frozen=True, slots=True)
class TopContext:
    """What all screens need."""

    reader: TopReader
    runner: CommandRunner
    output: Output

    def text_screen(self, size: Size) -> TextScreen:
        """What renderers need to know of a screen of this size."""
        return TextScreen(max(1, size.width), self.output.colour)

    def to_text(self, text: str) -> Text:
        """Text with escape sequences, as this terminal can show it."""
        return Text.from_ansi(to_ascii(text) if self.output.ascii_only else text, no_wrap=True)


class SearchLine(Input):
    """A line at the bottom, hidden until a filter is typed. Escape reaches the screen."""

    DEFAULT_CSS = """
    SearchLine, SearchLine:focus { border: none; height: 1; padding: 0; display: none; }
    """

    def __init__(self, label: str) -> None:
        """Name what is typed."""
        super().__init__(placeholder=label, select_on_focus=False, max_length=200)

    def open(self, value: str) -> None:
        """Show the line with what was typed before."""
        self.value = value
        self.display = True
        self.screen.set_focus(self)  # at once, so that no key is lost

    def close(self) -> None:
        """Hide the line."""
        self.display = False


class HelpScreen(Screen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark", "app.pop_screen", "Back")]

    def compose(self) -> ComposeResult:
        """Build the screen."""
        rows = "\n".join(f"{keys:<24}{meaning}" for keys, meaning in HELP.items())
        yield Static(Text(f"Keys of trainwatch top (Escape goes back)\n\n{rows}"))
