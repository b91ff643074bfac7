"""Clicks on answers and alerts through real Bolt, as a person sees them in the emulated Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import DeliveryKind, Incident
from bot.domain.job_matching import Matcher
from bot.slack.render.blocks import Action
from bot.store.audit import AuditQuery
from bot.store.store import Store
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, incident

LOGS = f"logs {REF}"
HOUR = "Silence 1 hour"


async def eventually(read: Callable[[], Awaitable[Incident]], holds: Callable[[Incident], bool]) -> None:
    async with asyncio.timeout(LONGEST_S):
        while not holds(await read()):  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.01)


async def test_share_posts_the_answer_to_the_channel(harness: SlackHarness) -> None:
    seen = await harness.command(LOGS)
    await harness.slack.person_actions.click("ada", seen.messages[0], Action.SHARE)
    (shared,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert "step 1 loss 2.5" in str(shared.blocks)
    assert Action.SHARE not in str(shared.blocks)


async def test_older_replaces_the_private_page(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(150)
    first = (await harness.command(LOGS)).messages[0]
    assert "step 149" in str(first.blocks)
    seen = await harness.slack.person_actions.click("ada", first, f"{Action.SHOW}:older")
    assert [first.ts] == [message.ts for message in seen.messages]
    assert "step 49 " in str(seen.messages[0].blocks)
    assert "step 149" not in str(seen.messages[0].blocks)


async def test_a_page_of_a_shared_answer_is_shown_to_the_clicker_only(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(150)
    shared = (await harness.command(f"{LOGS} --public")).messages[0]
    before = shared.blocks
    seen = await harness.slack.person_actions.click("ben", shared, f"{Action.SHOW}:older")
    assert ["U0BEN"] == [message.visible_to for message in seen.messages]
    assert before == shared.blocks


async def test_a_slow_page_of_a_shared_answer_does_not_change_it(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.05)) as harness:
        harness.provider.lines = step_lines(150)
        await harness.command(f"{LOGS} --public")
        (shared,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
        harness.provider.gate = asyncio.Event()
        seen = await harness.slack.person_actions.click("ben", shared, f"{Action.SHOW}:older")
        assert "Working on" in seen.text
        harness.provider.gate.set()
        await harness.slack.person_actions.until(lambda: "step 49 " in str(harness.channel().ephemerals[-1].blocks))
        assert 1 == len(shared.versions)


async def test_acknowledge_saves_who_and_posts_nothing(harness: SlackHarness) -> None:
    await harness.save_incident(incident(), DeliveryKind.ROOT)
    message = await harness.post_alert()
    await harness.slack.person_actions.click("ben", message, Action.ACKNOWLEDGE, wait_s=0.3)
    async with asyncio.timeout(LONGEST_S):
        while await harness.acknowledged_by() != "U0BEN":  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.01)
    assert [] == harness.channel().ephemerals


async def test_acknowledging_a_purged_incident_is_answered(harness: SlackHarness) -> None:
    seen = await harness.slack.person_actions.click("ben", await harness.post_alert(), Action.ACKNOWLEDGE)
    assert "Incident not found" in seen.text


async def test_a_silence_from_an_alert_is_posted_in_its_thread(harness: SlackHarness) -> None:
    message = await harness.post_alert()
    await harness.slack.person_actions.select("ben", message, Action.MORE, HOUR)
    (reply,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(message.ts))
    assert "for 1 h" in reply.text
    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert (Matcher("job", str(REF)),) == silence.matchers


async def test_unwatch_on_the_answer_to_watch_is_undone_in_the_same_message(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF} hang=off", user="ada")
    (message,) = harness.channel().messages
    await harness.slack.person_actions.click("ben", message, Action.REPLACE)
    await harness.slack.person_actions.until(lambda: "<@U0BEN> stopped watching" in message.text)
    assert [] == list(await harness.store.subscriptions.list(harness.channel().id))
    await harness.slack.person_actions.click("ben", message, Action.REPLACE)
    await harness.slack.person_actions.until(lambda: "<@U0BEN> resumed watching" in message.text)
    (watched,) = await harness.store.subscriptions.list(harness.channel().id)
    assert watched.subscription.settings.off == ("hang",)
    assert watched.subscription.created_by == "U0ADA"
    assert [message] == harness.channel().messages


async def test_an_alert_shows_its_silence_and_undo(harness: SlackHarness) -> None:
    await harness.save_incident(replace(incident(), channel=harness.channel().id), DeliveryKind.ROOT)
    message = await harness.post_alert()
    await harness.slack.person_actions.select("ben", message, Action.MORE, HOUR, wait_s=0.3)
    await eventually(harness.saved_incident, lambda saved: saved.muted is not None)
    muted = (await harness.saved_incident()).muted
    assert muted is not None
    assert (muted.by, muted.until - harness.clock()) == ("U0BEN", timedelta(hours=1))

    await harness.command(f"silence end {muted.silence_id}", user="ada")
    assert (await harness.saved_incident()).muted is None
    assert harness.channel().replies(message.ts) == []


async def test_an_alert_shows_who_stopped_watching_and_undo(harness: SlackHarness) -> None:
    await harness.save_incident(replace(incident(), channel=harness.channel().id), DeliveryKind.ROOT)
    await harness.command(f"unwatch {REF}", user="ben")
    saved = await harness.saved_incident()
    assert saved.unwatched is not None
    assert (saved.unwatched.by, saved.unwatched.undo, saved.is_open) == ("U0BEN", "unwatch undo 1", False)

    await harness.command(saved.unwatched.undo)
    again = (await harness.saved_incident()).unwatched
    assert again is not None
    assert again.undo == ""


async def test_unwatching_every_job_is_undone_exactly_and_once(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF} hang=off", user="ben")
    before = await harness.store.subscriptions.list(harness.channel().id)
    asked = (await harness.command("unwatch --all", user="ada")).messages[0]
    await harness.slack.person_actions.click("ada", asked, Action.REPLACE)
    ended = await harness.slack.person_actions.until(
        lambda: next((one for one in harness.channel().messages if "stopped watching" in one.text), None)
    )
    assert await harness.store.subscriptions.list(harness.channel().id) == ()

    stale = replace(ended)  # as Ben's client still shows it
    await harness.slack.person_actions.click("ada", ended, Action.REPLACE)
    await harness.slack.person_actions.until(lambda: "<@U0ADA> resumed watching" in ended.text)
    (after,) = await harness.store.subscriptions.list(harness.channel().id)
    assert replace(after.subscription, id=0) == replace(before[0].subscription, id=0)

    seen = await harness.slack.person_actions.click("ben", stale, Action.REPLACE)
    assert "no `unwatch` 1 to undo" in seen.text
    trail = (await harness.store.audit.page(AuditQuery(limit=10))).entries
    assert [one.text for one in trail].count("unwatch undo 1") == 2


async def test_unmuting_edits_the_message_that_announced_the_silence(harness: SlackHarness) -> None:
    await harness.command(f"silence 2h {REF}")
    (announced,) = harness.channel().messages
    await harness.slack.person_actions.click("ben", announced, Action.REPLACE)
    await harness.slack.person_actions.until(lambda: len(announced.versions) > 1)
    assert "<@U0BEN> unmuted alerts for job" in announced.text
    assert "actions" not in [block["type"] for block in announced.blocks or []]
    assert [announced] == harness.channel().messages


async def test_a_silence_that_ends_elsewhere_is_edited_too(harness: SlackHarness) -> None:
    await harness.command(f"silence 2h {REF}")
    (announced,) = harness.channel().messages
    await harness.command("silence end 1", user="ben")
    await harness.slack.person_actions.until(lambda: len(announced.versions) > 1)
    assert "<@U0BEN> unmuted" in announced.text
    assert "<@U0BEN> unmuted" in harness.channel().messages[-1].text


async def test_a_question_about_the_whole_channel_disappears_when_it_is_answered(harness: SlackHarness) -> None:
    asked = (await harness.command("silence 2h")).messages[0]
    assert asked.visible_to == "U0ADA"
    assert harness.channel().messages == []
    await harness.slack.person_actions.click("ada", asked, Action.REPLACE)
    (announced,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert "<@U0ADA> muted all alerts in this channel" in announced.text
    await harness.slack.person_actions.until(lambda: asked not in harness.channel().ephemerals)
