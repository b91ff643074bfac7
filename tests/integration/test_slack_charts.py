"""Charts in the emulated Slack: shown where the workspace takes them, and left out permanently after it refused one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.slack.render.blocks import Action
from bot.slack.render.charts import is_chart
from bot.slack.render.tables import is_table
from bot.store.store import Store
from emulator.slack.faults import RESPONSE_URL, Fault
from emulator.slack.model import Message
from tests.fakes.provider import FakeProvider
from tests.integration.modal_forms import view_with
from tests.integration.slack_harness import SlackHarness, running
from tests.unit.slack.factories import NOW

REFUSED = Fault("invalid_blocks")


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    points = tuple(MetricPoint(0.9, NOW - timedelta(minutes=60 - at)) for at in range(60))
    series = [MetricSeries(GPU_UTILIZATION, points, None, gpu) for gpu in range(2)]
    async with running(SlackHarness(store, provider=FakeProvider(series=series))) as harness:
        yield harness


def charts(message: Message) -> int:
    return sum(map(is_chart, message.blocks or ()))


def tables(message: Message) -> int:
    return sum(map(is_table, message.blocks or ()))


async def test_metrics_have_a_chart_in_private_and_in_the_channel(harness: SlackHarness) -> None:
    (private,) = (await harness.command("metrics mem:run/1")).messages
    await harness.slack.person_actions.click("ada", private, Action.SHARE)
    (shared,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert (1, 1) == (charts(private), charts(shared))


@pytest.mark.parametrize("method", [RESPONSE_URL, "chat.postMessage"])
async def test_a_workspace_that_refuses_a_chart_gets_the_figures_and_no_more_charts(
    harness: SlackHarness, method: str
) -> None:
    faults = harness.slack.context.faults
    faults.order(method, REFUSED)
    (private,) = (await harness.command("metrics mem:run/1")).messages
    await harness.slack.person_actions.click("ada", private, Action.SHARE)
    (shared,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert 0 == charts(shared)
    assert "GPUs" in str(shared.blocks)
    (again,) = (await harness.command("metrics mem:run/1")).messages
    assert 0 == charts(again)
    assert 1 == faults.struck["invalid_blocks"]


@pytest.mark.parametrize("method", [RESPONSE_URL, "chat.postMessage"])
async def test_blocks_that_are_refused_without_charts_too_say_nothing_about_charts(
    harness: SlackHarness, method: str
) -> None:
    harness.slack.context.faults.order(method, Fault("invalid_blocks", times=3))
    (private,) = (await harness.command("metrics mem:run/1")).messages
    if private.blocks:
        await harness.slack.person_actions.click("ada", private, Action.SHARE)
        await harness.slack.person_actions.until(lambda: harness.channel().messages)
    (again,) = (await harness.command("metrics mem:run/1")).messages
    assert 1 == charts(again)


async def test_a_workspace_that_refuses_tables_gets_their_text(harness: SlackHarness) -> None:
    (before,) = (await harness.command("rules")).messages
    assert 1 == tables(before)
    harness.slack.context.faults.order(RESPONSE_URL, REFUSED)
    (refused,) = (await harness.command("rules")).messages
    (again,) = (await harness.command("jobs")).messages
    assert (0, 0) == (tables(refused), tables(again))
    assert "hang · The run's steps have stopped" in str(refused.blocks)
    assert "`mem:run/1`" in str(again.blocks)
    (charted,) = (await harness.command("metrics mem:run/1")).messages
    assert (0, 1) == (tables(charted), charts(charted))


async def test_a_modal_takes_no_chart_and_has_the_figures(harness: SlackHarness) -> None:
    status = (await harness.command("status mem:run/1")).messages[0]
    await harness.slack.person_actions.click("ada", status, f"{Action.OPEN}:answer:metrics")
    view = await view_with(harness, "GPUs")
    assert {"section", "context", "actions"} >= {block["type"] for block in view.source["blocks"]}
    assert "90" in str(view.source["blocks"])
