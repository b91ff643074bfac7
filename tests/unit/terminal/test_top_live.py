"""`trainwatch top` on a screen: keys, filters, a job, its log, resizing, errors. Textual's pilot presses the keys."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from textual.pilot import Pilot
from textual.widgets import RichLog

from bot.domain.durations import ns_from_datetime
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.errors import Unavailable
from bot.terminal.output import Output
from bot.terminal.top.app import TopApp
from bot.terminal.top.job_screen import JobScreen
from bot.terminal.top.log_screen import LogScreen
from bot.terminal.top.reader import TopPace, TopReader
from bot.terminal.top.views import HelpScreen, TopContext
from tests.fakes.provider import NOW, FakeProvider
from tests.support.waiting import eventually
from tests.unit.terminal.shell import SECRET
from tests.unit.terminal.top_samples import provider_of, runner_of


@dataclass
class Live:
    """A running screen."""

    app: TopApp
    pilot: Pilot[int]

    @property
    def shown(self) -> str:
        """The text on the screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in lines)

    async def until(self, text: str) -> str:
        """Wait until the screen has a text."""
        await eventually(lambda: re.search(text, self.shown))
        return self.shown

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until_true(self, condition: Callable[[], object]) -> None:
        await eventually(condition)


@asynccontextmanager
async def live(
    *providers: FakeProvider, size: tuple[int, int] = (80, 24), ascii_only: bool = False
) -> AsyncIterator[Live]:
    runner = runner_of(*providers)
    reader = TopReader(runner, pace=TopPace(list_s=3600.0))  # one list, however slow this machine is
    output = Output(io.StringIO(), io.StringIO(), width=size[0], ascii_only=ascii_only)
    app = TopApp(TopContext(reader, runner, output))
    try:
        async with app.run_test(size=size) as pilot:
            yield Live(app, pilot)
    finally:
        await reader.aclose()


async def test_jobs_appear_and_arrows_move() -> None:
    async with live(provider_of(30)) as top:
        await top.until(r"> embedder-11 .* 24 % .*93 %")
        await top.press("down", "j", "up", "end")
        await top.until(r"> 学習ジョブ")
        await top.press("home")
        await top.until(r"> embedder-11")


async def test_a_filter_is_applied_while_typing_and_escape_ends_it() -> None:
    async with live(provider_of(8)) as top:
        await top.until("8 jobs")
        await top.press("slash", *"embed")
        shown = await top.until(r"2 jobs .* filter embed")
        assert "embed" in shown.splitlines()[-1]
        await top.press("enter")
        await top.until_true(lambda: not top.app.search_line.display)
        assert "2 jobs" in top.shown
        await top.press("s")
        await top.until("by name")
        await top.press("escape")
        await top.until("8 jobs")


async def test_enter_opens_a_job_with_charts_and_a_diagnosis() -> None:
    async with live(provider_of(2), size=(120, 80)) as top:
        await top.until("> llama-70b-sft")
        await top.press("enter")
        shown = await top.until("Diagnosis of the last hour")
        await top.until(r"No known failure in 100 lines")
        await top.until(r"80 ┤")
        assert isinstance(top.app.screen, JobScreen)
        assert "llama-70b-sft-0: running" in shown
        assert re.search(r"loss(.|\n)*step|loss", top.shown)
        await top.press("escape")
        await top.until("> llama-70b-sft")


async def test_a_loss_that_is_logged_and_measured_is_one_chart() -> None:
    provider = provider_of(1)
    provider.series = [MetricSeries("loss", tuple(MetricPoint(value, NOW) for value in (0.5, 0.4)))]
    async with live(provider, size=(80, 60)) as top:
        await top.until("> llama-70b-sft")
        await top.press("enter")
        shown = await top.until(r"max 0\.5 ")
        assert len(re.findall(r"min \S+ max", shown)) == 1


