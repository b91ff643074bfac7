"""The agent view: prompts, statuses, sessions and Stop."""

import asyncio

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.model import Channel, Json

PROMPT = {"title": "Which jobs failed?", "message": "jobs failed"}


@pytest.fixture
def direct(slack: Slack) -> Channel:
    """Ada's direct message with an agent."""
    app = slack.workspace.app
    app.scopes |= {"assistant:write"}
    return slack.workspace.direct_channel("U0ADA")


async def test_prompts_are_shown_in_the_direct_message(direct: Channel, client: AsyncWebClient) -> None:
    await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, title="Ask", prompts=[PROMPT])
    assert direct.prompts == {"title": "Ask", "prompts": [PROMPT]}
    other = {"title": "x", "message": "x"}
    await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, thread_ts="1.2", prompts=[other])
    assert direct.prompts["prompts"] == [PROMPT]
    for wrong in ([], [PROMPT] * 5, [{"title": "x"}]):
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, prompts=wrong)


async def test_a_status_is_shown_until_the_app_answers(slack: Slack, direct: Channel, client: AsyncWebClient) -> None:
    root = slack.person_actions.say("ada", direct.id, "jobs").ts
    await client.assistant_threads_setStatus(channel_id=direct.id, thread_ts=root, status="is reading…")
    assert direct.sessions[root].status == "is reading…"
    await client.chat_postMessage(channel=direct.id, thread_ts=root, text="one job")
    assert direct.sessions[root].status == ""
    with pytest.raises(SlackApiError, match="invalid_thread_ts"):
        await client.assistant_threads_setStatus(channel_id=direct.id, thread_ts="1.2", status="x")


async def test_a_session_has_the_title_it_began_with(slack: Slack, direct: Channel, client: AsyncWebClient) -> None:
    root = slack.person_actions.say("ada", direct.id, "jobs").ts
    for state, title in (("processing", "jobs"), ("active", "other")):
        await client.agents_sessions_setStatus(channel_id=direct.id, thread_ts=root, status=state, title=title)
    assert (direct.sessions[root].state, direct.sessions[root].title) == ("active", "jobs")
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.agents_sessions_setStatus(channel_id=direct.id, thread_ts=root, status="busy")


async def test_only_an_agent_has_sessions(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.app.scopes -= {"assistant:write"}
    direct = slack.workspace.direct_channel("U0ADA")
    root = slack.person_actions.say("ada", direct.id, "jobs").ts
    with pytest.raises(SlackApiError, match="app_not_agent"):
        await client.agents_sessions_setStatus(channel_id=direct.id, thread_ts=root, status="active")
    with pytest.raises(SlackApiError, match="missing_scope"):
        await client.assistant_threads_setSuggestedPrompts(channel_id=direct.id, prompts=[PROMPT])


async def test_stop_is_an_event(slack: Slack, direct: Channel, connected: AsyncApp) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("agent_session_stopped")
    async def stopped(event: Json) -> None:
        events.put_nowait(event)

    root = slack.person_actions.say("ada", direct.id, "jobs").ts
    slack.person_actions.stop_session("ada", direct.id, root)
    event = await events.get()
    assert (event["channel"], event["thread_ts"], event["user"]) == (direct.id, root, "U0ADA")
