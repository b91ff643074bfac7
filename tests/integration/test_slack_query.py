"""The form of a query: opened by `/train`, filled in with a job found by type-ahead, refused at the field, answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.access_file import parse_access
from bot.domain.audit import AuditKind, AuditResult
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.slack.modals.view_payloads import SEARCH_SHORTCUT
from bot.slack.render.blocks import Action
from bot.slack.render.modal import field_id
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack.faults import Fault
from emulator.slack.model import Json, View
from tests.integration.modal_forms import view_with
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.integration.test_app_home import counted_statements
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF

JOB = field_id("job")
LONG = "\u05d0 <!channel> " + "x" * 230
OTHER = KnownJob(JobRef("baseten", "p/other"), "llama-70b", JobState.FAILED)


async def suggest(harness: SlackHarness, view: View, typed: str) -> list[Json]:
    return await harness.slack.person_actions.suggest("ada", view, JOB, typed)


async def opened(harness: SlackHarness, text: str = "") -> View:
    await harness.command(text)
    return await view_with(harness, "As a command")


async def choose(harness: SlackHarness, view: View, typed: str = "") -> Json:
    (option, *_) = await suggest(harness, view, typed)
    await harness.slack.person_actions.select("ada", view, JOB, option)
    return option


def preview(view: View) -> str:
    return str(view.source["blocks"][0]["text"]["text"])


async def test_a_query_is_filled_in_and_answered_in_its_modal(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(150)
    await harness.command(f"watch {REF}")
    view = await opened(harness)
    assert "`/train logs JOB`" in preview(view)
    option = await choose(harness, view)
    assert (str(REF), True) == (option["value"], str(REF) in option["description"]["text"])
    harness.slack.person_actions.fill(view, field_id("include"), "step 14")
    await harness.slack.person_actions.select("ada", view, field_id("range"), "1h")
    view = await view_with(harness, f"/train logs {REF} --since 1h --include")
    await harness.slack.person_actions.submit_view("ada")
    answer = await view_with(harness, "step 149 ")
    assert ("Logs", view.id) == (answer.title, answer.id)
    assert "step 139 " not in str(answer.source)
    entry = (await harness.store.audit.page(AuditQuery())).entries[0]
    assert (AuditKind.SUBMISSION, f'logs {REF} --since 1h --include "step 14"') == (entry.kind, entry.text)

    await harness.slack.person_actions.click("ada", answer, f"{Action.OPEN}:query:refine")
    form = await view_with(harness, "As a command")
    assert "step 14" in str(form.source["blocks"])
    assert f'`/train logs {REF} --since 1h --include "step 14"`' in preview(form)


async def test_a_problem_is_shown_at_its_field(harness: SlackHarness) -> None:
    view = await opened(harness, "logs --since nonsense --rank x")
    await choose(harness, view, str(REF))
    values = {field_id("grep"): "(", field_id("more"): "--colour"}
    await harness.slack.person_actions.submit_view("ada", values)
    assert {"from", "ranks", "grep", "more"} == set(view.errors)
    assert "Can't read the time nonsense for --since." in view.errors["from"]
    entry = (await harness.store.audit.page(AuditQuery())).entries[0]
    assert AuditResult.INVALID == entry.result


async def test_fields_follow_what_is_shown_and_keep_their_values(harness: SlackHarness) -> None:
    view = await opened(harness, "logs --since 1h --include loss")
    await harness.slack.person_actions.select("ada", view, field_id("show"), "metrics")
    view = await view_with(harness, "/train metrics JOB --since 1h`")
    assert "include" not in {block.get("block_id") for block in view.source["blocks"]}
    await harness.slack.person_actions.select("ada", view, field_id("show"), "logs")
    await view_with(harness, "/train logs JOB --since 1h --include loss`")
    await harness.slack.person_actions.select("ada", view, field_id("range"), "times")
    view = await view_with(harness, "'block_id': 'until'")
    await harness.slack.person_actions.select("ada", view, field_id("range"), "around-time")
    await view_with(harness, "'block_id': 'around'")


async def test_jobs_of_the_channel_come_before_those_of_all_platforms(harness: SlackHarness) -> None:
    await harness.store.known_jobs.save([OTHER, replace(OTHER, ref=REF, name="llama-8b-sft")], harness.clock())
    await harness.command(f"watch {REF}")
    view = await opened(harness)
    outcome = await suggest(harness, view, "llama")
    assert [str(REF), str(OTHER.ref), "llama"] == [one["value"] for one in outcome]
    assert ["baseten:p/other"] == [one["value"] for one in await suggest(harness, view, "70B")][:1]
    assert "failed · baseten:p/other" == outcome[1]["description"]["text"]
    assert "Look up “nothing like it”" == (await suggest(harness, view, "nothing like it"))[0]["text"]["text"]


async def test_suggestions_are_only_the_jobs_that_a_person_may_read(store: Store) -> None:
    file = 'default = "none"\n[[grant]]\nrole = "read"\nusers = ["U0ADA"]\njobs = ["baseten:p/other"]'
    async with running(SlackHarness(store, access=parse_access(file))) as harness:
        await harness.store.known_jobs.save([OTHER, replace(OTHER, ref=REF)], harness.clock())
        view = await opened(harness)
        assert ["baseten:p/other"] == [one["value"] for one in await suggest(harness, view, "")]
        await harness.slack.person_actions.submit_view("ada", {JOB: {"value": str(REF), "text": {"text": "x"}}})
        await view_with(harness, "needs the role `read`")


async def test_without_a_modal_help_and_a_choice_of_jobs_are_shown(harness: SlackHarness) -> None:
    for text, expected in (("", "How to use /train"), ("logs", "Which job?")):
        harness.slack.context.faults.order("views.open", Fault("expired_trigger_id"))
        assert expected in (await harness.command(text)).text


@pytest.mark.parametrize("text", ["help", "logs --help", "-h"])
async def test_help_is_still_typed(harness: SlackHarness, text: str) -> None:
    seen = await harness.command(text)
    assert "Examples" in str(seen.messages[0].blocks)
    await eventually(lambda: not len(harness.listeners.tasks))
    assert harness.slack.workspace.modal("ada") is None


async def test_a_search_among_many_jobs_reads_few_rows(harness: SlackHarness) -> None:
    """The work is bounded: as many statements and entries at 5,000 jobs as at 200, whatever the jobs are called."""
    view = await opened(harness)
    counted = []
    for count in (200, 5_000):
        jobs = [replace(OTHER, ref=JobRef("baseten", f"p/{number}"), name=f"{LONG}{number}") for number in range(count)]
        await harness.store.known_jobs.save(jobs, harness.clock())
        await eventually(lambda: not len(harness.listeners.tasks))
        with counted_statements(harness.store) as statements:
            for typed in ("", "x", "p/1", "nothing"):
                assert len(await suggest(harness, view, typed)) <= 100
        counted.append(len(statements))
    assert counted[0] == counted[1]
    assert counted[0] <= 4 * 6
    assert all("LIMIT" in one for one in statements if "FROM known_jobs" in one)


async def test_a_shortcut_opens_the_form_anywhere(harness: SlackHarness) -> None:
    await harness.store.known_jobs.save([replace(OTHER, ref=REF)], harness.clock())
    await harness.slack.person_actions.shortcut("ada", SEARCH_SHORTCUT)
    view = await view_with(harness, "As a command")
    await choose(harness, view, "llama")
    await harness.slack.person_actions.submit_view("ada")
    answer = await view_with(harness, "step 1 loss")
    assert "Refine" in str(answer.source)
    assert "Share in channel" not in str(answer.source)
    assert [] == harness.channel().messages
    kinds = [one.kind for one in (await harness.store.audit.page(AuditQuery())).entries]
    assert [AuditKind.SUBMISSION, AuditKind.SHORTCUT] == kinds
