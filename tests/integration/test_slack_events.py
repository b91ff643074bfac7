"""Invitations, mentions and App Home through real Bolt, as a person sees them in the emulated Slack."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.providers.base import RequestRate
from bot.store.store import Store
from emulator.slack import payloads
from tests.fakes.provider import FakeProvider
from tests.integration.slack_harness import SlackHarness, at_least, create_provider, running, slack_with_scopes
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, alert, incident
from tests.unit.slack.validity import view_problems

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


@dataclass
class RateReportingProvider(FakeProvider):
    """Also reports how often it is called."""

    def request_rate(self) -> RequestRate:
        return RequestRate(1234, 3200)


async def test_home_shows_watched_jobs_status_and_commands(store: Store) -> None:
    simple = create_provider()
    provider = RateReportingProvider(simple.lines, name="baseten", jobs=simple.jobs)
    async with running(SlackHarness(store, provider=provider)) as harness:
        now = harness.clock()
        harness.clock.now = now - timedelta(minutes=2)
        await harness.save_incident(incident(alert(), alert("tw-2")), *[DeliveryKind.NOTE] * 3)
        await store.subscriptions.add("C2", "T1", JobRef("baseten", "p/late"), "U0BEN", RuleSettings(), harness.clock())
        harness.clock.now = now
        await store.heartbeat(POLL_LOOP, now - timedelta(seconds=3))
        await store.heartbeat(DELIVERY_LOOP, now - timedelta(minutes=3))

        seen = await harness.slack.person_actions.open_home("ada")

    assert seen.view is not None
    assert [] == view_problems(seen.view.source)
    shown = str(seen.view.source)
    assert "p/late" not in shown
    for fact in ("llama-8b-sft", "2 alerts firing", "🟢 Polling", "🔴 Alert delivery is late", "/train silence"):
        assert fact in shown
    for fact in (
        "Polling is 2 min behind schedule",
        "3 messages not sent yet",
        "baseten: 1,234 requests in the last minute (limit 3,200)",
    ):
        assert fact in shown
