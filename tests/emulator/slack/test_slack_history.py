"""Reading history, metadata, deleting and reacting; answers that are lost after Slack accepted a message."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.faults import Fault
from tests.support.waiting import LONGEST_S

from .conftest import Clock

METADATA = {"event_type": "x", "event_payload": {"id": "1"}}


async def post(client: AsyncWebClient, channel: str, **arguments: Any) -> str:
    return str((await client.chat_postMessage(channel=channel, text="x", **arguments))["ts"])


def ids(answer: Any) -> list[str | None]:
    return [one.get("metadata", {}).get("event_payload", {}).get("id") for one in answer["messages"]]


@pytest.fixture
def channel(slack: Slack) -> str:
    return slack.workspace.channel("#training").id


async def test_history_has_the_metadata_of_messages_between_two_times(client: AsyncWebClient, channel: str) -> None:
    first = await post(client, channel, metadata=METADATA)
    second = await post(client, channel, metadata={**METADATA, "event_payload": {"id": "2"}})

    shown = await client.conversations_history(channel=channel, include_all_metadata=True)
    later = await client.conversations_history(channel=channel, include_all_metadata=True, oldest=first)
    earlier = await client.conversations_history(
        channel=channel, include_all_metadata=True, oldest=first, latest=second, inclusive=True, limit=1
    )
    plain = await client.conversations_history(channel=channel)

    assert (ids(shown), ids(later), ids(plain)) == (["2", "1"], ["2"], [None, None])
    assert ids(earlier) == ["2"]
    assert earlier["response_metadata"]["next_cursor"]


async def test_replies_have_the_root_and_what_is_between_two_times(client: AsyncWebClient, channel: str) -> None:
    root = await post(client, channel)
    replies = [await post(client, channel, thread_ts=root) for _ in range(3)]

    answer = await client.conversations_replies(channel=channel, ts=root, oldest=replies[0])

    assert [one["ts"] for one in answer["messages"]] == [root, *replies[1:]]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.conversations_replies(channel=channel, ts="1.000001")


async def test_a_distributed_app_reads_history_once_a_minute(
    slack: Slack, client: AsyncWebClient, channel: str, clock: Clock
) -> None:
    slack.limits.is_distributed = True
    for _ in range(20):
        slack.limits._buckets.clear()
        await post(client, channel)

    first = await client.conversations_history(channel=channel, limit=200)
    with pytest.raises(SlackApiError, match="ratelimited") as refused:
        await client.conversations_history(channel=channel)
    await client.conversations_replies(channel=channel, ts=first["messages"][0]["ts"])

    assert len(first["messages"]) == 15
    assert refused.value.response.headers["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_type": "x"}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"a": "b" * 9000}}, "metadata_too_large"),
    ],
)
async def test_malformed_metadata_is_refused(
    client: AsyncWebClient, channel: str, metadata: dict[str, object], error: str
) -> None:
    with pytest.raises(SlackApiError, match=error):
        await post(client, channel, metadata=metadata)


async def test_an_edit_keeps_the_metadata(slack: Slack, client: AsyncWebClient, channel: str) -> None:
    ts = await post(client, channel, metadata=METADATA)
    await client.chat_update(channel=channel, ts=ts, text="y")
    (message,) = slack.workspace.channel(channel).messages
    assert (message.text, message.metadata) == ("y", METADATA)


async def test_a_deleted_message_is_gone(slack: Slack, client: AsyncWebClient, channel: str) -> None:
    ts = await post(client, channel)
    persons = slack.person_actions.say("ada", channel, "hello")

    await client.chat_delete(channel=channel, ts=ts)

    assert slack.workspace.channel(channel).messages == [persons]
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_delete(channel=channel, ts=ts)
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await client.chat_delete(channel=channel, ts=persons.ts)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("reset", is_applied=True, is_reset=True), aiohttp.ClientError),
        (Fault("internal_error", status=500, is_applied=True), SlackApiError),
        (Fault("slow", is_applied=True, answer_delay_s=5), TimeoutError),
    ],
    ids=lambda value: value.error if isinstance(value, Fault) else "",
)
async def test_an_accepted_post_whose_answer_is_lost_is_there(
    slack: Slack, client: AsyncWebClient, channel: str, fault: Fault, error: type[Exception]
) -> None:
    client.retry_handlers = []
    slack.context.faults.order("chat.postMessage", fault)

    with pytest.raises(error):
        async with asyncio.timeout(0.5):
            await post(client, channel)

    assert len(slack.workspace.channel(channel).messages) == 1
    await post(client, channel)


async def test_a_reset_before_slack_accepts_leaves_nothing(slack: Slack, client: AsyncWebClient, channel: str) -> None:
    client.retry_handlers = []
    slack.context.faults.order("chat.postMessage", Fault("reset", is_reset=True))
    with pytest.raises(aiohttp.ClientError):
        await post(client, channel)
    assert slack.workspace.channel(channel).messages == []


async def test_the_app_is_notified_of_a_reaction(
    slack: Slack, connected: AsyncApp, client: AsyncWebClient, channel: str
) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()

    @connected.event("reaction_added")
    async def reacted(event: Any) -> None:
        await events.put(event)

    ts = await post(client, channel)
    slack.person_actions.react("ada", slack.workspace.channel(channel).messages[0], "eyes")

    event = await asyncio.wait_for(events.get(), LONGEST_S)
    assert (event["item_user"], event["item"]["channel"], event["item"]["ts"]) == ("U0TRAIN", channel, ts)
    shown = await client.reactions_get(channel=channel, timestamp=ts)
    assert (shown["message"]["text"], shown["message"]["reactions"][0]["users"]) == ("x", ["U0ADA"])


async def test_a_probable_failure_strikes_some_calls(slack: Slack, client: AsyncWebClient, channel: str) -> None:
    slack.limits.enabled = False
    slack.context.faults.order("chat.postMessage", Fault("internal_error", probability=0.5, times=1000))
    for _ in range(40):
        await asyncio.gather(post(client, channel), return_exceptions=True)
    assert 0 < slack.context.faults.struck["internal_error"] < 40
