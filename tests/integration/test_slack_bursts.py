"""Every command is answered or refused: in a burst, while Slack refuses answers, and when the process ends."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.providers.budget import BudgetLimits
from bot.slack.render.progress import ENDED, RESTARTING
from bot.store.store import Store
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF

LOGS = f"logs {REF}"
BUSY = "Too many requests right now. Try again in a minute."


async def type_commands(harness: SlackHarness, count: int, text: str = LOGS) -> None:
    """Type a command many times at once, without waiting for answers."""
    typed = (harness.command(text, user="ada" if number % 2 else "ben", wait_s=0) for number in range(count))
    for seen in await asyncio.gather(*typed):
        assert seen.outcome.is_acked


def answers(harness: SlackHarness) -> Counter[str]:
    """The first words of the private answers in #training."""
    return Counter(message.text.split(",")[0].split(" of ")[0] for message in harness.channel().ephemerals)


async def test_each_command_of_a_burst_is_answered(harness: SlackHarness) -> None:
    harness.provider.logs_s = 0.001
    await type_commands(harness, 100)
    await eventually(lambda: sum(answers(harness).values()) == 100)
    assert answers(harness) == {"2 log lines": 100}


def fill(harness: SlackHarness, gate: asyncio.Event) -> int:
    """Start work up to the limit; return how much that is."""
    count = 0
    while harness.listeners.tasks.start(gate.wait()):
        count += 1
    return count


async def test_each_command_beyond_the_limit_is_refused(harness: SlackHarness) -> None:
    gate = asyncio.Event()
    assert fill(harness, gate) == 1000
    await type_commands(harness, 100)
    await eventually(lambda: answers(harness) == {BUSY: 100})
    gate.set()
    await eventually(lambda: len(harness.listeners.tasks) == 0)
    await type_commands(harness, 1)
    await eventually(lambda: answers(harness)["2 log lines"] == 1)


async def test_each_mention_and_click_beyond_the_limit_is_refused(harness: SlackHarness) -> None:
    alert = await harness.post_alert()
    gate = asyncio.Event()
    fill(harness, gate)
    mentions = [harness.slack.person_actions.say("ada", "#training", f"@trainwatch {LOGS}") for _ in range(60)]
    clicks = (harness.slack.person_actions.click("ben", alert, "trainwatch_acknowledge", wait_s=0) for _ in range(60))
    await asyncio.gather(*clicks)

    def refused() -> int:
        replies = [reply for one in mentions for reply in harness.channel().replies(one.ts)]
        return sum(BUSY in one.text for one in (*replies, *harness.channel().ephemerals))

    await eventually(lambda: refused() == 120)
    gate.set()


async def test_an_answer_outlasts_a_response_url_that_refuses_for_now(harness: SlackHarness) -> None:
    harness.slack.fail("response_url", "rate_limited", status=429, retry_after_s=1)
    seen = await harness.command(LOGS)
    assert "2 log lines" in seen.text


async def test_commands_in_flight_are_answered_when_the_process_ends(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    await type_commands(harness, 40)
    mention = harness.slack.person_actions.say("ada", "#training", f"@trainwatch {LOGS}")
    await eventually(lambda: len(harness.listeners.tasks) == 41)
    await harness.listeners.tasks.drain(0.05)
    assert answers(harness) == {RESTARTING: 40}
    assert [one.text for one in harness.channel().replies(mention.ts)] == [RESTARTING]


async def test_a_command_that_has_read_enough_is_answered_with_what_it_read(store: Store) -> None:
    async with running(SlackHarness(store, limits=BudgetLimits(seconds=0.05))) as harness:
        harness.provider.lines, harness.provider.page_lines = step_lines(5000), 100
        harness.provider.logs_s = 0.03
        seen = await harness.command(f"{LOGS} --grep nothing")
        assert "Stopped after" in str(seen.messages[0].blocks)
        assert "--before" in str(seen.messages[0].blocks)


def direct(harness: SlackHarness, user: str = "ada") -> list[Message]:
    """The messages in the direct conversation with a person."""
    return harness.slack.workspace.direct_channel(harness.slack.workspace.user(user).id).messages


async def test_progress_is_shown_edited_and_deleted(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02, progress_s=0.05)) as harness:
        harness.provider.lines, harness.provider.page_lines = step_lines(400), 10
        harness.provider.logs_s = 0.02
        typing = asyncio.create_task(harness.command(f"diagnose {REF}", wait_s=0))
        (progress,) = await harness.slack.person_actions.until(lambda: direct(harness))
        first = progress.text
        await harness.slack.person_actions.until(lambda: progress.text != first)
        assert "Read " in first
        assert "requests" in first
        assert len(direct(harness)) == 1
        await typing
        await harness.slack.person_actions.until(lambda: not direct(harness))
        assert "Working on it" in harness.channel().ephemerals[0].text


async def test_cancel_ends_a_command_with_what_it_has_read(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02)) as harness:
        harness.provider.lines, harness.provider.page_lines, harness.provider.hangs_at_line = step_lines(40), 10, 20
        await harness.command(f"diagnose {REF}", wait_s=0)
        await harness.slack.person_actions.until(lambda: harness.channel().ephemerals)
        note = harness.channel().ephemerals[0]
        await harness.slack.person_actions.click("ada", note, "trainwatch_cancel", wait_s=0)
        await harness.slack.person_actions.until(lambda: len(harness.channel().ephemerals) == 2)
        shown, answer = harness.channel().ephemerals
        assert shown.text.startswith("Cancelled.")
        assert "20 lines" in str(answer.blocks)
        assert "Cancelled." in str(answer.blocks)
        assert "To read on" in str(answer.blocks)


async def test_cancel_of_a_command_that_has_ended_is_explained(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02)) as harness:
        harness.provider.gate = asyncio.Event()
        await harness.command(LOGS, wait_s=0)
        await harness.slack.person_actions.until(lambda: harness.channel().ephemerals)
        note = harness.channel().ephemerals[0]
        harness.provider.gate.set()
        await harness.slack.person_actions.until(lambda: len(harness.channel().ephemerals) == 2)
        await harness.slack.person_actions.click("ada", note, "trainwatch_cancel", wait_s=0)
        await harness.slack.person_actions.until(lambda: ENDED in harness.channel().ephemerals[0].text)


async def test_notes_of_a_burst_are_few_at_a_time(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02, progress_s=0.02)) as harness:
        harness.provider.gate = asyncio.Event()
        await type_commands(harness, 40)
        await eventually(lambda: answers(harness)["Working on it…"] == 40)
        people = ("ada", "ben")
        await eventually(lambda: sum(len(direct(harness, user)) for user in people) == 3)
        for _ in range(20):
            await asyncio.sleep(0.02)
            assert sum(len(direct(harness, user)) for user in people) == 3
        harness.provider.gate.set()
        await eventually(lambda: answers(harness)["2 log lines"] == 40)
        await eventually(lambda: not any(direct(harness, user) for user in people))
