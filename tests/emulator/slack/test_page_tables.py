"""Tables on the page: native tables scroll inside themselves, and a data_table has pages and sorts."""

from playwright.async_api import Browser, Locator, expect
from slack_bolt.async_app import AsyncApp

from emulator.slack.app import Slack
from emulator.slack.model import Json
from tests.emulator.slack.test_slack_page import browser, opened, pytestmark

__all__ = ["browser", "pytestmark"]

HEAD: list[Json] = [{"type": "raw_text", "text": "Job"}, {"type": "raw_text", "text": "Steps"}]
SETTINGS: list[Json] = [{"is_wrapped": True}, {"align": "right"}]


def row(name: str, steps: int) -> list[Json]:
    link = {"type": "link", "url": "https://example.com/job", "text": name}
    job = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [link]}]}
    return [job, {"type": "raw_number", "value": steps, "text": f"{steps:,}"}]


async def test_a_table_comes_last_and_scrolls_inside_the_screen(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    wide = [[{"type": "raw_text", "text": f"a long heading {column}"} for column in range(12)]] * 3
    rows = [HEAD, row("x" * 250, 1), row("llama-70b-sft", 2_683)]
    text = {"type": "section", "text": {"type": "mrkdwn", "text": "below the table"}}
    page = await opened(browser, slack, width=390)
    for table in ({"rows": rows, "column_settings": SETTINGS}, {"rows": wide}):
        await connected.client.chat_postMessage(
            channel="#training", text="t", blocks=[{"type": "table", **table}, text]
        )
    await expect(page.get_by_test_id("block-table")).to_have_count(2)
    first = page.get_by_test_id("message").first
    assert ["section", "table"] == await first.locator(".block").evaluate_all(
        "blocks => blocks.map(one => one.dataset.testid.slice(6))"
    )
    await expect(first.locator("td").last).to_have_text("2,683")
    await expect(first.locator("td").last).to_have_css("text-align", "right")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert 0 == await first.locator(".table-scroll").evaluate("box => box.scrollWidth - box.clientWidth")
    region = page.get_by_role("region", name="Table").last
    assert await region.evaluate("box => box.scrollWidth > box.clientWidth && box.tabIndex === 0")


async def test_a_data_table_turns_pages_and_sorts(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    rows = [HEAD, *(row(f"job {number}", number * 1_000) for number in range(12))]
    block = {"type": "data_table", "caption": "Jobs", "rows": rows, "row_header_column_index": 0}
    page = await opened(browser, slack)
    await connected.client.chat_postMessage(channel="#training", text="t", blocks=[block])
    table = page.get_by_role("region", name="Jobs")
    await expect(page.get_by_role("status").filter(has_text="5 of 12")).to_be_visible()
    await page.get_by_role("button", name="Next rows").press("Enter")
    await expect(page.get_by_role("button", name="Next rows")).to_be_focused()
    await expect(first_cell(table)).to_have_text("job 5")
    await table.get_by_role("button", name="Steps").click()
    await expect(first_cell(table)).to_have_text("job 0")
    await table.get_by_role("button", name="Steps ↑").click()
    await expect(first_cell(table)).to_have_text("job 11")
    await expect(table.get_by_role("columnheader", name="Steps")).to_have_attribute("aria-sort", "descending")


def first_cell(table: Locator) -> Locator:
    return table.get_by_role("rowheader").first
