"""Modals through real Bolt: opened in time, filled in, submitted, refused; and the answers that are paged in one."""

from __future__ import annotations

import asyncio

import pytest

from bot.commands.access_file import parse_access
from bot.domain.audit import AuditKind, AuditResult
from bot.slack.modals.dispatch import Modals, ModalTimes
from bot.slack.render.blocks import Action
from bot.slack.render.modal import field_id
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack.faults import Fault
from emulator.slack.model import User
from tests.integration.modal_forms import FormModal, open_form, post_button, view_with
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.support.waiting import LONGEST_S, eventually
from tests.unit.slack.factories import REF

LOGS = f"{Action.OPEN}:answer:logs"
NUMBER = field_id("number")


@pytest.fixture
def form(harness: SlackHarness) -> FormModal:
    form = FormModal()
    modals = Modals(
        [*harness.listeners.modals.handlers.values(), form], harness.listeners.modals.handling, ModalTimes(0.2)
    )
    harness.listeners.modals = modals
    return form


async def test_a_button_opens_a_small_view_at_once_and_then_the_form(harness: SlackHarness, form: FormModal) -> None:
    seen = await harness.slack.person_actions.click("ada", await post_button(harness), f"{Action.OPEN}:form:go")
    assert "Loading" in str(seen.changes[0].view and seen.changes[0].view.source) or seen.view
    view = await view_with(harness, "inc-1: nothing yet")
    assert ("Form", True) == (view.title, view.source["notify_on_close"])


async def test_a_live_field_changes_the_view_and_keeps_what_was_typed(harness: SlackHarness, form: FormModal) -> None:
    view = await open_form(harness)
    harness.slack.person_actions.fill(view, NUMBER, "42")
    await harness.slack.person_actions.select("ada", view, field_id("colour"), "blue")
    view = await view_with(harness, "42 blue")
    assert "42" in str(view.values)


async def test_errors_are_shown_at_the_field_and_the_form_stays(harness: SlackHarness, form: FormModal) -> None:
    await open_form(harness)
    await harness.slack.person_actions.submit_view("ada", {NUMBER: "bad"})
    view = harness.slack.workspace.modal("ada")
    assert view is not None
    assert {"number": "Use digits."} == view.errors


async def test_a_submission_closes_the_modal_or_shows_a_result(harness: SlackHarness, form: FormModal) -> None:
    view = await open_form(harness)
    options = await harness.slack.person_actions.suggest("ada", view, field_id("job"), "llama")
    assert (100, "llama-0") == (len(options), options[0]["value"])
    await harness.slack.person_actions.submit_view("ada", {NUMBER: "1", field_id("job"): options[2]})
    result = await view_with(harness, "chose llama-2")
    assert "Result" == result.title
    await harness.slack.person_actions.close_view("ada")

    await open_form(harness)
    await harness.slack.person_actions.submit_view("ada", {NUMBER: "close"})
    assert harness.slack.workspace.modal("ada") is None


async def test_a_slow_submission_is_acknowledged_before_its_outcome(harness: SlackHarness, form: FormModal) -> None:
    await open_form(harness)
    form.gate.clear()
    await harness.slack.person_actions.submit_view("ada", {NUMBER: "late"})
    await view_with(harness, "Loading")
    form.gate.set()
    late = await view_with(harness, "however late")
    assert "Go" in str(late.source["submit"])
    assert "Colour" in str(late.source["blocks"])


async def test_closing_a_watched_view_reaches_its_handler(harness: SlackHarness, form: FormModal) -> None:
    await open_form(harness)
    await harness.slack.person_actions.close_view("ada")
    await eventually(lambda: form.closings == ["inc-1"])


async def test_without_a_modal_the_person_reads_why(harness: SlackHarness, form: FormModal) -> None:
    message = await post_button(harness)
    harness.slack.context.faults.order("views.open", Fault("expired_trigger_id"))
    seen = await harness.slack.person_actions.click("ada", message, f"{Action.OPEN}:form:go")
    assert "Slack did not open the dialog. It took longer than the three seconds" in seen.text
    assert ["U0ADA"] == [one.visible_to for one in seen.messages]


async def test_without_a_modal_logs_are_answered_privately(harness: SlackHarness) -> None:
    alert = await harness.post_alert()
    harness.slack.context.faults.order("views.open", Fault("expired_trigger_id"))
    seen = await harness.slack.person_actions.click("ada", alert, LOGS)
    assert "step 1 loss 2.5" in str(seen.messages[0].blocks)
    assert "U0ADA" == seen.messages[0].visible_to


