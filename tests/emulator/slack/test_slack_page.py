"""The page in a real browser: what person_actions see and press, on a desktop and a phone."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.manifest import read_commands
from emulator.slack.model import Json
from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S

pytestmark = pytest.mark.browser
HOSTILE = "</pre><script>document.title='owned'</script><img src=x onerror=document.title='owned'> <!channel>"


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def opened(browser: Browser, slack: Slack, width: int = 1280, height: int = 800) -> Page:
    page = await browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(LONGEST_S * 1000)
    expect.set_options(timeout=LONGEST_S * 1000)
    await page.goto(slack.context.base_url)
    await page.locator("body[data-live]").wait_for()
    return page


async def test_a_command_is_typed_its_answer_shared_and_its_thread_read(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        button = {"type": "button", "action_id": "share", "text": plain("Share in channel"), "value": "1"}
        await respond(text="3 lines", blocks=[{"type": "actions", "elements": [button]}])

    @connected.action("share")
    async def share(ack: AsyncAck, say: AsyncSay, respond: AsyncRespond) -> None:
        await ack()
        root = await say("shared lines")
        await say("the lines", thread_ts=root["ts"])
        await respond(delete_original=True)

    page = await opened(browser, slack)
    await page.get_by_test_id("composer").fill("/tr")
    await expect(page.get_by_test_id("hints")).to_contain_text("/train")
    await page.get_by_test_id("composer").press("Tab")
    await page.get_by_test_id("composer").type("logs baseten:abc")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("ephemeral")).to_contain_text("Only visible to you")
    await page.get_by_test_id("button-share").click()
    await expect(page.get_by_test_id("ephemeral")).to_have_count(0)
    await expect(page.get_by_test_id("replies")).to_contain_text("1 reply")
    await page.get_by_test_id("replies").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("the lines")


async def test_an_edit_changes_the_message_in_place(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    page = await opened(browser, slack)
    post = await connected.client.chat_postMessage(channel="#training", text="firing")
    first = await page.get_by_test_id("message").element_handle()
    await connected.client.chat_postMessage(channel="#training", text="another")
    await expect(page.get_by_test_id("message")).to_have_count(2)

    assert await first.evaluate("node => node.isConnected")  # untouched by its neighbour
    await connected.client.chat_update(channel=post["channel"], ts=post["ts"], text="resolved")
    await expect(page.get_by_test_id("message").first).to_contain_text("resolved (edited)")


async def test_a_modal_is_filled_refused_and_submitted(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    element = {"type": "plain_text_input", "action_id": "ref"}
    blocks = [{"type": "input", "block_id": "job", "label": plain("Job"), "element": element}]
    view = {"type": "modal", "callback_id": "w", "title": plain("Watch"), "submit": plain("Go"), "blocks": blocks}

    @connected.command("/train")
    async def train(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @connected.view("w")
    async def submit(ack: AsyncAck, view: Json, client: AsyncWebClient) -> None:
        value = view["state"]["values"]["job"]["ref"]["value"]
        if ":" not in value:
            await ack(response_action="errors", errors={"job": "A job is provider:id"})
            return
        await ack()
        await client.chat_postMessage(channel="#training", text=f"watching {value}")

    page = await opened(browser, slack)
    await page.get_by_test_id("composer").fill("/train watch")
    await page.get_by_test_id("composer").press("Enter")
    await page.get_by_test_id("control-ref").fill("abc")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("input-error")).to_have_text("A job is provider:id")
    await expect(page.get_by_test_id("control-ref")).to_have_value("abc")
    await page.get_by_test_id("control-ref").fill("baseten:abc")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await expect(page.get_by_test_id("message")).to_contain_text("watching baseten:abc")


async def test_foreign_text_is_shown_and_never_run(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    escaped = HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    page = await opened(browser, slack)
    section: Json = {"type": "section", "text": {"type": "mrkdwn", "text": f"```{escaped}```"}}
    raw: Json = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": HOSTILE}]}
    blocks: list[Json] = [section, {"type": "rich_text", "elements": [raw]}]
    await connected.client.chat_postMessage(channel="#training", text=HOSTILE, blocks=blocks)
    await connected.client.chat_postMessage(channel="#training", text=HOSTILE)

    await expect(page.get_by_test_id("message")).to_have_count(2)
    assert [await pre.inner_text() for pre in await page.locator("pre.code").all()] == [HOSTILE, HOSTILE]
    assert await page.locator("#list script, #list img").count() == 0
    assert await page.title() == "Train Co · emulated Slack"
    await expect(page.get_by_test_id("ping")).to_have_count(1)  # only the unescaped one would ping


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
async def test_home_opens_and_nothing_is_wider_than_the_screen(
    browser: Browser, slack: Slack, connected: AsyncApp, width: int, height: int
) -> None:
    @connected.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        blocks = [{"type": "header", "text": plain("Your training runs")}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    await connected.client.chat_postMessage(channel="#training", text="x" * 3000)
    page = await opened(browser, slack, width, height)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    if width < 700:
        await page.get_by_test_id("menu").click()
    await page.get_by_test_id("dm-app").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Your training runs")


async def test_a_reader_further_up_is_offered_new_messages(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    page = await opened_further_up(browser, slack, connected)
    pill = page.get_by_test_id("new-messages")
    await expect(pill).to_be_hidden()
    await connected.client.chat_postMessage(channel="#training", text="first alert")
    await expect(pill).to_have_text("↓ New message")
    await connected.client.chat_postMessage(channel="#training", text="second alert")
    await expect(pill).to_have_text("↓ 2 new messages")
    await expect(page.get_by_text("line 0", exact=True)).to_be_in_viewport()

    await pill.click()
    await expect(page.get_by_text("second alert")).to_be_in_viewport()
    await expect(pill).to_be_hidden()
    await connected.client.chat_postMessage(channel="#training", text="third alert")
    await expect(page.get_by_text("third alert")).to_be_in_viewport()  # at the bottom, the list follows
    await expect(pill).to_be_hidden()


async def test_own_answers_are_scrolled_to(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, say: AsyncSay) -> None:
        await ack()
        await say("now watches")

    @connected.action("logs")
    async def logs(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(text="\n".join(f"row {number}" for number in range(60)), replace_original=False)

    page = await opened_further_up(browser, slack, connected)
    await page.get_by_test_id("button-logs").click()
    await expect(page.get_by_test_id("ephemeral").get_by_text("row 0")).to_be_in_viewport()  # a long answer's beginning
    await scroll_to_top(page)
    await page.get_by_test_id("composer").fill("/train watch baseten:abc")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_text("now watches")).to_be_in_viewport()
    await expect(page.get_by_test_id("new-messages")).to_be_hidden()


async def test_private_answers_last_until_the_page_is_reloaded(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, respond: AsyncRespond, say: AsyncSay) -> None:
        await ack()
        await say("shared")
        await respond(text="private")

    page = await opened(browser, slack)
    await page.get_by_test_id("composer").fill("/train jobs")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("ephemeral")).to_contain_text("private")
    await page.get_by_test_id("dm-app").click()  # its first use loads the state again, as a lost connection does
    await expect(page.get_by_test_id("tab-home")).to_be_visible()
    await page.get_by_test_id("channel-training").click()
    await expect(page.get_by_test_id("ephemeral")).to_contain_text("private")
    await page.reload()
    await expect(page.get_by_test_id("message")).to_contain_text("shared")
    await expect(page.get_by_test_id("ephemeral")).to_have_count(0)


async def test_a_slow_answer_never_takes_a_person_away_from_where_they_went(
    browser: Browser, slack: Slack, connected: AsyncApp
) -> None:
    page = await opened(browser, slack)
    may_answer = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await may_answer.wait()
        await route.continue_()

    await page.route("**/page/act", answer_late)
    async with page.expect_response("**/page/act"):
        await page.get_by_test_id("dm-app").click()
        await page.get_by_test_id("channel-random").click()
        may_answer.set()
    await page.get_by_test_id("composer").fill("/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("random")


async def test_notices_of_slackbot_are_messages_in_order(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    page = await opened(browser, slack)
    log = page.get_by_role("log", name="Messages")
    await expect(log).to_have_attribute("aria-live", "polite")
    await page.get_by_test_id("composer").fill("/tarin jobs")
    await page.get_by_test_id("composer").press("Enter")
    await expect(log.get_by_test_id("notice")).to_contain_text("/tarin is not a valid command.")
    await connected.client.chat_postMessage(channel="#training", text="later")
    await expect(log.locator("article")).to_have_text(
        [re.compile("Slackbot.*Only visible to you"), re.compile("later")]
    )


async def test_the_composer_lists_every_subcommand(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    page = await opened(browser, slack)
    for typed in ("/", "/train "):
        await page.get_by_test_id("composer").fill(typed)
        await expect(page.get_by_test_id("hints")).to_contain_text(read_commands()[0][1])
    await page.get_by_test_id("composer").fill("/train j")
    await expect(page.get_by_test_id("hints")).to_be_hidden()


async def test_unread_channels_are_marked(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    slack.person_actions.invite_bot("ada", "#alerts")
    slack.person_actions.invite_bot("ada", "#random")
    root = await connected.client.chat_postMessage(channel="#random", text="read before")
    page = await opened(browser, slack)
    await connected.client.chat_postMessage(channel="#random", thread_ts=root["ts"], text="a reply marks nothing")
    await connected.client.chat_postMessage(channel="#alerts", text="the first new one")
    await connected.client.chat_postMessage(channel="#alerts", text="<@U0ADA> failed")
    await expect(page.get_by_test_id("unread-alerts")).to_have_text("1")
    await expect(page.get_by_test_id("channel-alerts")).to_have_class(re.compile("unread"))
    await expect(page.get_by_test_id("channel-random")).not_to_have_class(re.compile("unread"))

    await page.get_by_test_id("channel-alerts").click()
    await expect(page.locator("[data-testid=new-line] + article")).to_contain_text("the first new one")
    await expect(page.get_by_test_id("channel-alerts")).not_to_have_class(re.compile("unread"))
    await page.get_by_test_id("channel-random").click()
    await page.get_by_test_id("channel-alerts").click()
    await expect(page.get_by_test_id("new-line")).to_have_count(0)


async def test_a_thread_scrolls_like_its_channel(browser: Browser, slack: Slack, connected: AsyncApp) -> None:
    root = await connected.client.chat_postMessage(channel="#training", text="failed")
    for number in range(40):
        slack.person_actions.say("ben", "#training", f"line {number}", thread_ts=root["ts"])
    page = await opened(browser, slack)
    await page.get_by_test_id("replies").click()
    thread = page.get_by_test_id("thread")
    await expect(thread.get_by_text("line 39", exact=True)).to_be_in_viewport()
    await thread.get_by_role("log").evaluate("list => { list.scrollTop = 0 }")
    await connected.client.chat_postMessage(channel="#training", thread_ts=root["ts"], text="one more")
    await expect(page.get_by_test_id("new-replies")).to_have_text("↓ New message")
    await expect(page.get_by_test_id("new-messages")).to_be_hidden()

    await page.get_by_test_id("thread-composer").fill("/train jobs")
    await page.get_by_test_id("thread-composer").press("Enter")
    await expect(thread.get_by_test_id("notice")).to_be_in_viewport()
    await expect(thread.get_by_test_id("notice")).to_contain_text("/train is not supported in threads")
    await expect(page.get_by_test_id("new-replies")).to_be_hidden()


async def opened_further_up(browser: Browser, slack: Slack, app: AsyncApp) -> Page:
    """A channel with an old message with a button and 40 more, scrolled to the top."""
    button = {"type": "button", "action_id": "logs", "text": plain("Logs"), "value": "1"}
    await app.client.chat_postMessage(
        channel="#training", text="old", blocks=[{"type": "actions", "elements": [button]}]
    )
    for number in range(40):
        slack.person_actions.say("ben", "#training", f"line {number}")
    page = await opened(browser, slack)
    await expect(page.get_by_text("line 39", exact=True)).to_be_in_viewport()
    await scroll_to_top(page)
    return page


async def scroll_to_top(page: Page) -> None:
    await page.get_by_test_id("messages").evaluate("list => { list.scrollTop = 0 }")
    await expect(page.get_by_test_id("button-logs")).to_be_in_viewport()
