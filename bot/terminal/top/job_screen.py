"""One job in `trainwatch top`: its status, charts, open alerts and the diagnosis of its newest lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from bot.commands.answers import ErrorAnswer
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import DiagnoseCommand, MetricsAnswer, MetricsCommand, StatusAnswer, StatusCommand
from bot.commands.subcommands.table import SharedAnswer, SharedCommand
from bot.domain.jobs import JobRef
from bot.providers.budget import BudgetLimits, CommandBudget, spending
from bot.terminal.render.answers import render
from bot.terminal.render.metric_plots import plot_metrics, sampled_window
from bot.terminal.render.screen import BOLD, YELLOW, join_lines
from bot.terminal.render.screen import Screen as TextScreen
from bot.terminal.top.frame import alert_lines
from bot.terminal.top.log_screen import LogScreen
from bot.terminal.top.views import TopContext

_DIAGNOSED = Window(since=timedelta(hours=1))
_LIMITS = BudgetLimits(seconds=20.0)
"""Of each section; a longer read shows what it found until then."""
_REFRESH_S = 30.0
_KEYS = "Escape back - l log - r read again"


class JobScreen(Screen[None]):
    """Sections that are drawn as they arrive, and again after a resize."""

    CSS = """
    JobScreen VerticalScroll { scrollbar-size: 0 0; height: 1fr; }
    JobScreen #keys { height: 1; text-style: dim; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,left", "app.pop_screen", "Back"),
        Binding("l", "open_log", "Log"),
        Binding("r", "read", "Read again"),
        Binding("down,j", "scroll_by(1)", "Down", priority=True),
        Binding("up,k", "scroll_by(-1)", "Up", priority=True),
    ]

    def __init__(self, ref: JobRef, context: TopContext) -> None:
        """Show the job with this reference."""
        super().__init__()
        self._ref, self._shared = ref, context
        self._answers: dict[str, SharedAnswer | ErrorAnswer] = {}
        self._body = Static(f"Reading {ref}.", markup=False)

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with VerticalScroll():
            yield self._body
        yield Static(_KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Read everything once; charts and status again and again."""
        self.action_read()
        self.set_interval(_REFRESH_S, self._read_numbers)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def action_read(self) -> None:
        """Read everything."""
        self._read_numbers()
        self._read("diagnosis", DiagnoseCommand(str(self._ref), _DIAGNOSED))

    def action_open_log(self) -> None:
        """Follow the log."""
        self.app.push_screen(LogScreen(self._ref, self._shared))

    def action_scroll_by(self, lines: int) -> None:
        """Scroll the sections."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _read_numbers(self) -> None:
        self._read("status", StatusCommand(str(self._ref)))
        self._read("metrics", MetricsCommand(str(self._ref)))

    def _read(self, section: str, command: SharedCommand) -> None:
        async def run() -> None:
            with spending(CommandBudget(_LIMITS)):
                self._answers[section] = await self._shared.runner.run(command)
            self._draw()

        self.run_worker(run(), group=section, exclusive=True)

    def _draw(self) -> None:
        screen = self._shared.text_screen(self.size)
        parts = [*self._alerts(screen), *self._status(screen), *self._charts(screen), *self._diagnosis(screen)]
        self._body.update(self._shared.to_text(join_lines(parts)))

    def _alerts(self, screen: TextScreen) -> Sequence[str]:
        board = self._shared.reader.board()
        alerts = next((row.alerts for row in board.rows if row.job.ref == self._ref), ())
        return alert_lines(alerts, board.at, screen)

    def _status(self, screen: TextScreen) -> Sequence[str]:
        answer = self._answers.get("status")
        if isinstance(answer, StatusAnswer):
            answer = replace(answer, summaries=(), curves=(), last_lines=())  # they follow
        return _lines(answer, screen) or [f"Reading {self._ref}."]

    def _charts(self, screen: TextScreen) -> Sequence[str]:
        status, answer = self._answers.get("status"), self._answers.get("metrics")
        curves = status.curves if isinstance(status, StatusAnswer) else ()
        if not isinstance(answer, MetricsAnswer):
            window = sampled_window(curves)
            return [*(plot_metrics(curves, window, screen) if window else ()), *_lines(answer, screen)]
        measured = [one.series for one in answer.summaries]
        known = {one.name for one in measured}  # a platform may measure what the log states too
        series = [*(one for one in curves if one.name not in known), *measured]
        gaps = [line for gap in answer.gaps for line in screen.wrap(gap.public, style=YELLOW)]
        return [*plot_metrics(series, (answer.start, answer.end), screen), *gaps]

    def _diagnosis(self, screen: TextScreen) -> Sequence[str]:
        lines = _lines(self._answers.get("diagnosis"), screen)
        return [
            "",
            screen.paint("Diagnosis of the last hour", BOLD),
            *(lines[1:] if lines[1:] else lines or ["Reading the log."]),
        ]


def _lines(answer: SharedAnswer | ErrorAnswer | None, screen: TextScreen) -> list[str]:
    """The rendered answer, or why there is none; empty until it arrives."""
    if isinstance(answer, ErrorAnswer):
        return screen.wrap(answer.public, style=YELLOW)
    return [] if answer is None else render(answer, screen).splitlines()