async def test_a_log_is_paged_and_shared_from_its_modal(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(150)
    people = harness.slack.person_actions
    status = (await harness.command(f"status {REF}")).messages[0]
    await people.click("ada", status, LOGS)
    newest = await view_with(harness, "step 149 ")
    assert "Logs" == newest.title
    await people.click("ada", newest, f"{Action.SHOW}:older")
    older = await view_with(harness, "step 49 ")
    assert (newest.id, False) == (older.id, "step 149" in str(older.source))
    await people.click("ada", older, Action.SHARE)
    shared = await view_with(harness, "Answered in")
    assert "step 49 " in str(shared.source["blocks"])
    (root, *_) = await people.until(lambda: harness.channel().messages)
    await people.until(lambda: "step 49 " in str([one.blocks for one in harness.channel().replies(root.ts)]))


async def test_an_answer_that_cannot_be_shared_stays_below_the_reason(harness: SlackHarness) -> None:
    people, place = harness.slack.person_actions, "#random"
    status = (await harness.command(f"status {REF}", channel=place)).messages[0]
    await people.click("ada", status, LOGS)
    await people.click("ada", await view_with(harness, "step 1 "), Action.SHARE)
    view = await view_with(harness, "not in that channel")
    assert ("Logs", True) == (view.title, "step 1 loss" in str(view.source["blocks"]))


async def test_only_the_newest_use_of_a_view_changes_it(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02)) as harness:
        harness.provider.lines = step_lines(250)
        people = harness.slack.person_actions
        await people.click("ada", await post_button(harness, "answer", f"logs {REF}"), f"{Action.OPEN}:answer:go")
        view = await view_with(harness, "step 249 ")
        older = f"{Action.SHOW}:older"
        slow = harness.provider.gate = asyncio.Event()
        await people.click("ada", view, older)
        await view_with(harness, "Working on it")
        harness.provider.gate = None
        view.source["blocks"] = [*view.source["blocks"], *_paging(f"logs {REF} --tail 3")]
        await people.click("ada", view, f"{Action.SHOW}:three")
        await view_with(harness, "step 247 ")
        slow.set()
        await eventually(lambda: not len(harness.listeners.tasks))
        shown = str((harness.slack.workspace.modal("ada") or view).source["blocks"])
        assert "step 247 " in shown
        assert "step 149 " not in shown


async def test_a_long_answer_shows_its_progress_and_can_be_cancelled(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.02, progress_s=0.02)) as harness:
        people = harness.slack.person_actions
        harness.provider.gate = asyncio.Event()
        await people.click("ada", await post_button(harness, "answer", f"logs {REF}"), f"{Action.OPEN}:answer:go")
        working = await view_with(harness, "Read 0 lines")
        await people.click("ada", working, Action.CANCEL)
        await view_with(harness, "\N{WARNING SIGN}\N{VARIATION SELECTOR-16} Cancelled.")
        assert [] == harness.channel().ephemerals


async def test_people_of_other_workspaces_get_no_answer_in_a_modal(harness: SlackHarness, form: FormModal) -> None:
    harness.slack.workspace.users["U0EVE"] = User("U0EVE", "eve", "Eve", team_id="T0OTHER")
    harness.channel().members.add("U0EVE")
    await harness.slack.person_actions.click("eve", await harness.post_alert(), LOGS)
    await view_with(harness, "only members of its own workspace", user="eve")
    view = harness.slack.workspace.modal("eve")
    assert view is not None
    view.source |= {"callback_id": "form", "blocks": (await open_form(harness)).source["blocks"]}
    assert [] == await harness.slack.person_actions.suggest("eve", view, field_id("job"), "x")
    await harness.slack.person_actions.submit_view("eve", {NUMBER: "1"})
    assert "only members of its own workspace" in str(view.source["blocks"])
    entries = (await harness.store.audit.page(AuditQuery())).entries
    refused = [one.kind for one in entries if one.result is AuditResult.REFUSED]
    assert [AuditKind.SUBMISSION, AuditKind.CLICK] == refused


async def test_a_role_is_needed_for_a_job_in_a_modal_too(store: Store) -> None:
    access = parse_access('default = "none"')
    async with running(SlackHarness(store, access=access)) as harness:
        await harness.slack.person_actions.click("ada", await harness.post_alert(), LOGS)
        await view_with(harness, "needs the role `read`")
        await eventually(lambda: not len(harness.listeners.tasks))
        entries = (await harness.store.audit.page(AuditQuery())).entries
        assert (AuditKind.CLICK, AuditResult.REFUSED) == (entries[0].kind, entries[0].result)


async def test_a_submission_is_recorded(harness: SlackHarness, form: FormModal) -> None:
    await open_form(harness)
    await harness.slack.person_actions.submit_view("ada", {NUMBER: "close"}, wait_s=LONGEST_S)
    entries = (await harness.store.audit.page(AuditQuery())).entries
    assert [(AuditKind.SUBMISSION, "submit form inc-1"), (AuditKind.CLICK, "inc-1")] == [
        (one.kind, one.text) for one in entries
    ]


def _paging(command: str) -> list[dict[str, object]]:
    label = {"type": "plain_text", "text": "Three"}
    element = {"type": "button", "action_id": f"{Action.SHOW}:three", "text": label, "value": command}
    return [{"type": "actions", "block_id": "three", "elements": [element]}]
