"""Whose event it is: people and channels of other organizations, apps, repetitions; and roles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.commands.access_file import parse_access
from bot.domain.access import OPEN_ACCESS, AccessPolicy
from bot.domain.alerts import DeliveryKind
from bot.domain.audit import AuditEntry, AuditResult
from bot.slack.render.blocks import Action
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack import payloads
from emulator.slack.model import Message, User
from tests.integration.slack_harness import SlackHarness, running
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF, incident

OTHER = "T0OTHER"
STATUS = f"status {REF}"
LAST = "help audit"


@asynccontextmanager
async def harness_with(store: Store, access: AccessPolicy = OPEN_ACCESS) -> AsyncIterator[SlackHarness]:
    """The bot with this policy; Eve is a member of another workspace, and #shared is shared with it."""
    async with running(SlackHarness(store, access=access)) as harness:
        workspace = harness.slack.workspace
        workspace.users["U0EVE"] = User("U0EVE", "eve", "Eve", team_id=OTHER)
        workspace.channel("#training").members.add("U0EVE")
        workspace.add_channel("shared", members=["ada", "eve", "trainwatch"], is_ext_shared=True)
        yield harness


@pytest.fixture
async def bot(store: Store) -> AsyncIterator[SlackHarness]:
    async with harness_with(store) as harness:
        yield harness


async def records(harness: SlackHarness) -> list[AuditEntry]:
    """The records so far, newest first, after a command that comes last was handled."""
    await harness.command(LAST)
    await eventually(lambda: not len(harness.listeners.tasks))
    return [one for one in (await harness.store.audit.page(AuditQuery())).entries if one.text != LAST]


async def post_incident(harness: SlackHarness) -> Message:
    about = replace(incident(), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT)
    await harness.deliver()
    return harness.channel().messages[-1]


async def mention(harness: SlackHarness, **fields: Any) -> dict[str, Any]:
    """Send a mention to #training; the fields override those of a plain one."""
    event: dict[str, Any] = {"type": "app_mention", "channel": harness.channel().id, "user": "U0ADA", "ts": "1700.1"}
    event |= {"text": f"<@U0TRAIN> {STATUS}", "team": harness.slack.workspace.team_id, **fields}
    if harness.channel().find("1700.1") is None:
        harness.slack.workspace.post(harness.channel(), Message("1700.1", harness.channel().id, "U0ADA", event["text"]))
    payload = payloads.event(harness.slack.context, {name: value for name, value in event.items() if value is not None})
    await harness.slack.person_actions.event_sender.ask("events_api", payload)
    return payload


def replies(harness: SlackHarness) -> list[Message]:
    return harness.channel().replies("1700.1")


async def test_a_mention_is_answered_once_however_often_it_comes(bot: SlackHarness) -> None:
    payload = await mention(bot)
    await bot.slack.person_actions.event_sender.ask("events_api", payload)
    await mention(bot)
    await mention(bot, edited={"user": "U0ADA", "ts": "1700.2"}, text="<@U0TRAIN> jobs")
    await mention(bot, type="message")
    assert 1 == len(await records(bot))
    assert 1 == len(replies(bot))


async def test_a_message_that_mentions_the_bot_only_after_an_edit_is_answered(bot: SlackHarness) -> None:
    await mention(bot, edited={"user": "U0ADA", "ts": "1700.2"})
    assert 1 == len(await records(bot))


async def test_an_edited_mention_is_not_answered_again_after_a_restart(store: Store) -> None:
    for _ in range(2):
        async with harness_with(store) as harness:
            await mention(harness)
            recorded = await records(harness)
    assert 1 == len(recorded)


async def test_a_mention_with_a_file_is_answered(bot: SlackHarness) -> None:
    await mention(bot, subtype="file_share", files=[{"id": "F1"}], upload=True)
    await records(bot)
    assert "llama-8b-sft" in replies(bot)[0].text


