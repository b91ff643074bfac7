"""Slack's agent view: suggested prompts, threads with a title and a status, and Stop; nothing without the scope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.commands.parsing.mentions import ReadingKind, read_mention
from bot.domain.access import AccessPolicy, AccessRole
from bot.domain.alerts import DeliveryKind
from bot.domain.jobs import JobState
from bot.store.store import Store
from emulator.slack.model import AgentSession, Channel
from tests.integration.slack_harness import SlackHarness, running, slack_with_scopes, step_lines
from tests.support.scopes import GRANTED
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF, incident, job

ALWAYS = ["Which jobs are running?", "Which jobs failed?"]
AGENT_METHODS = ("assistant.", "agents.")


def agent_harness(store: Store, **settings: object) -> SlackHarness:
    return SlackHarness(store, slack_with_scopes((*GRANTED, "assistant:write")), **settings)  # type: ignore[arg-type]


@pytest.fixture
async def agent(store: Store) -> AsyncIterator[SlackHarness]:
    async with running(agent_harness(store)) as harness:
        yield harness


def direct_of(harness: SlackHarness) -> Channel:
    return harness.slack.workspace.direct_channel("U0ADA")


def methods_of(harness: SlackHarness) -> list[str]:
    return [name for name, _ in harness.slack.context.calls]


async def ask(harness: SlackHarness, text: str) -> tuple[str, AgentSession]:
    """Write to the bot; return the root of the thread and what Slack shows about it, after the answer."""
    direct = direct_of(harness)
    root = harness.slack.person_actions.say("ada", direct.id, text).ts
    await eventually(lambda: root in direct.sessions and direct.sessions[root].state == "active")
    await eventually(lambda: direct.sessions[root].status == "" and direct.replies(root))
    return root, direct.sessions[root]


async def open_messages(harness: SlackHarness) -> list[dict[str, str]]:
    """Open the direct message and return the prompts."""
    await harness.slack.person_actions.open_home("ada", tab="messages")
    await eventually(lambda: direct_of(harness).prompts)
    return list(direct_of(harness).prompts["prompts"])


async def test_prompts_begin_with_what_fails_and_are_understood(agent: SlackHarness) -> None:
    assert [one["message"] for one in await open_messages(agent)] == ALWAYS
    direct_of(agent).prompts = {}
    failed = replace(job(JobState.FAILED), name="llama <!channel> " + "x" * 250)
    await agent.save_incident(replace(incident(of=failed), channel=direct_of(agent).id), DeliveryKind.ROOT)
    await agent.deliver()
    prompts = await open_messages(agent)
    assert [one["message"] for one in prompts] == [f"Why did {REF} fail?", *ALWAYS]
    assert prompts[0]["title"].startswith("Why did llama ")
    assert len(prompts[0]["title"]) < 75
    for one in prompts:
        assert read_mention(one["message"], None).kind is ReadingKind.QUESTION


async def test_question_is_answered_in_its_thread_which_has_a_title(agent: SlackHarness) -> None:
    root, session = await ask(agent, f"how is {REF} doing?")
    assert session.title == f"how is {REF} doing?"
    assert "running" in repr(direct_of(agent).replies(root)[-1].blocks)
    assert methods_of(agent).count("agents.sessions.setStatus") == 2
    follow_up = agent.slack.person_actions.say("ada", direct_of(agent).id, "and its errors?", thread_ts=root)
    await eventually(lambda: direct_of(agent).replies(root)[-1].ts > follow_up.ts)
    assert "asked as" in repr(direct_of(agent).replies(root)[-1].blocks)
    await eventually(lambda: session.state == "active")
    assert session.title == f"how is {REF} doing?"


async def test_status_follows_a_long_read_and_stop_ends_it(store: Store) -> None:
    async with running(agent_harness(store, patience_s=0.01, progress_s=0.02)) as harness:
        harness.provider.lines, harness.provider.page_lines = step_lines(2_000), 10
        harness.provider.hangs_at_line = 20
        direct = direct_of(harness)
        root = harness.slack.person_actions.say("ada", direct.id, f"diagnose {REF}").ts
        await eventually(lambda: root in direct.sessions and "is reading… Read " in direct.sessions[root].status)
        assert direct.sessions[root].state == "processing"
        harness.slack.person_actions.stop_session("ben", direct.id, root)
        harness.slack.person_actions.stop_session("ada", direct.id, root)
        await eventually(lambda: direct.sessions[root].state == "active")
        await eventually(lambda: "Cancelled." in repr(direct.replies(root)))
        assert len(direct.replies(root)) == 1


async def test_mistake_and_refusal_end_the_session(store: Store) -> None:
    async with running(agent_harness(store, access=AccessPolicy(AccessRole.NONE))) as harness:
        root, _ = await ask(harness, f"logs {REF}")
        assert "needs the role" in repr(direct_of(harness).replies(root))
        await harness.slack.person_actions.open_home("ada", tab="messages")
        await eventually(lambda: not len(harness.listeners.tasks))
        assert direct_of(harness).prompts == {}


async def test_answer_follows_when_slack_refuses_the_status(agent: SlackHarness) -> None:
    for method in ("assistant.threads.setStatus", "agents.sessions.setStatus"):
        agent.slack.fail(method, "internal_error", times=10)
    direct = direct_of(agent)
    root = agent.slack.person_actions.say("ada", direct.id, f"status {REF}").ts
    await eventually(lambda: direct.replies(root))


async def test_without_the_scope_nothing_changes(harness: SlackHarness) -> None:
    direct = direct_of(harness)
    await harness.slack.person_actions.open_home("ada", tab="messages")
    asked = harness.slack.person_actions.say("ada", direct.id, f"status {REF}")
    await eventually(lambda: direct.messages[-1].ts > asked.ts)
    await eventually(lambda: not len(harness.listeners.tasks))
    assert direct.replies(asked.ts) == []
    assert not [name for name in methods_of(harness) if name.startswith(AGENT_METHODS)]
