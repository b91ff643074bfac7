"""Logs, questions and links as a person meets them on the page, on a desktop and a phone, with the real bot."""

from __future__ import annotations

import gzip

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from tests.integration.slack_harness import SlackHarness
from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF

pytestmark = pytest.mark.browser
LOG = """\
step 1 loss 2.5
[rank3]: Traceback (most recent call last):
[rank3]:   File "/app/train.py", line 412, in step
[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.
"""


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_person_shares_logs_asks_and_posts_a_link(harness: SlackHarness, width: int) -> None:
    harness.slack.workspace.app.unfurl_domains = ("mem.example",)
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": width, "height": 800})
        page.set_default_timeout(LONGEST_S * 1000)
        expect.set_options(timeout=LONGEST_S * 1000)
        await page.goto(harness.slack.context.base_url)
        await page.locator("body[data-live]").wait_for()
        await a_file_is_diagnosed_by_the_shortcut(page)
        await a_pasted_log_is_diagnosed_in_a_direct_message(page, is_phone=width < 700)
        await questions_are_answered_and_requests_confirmed(page, is_phone=width < 700)
        await a_link_shows_the_job_and_watches_it(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def a_file_is_diagnosed_by_the_shortcut(page: Page) -> None:
    log = FilePayload(name="rank_3.log.gz", mimeType="application/gzip", buffer=gzip.compress(LOG.encode()))
    await page.get_by_test_id("composer-files").set_input_files(log)
    message = await sent(page, "any idea?")
    await message.hover()
    await message.get_by_test_id("more").click()
    await message.get_by_test_id("shortcut-diagnose_log").click()
    answer = await reply_to(page, message)
    await expect(answer).to_contain_text("1 problem found in rank_3.log.gz")
    await expect(answer).to_contain_text("GPU out of memory")
    await expect(answer).to_contain_text("Rank 3")
    await page.get_by_test_id("thread-close").click()


async def a_pasted_log_is_diagnosed_in_a_direct_message(page: Page, *, is_phone: bool) -> None:
    await go(page, "dm-app", is_phone=is_phone)
    await page.get_by_test_id("tab-messages").click()
    message = await sent(page, LOG)
    await expect(await reply_to(page, message)).to_contain_text("GPU out of memory")
    await page.get_by_test_id("thread-close").click()


async def questions_are_answered_and_requests_confirmed(page: Page, *, is_phone: bool) -> None:
    await go(page, "channel-training", is_phone=is_phone)
    message = await sent(page, f"@trainwatch hows {REF.id} doing")
    answer = await reply_to(page, message)
    await expect(answer).to_contain_text("running")
    await expect(answer).to_contain_text("asked as @trainwatch status")
    await page.get_by_test_id("thread-composer").fill("@trainwatch tell me when its done")
    await page.get_by_test_id("thread-composer-send").click()
    question = page.get_by_test_id("thread").get_by_test_id("message").filter(has_text="Alert this channel about")
    await question.get_by_test_id("button-trainwatch_replace").click()
    await expect(page.get_by_test_id("thread").get_by_text("Watching").first).to_be_visible()
    await page.get_by_test_id("thread-close").click()
    await expect(await reply_to(page, await sent(page, "@trainwatch make me a sandwich"))).to_contain_text(
        "Did you mean"
    )
    await page.get_by_test_id("thread-close").click()


async def a_link_shows_the_job_and_watches_it(page: Page) -> None:
    message = await sent(page, f"see https://mem.example/{REF.id}")
    await expect(message.locator(".attachment")).to_contain_text("watched here")
    await message.locator(".attachment").get_by_test_id("button-trainwatch_show:status").click()
    await expect(page.get_by_test_id("ephemeral").last).to_contain_text("step 1 loss 2.5")


async def sent(page: Page, text: str) -> Locator:
    """Send a message and return it."""
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("composer-send").click()
    return page.get_by_test_id("messages").get_by_test_id("message").filter(has_text=text.splitlines()[0]).last


async def reply_to(page: Page, message: Locator) -> Locator:
    """Open the thread of a message and return the newest reply."""
    await message.get_by_test_id("replies").click()
    return page.get_by_test_id("thread").get_by_test_id("message").last


async def go(page: Page, place: str, *, is_phone: bool) -> None:
    if is_phone:
        await page.get_by_test_id("menu").click()
    await page.get_by_test_id(place).click()