@pytest.mark.parametrize(
    "fields",
    [
        {"user": None, "bot_id": "B0FLOW", "subtype": "bot_message"},
        {"user": None},
        {"bot_id": "B0OTHER"},
        {"user": "U0TRAIN"},
        {"subtype": "message_changed", "hidden": True},
        {"subtype": "message_deleted"},
        {"subtype": "tombstone", "hidden": True},
    ],
)
async def test_a_mention_by_an_app_or_of_a_changed_message_is_ignored(
    bot: SlackHarness, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await mention(bot, **fields)
    assert [] == await records(bot)
    assert [] == replies(bot)
    assert [] == [one for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "U0EVE", "team": OTHER},
        {"user": "U0EVE", "user_team": OTHER},
        {"user": "U0EVE", "source_team": OTHER},
        {"user": "U0EVE", "user_profile": {"team": OTHER}},
        {"user": "W0EVE", "team": None, "user_team": "E0OTHER"},
    ],
)
async def test_a_mention_by_a_person_of_another_organization_is_refused_in_its_thread(
    bot: SlackHarness, fields: dict[str, Any]
) -> None:
    await mention(bot, **fields)
    (record,) = await records(bot)
    assert AuditResult.REFUSED is record.result
    (reply,) = replies(bot)
    assert "only members of its own workspace" in reply.text
    assert "llama" not in reply.text


@pytest.mark.parametrize("text", [STATUS, f"watch {REF}", "silence 1d --yes", "unwatch --all --yes", "help", "logz"])
async def test_a_command_of_a_person_of_another_organization_is_refused(bot: SlackHarness, text: str) -> None:
    seen = await bot.command(text, user="eve")
    assert "only members of its own workspace" in seen.text
    assert () == await bot.store.subscriptions.list(bot.channel().id)
    assert () == await bot.store.silences.active(bot.channel().id, bot.clock())
    (record,) = await records(bot)
    assert (AuditResult.REFUSED, "U0EVE", OTHER) == (record.result, record.user, record.team)


async def test_a_click_of_a_person_of_another_organization_is_refused(bot: SlackHarness) -> None:
    root = await post_incident(bot)
    seen = await bot.slack.person_actions.click("eve", root, Action.ACKNOWLEDGE)
    assert "only members of its own workspace" in seen.text
    assert await bot.acknowledged_by() is None


async def test_home_of_a_person_of_another_organization_shows_nothing(bot: SlackHarness) -> None:
    seen = await bot.slack.person_actions.open_home("eve")
    assert seen.view is not None
    assert "only members of its own workspace" in str(seen.view.source)
    assert "Polling" not in str(seen.view.source)
    (record,) = await records(bot)
    assert ("home", AuditResult.REFUSED) == (record.kind, record.result)


async def test_a_shared_channel_is_refused_also_for_members_of_the_workspace(bot: SlackHarness) -> None:
    seen = await bot.command(STATUS, channel="#shared")
    assert "shared with another organization" in seen.text
    sent = bot.slack.person_actions.say("ada", "#shared", f"@trainwatch {STATUS}")
    (reply,) = await bot.slack.person_actions.until(lambda: bot.channel("#shared").replies(sent.ts))
    assert "shared with another organization" in reply.text


async def test_joining_a_shared_channel_is_answered_with_the_refusal(bot: SlackHarness) -> None:
    bot.slack.workspace.add_channel("partners", members=["ada"], is_ext_shared=True)
    bot.slack.person_actions.invite_bot("ada", "#partners")
    (hello,) = await bot.slack.person_actions.until(lambda: bot.channel("#partners").messages)
    assert "shared with another organization" in hello.text


async def test_many_commands_ask_slack_once_whether_a_channel_is_shared(bot: SlackHarness) -> None:
    await asyncio.gather(*(bot.command("help") for _ in range(5)))
    await records(bot)
    assert 1 == [name for name, _ in bot.slack.context.calls].count("conversations.info")


@pytest.mark.parametrize("file", ['teams = ["T0OTHER"]', 'teams = ["T0OTHER", "E0OTHER"]'])
async def test_a_setting_allows_people_of_another_workspace(store: Store, file: str) -> None:
    async with harness_with(store, parse_access(file)) as bot:
        assert "llama-8b-sft" in (await bot.command(STATUS, user="eve")).text
        assert "shared with" in (await bot.command(STATUS, user="eve", channel="#shared")).text


