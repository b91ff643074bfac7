"""The forms of an alert and a subscription in a real browser, on a desktop and a phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.integration.slack_harness import SlackHarness
from tests.integration.test_slack_acting import post_alert
from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, line

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.mark.parametrize("size", SIZES)
async def test_acting_on_an_alert_and_tuning_its_subscription(
    harness: SlackHarness, browser: Browser, size: str
) -> None:
    harness.provider.lines = [line("ERROR: disk quota exceeded", -30)]
    await post_alert(harness)
    width, height = SIZES[size]
    page = await browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(LONGEST_S * 1000)
    expect.set_options(timeout=LONGEST_S * 1000)
    await page.goto(harness.slack.context.base_url)
    await page.locator("body[data-live]").wait_for()
    root, modal = page.locator("#list").get_by_test_id("message").first, page.get_by_test_id("modal")
    sending = asyncio.create_task(deliver(harness))
    try:
        await is_one_row(root)
        await a_note_acknowledges(page, root, modal)
        await is_one_row(root)
        await a_silence_is_chosen_refused_and_made(page, root, modal)
        await stopping_asks_and_is_undone(page, root, modal)
        await a_subscription_is_tuned(page, modal)
    finally:
        sending.cancel()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def deliver(harness: SlackHarness) -> None:
    """Send what is due, as the bot does all the time, while time goes by."""
    while True:
        harness.clock.advance(timedelta(seconds=1))
        await harness.deliver()
        await asyncio.sleep(0.1)


async def is_one_row(message: Locator) -> None:
    """The buttons of a message are in one row."""
    await message.get_by_test_id("overflow-trainwatch_more").wait_for()
    tops = await message.locator(".actions .button, .actions .overflow").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => Math.round((box.top + box.bottom) / 2))"
    )
    assert max(tops) - min(tops) < 12, tops


async def a_note_acknowledges(page: Page, root: Locator, modal: Locator) -> None:
    await root.get_by_test_id("overflow-trainwatch_more").click()
    await root.get_by_role("button", name="Add a note").click()
    await modal.locator("textarea").fill("restarting <!channel> node 3")
    await page.get_by_test_id("modal-submit").click()
    await expect(root).to_contain_text("Acknowledged by @Ada Lovelace")
    await expect(root).to_contain_text("@Ada Lovelace: restarting <!channel> node 3")


async def a_silence_is_chosen_refused_and_made(page: Page, root: Locator, modal: Locator) -> None:
    await root.get_by_test_id("button-trainwatch_open:silence").click()
    await modal.get_by_test_id("control-trainwatch_field:what").select_option("job")
    await expect(modal).not_to_contain_text("--rule")
    await modal.get_by_test_id("control-trainwatch_field:how_long").select_option("other")
    custom = modal.get_by_test_id("control-trainwatch_field:custom")
    await custom.fill("soon")
    await page.get_by_test_id("modal-submit").click()
    await expect(modal).to_contain_text("Can't read the time `soon`")
    await custom.fill("90 min")
    await page.get_by_test_id("modal-submit").click()
    await expect(root).to_contain_text("Silenced until")
    await root.get_by_role("button", name="Unmute").click()
    await expect(root).not_to_contain_text("Silenced until")


async def stopping_asks_and_is_undone(page: Page, root: Locator, modal: Locator) -> None:
    await root.get_by_test_id("overflow-trainwatch_more").click()
    await root.get_by_role("button", name="Stop watching").click()
    await expect(modal).to_contain_text("This channel gets no more alerts for llama-8b-sft")
    await page.get_by_test_id("modal-submit").click()
    await expect(root).to_contain_text("@Ada Lovelace stopped watching")
    await root.get_by_role("button", name="Undo").click()
    await expect(root.get_by_role("button", name="Undo")).to_have_count(0)


async def a_subscription_is_tuned(page: Page, modal: Locator) -> None:
    await page.get_by_test_id("composer").fill(f"/train watch {REF} log_gap=off")
    await page.get_by_test_id("composer").press("Enter")
    watching = page.locator("#list").get_by_test_id("message").filter(has_text="You'll hear about")
    await watching.get_by_role("button", name="Tune").click()
    await modal.get_by_label("GPUs idle", exact=True).uncheck()
    await expect(modal).to_contain_text("low_gpu_utilization=off")
    await modal.get_by_test_id("button-trainwatch_show:test").click()
    await expect(modal).to_contain_text("would have sent 1 alert")
    await page.get_by_test_id("modal-submit").click()
    await expect(modal).to_contain_text(f"/train watch {REF} log_gap=off low_gpu_utilization=off")
    await page.get_by_test_id("modal-close").click()
    await expect(watching).to_contain_text("1 reply")
