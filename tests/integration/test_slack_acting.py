"""What people do about an alert in modals: silence it, add a note, stop watching; each with its undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.access_file import parse_access
from bot.domain.access import AccessRole
from bot.domain.alerts import DeliveryKind
from bot.domain.audit import AuditResult
from bot.domain.subscriptions import RuleSettings
from bot.slack.render.blocks import Action
from bot.slack.render.modal import field_id
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack.model import Message, View
from tests.integration.modal_forms import view_with
from tests.integration.slack_harness import SECRET, SlackHarness, running
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF, incident

HOSTILE = f"restart <!channel> `node` *3* {SECRET}"


async def post_alert(harness: SlackHarness) -> Message:
    """The root message of a saved incident, posted by the outbox."""
    about = replace(incident(), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT)
    await harness.deliver()
    return harness.channel().messages[-1]


async def choose(harness: SlackHarness, message: Message, entry: str, *, user: str = "ben") -> View:
    """Choose an entry of the message's menu that opens a modal; return the modal once it is loaded."""
    await harness.slack.person_actions.select(user, message, Action.MORE, entry, wait_s=1)
    return await loaded(harness, user)


async def loaded(harness: SlackHarness, user: str = "ben") -> View:
    def look() -> View | None:
        view = harness.slack.workspace.modal(user)
        return view if view is not None and "Loading" not in str(view.source["blocks"]) else None

    return await harness.slack.person_actions.until(look)


async def submit(harness: SlackHarness, values: Mapping[str, object], *, user: str = "ben") -> View | None:
    """Fill in fields by their names and submit; return the modal that is then open, or None."""
    typed = {field_id(name): value for name, value in values.items()}
    await harness.slack.person_actions.submit_view(user, typed, wait_s=0.5)
    await harness.listeners.tasks.drain(5)
    if harness.slack.workspace.modal(user) is None:
        return None
    view = await loaded(harness, user)
    return None if "Done." in str(view.source["blocks"]) else view  # a busy machine acknowledged before the outcome


async def test_a_note_acknowledges_and_is_shown_redacted_on_the_alert_and_in_its_thread(harness: SlackHarness) -> None:
    message = await post_alert(harness)
    view = await choose(harness, message, "Add a note…")
    assert "Acknowledge with a note" in view.title
    assert await submit(harness, {"note": HOSTILE}) is None

    assert await harness.acknowledged_by() == "U0BEN"
    await harness.deliver()
    for shown in (message, harness.channel().replies(message.ts)[-1]):
        text = str(shown.blocks)
        assert "<@U0BEN>: restart &lt;!channel&gt;" in text
        assert SECRET not in text

    assert (await choose(harness, message, "Add a note…", user="ada")).title == "Add a note"
    await submit(harness, {"note": "node 7 replaced"}, user="ada")
    await harness.deliver()
    assert await harness.acknowledged_by() == "U0BEN"
    assert "<@U0ADA>: node 7 replaced" in str(message.blocks)
    (entry,) = (await harness.store.audit.page(AuditQuery(user="U0ADA"))).entries[:1]
    assert (entry.text, entry.result, entry.job) == (
        f"note {incident().id} node 7 replaced",
        AuditResult.DONE,
        str(REF),
    )


@pytest.mark.parametrize("note", ["   ", "x" * 501])
async def test_a_note_that_cannot_be_saved_is_explained_at_its_field(harness: SlackHarness, note: str) -> None:
    await choose(harness, await post_alert(harness), "Add a note…")
    view = await submit(harness, {"note": note})
    assert view is not None
    assert list(view.errors) == ["note"]
    assert await harness.acknowledged_by() is None


async def test_stopping_from_the_menu_asks_and_undo_restores_the_subscription(harness: SlackHarness) -> None:
    message = await post_alert(harness)
    settings = RuleSettings(off=("log_gap",))
    channel = harness.channel().id
    await harness.store.subscriptions.add(channel, "T1", REF, "U0ADA", settings, harness.clock())
    view = await choose(harness, message, "Stop watching…")
    assert "no more alerts for *llama-8b-sft*" in str(view.source["blocks"])
    assert len(await harness.store.subscriptions.list(channel)) == 1
    assert await submit(harness, {}) is None
    assert await harness.store.subscriptions.list(channel) == ()

    await harness.deliver()
    await harness.slack.person_actions.click("ada", message, f"{Action.CHANGE}:undo")
    await eventually(lambda: bool(harness.channel().replies(message.ts)))
    (restored,) = await harness.store.subscriptions.list(channel)
    assert (restored.subscription.settings, restored.subscription.created_by) == (settings, "U0ADA")