@pytest.mark.parametrize("channel", ["*", "it"])
async def test_a_setting_allows_a_shared_channel_for_members_only(store: Store, channel: str) -> None:
    async with harness_with(store) as first:
        shared = first.channel("#shared").id if channel == "it" else channel
    async with harness_with(store, parse_access(f'shared_channels = ["{shared}"]')) as bot:
        assert "llama-8b-sft" in (await bot.command(STATUS, channel="#shared")).text
        assert "only members" in (await bot.command(STATUS, user="eve", channel="#shared")).text


ROLES = parse_access(
    """
    default = "none"
    [[grant]]
    role = "read"
    channels = ["CTRAINING"]
    [[grant]]
    role = "operate"
    groups = ["S0ONCALL"]
    jobs = ["baseten:*"]
    [[grant]]
    role = "administer"
    users = ["U0ADA"]
    """
)


@pytest.mark.parametrize(
    ("user", "text", "refused"),
    [
        ("chen", "help", False),
        ("chen", STATUS, True),
        ("chen", f"watch {REF}", True),
        ("ben", STATUS, False),
        ("ben", f"watch {REF}", False),
        ("ben", f"silence 2h {REF}", False),
        ("ben", "silence 2h --rule hang", True),
        ("ben", "jobs", True),
        ("ben", "unwatch --all --yes", True),
        ("ben", "silence 2h --yes", True),
        ("ben", "notify reminders off", True),
        ("ben", "audit", True),
        ("ada", "silence 2h --yes", False),
        ("ada", "notify reminders off", False),
        ("ada", "audit", False),
    ],
)
async def test_roles_decide_who_may_do_what(store: Store, user: str, text: str, refused: bool) -> None:
    async with harness_with(store, ROLES) as bot:
        seen = await bot.command(text, user=user)
        (record,) = await records(bot)
    assert refused == ("This needs the role" in seen.text)
    assert (AuditResult.REFUSED if refused else AuditResult.DONE) is record.result, record.detail


async def test_who_may_silence_a_job_may_end_that_silence(store: Store) -> None:
    async with harness_with(store, ROLES) as bot:
        seen = await bot.command(f"silence 2h {REF}", user="ben")
        await bot.command("silence 2h --yes", user="ada")
        refused = await bot.command("silence end 2", user="ben")
        assert "This needs the role" in refused.text
        await bot.slack.person_actions.click("ben", seen.messages[0], Action.REPLACE)
        (left,) = await store.silences.active(bot.channel().id, bot.clock())
    assert () == left.matchers


async def test_a_button_needs_the_role_for_the_job_of_its_incident(store: Store) -> None:
    async with harness_with(store, ROLES) as bot:
        root = await post_incident(bot)
        seen = await bot.slack.person_actions.click("chen", root, Action.ACKNOWLEDGE)
        assert "This needs the role `operate`" in seen.text
        assert await bot.acknowledged_by() is None
        await bot.slack.person_actions.click("ben", root, Action.ACKNOWLEDGE, wait_s=0.2)
        assert "U0BEN" == await bot.acknowledged_by()
        assert [str(REF)] * 2 == [one.job for one in await records(bot)]


async def test_home_shows_undelivered_messages_to_administrators_only(store: Store) -> None:
    access = parse_access('default = "read"\n[[grant]]\nrole = "administer"\nusers = ["U0ADA"]')
    async with harness_with(store, access) as bot:
        await bot.save_incident(incident(), DeliveryKind.ROOT)
        (root,) = await store.deliveries.claim(bot.clock(), lease=bot.clock() - bot.clock().replace(second=0))
        await store.deliveries.mark_dead(root.id, root.token, "msg_too_long (The message is too long for Slack.)")
        views = [(await bot.slack.person_actions.open_home(user)).view for user in ("ada", "ben")]
    assert [True, False] == ["too long for Slack" in str(view and view.source) for view in views]


async def test_a_group_that_cannot_be_read_gives_no_role(store: Store) -> None:
    async with harness_with(store, ROLES) as bot:
        bot.slack.fail("usergroups.users.list", "missing_scope")
        assert "This needs the role" in (await bot.command(STATUS, user="ben")).text
