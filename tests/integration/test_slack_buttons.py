"""Clicks on answers and alerts through real Bolt, as a person sees them in the emulated Slack."""

from __future__ import annotations

import asyncio

from bot.domain.alerts import DeliveryKind
from bot.domain.subscriptions import Matcher
from bot.slack.render.blocks import Action
from bot.store.store import Store
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, incident

LOGS = f"logs {REF}"


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


async def test_logs_of_an_alert_are_private(harness: SlackHarness) -> None:
    seen = await harness.slack.person_actions.click("ada", await harness.post_alert(), f"{Action.SHOW}")
    assert ["U0ADA"] == [message.visible_to for message in seen.messages]


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
    await harness.slack.person_actions.click("ben", message, Action.CHANGE)
    (reply,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(message.ts))
    assert "until" in reply.text
    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert (Matcher("job", str(REF)),) == silence.matchers


async def test_the_menu_of_an_alert_unwatches_the_job(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    message = await harness.post_alert()
    await harness.slack.person_actions.select("ben", message, Action.MORE, "Stop watching here")
    await harness.slack.person_actions.until(lambda: harness.channel().replies(message.ts))
    assert [] == list(await harness.store.subscriptions.list(harness.channel().id))
