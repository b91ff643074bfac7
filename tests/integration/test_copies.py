"""Without the history scopes, an alert may be posted twice; its copy disappears when somebody touches it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.alerts import DeliveryKind
from bot.slack.render.blocks import Action
from bot.store.store import Store
from emulator.slack.faults import Fault
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import incident

WITHOUT_HISTORY = [scope for scope in GRANTED if not scope.endswith(":history")]
LOST = Fault("reset", is_applied=True, is_reset=True)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    made = SlackHarness(store, slack_with_scopes(WITHOUT_HISTORY))
    made.clock.now = datetime.now(UTC)  # Slack's, which stamps messages with the real time
    async with running(made):
        yield made


async def deliver(harness: SlackHarness, *waits_s: float) -> None:
    for wait_s in (0, *waits_s):
        harness.clock.advance(timedelta(seconds=wait_s))
        await harness.deliver()


async def post_twice(harness: SlackHarness, *kinds: DeliveryKind) -> tuple[Message, Message]:
    """Post the last of these deliveries twice, because its first answer is lost; return the copy and the original."""
    about = replace(incident(), channel=harness.channel().id)
    for kind in kinds[:-1]:
        await harness.save_incident(about, kind)
        await deliver(harness)
    harness.slack.context.faults.order("chat.postMessage", replace(LOST))
    await harness.save_incident(about, *kinds)
    await deliver(harness, 3, 1, 1)
    copy, original = harness.channel().all_messages[-2:]
    return copy, original


async def gone(harness: SlackHarness, copy: Message) -> None:
    """Wait until a message has been deleted."""
    await harness.slack.person_actions.until(lambda: copy in harness.channel().deleted)


async def test_a_click_on_a_copy_acts_on_the_incident_and_deletes_the_copy(harness: SlackHarness) -> None:
    copy, original = await post_twice(harness, DeliveryKind.ROOT)

    await harness.slack.person_actions.click("ada", copy, Action.ACKNOWLEDGE, wait_s=0.5)

    await gone(harness, copy)
    assert await harness.acknowledged_by() == "U0ADA"
    await deliver(harness)
    assert harness.channel().messages == [original]
    assert "Acknowledged" in str(original.blocks)


async def test_a_click_on_the_original_deletes_nothing(harness: SlackHarness) -> None:
    copy, original = await post_twice(harness, DeliveryKind.ROOT)

    await harness.slack.person_actions.click("ada", original, Action.ACKNOWLEDGE, wait_s=0.5)
    await harness.listeners.tasks.drain(1)

    assert harness.channel().messages == [copy, original]


async def test_a_reaction_deletes_a_copy_but_not_the_original(harness: SlackHarness) -> None:
    copy, original = await post_twice(harness, DeliveryKind.ROOT)

    harness.slack.person_actions.react("ada", original, "eyes")
    harness.slack.person_actions.react("ada", copy, "eyes")

    await gone(harness, copy)
    assert harness.channel().messages == [original]


async def test_a_reaction_deletes_the_copy_of_a_reply(harness: SlackHarness) -> None:
    copy, original = await post_twice(harness, DeliveryKind.ROOT, DeliveryKind.REPLY)
    assert copy.is_reply

    harness.slack.person_actions.react("ada", copy, "eyes")

    await gone(harness, copy)
    assert original in harness.channel().all_messages


@pytest.mark.parametrize("kinds", [(DeliveryKind.NOTE,), (DeliveryKind.ROOT, DeliveryKind.REPLY)])
async def test_a_reaction_deletes_a_copy_that_shows_no_id_but_not_the_original(
    harness: SlackHarness, kinds: tuple[DeliveryKind, ...]
) -> None:
    """It is compared with the one that was recorded."""
    copy, original = await post_twice(harness, *kinds)
    for message in (copy, original):
        message.blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "12 jobs"}}]

    harness.slack.person_actions.react("ada", original, "eyes")
    harness.slack.person_actions.react("ada", copy, "eyes")

    await gone(harness, copy)
    assert original in harness.channel().all_messages


async def test_a_mention_in_the_thread_of_a_copy_is_answered_and_deletes_it(harness: SlackHarness) -> None:
    copy, original = await post_twice(harness, DeliveryKind.ROOT)

    harness.slack.person_actions.say("ada", "#training", "@trainwatch help", thread_ts=copy.ts)

    await gone(harness, copy)
    assert original in harness.channel().messages


async def test_other_messages_are_left_alone(harness: SlackHarness) -> None:
    _copy, original = await post_twice(harness, DeliveryKind.ROOT)
    harness.clock.advance(timedelta(hours=1))
    answer = (await harness.command("list --public")).messages[-1]
    mine = harness.slack.person_actions.say("ada", "#training", "hello")

    for message in (answer, mine, original):
        harness.slack.person_actions.react("ada", message, "eyes")
    await harness.command("help")
    await harness.listeners.tasks.drain(1)

    assert harness.channel().deleted == []


async def test_a_click_proves_that_a_message_of_unknown_outcome_arrived(harness: SlackHarness) -> None:
    about = replace(incident(), channel=harness.channel().id)
    harness.slack.context.faults.order("chat.postMessage", replace(LOST))
    await harness.save_incident(about, DeliveryKind.ROOT)
    await deliver(harness)
    (root,) = harness.channel().messages

    await harness.slack.person_actions.click("ada", root, Action.ACKNOWLEDGE, wait_s=0.5)
    await harness.listeners.tasks.drain(1)
    await deliver(harness, 3, 1, 1)

    assert harness.channel().messages == [root]
    assert "Acknowledged" in str(root.blocks)


async def test_a_message_whose_content_cannot_be_read_is_left_alone(store: Store) -> None:
    made = SlackHarness(store, slack_with_scopes(scope for scope in WITHOUT_HISTORY if scope != "reactions:read"))
    made.clock.now = datetime.now(UTC)
    async with running(made):
        copy, original = await post_twice(made, DeliveryKind.ROOT)
        made.slack.person_actions.say("ada", "#training", "@trainwatch help", thread_ts=copy.ts)
        await made.slack.person_actions.until(lambda: [one for one in made.channel().all_messages if one.is_reply][1:])
        await made.listeners.tasks.drain(5)

        assert made.channel().deleted == []
        assert {copy.ts, original.ts} <= {one.ts for one in made.channel().messages}
