"""Buttons of App Home, the modal that watches a job, and the first message to a channel and to a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands.access_file import parse_access
from bot.domain.alerts import DeliveryKind
from bot.domain.audit import AuditResult
from bot.domain.job_matching import KnownJob, Matcher
from bot.domain.jobs import JobRef, JobState
from bot.domain.subscriptions import RuleSettings
from bot.slack.home_controls import HomeReply
from bot.slack.render.blocks import WATCH_MODAL
from bot.slack.render.home import HomeAction
from bot.slack.render.modal import field_id
from bot.slack.render.welcome import render_welcome
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack.model import View
from emulator.slack.person_actions import Seen
from tests.integration.slack_harness import SlackHarness, running
from tests.unit.slack.factories import REF, incident

MINUTE = timedelta(minutes=1)
JOB, PLACE = field_id("job"), field_id("place")


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    async with running(SlackHarness(store)) as harness:
        jobs = [
            KnownJob(REF, "llama-8b-sft", JobState.RUNNING),
            KnownJob(JobRef("baseten", "p/old"), "llama-old", JobState.FAILED),
            *(KnownJob(JobRef("baseten", f"p/n{number}"), f"tune-{number}", JobState.RUNNING) for number in range(150)),
        ]
        await store.known_jobs.save(jobs, harness.clock())
        yield harness


async def home_of(harness: SlackHarness, user: str = "ada") -> View:
    seen = await harness.slack.person_actions.open_home(user)
    assert seen.view is not None
    return seen.view


async def pressed(harness: SlackHarness, view: View, action: str, user: str = "ada") -> Seen:
    """Press a button of App Home and wait until everything is done."""
    seen = await harness.slack.person_actions.click(user, view, action)
    await harness.listeners.tasks.drain(5)
    return seen


def top_modal(harness: SlackHarness, user: str = "U0ADA") -> Any:
    """What the modal on top shows."""
    return harness.slack.workspace.modals[user][-1].source


async def saved(harness: SlackHarness) -> None:
    about = replace(incident(), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT)
    await harness.deliver()


async def test_acknowledge_is_shown_in_home_and_on_the_alert(harness: SlackHarness) -> None:
    await saved(harness)
    await pressed(harness, await home_of(harness), HomeAction.ACKNOWLEDGE)
    assert "U0ADA" == await harness.acknowledged_by()
    assert "<@U0ADA> is on it" in str(harness.slack.workspace.homes["U0ADA"].source)
    await harness.deliver()
    assert "U0ADA" in str(harness.channel().messages[0].blocks)


async def test_acknowledge_needs_the_role_in_the_channel(store: Store) -> None:
    access = parse_access('default = "read"\n[[grant]]\nrole = "operate"\nusers = ["U0BEN"]\nchannels = ["C0OTHER123"]')
    async with running(SlackHarness(store, access=access)) as harness:
        await saved(harness)
        await pressed(harness, await home_of(harness, "ben"), HomeAction.ACKNOWLEDGE, "ben")
        assert "This needs the role `operate`" in str(top_modal(harness, "U0BEN"))
        assert await harness.acknowledged_by() is None
        record = (await store.audit.page(AuditQuery())).entries[0]
    assert (AuditResult.REFUSED, harness.channel().id) == (record.result, record.channel)


async def test_unmute_ends_the_silence_and_tells_the_channel(harness: SlackHarness) -> None:
    now = harness.clock()
    await harness.store.silences.add(harness.channel().id, [Matcher("job", "x:y")], "U0BEN", now + MINUTE, now)
    await pressed(harness, await home_of(harness), HomeAction.UNMUTE)
    assert () == await harness.store.silences.active(harness.channel().id, now)
    assert "unmuted" in harness.channel().messages[-1].text
    assert "Unmute" not in str(harness.slack.workspace.homes["U0ADA"].source)


@pytest.mark.parametrize(("button", "answer"), [("jobs", "llama-8b-sft"), ("check", "found here"), ("help", "/train")])
async def test_quick_actions_are_answered_in_a_modal(harness: SlackHarness, button: str, answer: str) -> None:
    await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:answer:{button}")
    assert answer in str(top_modal(harness))


async def test_a_running_job_has_a_menu_whose_answers_open_in_a_modal(harness: SlackHarness) -> None:
    await harness.save(replace(incident(), channel=harness.channel().id))
    view = await home_of(harness)
    await harness.slack.person_actions.select("ada", view, HomeAction.JOB, "Status")
    await harness.listeners.tasks.drain(5)
    assert "llama-8b-sft" in str(top_modal(harness))
    assert "Status" in str(top_modal(harness)["title"])


async def test_search_logs_opens_the_form_of_a_query(harness: SlackHarness) -> None:
    await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:query")
    assert "As a command" in str(top_modal(harness))


async def test_someone_new_gets_to_a_first_alert_in_three_taps(harness: SlackHarness) -> None:
    home = await home_of(harness)
    assert "No job is watched here yet" in str(home.source)
    await pressed(harness, home, f"{HomeAction.OPEN}:{WATCH_MODAL}")
    modal = harness.slack.workspace.modals["U0ADA"][-1]
    offered = await harness.slack.person_actions.suggest("ada", modal, JOB, "llama")
    assert [str(REF), "llama"] == [one["value"] for one in offered]
    harness.slack.person_actions.fill(modal, JOB, offered[0])
    await harness.slack.person_actions.submit_view("ada", view=modal)
    await harness.listeners.tasks.drain(5)
    assert "Done. The alerts of this job arrive here" in str(top_modal(harness))
    direct = harness.slack.workspace.direct_channel("U0ADA")
    (watched,) = await harness.store.subscriptions.for_job(REF)
    assert (direct.id, "U0ADA") == (watched.channel, watched.created_by)
    assert "Watching" in direct.messages[-1].text
    assert str(REF) in str(harness.slack.workspace.homes["U0ADA"].source)


async def test_the_first_person_who_watches_a_job_is_offered_those_of_the_platforms(store: Store) -> None:
    async with running(SlackHarness(store)) as harness:
        assert () == tuple(await store.known_jobs.search("", limit=1))
        await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:{WATCH_MODAL}")
        modal = harness.slack.workspace.modals["U0ADA"][-1]
        (offered,) = await harness.slack.person_actions.suggest("ada", modal, JOB, "")
        assert str(REF) == offered["value"]


async def test_a_job_watched_from_home_is_in_the_audit_trail_of_its_channel(harness: SlackHarness) -> None:
    await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:{WATCH_MODAL}")
    modal = harness.slack.workspace.modals["U0ADA"][-1]
    offered = await harness.slack.person_actions.suggest("ada", modal, JOB, "llama")
    harness.slack.person_actions.fill(modal, JOB, offered[0])
    harness.slack.person_actions.fill(modal, PLACE, harness.channel().id)
    harness.slack.fail("views.publish", "ratelimited", retry_after_s=30)
    await harness.slack.person_actions.submit_view("ada", view=modal)
    await harness.listeners.tasks.drain(5)
    assert "Done. The alerts of this job arrive in" in str(top_modal(harness))
    (record,) = (await harness.store.audit.page(AuditQuery(channel=harness.channel().id))).entries
    assert (f"watch {REF}", AuditResult.DONE) == (record.text, record.result)


async def test_a_home_that_cannot_be_published_is_not_an_error_of_the_click(harness: SlackHarness) -> None:
    await saved(harness)
    view = await home_of(harness)
    harness.slack.fail("views.publish", "ratelimited", retry_after_s=30)
    await pressed(harness, view, HomeAction.ACKNOWLEDGE)
    assert "U0ADA" == await harness.acknowledged_by()
    assert not harness.slack.workspace.modals.get("U0ADA")
    record = (await harness.store.audit.page(AuditQuery())).entries[0]
    assert AuditResult.DONE is record.result


async def test_the_menu_of_jobs_stays_within_a_hundred(harness: SlackHarness) -> None:
    await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:{WATCH_MODAL}")
    modal = harness.slack.workspace.modals["U0ADA"][-1]
    for typed in ("", "tune", "x" * 250, "\u05d0\u202e<!channel>"):
        offered = await harness.slack.person_actions.suggest("ada", modal, JOB, typed)
        assert len(offered) <= 100, typed


async def test_a_channel_without_the_bot_is_an_error_at_the_field(harness: SlackHarness) -> None:
    await pressed(harness, await home_of(harness), f"{HomeAction.OPEN}:{WATCH_MODAL}")
    modal = harness.slack.workspace.modals["U0ADA"][-1]
    offered = await harness.slack.person_actions.suggest("ada", modal, JOB, "llama")
    harness.slack.person_actions.fill(modal, JOB, offered[0])
    harness.slack.person_actions.fill(modal, PLACE, harness.channel("#alerts").id)
    await harness.slack.person_actions.submit_view("ada", view=modal)
    assert "not in this channel" in str(modal.errors)
    assert () == await harness.store.subscriptions.for_job(REF)


async def test_notes_about_a_long_command_and_late_answers_go_to_the_person(harness: SlackHarness) -> None:
    training = harness.channel()
    reply = HomeReply(harness.app.client, training.id, "U0ADA", trigger_id="expired")
    note = render_welcome()
    await reply.post_aside(note)
    await reply.private(note)
    assert [] == training.messages
    assert 2 == len(harness.slack.workspace.direct_channel("U0ADA").messages)


async def test_a_person_is_welcomed_once(harness: SlackHarness) -> None:
    direct = harness.slack.workspace.direct_channel("U0ADA")
    await home_of(harness)
    await harness.listeners.tasks.drain(5)
    await home_of(harness)
    await harness.listeners.tasks.drain(5)
    (welcome,) = direct.messages
    assert ["Watch a job", "See running jobs", "How it works"] == labels(welcome.blocks)


async def test_a_form_outside_of_home_does_not_use_up_the_welcome(harness: SlackHarness) -> None:
    random, direct = harness.channel("#random"), harness.slack.workspace.direct_channel("U0BEN")
    harness.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await harness.slack.person_actions.until(lambda: random.messages)
    await harness.slack.person_actions.click("ben", hello, f"trainwatch_open:{WATCH_MODAL}")
    await harness.listeners.tasks.drain(5)
    modal = harness.slack.workspace.modals["U0BEN"][-1]
    offered = await harness.slack.person_actions.suggest("ben", modal, JOB, "llama")
    harness.slack.person_actions.fill(modal, JOB, offered[0])
    await harness.slack.person_actions.submit_view("ben", view=modal)
    await harness.listeners.tasks.drain(5)
    assert 1 == len(await harness.store.subscriptions.for_job(REF))
    await home_of(harness, "ben")
    await harness.listeners.tasks.drain(5)
    assert ["Watch a job", "See running jobs", "How it works"] in [labels(one.blocks) for one in direct.messages]


async def test_a_channel_is_greeted_once_with_three_things_to_press(harness: SlackHarness) -> None:
    random = harness.channel("#random")
    harness.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await harness.slack.person_actions.until(lambda: random.messages)
    assert ["Watch a job", "See running jobs", "How it works"] == labels(hello.blocks)
    harness.slack.person_actions.invite_bot("ada", "#random")
    await harness.command("list")
    await harness.listeners.tasks.drain(5)
    assert [hello] == random.messages
    await harness.slack.person_actions.click("ben", hello, f"trainwatch_open:{WATCH_MODAL}")
    await harness.listeners.tasks.drain(5)
    place = next(one for one in top_modal(harness, "U0BEN")["blocks"] if one["block_id"] == "place")
    assert random.id == place["element"]["initial_option"]["value"]


def labels(blocks: Any) -> list[str]:
    """The labels of the buttons."""
    found = [element for block in blocks for element in block.get("elements", []) if element["type"] == "button"]
    return [element["text"]["text"] for element in found]


async def test_examples_in_help_can_be_pressed(harness: SlackHarness) -> None:
    await harness.store.subscriptions.add(harness.channel().id, "T1", REF, "U0BEN", RuleSettings(), harness.clock())
    seen = await harness.command("help start")
    (answer,) = seen.messages
    assert "status baseten:proj42/job7f3a" in str(answer.blocks)
    await harness.slack.person_actions.click("ada", answer, "trainwatch_open:answer:example1")
    await harness.listeners.tasks.drain(5)
    assert "llama-8b-sft" in str(top_modal(harness))
