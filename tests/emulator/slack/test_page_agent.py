"""The agent view on the page: prompts above the text box, threads that open by themselves, their status and Stop."""

import asyncio

from playwright.async_api import Browser, expect
from slack_bolt.async_app import AsyncApp

from emulator.slack.app import Slack
from emulator.slack.model import Json
from tests.emulator.slack.test_slack_page import browser, opened, pytestmark

__all__ = ["browser", "pytestmark"]


async def test_a_prompt_begins_a_thread_with_a_status_that_stop_ends(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    slack.workspace.app.scopes |= {"assistant:write"}
    slack.workspace.app.is_read_only = False
    stops: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("agent_session_stopped")
    async def stopped(event: Json) -> None:
        stops.put_nowait(event)

    direct = slack.workspace.direct_channel("U0ADA")
    prompt = {"title": "Which jobs failed?", "message": "jobs failed"}
    await connected.client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, title="Ask", prompts=[prompt])
    page = await opened(browser, slack, width=390)
    await page.get_by_test_id("menu").click()
    await page.get_by_test_id("dm-app").click()
    await page.get_by_test_id("tab-messages").click()
    await page.get_by_test_id("prompt").click()
    thread = page.get_by_test_id("thread")
    await expect(thread).to_be_visible()
    await expect(thread.get_by_text("jobs failed", exact=True).first).to_be_visible()
    root = direct.messages[-1].ts
    await connected.client.agents_sessions_setStatus(
        channel_id=direct.id, thread_ts=root, status="processing", title="jobs failed"
    )
    await connected.client.assistant_threads_setStatus(
        channel_id=direct.id, thread_ts=root, status="is reading… Read 20 lines."
    )
    await expect(page.get_by_test_id("session")).to_contain_text("trainwatch is reading… Read 20 lines.")
    await expect(page.get_by_test_id("thread-title")).to_have_text("jobs failed")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_test_id("session-stop").click()
    assert (await stops.get())["thread_ts"] == root
    await connected.client.chat_postMessage(channel=direct.id, thread_ts=root, text="No failed jobs.")
    await connected.client.agents_sessions_setStatus(channel_id=direct.id, thread_ts=root, status="active")
    await expect(page.get_by_test_id("session")).to_be_hidden()
    await expect(thread).to_contain_text("No failed jobs.")
