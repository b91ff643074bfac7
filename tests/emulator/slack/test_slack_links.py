"""Links to an app's domains, and the previews that it adds."""

import asyncio
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.model import Json, Message

URL = "https://app.baseten.co/training/p7/logs/h8"
BLOCKS: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "running"}},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "W"}, "action_id": "watch", "value": "x"}
        ],
    },
]


def posted(slack: Slack, text: str = URL) -> Message:
    return slack.person_actions.say("ada", "#random", text)


async def test_links_to_the_domains_of_the_app_are_reported(slack: Slack, connected: AsyncApp) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("link_shared")
    async def shared(event: Json) -> None:
        events.put_nowait(event)

    posted(slack, "https://example.org and https://baseten.co.evil.example/")
    message = posted(slack, f"look <{URL}|here>, {URL}")
    event = await events.get()

    assert [{"domain": "baseten.co", "url": URL}] == event["links"]
    expected = (message.ts, message.channel, "conversations_history", False)
    assert expected == tuple(event[name] for name in ("message_ts", "channel", "source", "is_bot_user_member"))


async def test_a_preview_is_shown_and_replaced(slack: Slack, client: AsyncWebClient) -> None:
    message = posted(slack)
    for state in ("queued", "running"):
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": state}}]
        await client.chat_unfurl(channel=message.channel, ts=message.ts, unfurls={URL: {"blocks": blocks}})

    (preview,) = message.attachments or []
    assert "running" in str(preview["blocks"])
    assert (URL, True) == (preview["app_unfurl_url"], preview["is_app_unfurl"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel": "C404"}, "cannot_find_channel"),
        ({"ts": "1.1"}, "cannot_find_message"),
        ({"unfurls": {"https://other.example": {"blocks": BLOCKS}}}, "cannot_unfurl_message"),
        ({"unfurls": {}}, "missing_unfurls"),
        ({"unfurls": {URL: "text"}}, "invalid_unfurls_format"),
        ({"unfurls": {URL: {"blocks": [{"type": "section"}]}}}, "invalid_blocks"),
    ],
)
async def test_a_preview_that_does_not_fit_is_refused(
    slack: Slack, client: AsyncWebClient, changes: dict[str, Any], code: str
) -> None:
    message = posted(slack)
    arguments = {"channel": message.channel, "ts": message.ts, "unfurls": {URL: {"blocks": BLOCKS}}, **changes}
    with pytest.raises(SlackApiError) as refused:
        await client.chat_unfurl(**arguments)
    assert code == refused.value.response["error"]


async def test_a_button_of_a_preview_names_the_link(slack: Slack, connected: AsyncApp, client: AsyncWebClient) -> None:
    clicks: asyncio.Queue[Json] = asyncio.Queue()

    @connected.action("watch")
    async def clicked(ack: AsyncAck, body: Json) -> None:
        await ack()
        clicks.put_nowait(body)

    message = posted(slack)
    await client.chat_unfurl(channel=message.channel, ts=message.ts, unfurls={URL: {"blocks": BLOCKS}})
    await slack.person_actions.click("ben", message, "watch", wait_s=0)
    click = await clicks.get()

    assert ("message_attachment", URL, message.ts) == tuple(
        click["container"][name] for name in ("type", "app_unfurl_url", "message_ts")
    )
    assert "message" not in click