async def test_l_follows_the_log_and_filters_it() -> None:
    provider = provider_of(1)
    provider.lines.append(LogLine(ns_from_datetime(NOW), f"token {SECRET} of step 100"))
    async with live(provider) as top:
        await top.until("> llama-70b-sft")
        await top.press("l")
        shown = await top.until(r"step 99/400")
        await top.until(r"token \[hidden\] of step 100")
        assert isinstance(top.app.screen, LogScreen)
        assert SECRET not in shown
        provider.lines.append(LogLine(ns_from_datetime(NOW + timedelta(seconds=1)), "a new line"))
        await top.until("a new line")
        await top.press("slash", *"step 9[0-4]", "enter")
        await top.until("only step 9")
        log = top.app.screen.query_one(RichLog)
        await top.until_true(lambda: any("step 94/400" in line.text for line in log.lines))
        assert not any("step 95/400" in line.text for line in log.lines)
        await top.press("escape")
        await top.until("> llama-70b-sft")


async def test_an_invalid_pattern_and_a_lost_job_are_explained() -> None:
    provider = provider_of(1)
    async with live(provider) as top:
        await top.until("> llama-70b-sft")
        await top.press("l")
        await top.until("step 99/400")
        await top.press("slash", *"step (", "enter")
        await top.until(r"only step \(")
        await top.until(r"(?i)pattern|expression")
        provider.jobs.clear()
        await top.press("escape", "enter")
        await top.until(r"no job mem:run/0")


async def test_an_outage_is_named_and_ends() -> None:
    provider = provider_of(2)
    provider.list_error = Unavailable("The platform cannot be reached.", provider="mem")
    async with live(provider) as top:
        await top.until(r"mem: The platform cannot be reached\. Tries again in")
        assert "Its jobs are not seen" in top.shown or "…" in top.shown


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (200, 50), (20, 5)])
async def test_it_fits_after_a_resize(size: tuple[int, int]) -> None:
    async with live(provider_of(30), size=(100, 30)) as top:
        await top.until("30 jobs")
        await top.pilot.resize_terminal(*size)
        await top.until_true(lambda: top.app.table.frame is not None and len(top.app.table.frame.lines) == size[1])
        assert all(len(line) <= size[0] for line in top.shown.splitlines())


async def test_only_jobs_on_the_screen_are_read() -> None:
    provider = provider_of(900)
    async with live(provider) as top:
        await top.until(r"24 % ")
        await top.until_true(lambda: len(set(provider.job_queries)) == 21)
        await top.press("pagedown", "pagedown")
        await top.until_true(lambda: len(set(provider.job_queries)) > 21)
        assert len(set(provider.job_queries)) <= 42
        assert provider.lists == 1


async def test_ascii_terminals_get_ascii() -> None:
    async with live(provider_of(2), ascii_only=True) as top:
        await top.until(r"> llama-70b-sft.*24 %")
        assert re.sub("[学習ジョブ東京]", "", top.shown).isascii()


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
async def test_help_and_the_ways_out(key: str, code: int) -> None:
    async with live(provider_of(1)) as top:
        await top.press("question_mark")
        await top.until("follow its log")
        assert isinstance(top.app.screen, HelpScreen)
        await top.press("escape")
        await top.until_true(lambda: not isinstance(top.app.screen, HelpScreen))
        await top.press(key)
        await top.until_true(lambda: top.app.return_value == code)


async def test_an_internal_error_ends_the_screen_without_a_traceback() -> None:
    provider = provider_of(1)
    provider.list_error = ZeroDivisionError(SECRET)
    apps: list[TopApp] = []

    async def run() -> None:
        async with live(provider) as top:
            apps.append(top.app)
            await top.until_true(lambda: top.app.failure)

    with pytest.raises(ZeroDivisionError):
        await run()
    (app,) = apps
    assert app.failure == "ZeroDivisionError"
    assert app._exit_renderables == []  # what textual prints at the end