async def test_silencing_from_an_alert_defaults_to_its_problem_and_shows_the_command(harness: SlackHarness) -> None:
    message = await post_alert(harness)
    view = await choose(harness, message, "Silence…")
    assert f"/train silence 1h {REF} --rule log_errors" in str(view.source["blocks"])
    await harness.slack.person_actions.select("ben", view, field_id("how_long"), "2h", wait_s=2)
    await view_with(harness, f"/train silence 2h {REF}", user="ben")
    assert await submit(harness, {"reason": HOSTILE}) is None

    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert [(one.label, one.value) for one in silence.matchers] == [("job", str(REF)), ("rule", "log_errors")]
    assert silence.ends_at - harness.clock() == timedelta(hours=2)
    assert SECRET not in silence.reason
    await harness.deliver()
    assert "Silenced until" in str(message.blocks)
    await harness.slack.person_actions.select("ada", message, Action.MORE, "Unmute", wait_s=0.5)
    await harness.listeners.tasks.drain(5)
    assert await harness.store.silences.active(harness.channel().id, harness.clock()) == ()


@pytest.mark.parametrize(
    ("what", "more", "matchers"),
    [
        ("job", {}, [("job", str(REF))]),
        ("like", {"pattern": "llama-*"}, [("name", "llama-*")]),
        ("channel", {}, []),
    ],
)
async def test_a_silence_covers_what_was_chosen(
    harness: SlackHarness, what: str, more: dict[str, object], matchers: list[tuple[str, str]]
) -> None:
    message = await post_alert(harness)
    view = await choose(harness, message, "Silence…")
    await harness.slack.person_actions.select("ben", view, field_id("what"), what, wait_s=1)
    assert await submit(harness, more) is None
    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert [(one.label, one.value) for one in silence.matchers] == matchers


@pytest.mark.parametrize(
    ("custom", "problem"),
    [
        ("soon", "Can't read the time"),
        ("40d", "At most 30 days"),
        ("yesterday", "in the future"),
    ],
)
async def test_a_duration_that_cannot_be_read_is_explained_at_its_field(
    harness: SlackHarness, custom: str, problem: str
) -> None:
    message = await post_alert(harness)
    view = await choose(harness, message, "Silence…")
    await harness.slack.person_actions.select("ben", view, field_id("how_long"), "other", wait_s=1)
    await view_with(harness, "or until when", user="ben")
    refused = await submit(harness, {"custom": custom})
    assert refused is not None
    assert problem in refused.errors["custom"]
    assert await submit(harness, {"custom": "90 min"}) is None
    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert silence.ends_at - harness.clock() == timedelta(minutes=90)


async def test_only_those_who_may_operate_can_act_in_a_modal(store: Store) -> None:
    policy = parse_access(f'default = "{AccessRole.READ.value}"')
    async with running(SlackHarness(store, access=policy)) as harness:
        message = await post_alert(harness)
        view = await choose(harness, message, "Add a note…")
        assert "needs the role `operate`" in str(view.source["blocks"])
        await harness.slack.person_actions.close_view("ben")
        await choose(harness, message, "Stop watching…")
        refused = await submit(harness, {})
        assert refused is not None
        assert "needs the role `operate`" in str(refused.source["blocks"])
        assert len(await store.subscriptions.list(harness.channel().id)) == 1


async def test_jobs_are_not_offered_to_those_who_may_not_read_about_them(store: Store) -> None:
    policy = parse_access('default = "none"\n[[grant]]\nrole = "administer"\nusers = ["U0ADA"]')
    async with running(SlackHarness(store, access=policy)) as harness:
        await harness.command(f"watch {REF}")
        await harness.command("silence", user="ben", wait_s=1)
        view = await loaded(harness)
        assert await harness.slack.person_actions.suggest("ben", view, field_id("job"), "") == []
        seen = await harness.command("status", user="ben")
        assert "Which job?" in seen.text
        assert REF.id not in str([one.blocks for one in seen.messages])


async def test_silence_alone_opens_the_form_with_the_jobs_of_the_channel(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    await harness.command("silence", user="ben", wait_s=1)
    view = await loaded(harness)
    refused = await submit(harness, {})
    assert refused is not None
    assert list(refused.errors) == ["job"]
    options = await harness.slack.person_actions.suggest("ben", view, field_id("job"), "JOB7")
    assert [one["value"] for one in options] == [str(REF)]
    assert await submit(harness, {"job": options[0], "how_long": "morning"}) is None
    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert [(one.label, one.value) for one in silence.matchers] == [("job", str(REF))]
    assert f"{silence.ends_at:%H:%M}" in ("08:00", "09:00")
    assert "muted alerts for job" in harness.channel().messages[-1].text


async def test_a_run_is_left_from_its_menu_after_a_question(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}", user="ada")
    stop = {"text": {"type": "plain_text", "text": "Stop"}, "value": f"open:stop|unwatch {REF}"}
    menu = {"type": "overflow", "action_id": Action.MORE.value, "options": [stop]}
    blocks = [{"type": "actions", "elements": [menu]}]
    await harness.app.client.chat_postMessage(channel=harness.channel().id, text="run", blocks=blocks)
    message = harness.channel().messages[-1]
    await choose(harness, message, "Stop")
    assert await submit(harness, {}) is None
    (reply,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(message.ts))
    assert "<@U0BEN> stopped watching" in reply.text
    await harness.slack.person_actions.click("ada", reply, Action.REPLACE)
    await harness.slack.person_actions.until(lambda: "resumed watching" in reply.text)
