"""Plain questions through real Bolt: what runs, what is asked first, and what is offered instead."""

from __future__ import annotations

from bot.slack.render.blocks import Action
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness, at_least
from tests.unit.slack.factories import REF
from tests.unit.slack.validity import own_problems


async def asked(harness: SlackHarness, text: str, channel: str = "#training") -> Message:
    """The answer to a mention, in its thread."""
    root = harness.slack.person_actions.say("ada", channel, f"@trainwatch {text}")
    found = harness.slack.workspace.channels[root.channel]
    (answer,) = await harness.slack.person_actions.until(lambda: at_least(1, found.replies(root.ts)))
    assert [] == list(own_problems(answer.blocks or []))
    return answer


async def test_a_question_is_answered_with_the_command_that_it_means(harness: SlackHarness) -> None:
    answer = await asked(harness, f"hows {REF} doing")
    assert "step 1 loss 2.5" in str(answer.blocks)
    assert f"asked as `@trainwatch status {REF}`" in str(answer.blocks)


async def test_a_command_is_not_repeated(harness: SlackHarness) -> None:
    assert "asked as" not in str((await asked(harness, f"please status {REF}")).blocks)


async def test_a_question_without_a_job_is_about_the_only_one_of_the_channel(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    answer = await asked(harness, "is it still learning")
    assert "step 1 loss 2.5" in str(answer.blocks)
    assert "the only job that this channel watches" in str(answer.blocks)
    assert f"asked as `@trainwatch status {REF}`" in str(answer.blocks)


async def test_a_question_without_a_job_offers_jobs_where_there_are_several(harness: SlackHarness) -> None:
    answer = await asked(harness, "is it still learning")
    assert "Which job?" in str(answer.blocks)


async def test_a_follow_up_in_the_thread_is_about_its_job(harness: SlackHarness) -> None:
    root = harness.slack.person_actions.say("ada", "#training", f"@trainwatch hows {REF} doing")
    await harness.slack.person_actions.until(lambda: harness.channel().replies(root.ts))
    harness.slack.person_actions.say("ben", "#training", "@trainwatch show errors of rank 3", thread_ts=root.ts)
    answers = await harness.slack.person_actions.until(lambda: at_least(3, harness.channel().replies(root.ts)))
    assert "asked as `@trainwatch logs --level error --rank 3`" in str(answers[-1].blocks)


async def test_a_request_changes_nothing_before_it_is_confirmed(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    question = await asked(harness, f"stop telling me about {REF.id}")
    assert f"Stop the alerts of `{REF}` in this channel?" in str(question.blocks)
    assert 1 == len(await harness.store.subscriptions.list(harness.channel().id))
    await harness.slack.person_actions.click("ben", question, Action.REPLACE.value)
    assert 0 == len(await harness.store.subscriptions.list(harness.channel().id))


async def test_a_request_for_the_whole_channel_asks_by_itself(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    question = await asked(harness, "shut up")
    assert Action.REPLACE.value in str(question.blocks)
    assert () == tuple(await harness.store.silences.active(harness.channel().id, harness.clock()))


async def test_what_is_not_understood_gets_buttons_that_answer_in_the_thread(harness: SlackHarness) -> None:
    answer = await asked(harness, f"can you order pizza for {REF}")
    assert "this message is neither" in str(answer.blocks)
    await harness.slack.person_actions.click("ada", answer, f"{Action.SHARE.value}:meant0")
    assert "step 1 loss 2.5" in str(harness.channel().replies(answer.thread_ts or "")[-1].blocks)


async def test_what_trainwatch_cannot_do_is_explained(harness: SlackHarness) -> None:
    answer = await asked(harness, f"restart {REF}")
    assert "cannot start, stop or change jobs" in str(answer.blocks)


async def test_a_direct_message_remembers_the_job(harness: SlackHarness) -> None:
    channel = harness.slack.workspace.direct_channel("U0ADA")
    harness.slack.person_actions.say("ada", channel.id, f"hows {REF} doing")
    await harness.slack.person_actions.until(lambda: at_least(2, channel.messages))
    harness.slack.person_actions.say("ada", channel.id, "any errors?")
    answers = await harness.slack.person_actions.until(lambda: at_least(4, channel.messages))
    assert f"asked as `/train logs {REF} --level error`" in str(answers[-1].blocks)
