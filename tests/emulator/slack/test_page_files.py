"""Files and the menu of a message on the page, on a desktop and a phone."""

import pytest
from playwright.async_api import Browser, FilePayload, expect
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from emulator.slack.app import Slack
from emulator.slack.model import Json
from tests.emulator.slack.test_slack_page import browser, opened, pytestmark

__all__ = ["browser", "pytestmark"]


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_person_sends_a_file_and_uses_a_shortcut_on_it(
    browser: Browser, slack: Slack, connected: AsyncApp, width: int
) -> None:
    @connected.message_shortcut("diagnose_log")
    async def diagnose(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
        await ack()
        await respond(f"read {body['message']['files'][0]['name']}")

    page = await opened(browser, slack, width)
    chosen = FilePayload(name="train.log", mimeType="text/plain", buffer="loss ∞\n".encode())
    await page.get_by_test_id("composer-files").set_input_files(chosen)
    await expect(page.locator(".chosen")).to_contain_text("train.log")
    await page.get_by_test_id("composer-send").click()

    message = page.get_by_test_id("message").last
    await expect(message.get_by_test_id("file")).to_contain_text("loss ∞")
    await expect(page.locator(".chosen")).to_be_hidden()
    await message.hover()
    await message.get_by_test_id("more").click()
    await message.get_by_test_id("shortcut-diagnose_log").click()
    await expect(page.get_by_test_id("ephemeral")).to_contain_text("read train.log")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
