"""The live screen of `trainwatch top`, on textual: keys, filters and what Enter and `l` open.

Frames are drawn as text by `bot.terminal.top.frame`; textual moves them to the terminal, and reads keys. Colours are
those of the terminal.
"""

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from bot.terminal.exit_codes import ExitCode
from bot.terminal.top.board import View
from bot.terminal.top.frame import Frame, live_frame
from bot.terminal.top.job_screen import JobScreen
from bot.terminal.top.log_screen import LogScreen
from bot.terminal.top.views import HelpScreen, SearchLine, TopContext

_TICK_S = 0.5
"""How often the board is drawn, and what is due is read."""


class JobTable(Widget, can_focus=True):
    """The frame of all jobs."""

    def __init__(self, app: "TopApp") -> None:
        super().__init__()
        self._top = app
        self.frame: Frame | None = None
        """What is on the screen."""

    def render(self) -> Text:
        """Draw the newest board."""
        top, context = self._top, self._top.context
        screen = context.text_screen(self.size)
        self.frame = live_frame(context.reader.board(), top.view, screen, max(1, self.size.height))
        top.view = self.frame.view
        return context.to_text("\n".join(self.frame.lines))


class TopApp(App[int]):
    """Reads what is due twice a second and draws it. Its result is the exit code."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    JobTable { width: 100%; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit_top", "Quit"),
        Binding("ctrl+c", "interrupt", "Quit", priority=True),
        Binding("up,k", "move(-1)", "Up"),
        Binding("down,j", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
        Binding("home,g", "move(-1000000)", "First"),
        Binding("end,G", "move(1000000)", "Last"),
        Binding("enter", "open_job", "Open"),
        Binding("l", "open_log", "Log"),
        Binding("slash", "search", "Filter"),
        Binding("s", "sort", "Sort"),
        Binding("question_mark,h", "help", "Help"),
        Binding("escape", "end_search", "End the filter"),
    ]

    def __init__(self, context: TopContext) -> None:
        """Prepare the screen."""
        super().__init__(ansi_color=True)
        self.context = context
        self.view = View()
        self.failure: str | None = None
        """The type of an internal error that ended the screen."""
        self.table = JobTable(self)
        self.search_line = SearchLine("Filter: ")

    def compose(self) -> ComposeResult:
        """Build the screen."""
        yield self.table
        yield self.search_line

    def on_mount(self) -> None:
        """Start to read."""
        self.theme = "ansi-dark"
        self.table.focus()
        self.set_interval(_TICK_S, self.tick)
        self.call_after_refresh(self.tick)

    def tick(self) -> None:
        """Read what is due of the jobs on the screen, and draw."""
        if self.context.reader.failure is not None:
            raise self.context.reader.failure
        self.table.refresh()
        frame = self.table.frame
        self.context.reader.read_due([row.job.ref for row in frame.visible] if frame is not None else ())

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        frame = self.table.frame
        if frame is None or not frame.rows:
            return
        index = next((at for at, row in enumerate(frame.rows) if row.job.ref == self.view.selected), 0)
        index = min(max(0, index + rows), len(frame.rows) - 1)
        self.view = replace(self.view, selected=frame.rows[index].job.ref)
        self.table.refresh()

    def action_page(self, pages: int) -> None:
        """Move the cursor by the rows on the screen."""
        self.action_move(pages * max(1, self.view.rows - 1))

    def action_sort(self) -> None:
        """Sort by the next key, and show the first rows."""
        self.view = replace(self.view, sort=self.view.sort.following, selected=None, first=0)
        self.table.refresh()

    def action_search(self) -> None:
        """Type a filter."""
        self.search_line.open(self.view.search)

    def action_end_search(self) -> None:
        """Show all jobs again."""
        self.search_line.close()
        self.view = replace(self.view, search="")
        self.set_focus(self.table)
        self.table.refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.view = replace(self.view, search=event.value, first=0)
        self.table.refresh()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self.search_line.close()
        self.set_focus(self.table)

    def action_open_job(self) -> None:
        """Show charts, problems and the diagnosis of the selected job."""
        row = self.table.frame.selected if self.table.frame is not None else None
        if row is not None:
            self.push_screen(JobScreen(row.job.ref, self.context))

    def action_open_log(self) -> None:
        """Follow the log of the selected job."""
        row = self.table.frame.selected if self.table.frame is not None else None
        if row is not None:
            self.push_screen(LogScreen(row.job.ref, self.context))

    def action_help(self) -> None:
        """List the keys."""
        self.push_screen(HelpScreen())

    def action_quit_top(self) -> None:
        """End."""
        self.exit(int(ExitCode.OK))

    def action_interrupt(self) -> None:
        """End as Ctrl-C ends other commands."""
        self.exit(int(ExitCode.INTERRUPTED))

    def _handle_exception(self, error: Exception) -> None:
        """Name an internal error; its traceback may quote secrets."""
        self.failure = type(error).__name__
        super()._handle_exception(error)
        self._exit_renderables.clear()
