"""Whom an alert mentions or messages: the channel's choice, and the person whose address the platform names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason, Severity
from bot.domain.jobs import JobState
from bot.domain.notify import MentionTarget, NotifySettings, OwnerContact, QuietHours
from bot.slack.contacts import MemberDirectory
from bot.store.engine import Database
from bot.store.store import Store
from bot.watcher.remind import ReminderJob
from emulator.slack.mentions import mentioned_users
from emulator.slack.model import Message
from tests.integration.polling import DATABASE
from tests.integration.slack_harness import SlackHarness, running, slack_with_scopes
from tests.integration.test_slack_owners import post_failure
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import NOW, failed, incident, job

BEN = "Ben@Example.com"
ONCALL = {Severity.PAGE: (MentionTarget("S0ONCALL", "oncall"),)}


async def choose(harness: SlackHarness, **settings: object) -> None:
    """Set the channel's notification settings."""
    chosen = NotifySettings(**settings)  # type: ignore[arg-type]
    await harness.store.preferences.change_channel(harness.channel().id, lambda _: chosen, "U0ADA", NOW)


async def alert(harness: SlackHarness, user: str | None = BEN, *, severity: Severity = Severity.PAGE) -> Message:
    """Deliver the root message of a failed job that this person started."""
    channel = harness.channel().id
    about = replace(incident(failed(), of=replace(job(JobState.FAILED), user=user)), channel=channel)
    root = Notification(DeliveryKind.ROOT, NotifyReason.FIRST, about.job, about, mention=severity)
    await harness.save(about, Delivery("root", channel, root))
    await harness.deliver()
    return harness.channel().messages[-1]


def lookups(harness: SlackHarness) -> int:
    return sum(name == "users.lookupByEmail" for name, _ in harness.slack.context.calls)


def messages_to(harness: SlackHarness, user: str) -> list[Message]:
    return harness.slack.workspace.direct_channel(harness.slack.workspace.user(user).id).messages


async def test_the_root_mentions_the_group_and_the_person_who_started_the_job(harness: SlackHarness) -> None:
    await choose(harness, mentions=ONCALL)

    root = await alert(harness)

    assert mentioned_users(root) == ["!subteam^S0ONCALL", "@U0BEN"]
    assert "<!subteam^S0ONCALL> · started by <@U0BEN>" in root.text


async def test_an_alert_of_another_severity_does_not_mention_the_group(harness: SlackHarness) -> None:
    await choose(harness, mentions=ONCALL, owner=OwnerContact.OFF)
    assert mentioned_users(await alert(harness, severity=Severity.WARN)) == []


async def test_an_edit_shows_whose_it_is_until_somebody_has_it(harness: SlackHarness) -> None:
    await choose(harness, mentions=ONCALL)
    root = await alert(harness)
    saved = await harness.saved_incident()
    edit = Notification(DeliveryKind.EDIT, NotifyReason.CHANGED, saved.job, saved)
    await harness.save(saved, Delivery("edit", saved.channel, edit))
    await harness.deliver()
    assert mentioned_users(root) == ["!subteam^S0ONCALL", "@U0BEN"]

    await harness.store.incidents.acknowledge(incident().id, "U0ADA", harness.clock())
    await harness.deliver()
    assert mentioned_users(root) == ["@U0ADA"]


@pytest.mark.parametrize(
    ("channel", "own", "is_mentioned", "is_messaged"),
    [
        (OwnerContact.MENTION, None, True, False),
        (OwnerContact.DM, None, False, True),
        (OwnerContact.OFF, None, False, False),
        (OwnerContact.MENTION, OwnerContact.DM, False, True),
        (OwnerContact.MENTION, OwnerContact.OFF, False, False),
        (OwnerContact.DM, OwnerContact.MENTION, True, False),
        (OwnerContact.OFF, OwnerContact.DM, False, True),
        (OwnerContact.OFF, OwnerContact.MENTION, False, False),
    ],
)
async def test_the_person_chooses_over_the_channel_except_for_unwanted_mentions(
    harness: SlackHarness, channel: OwnerContact, own: OwnerContact | None, is_mentioned: bool, is_messaged: bool
) -> None:
    await choose(harness, owner=channel)
    await harness.store.preferences.set_contact("U0BEN", own)

    root = await alert(harness)

    assert (mentioned_users(root) == ["@U0BEN"]) == is_mentioned
    assert len(messages_to(harness, "ben")) == int(is_messaged)


