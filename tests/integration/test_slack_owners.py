"""Acknowledge, Take over and Resolve on a failed job's alert, with real Bolt on the emulated Slack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Incident
from bot.domain.jobs import JobState
from bot.slack.render.blocks import Action
from bot.watcher.remind import ReminderJob
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness
from tests.unit.slack.factories import NOW, failed, incident, job

MINUTE = timedelta(minutes=1)


async def post_failure(harness: SlackHarness, **changes: object) -> Message:
    """The alert of a job that has failed and is no longer watched."""
    about = replace(incident(failed(), of=job(JobState.FAILED)), channel=harness.channel().id, resolved_at=NOW)
    saved: Incident = replace(about, **changes)  # type: ignore[arg-type]
    await harness.save_incident(saved, DeliveryKind.ROOT)
    await harness.store.subscriptions.remove(saved.channel, saved.job.ref)
    await harness.deliver()
    return harness.channel().messages[-1]


def labels(message: Message) -> list[str]:
    found = [element for block in message.blocks or [] for element in block.get("elements", [])]
    return [element["text"]["text"] for element in found if element["type"] == "button"]


async def click(harness: SlackHarness, user: str, message: Message, action: Action) -> str:
    """Press a button, deliver what follows, and return what the person was answered."""
    before = len(harness.channel().ephemerals)
    await harness.slack.person_actions.click(user, message, action, wait_s=0.3)
    await harness.listeners.tasks.drain(5)
    await harness.deliver()
    return " ".join(str(one.text) for one in harness.channel().ephemerals[before:])


async def test_a_failed_job_is_acknowledged_and_closed_after_its_end(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    assert "Acknowledge" in labels(root)

    assert await click(harness, "ada", root, Action.ACKNOWLEDGE) == ""
    assert await harness.acknowledged_by() == "U0ADA"
    assert "Acknowledge" not in labels(root)
    assert "U0ADA" in str(root.blocks)

    assert await click(harness, "ben", root, Action.RESOLVE) == ""
    closing = (await harness.saved_incident()).closing
    assert closing is not None
    assert closing.by == "U0BEN"
    assert not {"Acknowledge", "Resolve"}.intersection(labels(root))
    assert "U0BEN" in str(root.blocks)


async def test_a_second_acknowledgement_asks_before_it_takes_over(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    stale = replace(root)  # as Ben's client still shows it
    await click(harness, "ada", root, Action.ACKNOWLEDGE)
    harness.clock.advance(4 * MINUTE)

    answer = await click(harness, "ben", stale, Action.ACKNOWLEDGE)

    assert answer.startswith("<@U0ADA> acknowledged this 4 min ago. Take it over?")
    assert await harness.acknowledged_by() == "U0ADA"
    question = harness.channel().ephemerals[-1]
    assert question.visible_to == "U0BEN"

    await click(harness, "ben", question, Action.TAKE_OVER)

    assert await harness.acknowledged_by() == "U0BEN"
    assert "You took this over." in harness.channel().ephemerals[-1].text
    assert Action.TAKE_OVER not in str(harness.channel().ephemerals[-1].blocks)
    (reply,) = harness.channel().replies(root.ts)
    assert "<@U0BEN> took this over from <@U0ADA>." in reply.text


async def test_a_late_takeover_asks_again(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    stale = replace(root)
    await click(harness, "ada", root, Action.ACKNOWLEDGE)
    await click(harness, "ben", stale, Action.ACKNOWLEDGE)
    question = harness.channel().ephemerals[-1]
    await harness.store.incidents.acknowledge(incident().id, "U0CHEN", harness.clock(), taken_from="U0ADA")

    await click(harness, "ben", question, Action.TAKE_OVER)

    assert "<@U0CHEN> acknowledged this" in harness.channel().ephemerals[-1].text
    assert await harness.acknowledged_by() == "U0CHEN"


async def test_who_closed_it_is_answered_to_later_clicks(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    stale = replace(root)
    await harness.store.incidents.close(incident().id, "U0ADA", harness.clock())
    harness.clock.advance(2 * MINUTE)

    assert (await click(harness, "ben", stale, Action.ACKNOWLEDGE)).startswith("<@U0ADA> closed this 2 min ago.")


@pytest.mark.parametrize("action", [Action.ACKNOWLEDGE])
async def test_a_button_of_a_recovered_alert_explains_itself(harness: SlackHarness, action: Action) -> None:
    root = await post_failure(harness)
    stale = replace(root)
    await post_recovery(harness)

    assert "already resolved by itself" in await click(harness, "ben", stale, action)


async def post_recovery(harness: SlackHarness) -> None:
    saved = await harness.saved_incident()
    recovered = replace(saved, job=job(JobState.SUCCEEDED))
    await harness.save_incident(recovered)


async def test_a_reminder_is_shown_in_the_channel_and_can_be_acknowledged(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    harness.clock.advance(31 * MINUTE)
    await ReminderJob(harness.store, harness.clock).tick()
    await harness.deliver()

    reminder = harness.channel().messages[-1]
    assert (reminder.thread_ts, reminder.is_broadcast) == (root.ts, True)
    assert reminder.text.startswith("⏰ Nobody has acknowledged this for 30 min: Job failed, llama-8b-sft.")
    assert "Next reminder in 1 h." in str(reminder.blocks)

    answer = await click(harness, "ada", reminder, Action.ACKNOWLEDGE)

    assert answer.startswith("Acknowledged. Reminders stop.")
    assert "U0ADA" in str(root.blocks)
    harness.clock.advance(99 * 60 * MINUTE)
    assert await ReminderJob(harness.store, harness.clock).tick() == 0


async def test_an_alert_that_nobody_acknowledges_escalates_to_people_and_then_to_a_channel(
    harness: SlackHarness,
) -> None:
    root, war_room = await post_failure(harness), harness.channel("#random")
    harness.slack.person_actions.invite_bot("ada", "#random")
    typed = f"notify escalate page 15m <@U0BEN|ben> 20m <#{war_room.id}|random>"
    await harness.slack.person_actions.slash("ada", "#training", "/train", typed, wait_s=1)
    await harness.listeners.tasks.drain(5)

    harness.clock.advance(16 * MINUTE)
    await ReminderJob(harness.store, harness.clock).tick()
    await harness.deliver()

    step = harness.channel().messages[-1]
    assert (step.thread_ts, step.is_broadcast) == (root.ts, True)
    assert step.text.startswith("🔔 Nobody has acknowledged this for 15 min: Job failed, llama-8b-sft.")
    assert "<@U0BEN>" in str(step.blocks)
    assert "Escalation, step 1 of 2" in str(step.blocks)

    harness.clock.advance(5 * MINUTE)
    await ReminderJob(harness.store, harness.clock).tick()
    await harness.deliver()

    elsewhere = war_room.messages[-1]
    assert f"in <#{harness.channel().id}>" in elsewhere.text
    assert "Open the alert" in str(elsewhere.blocks)
    await click(harness, "ben", elsewhere, Action.ACKNOWLEDGE)
    assert await harness.acknowledged_by() == "U0BEN"
    harness.clock.advance(99 * 60 * MINUTE)
    assert await ReminderJob(harness.store, harness.clock).tick() == 0


async def test_status_of_a_failed_job_says_who_has_it_until_somebody_closes_it(harness: SlackHarness) -> None:
    await post_failure(harness)
    failed_job = job(JobState.FAILED)
    harness.provider.jobs[failed_job.ref.id] = failed_job

    async def status() -> str:
        return str((await harness.command(f"status {failed_job.ref}")).messages[-1].blocks)

    assert "nobody has acknowledged it" in await status()
    await harness.store.incidents.acknowledge(incident().id, "U0BEN", harness.clock())
    assert "acknowledged by <@U0BEN>" in await status()
    await harness.store.incidents.close(incident().id, "U0BEN", harness.clock())
    assert "acknowledged" not in await status()


async def test_of_two_people_who_press_at_once_one_gets_it_and_the_other_is_asked(harness: SlackHarness) -> None:
    root = await post_failure(harness)
    press = harness.slack.person_actions.click

    await asyncio.gather(*(press(user, replace(root), Action.ACKNOWLEDGE, wait_s=0.3) for user in ("ada", "ben")))
    await harness.listeners.tasks.drain(5)

    (question,) = harness.channel().ephemerals
    owner = await harness.acknowledged_by()
    assert {owner, question.visible_to} == {"U0ADA", "U0BEN"}
    assert f"<@{owner}> acknowledged this just now. Take it over?" in question.text
