"""Names, thread context, plain questions and local times through real Bolt, as a person sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Receipt
from bot.domain.jobs import Job, JobRef, JobState
from bot.store.store import Store
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness, at_least, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import REF, incident


async def alert_thread(harness: SlackHarness) -> Message:
    """The root message of an alert, posted and recorded as the deliverer does."""
    about = replace(incident(), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT)
    root = await harness.post_alert()
    now = harness.clock()
    (claimed,) = await harness.store.deliveries.claim(now, lease=timedelta(minutes=1))
    assert await harness.store.deliveries.mark_sent(claimed.id, claimed.token, Receipt(about.channel, root.ts), now)
    return root


async def mention(harness: SlackHarness, text: str, thread_ts: str | None = None) -> Message:
    """The answer to a mention."""
    asked = harness.slack.person_actions.say("ada", "#training", text, thread_ts=thread_ts)
    root = thread_ts or asked.ts
    count = len([one for one in harness.channel().replies(root) if one.user != asked.user])

    def answers() -> list[Message] | None:
        return at_least(count + 1, [one for one in harness.channel().replies(root) if one.user != asked.user])

    return (await harness.slack.person_actions.until(answers))[-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@trainwatch logs --tail 5", "step 1 loss 2.5"),
        ("@trainwatch status", "running"),
        ("@trainwatch why did this happen?", "2 lines from its start"),
        ("hey @trainwatch is it still running please?", "running"),
    ],
)
async def test_a_mention_in_an_alerts_thread_is_about_its_job(harness: SlackHarness, text: str, expected: str) -> None:
    root = await alert_thread(harness)
    answer = await mention(harness, text, root.ts)
    assert expected in f"{answer.text} {answer.blocks}"


async def test_a_thread_remembers_the_job_of_its_last_answer(harness: SlackHarness) -> None:
    asked = harness.slack.person_actions.say("ada", "#training", f"@trainwatch status {REF}")
    await harness.slack.person_actions.until(lambda: harness.channel().replies(asked.ts))
    answer = await mention(harness, "@trainwatch logs", asked.ts)
    assert "step 1 loss 2.5" in str(answer.blocks)


async def test_mistakes_in_threads_show_mentions_not_slash_commands(harness: SlackHarness) -> None:
    answer = await mention(harness, "@trainwatch logs")
    assert "Which job?" in answer.text
    assert "`@trainwatch logs REF [OPTIONS]`" in answer.text
    assert "/train" not in f"{answer.text} {answer.blocks}"


async def test_a_command_without_a_job_offers_those_of_the_channel(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    (choice,) = (await harness.command("status")).messages
    assert "Which job?" in choice.text
    clicked = await harness.slack.person_actions.click("ada", choice, "trainwatch_show:job0")
    assert "step 1 loss 2.5" in str(clicked.messages[-1].blocks)


async def test_a_job_with_an_open_incident_is_offered_after_it_is_no_longer_watched(harness: SlackHarness) -> None:
    await alert_thread(harness)
    other = harness.provider.add_job("p/other")
    await harness.command(f"watch {other.ref}")
    await harness.store.subscriptions.remove(harness.channel().id, REF)
    (choice,) = (await harness.command("why")).messages
    assert [str(ref) in str(choice.blocks) for ref in (REF, other.ref)] == [True, True]
    assert str(choice.blocks).index(str(REF)) < str(choice.blocks).index(str(other.ref))


async def test_a_name_is_resolved_and_the_answer_says_to_which_job(harness: SlackHarness) -> None:
    seen = await harness.command(f"status {REF.id.rpartition('/')[2]}")
    (answer,) = seen.messages
    assert f"is `{REF}`" in str(answer.blocks)


async def test_the_button_of_a_suggestion_repeats_the_command(harness: SlackHarness) -> None:
    twins = [Job(JobRef("baseten", f"p/{number}"), JobState.RUNNING, "RUNNING", name="twin") for number in range(2)]
    harness.provider.jobs |= {job.ref.id: job for job in twins}
    seen = await harness.command("logs twin --tail 1")
    (choice,) = seen.messages
    assert "2 jobs match `twin`. Which one?" in choice.text
    clicked = await harness.slack.person_actions.click("ada", choice, "trainwatch_show:job1")
    assert "baseten:p/1" in str(clicked.messages[-1].blocks)
    assert "step 1 loss 2.5" in str(clicked.messages[-1].blocks)


async def test_a_time_is_in_the_persons_zone(store: Store) -> None:
    async with running(SlackHarness(store, slack_with_scopes(GRANTED))) as harness:
        harness.slack.workspace.users["U0ADA"].tz = "Asia/Kolkata"
        await harness.command(f"logs {REF} --start 2026-03-13 17:00")
    (query,) = harness.provider.queries
    assert query.start_ns == 1773401400 * 10**9  # 2026-03-13T11:30:00Z


async def test_quiet_hours_are_in_the_persons_zone(harness: SlackHarness) -> None:
    harness.slack.workspace.users["U0ADA"].tz = "Asia/Kolkata"
    seen = await harness.command("notify quiet 22:00-07:00")
    assert "Asia/Kolkata" in str([message.blocks for message in seen.messages])


async def test_without_the_scope_times_are_in_utc_and_the_answer_names_utc(store: Store) -> None:
    scopes = [scope for scope in GRANTED if scope != "users:read"]
    async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
        seen = await harness.command(f"logs {REF} --since 2026-03-13 11:30")
    assert "Times are in UTC" in str(seen.messages[-1].blocks)
    (query,) = harness.provider.queries
    assert query.start_ns == 1773401400 * 10**9


async def test_my_jobs_are_those_of_my_address(harness: SlackHarness) -> None:
    job = harness.provider.jobs[REF.id]
    harness.provider.jobs[REF.id] = replace(job, user="Ada@example.com")
    other = JobRef("baseten", "p/other")
    harness.provider.jobs[other.id] = Job(other, JobState.RUNNING, "RUNNING", user="ben@example.com")
    mine = await harness.command("jobs mine")
    assert "1 job of ada@example.com on 1 platform" in mine.text
    assert str(other) not in str(mine.messages[0].blocks)


async def test_without_the_scope_my_jobs_are_refused_with_the_reason(store: Store) -> None:
    scopes = [scope for scope in GRANTED if scope != "users:read.email"]
    async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
        seen = await harness.command("jobs mine")
    assert "scope `users:read.email`" in seen.text