async def test_a_direct_message_names_the_alert_and_links_to_it_once(harness: SlackHarness) -> None:
    await choose(harness, owner=OwnerContact.DM)
    root = await alert(harness)
    await harness.deliver()

    (message,) = messages_to(harness, "ben")
    assert message.text.startswith("🔴 Job failed: llama-8b-sft, in <#")
    assert f"/archives/{harness.channel().id}/p{root.ts.replace('.', '')}|Open the alert>" in str(message.blocks)
    assert "You started this job." in str(message.blocks)


async def test_a_direct_message_that_slack_refuses_delays_no_alert(harness: SlackHarness) -> None:
    await choose(harness, owner=OwnerContact.DM)
    harness.slack.workspace.app.has_messages_tab = False
    root = await alert(harness)

    await harness.store.incidents.acknowledge(incident().id, "U0ADA", harness.clock())
    await harness.deliver()

    assert "U0ADA" in str(root.blocks)
    assert messages_to(harness, "ben") == []


async def test_nobody_is_mentioned_in_quiet_hours_unless_pages_break_through(harness: SlackHarness) -> None:
    now = harness.clock()
    minute = now.hour * 60 + now.minute
    await choose(harness, mentions=ONCALL, quiet=QuietHours(minute - 60, minute + 60))
    assert mentioned_users(await alert(harness)) == []


async def test_a_page_breaks_through_quiet_hours_if_the_channel_wants_it(harness: SlackHarness) -> None:
    now = harness.clock()
    minute = now.hour * 60 + now.minute
    await choose(harness, mentions=ONCALL, quiet=QuietHours(minute - 60, minute + 60), quiet_pages=False)
    assert "!subteam^S0ONCALL" in mentioned_users(await alert(harness))


@pytest.mark.parametrize("settings", ['{"owner": "pigeon"}', '{"quiet": {"start": 0, "end": 60, "zone": "No/Where"}}'])
async def test_settings_that_cannot_be_used_neither_delay_nor_repeat_an_alert(
    harness: SlackHarness, tmp_path: Path, settings: str
) -> None:
    await choose(harness, mentions=ONCALL)
    database = Database(f"sqlite:///{tmp_path / DATABASE}")
    async with database.write() as connection:
        await connection.execute(text("UPDATE notify_settings SET value = :value"), {"value": settings})
    await database.aclose()

    assert mentioned_users(await alert(harness)) == []
    await harness.deliver()
    assert len(harness.channel().messages) == 1


async def test_reminders_mention_too(harness: SlackHarness) -> None:
    await choose(harness, mentions=ONCALL)
    await post_failure(harness)
    harness.clock.advance(timedelta(minutes=40))
    await ReminderJob(harness.store, harness.clock).tick()
    await harness.deliver()

    assert mentioned_users(harness.channel().messages[-1]) == ["!subteam^S0ONCALL"]


@pytest.mark.parametrize(
    "user",
    [None, "", "service-account", "stranger@elsewhere.example", f"{'a' * 300}@example.com", "<!here>@x.example"],
)
async def test_a_user_who_is_not_a_member_is_not_mentioned(harness: SlackHarness, user: str | None) -> None:
    assert mentioned_users(await alert(harness, user)) == []


async def test_without_the_scope_an_alert_goes_out_and_slack_is_asked_once_an_hour(store: Store) -> None:
    scopes = [scope for scope in GRANTED if scope != "users:read.email"]
    async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
        assert mentioned_users(await alert(harness)) == []
        directory = MemberDirectory(harness.app.client, harness.clock)
        for _ in range(3):
            assert await directory.find("ada@example.com") is None
        assert lookups(harness) == 2
        harness.clock.advance(timedelta(hours=1))
        assert await directory.find("ada@example.com") is None
        assert lookups(harness) == 3


async def test_a_rate_limit_is_respected(harness: SlackHarness) -> None:
    harness.slack.fail("users.lookupByEmail", "ratelimited", status=429, retry_after_s=30)
    directory = MemberDirectory(harness.app.client, harness.clock)

    assert await directory.find("ben@example.com") is None
    assert await directory.find("ada@example.com") is None
    assert lookups(harness) == 1
    harness.clock.advance(timedelta(seconds=31))
    assert await directory.find("ben@example.com") == "U0BEN"


async def test_members_and_strangers_are_remembered_for_a_while(harness: SlackHarness) -> None:
    directory = MemberDirectory(harness.app.client, harness.clock)
    for _ in range(2):
        assert await directory.find(" BEN@example.com ") == "U0BEN"
        assert await directory.find("nobody@example.com") is None
    assert lookups(harness) == 2
    harness.clock.advance(timedelta(hours=2))
    assert await directory.find("ben@example.com") == "U0BEN"
    assert await directory.find("nobody@example.com") is None
    assert lookups(harness) == 3
