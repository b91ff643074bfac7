"""Invitations and mentions through real Bolt, as a person sees them in the emulated Slack."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind
from bot.store.store import Store
from emulator.slack import payloads
from tests.integration.slack_harness import SlackHarness, at_least, running, slack_with_scopes
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, incident

LOGS = f"logs {REF}"


async def test_the_bot_greets_a_channel_it_joins(harness: SlackHarness) -> None:
    harness.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await harness.slack.person_actions.until(lambda: harness.channel("#random").messages)
    assert "`/train watch JOB`" in hello.text


async def test_the_greeting_counts_the_alerts_that_waited_for_the_invitation(harness: SlackHarness) -> None:
    await harness.save_incident(replace(incident(), channel=harness.channel("#random").id), DeliveryKind.ROOT)
    now = harness.clock()
    (root,) = await harness.store.deliveries.claim(now, lease=timedelta(minutes=1))
    await harness.store.deliveries.mark_failed(root.id, root.token, "not_in_channel", now + timedelta(hours=1))
    harness.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await harness.slack.person_actions.until(lambda: harness.channel("#random").messages)
    assert "This channel watches 1 job: `/train list`. Sending 1 alert that waited for the invitation." == hello.text


@pytest.mark.parametrize(
    ("private", "scope", "count"), [(True, "groups:read", 1), (True, "channels:read", 0), (False, "groups:read", 0)]
)
async def test_joining_is_noticed_only_with_the_scope_for_that_kind_of_channel(
    store: Store, private: bool, scope: str, count: int
) -> None:
    async with running(SlackHarness(store, slack_with_scopes(["chat:write", scope]))) as harness:
        harness.slack.workspace.add_channel("new", members=["ada"], is_private=private)
        harness.slack.person_actions.invite_bot("ada", "#new")
        with contextlib.suppress(TimeoutError):
            timeout_s = LONGEST_S if count else 0.3
            await harness.slack.person_actions.until(lambda: harness.channel("#new").messages, timeout_s=timeout_s)
        assert count == len(harness.channel("#new").messages)


async def test_other_people_who_join_are_not_greeted(harness: SlackHarness) -> None:
    event = {"type": "member_joined_channel", "user": "U0BEN", "channel": harness.channel().id, "channel_type": "C"}
    harness.slack.person_actions.event_sender.send_event(payloads.event(harness.slack.context, event))
    await harness.command(LOGS)
    assert [] == harness.channel().messages


async def test_a_mention_in_a_thread_is_answered_there(harness: SlackHarness) -> None:
    root = await harness.post_alert()
    harness.slack.person_actions.say("ada", "#training", f"@trainwatch {LOGS}", thread_ts=root.ts)
    replies = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
    assert "step 1 loss 2.5" in str(replies[1].blocks)


@pytest.mark.parametrize(
    "text",
    [
        f"@trainwatch `{LOGS} --tail 2`",
        f"@trainwatch\n```\n{LOGS} --tail 2\n```",
        f"@trainwatch *{LOGS} --tail 2*",
        f"@trainwatch: /train {LOGS} --tail 2",
        f"@trainwatch , {LOGS}. \u2212\u2212tail 2",
        f"@trainwatch @trainwatch logs `{REF}` --tail 2",
        f"@trainwatch @ben {LOGS} --tail 2",
    ],
)
async def test_a_pasted_command_is_read_without_the_marks_around_it(harness: SlackHarness, text: str) -> None:
    mention = harness.slack.person_actions.say("ada", "#training", text)
    (reply,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(mention.ts))
    assert reply.text.startswith("2 log lines of")


async def test_an_invalid_mention_is_answered_in_its_thread(harness: SlackHarness) -> None:
    mention = harness.slack.person_actions.say("ada", "#training", "@trainwatch logz")
    (reply,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(mention.ts))
    assert "`logz`" in reply.text
