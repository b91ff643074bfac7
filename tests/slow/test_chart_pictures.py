"""Charts and tables of every kind as a person sees them: Slack's and pictures, desktop and phone, light and dark.

`make images` writes them to docs/images; look at the pictures before you commit them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.async_api import Page

from bot.charts.painter import Painter
from bot.domain.charts import LineChart
from bot.domain.metric_charts import describe_chart
from bot.slack.client import create_client, post
from bot.slack.pictures import Pictures
from bot.slack.render.answers import render
from bot.slack.render.blocks import section
from bot.slack.render.charts import chart_block
from bot.slack.render.message import Message, message
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from tests.acceptance.test_alert_pictures import DESKTOP, IMAGES, PHONE, open_page, show
from tests.support.browser import chromium
from tests.unit.charts.samples import chart_samples
from tests.unit.slack.samples import ANSWERS

SIZES: Mapping[str, Mapping[str, int]] = {"desktop": DESKTOP, "phone": PHONE}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABLES = ("jobs", "list", "channel_rules", "metrics")
TALL = 2400
"""Higher than any message."""
COLOURS = 192
"""Of a picture in the repository, to keep it small."""


@pytest.fixture
def pictures(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    """Where the pictures go."""
    return IMAGES if pytestconfig.getoption("--update-images") else tmp_path


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_charts_and_tables_fit_a_phone(pictures: Path) -> None:
    slack = create_slack(limits=RateLimits(enabled=False))
    async with chromium() as browser, served(slack) as url:
        shown = {
            "training": await post_charts(slack),
            "alerts": await post_pictures(slack),
            "random": await post_tables(slack),
        }
        for size, pixels in SIZES.items():
            page = await open_page(browser, url, {**pixels, "height": TALL})
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                for (channel, count), kind in zip(shown.items(), ("charts", "charts-png", "tables"), strict=True):
                    await show(page, channel)
                    await stack(page, count, pictures / f"{kind}-{size}-{theme}.png")
                    assert await page.evaluate("document.documentElement.scrollWidth") <= pixels["width"]


async def post_charts(slack: Slack) -> int:
    """Post Slack's own charts; return their number."""
    charts = {name: one for name, one in chart_samples().items() if isinstance(one, LineChart)}
    for name, chart in charts.items():
        await send(slack, "#training", message(describe_chart(chart), [section(f"*{name}*"), chart_block(chart)]))
    return len(charts)


async def post_pictures(slack: Slack) -> int:
    """Post all charts as pictures; return their number."""
    painter, charts = Painter(), chart_samples()
    drawn = Pictures(create_client(BOT_TOKEN, slack.api_url), painter)
    channel = slack.workspace.channel("#alerts").id
    try:
        for name, chart in charts.items():
            await drawn.post(await drawn.draw(lambda chart=chart: (chart,), name), {"channel": channel})  # type: ignore[misc]
    finally:
        painter.close()
    return len(charts)


async def post_tables(slack: Slack) -> int:
    """Post the answers that have a table; return their number."""
    slack.person_actions.invite_bot("ada", "#random")
    for name in TABLES:
        await send(slack, "#random", render(ANSWERS[name]))
    return len(TABLES)


async def send(slack: Slack, channel: str, content: Message) -> None:
    client = create_client(BOT_TOKEN, slack.api_url)
    await post(client, {"channel": slack.workspace.channel(channel).id, **content.payload()})


async def stack(page: Page, count: int, path: Path) -> None:
    """Write one picture with the newest messages of a channel below each other."""
    messages = page.locator("#list").get_by_test_id("message")
    blocks = page.locator("#list .block.data_visualization svg, #list .block.image img, #list .block.table table")
    await blocks.nth(count - 1).wait_for()
    for image in await page.locator("#list img").all():
        await image.evaluate("(one) => { one.loading = 'eager'; return one.decode(); }")
    taken = [Image.open(io.BytesIO(await one.screenshot())).convert("RGB") for one in (await messages.all())[-count:]]
    whole = Image.new("RGB", (max(one.width for one in taken), sum(one.height for one in taken)))
    top = 0
    for one in taken:
        whole.paste(one, (0, top))
        top += one.height
    whole.quantize(COLOURS).save(path, optimize=True)
