"""Hands on the page: keyboard, reactions, message menus, links, examples and dark mode."""

from playwright.async_api import Browser, Page, expect
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.model import Json
from tests.emulator.slack.test_slack_page import browser, opened, plain, pytestmark
from tests.support.accessibility import accessibility_faults
from tests.support.waiting import eventually

__all__ = ["browser", "pytestmark"]

REPORT_CHANGES = """() => new Promise((opened) => {
  const stream = new EventSource("page/changes?user=ada");
  stream.onopen = opened;
  stream.onmessage = () => console.log("arrived");
})"""


async def test_the_keyboard_reaches_messages_menus_and_dialogs(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    @connected.action("ask")
    async def ask(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        field = {"type": "input", "label": plain("Why"), "element": {"type": "plain_text_input", "action_id": "why"}}
        view = {"type": "modal", "title": plain("Reason"), "submit": plain("Send"), "blocks": [field]}
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    page = await opened(browser, slack)
    button = {"type": "button", "action_id": "ask", "text": plain("Explain"), "value": "1"}
    for text in ("first", "second"):
        await connected.client.chat_postMessage(channel="#training", text=text)
    await connected.client.chat_postMessage(
        channel="#training", text="third", blocks=[{"type": "actions", "elements": [button]}]
    )
    messages = page.get_by_test_id("message")
    await expect(messages).to_have_count(3)
    await messages.last.focus()
    await page.keyboard.press("ArrowUp")
    await expect(messages.nth(1)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("thread-composer")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("thread")).to_be_hidden()
    await expect(messages.nth(1)).to_be_focused()

    await messages.nth(1).get_by_test_id("more").press("Enter")
    menu = messages.nth(1).locator(".menu button")
    await expect(menu.first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(menu.nth(1)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(messages.nth(1).get_by_test_id("more")).to_be_focused()

    await page.get_by_test_id("button-ask").press("Enter")
    await expect(page.get_by_test_id("control-why")).to_be_focused()
    await page.get_by_test_id("modal-submit").focus()
    await page.keyboard.press("Tab")
    await expect(page.get_by_test_id("modal-close")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await expect(page.get_by_test_id("button-ask")).to_be_focused()

    await page.get_by_test_id("channel-training").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("channel-alerts")).to_have_attribute("aria-current", "page")
    await page.keyboard.press("F6")
    await expect(page.get_by_test_id("messages")).to_be_focused()


async def test_reactions_reach_the_app_and_are_taken_back(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    seen: list[str] = []

    @connected.event("reaction_added")
    async def added(event: Json) -> None:
        seen.append(event["reaction"])

    page = await opened(browser, slack)
    await connected.client.chat_postMessage(channel="#training", text="an alert")
    message = page.get_by_test_id("message")
    await message.hover()
    await message.get_by_test_id("react-eyes").click()
    await expect(message.get_by_test_id("reaction-eyes")).to_have_attribute("aria-pressed", "true")
    await eventually(lambda: seen == ["eyes"])
    await message.get_by_test_id("reaction-eyes").click()
    await expect(message.get_by_test_id("reaction-eyes")).to_have_count(0)

    await message.get_by_test_id("more").click()
    await message.get_by_test_id("mark-unread").click()
    await expect(page.get_by_test_id("new-line")).to_be_visible()
    assert [] == await accessibility_faults(page)


async def test_a_press_is_not_lost_to_what_arrives_meanwhile(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    page = await opened(browser, slack)
    root = await connected.client.chat_postMessage(channel="#training", text="an alert")
    await page.evaluate(REPORT_CHANGES)
    for pressed in ("react-eyes", "channel-alerts"):
        await page.get_by_test_id("message").hover()
        await page.get_by_test_id(pressed).hover()
        await page.mouse.down()
        async with page.expect_console_message(lambda line: line.text == "arrived"):
            await connected.client.chat_postMessage(channel="#training", text="why", thread_ts=root["ts"])
        await page.mouse.up()
    await expect(page.locator("h1")).to_have_text("#alerts")
    await page.get_by_test_id("channel-training").click()
    await expect(page.get_by_test_id("reaction-eyes")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_test_id("replies")).to_contain_text("2 replies")


async def test_links_and_examples_lead_somewhere(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    page = await opened(browser, slack)
    client = connected.client
    posted = await client.chat_postMessage(channel="#alerts", text="the alert")
    link = await client.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"])
    text = f"<{link['permalink']}|an alert> in <#{posted['channel']}> for <@U0BEN>: `/train jobs` or `baseten:p/job1`"
    await client.chat_postMessage(channel="#training", text=text)
    message = page.locator("#list").get_by_test_id("message").filter(has_text="/train jobs")
    await message.get_by_role("button", name="/train jobs").press("Enter")
    await expect(page.get_by_test_id("composer")).to_have_value("/train jobs")
    await message.get_by_role("button", name="baseten:p/job1").click()
    await expect(page.get_by_test_id("composer")).to_have_value("/train status baseten:p/job1")
    await message.get_by_role("button", name="@Ben Okafor").click()
    await expect(page.get_by_role("alertdialog")).to_contain_text("@ben")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("alertdialog")).to_have_count(0)
    await message.get_by_role("button", name="#alerts").click()
    await expect(page.locator("h1")).to_have_text("#alerts")
    await page.get_by_test_id("channel-training").click()
    await message.get_by_role("link", name="an alert").click()
    await expect(page.get_by_test_id("message").filter(has_text="the alert")).to_be_focused()


async def test_dark_mode_is_remembered_and_legible(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond("answer in `code`")

    page = await opened(browser, slack)
    await type_command(page)
    light = await background(page)
    assert [] == await accessibility_faults(page)
    await page.get_by_test_id("theme").click()
    await expect(page.get_by_test_id("theme")).to_have_attribute("aria-pressed", "true")
    dark = await background(page)
    assert dark != light
    assert [] == await accessibility_faults(page)
    await page.reload()
    await page.locator("body[data-live]").wait_for()
    assert await background(page) == dark
    await expect(page.get_by_test_id("ephemeral")).to_have_count(0)


async def type_command(page: Page) -> None:
    await page.get_by_test_id("composer").fill("/train")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("ephemeral")).to_be_visible()


async def background(page: Page) -> str:
    return str(await page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor"))
