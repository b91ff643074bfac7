"""The buttons of a digest, with real Bolt on the emulated Slack."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, NotifyReason, Severity
from bot.domain.jobs import JobRef, JobState
from bot.slack.render.blocks import Action
from bot.watcher.digest import DigestJob
from emulator.slack.model import Message
from tests.integration.slack_harness import SlackHarness
from tests.unit.slack.factories import NOW, failed, incident, job
from tests.unit.slack.validity import own_problems

JOBS = 12


def failure(harness: SlackHarness, number: int, user: str | None) -> Incident:
    """The incident of one of many jobs that failed at once."""
    failing = replace(
        job(JobState.FAILED, f"job-{number:02}"), ref=JobRef("baseten", f"proj/job{number:02}"), user=user
    )
    about = replace(incident(failed(), of=failing), id=f"inc-{number:012}", channel=harness.channel().id)
    return replace(about, resolved_at=NOW)


async def post_digest(harness: SlackHarness, user: str | None = None) -> Message:
    """The message about JOBS jobs that failed at once."""
    for number in range(JOBS):
        about = failure(harness, number, user)
        root = Notification(DeliveryKind.ROOT, NotifyReason.FIRST, about.job, about, mention=Severity.PAGE)
        await harness.save(about, Delivery(f"{about.id}:root", about.channel, root))
    return await after(harness, 5)


async def after(harness: SlackHarness, seconds: float) -> Message:
    """Plan and send what is due after some seconds; return the newest message of the channel."""
    harness.clock.advance(timedelta(seconds=seconds))
    await DigestJob(harness.store, harness.clock).tick()
    await harness.deliver()
    return harness.channel().messages[-1]


async def click(harness: SlackHarness, user: str, message: Message, action: Action, choice: str | None = None) -> str:
    """Press a button or choose in a menu; return what the person was answered."""
    before = len(harness.channel().ephemerals)
    if choice is None:
        await harness.slack.person_actions.click(user, message, action, wait_s=0.3)
    else:
        await harness.slack.person_actions.select(user, message, action, choice, wait_s=0.3)
    await harness.listeners.tasks.drain(5)
    await after(harness, 2)
    return " ".join(str(one.text) for one in harness.channel().ephemerals[before:])


async def owners(harness: SlackHarness) -> set[str | None]:
    found = [await harness.store.incidents.find(f"inc-{number:012}") for number in range(JOBS)]
    return {one.acknowledgement.by if one and one.acknowledgement else None for one in found}


async def test_a_digest_replaces_separate_messages_and_lists_its_jobs(harness: SlackHarness) -> None:
    root = await post_digest(harness)

    assert len(harness.channel().messages) == 1
    assert f"{JOBS} jobs: Job failed" in str(root.blocks)
    listing = harness.channel().all_messages[-1]
    assert listing.is_reply
    assert all(f"job-{number:02}" in str(listing.blocks) for number in range(JOBS))
    assert list(own_problems(root.blocks or [])) == []


async def test_acknowledge_and_resolve_all_act_on_every_incident(harness: SlackHarness) -> None:
    root = await post_digest(harness)

    assert await click(harness, "ada", root, Action.ACKNOWLEDGE) == ""
    assert await owners(harness) == {"U0ADA"}
    assert "all acknowledged by <@U0ADA>" in str(root.blocks)

    stale = replace(root)  # as Ada's client still shows it
    assert await click(harness, "ben", root, Action.RESOLVE) == ""
    assert Action.RESOLVE not in str(root.blocks)
    assert "None of these alerts needs anybody" in await click(harness, "ada", stale, Action.RESOLVE)


async def test_undo_resolve_reopens_what_was_closed_last(harness: SlackHarness) -> None:
    root = await post_digest(harness)
    first = "inc-000000000000"
    await harness.store.incidents.close(first, "U0BEN", harness.clock())
    await after(harness, 2)
    await click(harness, "ada", root, Action.ACKNOWLEDGE)
    await click(harness, "ada", root, Action.RESOLVE)
    stale = replace(root)

    assert await click(harness, "ben", root, Action.REOPEN) == ""
    found = [await harness.store.incidents.find(f"inc-{number:012}") for number in range(JOBS)]
    still_open = [one.id for one in found if one is not None and one.is_open]
    assert (len(still_open), first in still_open) == (JOBS - 1, False)
    assert await owners(harness) == {"U0ADA", None}
    assert Action.RESOLVE in str(root.blocks)
    assert "None of these alerts needs anybody" in await click(harness, "ben", stale, Action.REOPEN)


async def test_silence_all_mutes_the_jobs_of_a_digest_until_it_is_undone(harness: SlackHarness) -> None:
    root = await post_digest(harness)
    await click(harness, "ada", root, Action.MORE, "Silence all 1 hour")

    (silence,) = await harness.store.silences.active(harness.channel().id, harness.clock())
    assert all(silence.matchers[0].matches({"job": f"baseten:proj/job{number:02}"}) for number in range(JOBS))
    assert not silence.matchers[0].matches({"job": "baseten:proj/other"})


async def test_one_incident_of_a_digest_is_shown_with_buttons_of_its_own(harness: SlackHarness) -> None:
    root = await post_digest(harness)
    await click(harness, "ada", root, Action.MEMBER, "inc-000000000003")
    private = harness.channel().ephemerals[-1]

    assert "job-03" in str(private.blocks)
    await click(harness, "ada", private, Action.ACKNOWLEDGE)

    assert await owners(harness) == {None, "U0ADA"}
    assert f"1 of {JOBS} acknowledged by <@U0ADA>" in str(root.blocks)


async def test_the_list_of_jobs_mentions_their_owners_once(harness: SlackHarness) -> None:
    await post_digest(harness, user="ben@example.com")
    listing = harness.channel().all_messages[-1]

    assert str(listing.blocks).count("<@U0BEN>") == 1
    assert "<@U0BEN>" not in str(harness.channel().messages[-1].blocks)


async def test_an_owner_who_prefers_direct_messages_gets_one_for_all_jobs(harness: SlackHarness) -> None:
    await harness.command("notify me dm", user="ben")
    await post_digest(harness, user="ben@example.com")

    (direct,) = [one for one in harness.slack.workspace.direct_channel("U0BEN").messages if one.metadata]
    assert f"{JOBS} jobs: Job failed" in str(direct.blocks)
