"""`/train notify` through real Bolt, with mentions as Slack sends them."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.alerts import Severity
from bot.domain.destinations import Webhook, WebhookKind
from bot.domain.notify import MentionTarget, NotifySettings, OwnerContact, QuietHours
from emulator.slack.mentions import mentioned_users
from tests.integration.slack_harness import SlackHarness


async def settings(harness: SlackHarness) -> NotifySettings:
    return await harness.store.preferences.of_channel(harness.channel().id)


async def test_a_channel_chooses_whom_a_page_mentions(harness: SlackHarness) -> None:
    seen = await harness.command("notify page @oncall @ben")

    oncall, ben = MentionTarget("S0ONCALL", "oncall"), MentionTarget("U0BEN", "ben")
    assert (await settings(harness)).mentions == {Severity.PAGE: (oncall, ben)}
    assert "`@oncall` `@ben`" in str(seen.messages[0].blocks)
    assert [] == mentioned_users(seen.messages[0])
    assert ["U0ADA"] == [message.visible_to for message in seen.messages]


async def test_here_is_mentioned_only_when_it_was_typed(harness: SlackHarness) -> None:
    await harness.command("notify warn @here")
    assert (await settings(harness)).mentions == {Severity.WARN: (MentionTarget("here"),)}

    seen = await harness.command("notify page here")
    assert "`here` is neither a person nor a group." in seen.text


async def test_a_name_without_id_is_explained(harness: SlackHarness) -> None:
    harness.slack.workspace.app.escapes_commands = False

    seen = await harness.command("notify page @oncall")

    assert "`@oncall` arrived as plain text." in seen.text
    assert (await settings(harness)).mentions == {}


async def test_quiet_hours_use_the_time_zone_of_the_person(harness: SlackHarness) -> None:
    harness.slack.workspace.user("ada").tz = "Europe/Berlin"

    seen = await harness.command("notify quiet 22:00-07:00")

    assert (await settings(harness)).quiet == QuietHours(1320, 420, "Europe/Berlin")
    assert "22:00 to 07:00 `Europe/Berlin`" in str(seen.messages[0].blocks)


async def test_settings_are_shown_and_one_change_keeps_the_others(harness: SlackHarness) -> None:
    await harness.command("notify reminders 45m")
    await harness.command("notify owner off")
    await harness.command("notify me dm", user="ben")

    shown = str((await harness.command("notify", user="ben")).messages[-1].blocks)

    assert "for 45 min" in shown
    assert "*Who started the job:* neither mentioned nor messaged" in shown
    assert "*Your own jobs:* you get a direct message" in shown
    assert (await settings(harness)).first_reminder == timedelta(minutes=45)
    assert await harness.store.preferences.contact_of("U0BEN") is OwnerContact.DM
    await harness.command("notify me default", user="ben")
    assert await harness.store.preferences.contact_of("U0BEN") is None


async def test_a_channel_chooses_what_a_webhook_gets(harness: SlackHarness) -> None:
    harness.store.set_webhooks([Webhook("ops", WebhookKind.GENERIC), Webhook("oncall", WebhookKind.PAGERDUTY)])
    seen = await harness.command("notify webhook ops warn")
    assert (await settings(harness)).webhooks == {"ops": Severity.WARN}
    assert "`ops` from warn on" in str(seen.messages[0].blocks)
    unknown = await harness.command("notify webhook pager page")
    assert "Unknown webhook `pager`. Use ops, oncall." in unknown.text
    off = await harness.command("notify webhook ops off")
    assert "*Webhooks:*" not in str(off.messages[0].blocks)


async def test_without_webhooks_their_document_is_named(harness: SlackHarness) -> None:
    seen = await harness.command("notify webhook ops warn")
    assert "None is set up: see docs/webhooks.md." in seen.text
