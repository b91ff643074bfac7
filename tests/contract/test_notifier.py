"""The rules of every Notifier, and how Slack's errors are classified, against the emulated Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from bot.domain.alerts import DeliveryKind, Notification, NotifyReason, Receipt, Resolution
from bot.domain.runs import RunProblem, RunReport, RunStatistics
from bot.errors import DeliveryError
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.model import Message
from tests.unit.slack.factories import alert, at, incident, notification
from tests.unit.slack.samples import hostile_incident

ID = "dlv-0123456789ab"


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = create_slack(scopes=("chat:write",))
    async with served(slack):
        yield slack


@pytest.fixture
def notifier(slack: Slack) -> SlackNotifier:
    return SlackNotifier(create_client(BOT_TOKEN, slack.api_url))


def channel(slack: Slack, name: str = "#training") -> str:
    return slack.workspace.channel(name).id


def messages(slack: Slack) -> list[Message]:
    return slack.workspace.channel("#training").all_messages


async def post_root(notifier: SlackNotifier, slack: Slack) -> Receipt:
    return await notifier.send(notification(DeliveryKind.ROOT), channel=channel(slack), root=None, delivery_id=ID)


async def test_a_root_is_one_message_with_a_receipt(slack: Slack, notifier: SlackNotifier) -> None:
    receipt = await post_root(notifier, slack)
    (root,) = messages(slack)
    assert Receipt(channel(slack), root.ts) == receipt
    assert "Errors in the log on llama-8b-sft" in root.text


async def test_the_metadata_of_a_message_names_its_alert_and_incident(slack: Slack, notifier: SlackNotifier) -> None:
    await post_root(notifier, slack)
    named = {"delivery_id": ID, "alert_id": "tw-3f9c2ab1d00e", "incident_id": "inc-0123456789ab"}
    assert {"event_type": "trainwatch_alert", "event_payload": named} == messages(slack)[0].metadata


async def test_a_reply_shows_commands_as_mentions_because_it_is_in_a_thread(
    slack: Slack, notifier: SlackNotifier
) -> None:
    firing = incident().alerts[0]
    hint = "The job may have been deleted; `/train unwatch` ends the subscription."
    about = replace(incident(), alerts=(replace(firing, evidence=replace(firing.evidence, hint=hint)),))
    root = await notifier.send(
        notification(DeliveryKind.ROOT, about), channel=channel(slack), root=None, delivery_id=ID
    )
    await notifier.send(notification(DeliveryKind.REPLY, about), channel=root.channel, root=root, delivery_id=ID)
    shown = [str(message.blocks) for message in messages(slack)]
    assert ["`/train unwatch`" in blocks for blocks in shown] == [True, False]
    assert "`@trainwatch unwatch`" in shown[1]


async def test_a_reply_is_posted_in_the_thread_of_the_root_only(slack: Slack, notifier: SlackNotifier) -> None:
    root = await post_root(notifier, slack)
    await notifier.send(notification(DeliveryKind.REPLY), channel=root.channel, root=root, delivery_id=ID)
    (reply,) = slack.workspace.channel("#training").replies(root.ts)
    assert not reply.is_broadcast
    assert "CUDA out of memory" in str(reply.blocks)


async def test_an_escalation_is_also_shown_in_the_channel(slack: Slack, notifier: SlackNotifier) -> None:
    root = await post_root(notifier, slack)
    await notifier.send(
        notification(DeliveryKind.REPLY, broadcast=True), channel=root.channel, root=root, delivery_id=ID
    )
    assert messages(slack)[-1].is_broadcast


async def test_an_edit_changes_the_root_and_posts_nothing(slack: Slack, notifier: SlackNotifier) -> None:
    root = await post_root(notifier, slack)
    ended = incident(alert(resolved_at=at(12), resolution=Resolution.CLEARED))
    edited = await notifier.send(
        notification(DeliveryKind.EDIT, ended), channel=root.channel, root=root, delivery_id=ID
    )
    (message,) = messages(slack)
    assert root == edited
    assert message.text.startswith("✅")
    assert "back to normal after 12 min" in message.text


async def test_a_run_with_many_alerts_asks_for_the_addresses_of_those_that_it_names(
    slack: Slack, notifier: SlackNotifier
) -> None:
    root = await post_root(notifier, slack)
    problems = tuple(RunProblem(f"inc-{number}", "Errors", 1, number > 30, f"1.{number}") for number in range(40))
    run = RunReport("run-1", root.channel, incident().job, RunStatistics(), at(0), problems)
    about = Notification(DeliveryKind.ROOT, NotifyReason.RUN, run.job, run=run)
    await notifier.send(about, channel=root.channel, root=None, delivery_id=ID)

    assert sum(name == "chat.getPermalink" for name, _ in slack.context.calls) == 5
    assert "and 35 more" in str(messages(slack)[-1].blocks)


async def test_a_note_is_a_separate_message(slack: Slack, notifier: SlackNotifier) -> None:
    note = notification(DeliveryKind.NOTE, reason=NotifyReason.NOTE, incident=None, text="The job ended.")
    await notifier.send(note, channel=channel(slack), root=None, delivery_id=ID)
    assert "llama-8b-sft: The job ended." == messages(slack)[0].text


@pytest.mark.parametrize("kind", [DeliveryKind.REPLY, DeliveryKind.EDIT])
async def test_a_reply_or_edit_without_a_root_fails_permanently(
    slack: Slack, notifier: SlackNotifier, kind: DeliveryKind
) -> None:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(notification(kind), channel=channel(slack), root=None, delivery_id=ID)
    assert caught.value.permanent


@pytest.mark.parametrize("kind", [DeliveryKind.ROOT, DeliveryKind.REPLY, DeliveryKind.EDIT])
async def test_hostile_evidence_is_delivered(slack: Slack, notifier: SlackNotifier, kind: DeliveryKind) -> None:
    root = await post_root(notifier, slack)
    await notifier.send(notification(kind, hostile_incident()), channel=root.channel, root=root, delivery_id=ID)
    thread = [*messages(slack), *slack.workspace.channel("#training").replies(root.ts)]
    assert "evil.example" in str([message.blocks for message in thread])


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("channel_not_found", False),
        ("is_archived", False),
        ("restricted_action_read_only_channel", False),
        ("no_permission", False),
        ("message_limit_exceeded", False),
        ("external_channel_migrating", False),
        ("msg_too_long", True),
        ("invalid_auth", False),
        ("token_revoked", False),
        ("missing_scope", False),
        ("internal_error", False),
        ("fatal_error", False),
        ("service_unavailable", False),
        ("a_new_code", False),
    ],
)
async def test_errors_are_permanent_only_if_a_retry_cannot_help(
    slack: Slack, notifier: SlackNotifier, code: str, permanent: bool
) -> None:
    slack.fail("chat.postMessage", code)
    with pytest.raises(DeliveryError) as caught:
        await post_root(notifier, slack)
    assert (code, permanent) == (caught.value.reason, caught.value.permanent)
    assert (code == "a_new_code") == caught.value.unlisted
    assert BOT_TOKEN not in str(caught.value)


@pytest.mark.parametrize("code", ["invalid_auth", "not_in_channel", "channel_not_found", "is_archived"])
async def test_errors_that_a_person_must_fix_are_retried_after_five_minutes(
    slack: Slack, notifier: SlackNotifier, code: str
) -> None:
    slack.fail("chat.postMessage", code)
    with pytest.raises(DeliveryError) as caught:
        await post_root(notifier, slack)
    assert (timedelta(minutes=5), False) == (caught.value.retry_after, caught.value.permanent)


async def test_a_channel_without_the_bot_is_reported_with_the_fix(slack: Slack, notifier: SlackNotifier) -> None:
    with pytest.raises(DeliveryError, match="/invite @trainwatch") as caught:
        await notifier.send(
            notification(DeliveryKind.ROOT), channel=channel(slack, "#random"), root=None, delivery_id=ID
        )
    assert "not_in_channel" == caught.value.reason


async def test_retry_after_is_passed_on_without_waiting(slack: Slack, notifier: SlackNotifier) -> None:
    slack.fail("chat.postMessage", "ratelimited", status=429, retry_after_s=17)
    with pytest.raises(DeliveryError) as caught:
        await post_root(notifier, slack)
    assert (False, timedelta(seconds=17)) == (caught.value.permanent, caught.value.retry_after)


async def test_a_message_whose_response_is_lost_is_not_posted_again(slack: Slack, notifier: SlackNotifier) -> None:
    slack.fail("chat.postMessage", "internal_error", status=500, is_applied=True)
    with pytest.raises(DeliveryError) as caught:
        await post_root(notifier, slack)
    assert not caught.value.permanent
    assert 1 == len(messages(slack)), "the outbox decides about retries"


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_a_message_with_rejected_blocks_is_sent_as_text(slack: Slack, notifier: SlackNotifier, code: str) -> None:
    slack.fail("chat.postMessage", code)
    await post_root(notifier, slack)
    (root,) = messages(slack)
    assert not root.blocks
    assert "Errors in the log on llama-8b-sft" in root.text


@pytest.mark.parametrize(
    "code",
    ["invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app"],
)
async def test_a_message_with_rejected_metadata_is_sent_without_it_at_once(
    slack: Slack, notifier: SlackNotifier, code: str
) -> None:
    slack.fail("chat.postMessage", code)
    await post_root(notifier, slack)
    (root,) = messages(slack)
    assert root.metadata is None
    assert root.blocks


async def test_a_message_with_rejected_metadata_and_blocks_is_sent_without_both(
    slack: Slack, notifier: SlackNotifier
) -> None:
    slack.fail("chat.postMessage", "metadata_too_large")
    slack.fail("chat.postMessage", "invalid_arguments")
    await post_root(notifier, slack)
    (root,) = messages(slack)
    assert (None, None) == (root.metadata, root.blocks or None)


THREAD_REFUSED = (
    "cannot_reply_to_message",
    "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
)


@pytest.mark.parametrize("code", THREAD_REFUSED)
async def test_an_escalation_that_the_thread_refuses_goes_to_the_channel(
    slack: Slack, notifier: SlackNotifier, code: str
) -> None:
    root = await post_root(notifier, slack)
    slack.fail("chat.postMessage", code)
    await notifier.send(
        notification(DeliveryKind.REPLY, broadcast=True), channel=root.channel, root=root, delivery_id=ID
    )
    assert [None, None] == [message.thread_ts for message in messages(slack)]


@pytest.mark.parametrize("code", THREAD_REFUSED)
async def test_a_reply_that_the_thread_refuses_does_not_flood_the_channel(
    slack: Slack, notifier: SlackNotifier, code: str
) -> None:
    root = await post_root(notifier, slack)
    slack.fail("chat.postMessage", code)
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(notification(DeliveryKind.REPLY), channel=root.channel, root=root, delivery_id=ID)
    assert (code, True) == (caught.value.reason, caught.value.permanent)


async def test_a_direct_message_to_a_person_who_left_is_not_retried(slack: Slack, notifier: SlackNotifier) -> None:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(notification(DeliveryKind.DIRECT), channel="U0GONE", root=None, delivery_id=ID)
    assert ("channel_not_found", True) == (caught.value.reason, caught.value.permanent)
    assert "invite" not in caught.value.public


async def test_a_deleted_root_is_reported_as_gone(slack: Slack, notifier: SlackNotifier) -> None:
    root = replace(await post_root(notifier, slack), ts="1700000000.000001")
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(notification(DeliveryKind.EDIT), channel=root.channel, root=root, delivery_id=ID)
    assert ("message_not_found", True) == (caught.value.reason, caught.value.root_gone)


async def test_an_unreachable_slack_is_retried(notifier: SlackNotifier) -> None:
    unreachable = SlackNotifier(create_client("xoxb-1", "http://127.0.0.1:9/api/"))
    with pytest.raises(DeliveryError) as caught:
        await unreachable.send(notification(DeliveryKind.ROOT), channel="C1", root=None, delivery_id=ID)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "application/json", b"{"),
        (200, "application/json", b"[]"),
        (200, "application/json", b'"text"'),
        (200, "application/json", b'{"ok": true}'),
        (200, "application/json", b"\xff\xfe"),
        (200, "application/json", b""),
        (200, "text/html", b"<html>Bad gateway</html>"),
        (502, "text/html", b"<html>Bad gateway</html>"),
        (503, "application/json", b'{"ok": false}'),
        (500, "text/plain", b"oops"),
    ],
)
async def test_a_malformed_response_is_retried(status: int, content_type: str, body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"content-type": content_type})

    app = web.Application()
    app.router.add_post("/{method}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        broken = SlackNotifier(create_client("xoxb-1", f"http://{host}:{port}/"))
        with pytest.raises(DeliveryError) as caught:
            await broken.send(notification(DeliveryKind.ROOT), channel="C1", root=None, delivery_id=ID)
    finally:
        await runner.cleanup()
    assert not caught.value.permanent
