"""Slack takes every modal and every answer to a search, whatever the jobs are called and however many there are.

The oracles share no code with the bot: the emulator's rules of blocks, slack_sdk's models and slackblocks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient
from slackblocks import _surfaces

from bot.commands.parsing.query_draft import AROUND_TIME, RANGES, SHOWN, TIMES, QueryDraft, QueryField, decode_draft
from bot.commands.subcommands.arguments import InputContext
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.errors import UsageError
from bot.slack.modals.metadata import ModalMetadata, decode_metadata, encode_metadata
from bot.slack.modals.modal_reply import ModalReply, kept_blocks
from bot.slack.modals.screens import ModalScreens
from bot.slack.render.answer_view import render_answer_view
from bot.slack.render.message import Block, Message
from bot.slack.render.modal import (
    Choice,
    Field,
    Modal,
    loading_modal,
    menu_input,
    problem_block,
    render_options,
    text_input,
)
from bot.slack.render.query_form import job_choice, render_query, typed_choice
from emulator.slack.blocks import options_faults, view_faults
from tests.unit.slack.factories import NOW
from tests.unit.slack.samples import ANSWERS, LOG_ANSWERS, log_answer
from tests.unit.slack.test_hostile_text import FOREIGN, attacks
from tests.unit.slack.validity import texts

SHORT = FOREIGN.map(lambda text: text[:250])
LONG = "x" * 250
RIGHT_TO_LEFT = "\u05d0\u05d1\u05d2 \u202e\u0627\u0644\u062a\u062f\u0631\u064a\u0628 " * 12
NAMES = (
    st.sampled_from(["", LONG, RIGHT_TO_LEFT, "🙂" * 100, "<!channel> & co", "a\x00b", "e" + "\u0301" * 200]) | SHORT
)
TYPED = st.sampled_from(["", " ", "(", '"', "`", "\\" * 400, "--level", "3h", "<!here>", "x" * 1000]) | SHORT
DRAFTS = st.fixed_dictionaries(
    dict.fromkeys(QueryField, TYPED)
    | {
        QueryField.JOB: NAMES,
        QueryField.SHOW: st.sampled_from([*SHOWN, "", "nonsense"]),
        QueryField.RANGE: st.sampled_from([*RANGES, TIMES, AROUND_TIME, "", "nonsense"]),
        QueryField.LEVEL: st.sampled_from(["", "error", "nonsense"]),
    }
)


def modal_problems(view: Mapping[str, Any]) -> list[str]:
    """Everything that Slack would refuse, and every text that has an effect."""
    blocks = view["blocks"]
    _surfaces.validate_surface_blocks(list(blocks), "modal")
    View(**view).validate_json()
    found = [str(fault) for fault in view_faults(dict(view))] + attacks(texts(blocks))
    found += ["too large"] if len(json.dumps(view)) > 250_000 or len(blocks) > 100 else []
    return found


def shown(modal: Modal) -> dict[str, Any]:
    return modal.view(encode_metadata(ModalMetadata("C1", modal.about, "1.0", "1.0")))


async def shown_in_modal(message: Message, *, kept: Sequence[Block] = (), submit: str = "") -> dict[str, Any]:
    """The view in which a message is shown, as the acknowledgement of a submission has it."""
    response: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    client = AsyncWebClient("xoxb-1")
    screen = ModalScreens().use(client, "V1", "h1", response)
    place = ModalMetadata("C1", "logs a:b")
    reply = ModalReply(
        client, "C1", "U1", screen=screen, metadata=place, name="answer", title="Logs", kept=tuple(kept), submit=submit
    )
    await reply.private(message, ["a note of a command", LONG])
    return dict(response.result()["view"])


def job_named(name: str, number: int = 0, state: JobState | None = JobState.RUNNING) -> KnownJob:
    return KnownJob(JobRef("baseten", f"{name or 'p'}/{number}"), name or None, state)


@settings(max_examples=40, deadline=None)
@example(dict.fromkeys(QueryField, "x" * 1000), LONG)
@example({QueryField.JOB: RIGHT_TO_LEFT}, RIGHT_TO_LEFT)
@given(DRAFTS, NAMES)
def test_slack_takes_the_form_of_any_query(values: dict[QueryField, str], name: str) -> None:
    draft = QueryDraft(values)
    modal = render_query(draft, job_choice(job_named(name)))
    view = shown(Modal(modal.name, modal.title, modal.blocks, "", modal.submit, modal.close))
    assert [] == modal_problems(view)
    problems = draft.find_problems(InputContext(NOW))
    assert set(problems) <= {
        name for name in QueryField if str(name) in {one.get("block_id") for one in view["blocks"]}
    }
    assert all(0 < len(text) < 2000 for text in problems.values())


@settings(max_examples=30, deadline=None)
@given(DRAFTS)
def test_hidden_fields_keep_their_values_or_the_dialog_says_that_they_are_too_long(
    values: dict[QueryField, str],
) -> None:
    draft = QueryDraft(values)
    modal = render_query(draft, None)
    hidden = decode_draft(modal.about).values
    assert {name: text for name, text in values.items() if text and name not in draft.fields} == hidden
    with suppress(UsageError):  # too long for a dialog
        text = encode_metadata(ModalMetadata("C1", modal.about))
        assert len(text) <= 3000
        assert modal.about == decode_metadata(text).about


@pytest.mark.parametrize(
    ("count", "name"), [(0, ""), (1, "run"), (99, LONG), (100, "🙂" * 250), (101, RIGHT_TO_LEFT), (5_000, LONG)]
)
def test_slack_takes_any_number_of_jobs_in_a_menu(count: int, name: str) -> None:
    groups = ("This channel", "All platforms")
    choices = [job_choice(job_named(name, number), groups[number > 20]) for number in range(count)]
    for offered in (choices, [Choice(one.value, one.label) for one in choices], [*choices[:99], typed_choice(name)]):
        assert [] == options_faults(render_options(offered))
    labels = json.dumps(render_options(choices))
    assert "\\u202e" not in labels


@settings(max_examples=30, deadline=None)
@given(NAMES, st.sampled_from([None, *JobState]))
def test_slack_takes_any_job_in_a_menu(name: str, state: JobState | None) -> None:
    assert [] == options_faults(render_options([job_choice(job_named(name, state=state)), typed_choice(name)]))


@pytest.mark.parametrize("name", [*ANSWERS, *LOG_ANSWERS])
async def test_slack_takes_every_answer_in_a_modal(name: str) -> None:
    message = render_answer_view({**ANSWERS, **LOG_ANSWERS}[name])
    view = await shown_in_modal(message)
    assert [] == modal_problems(view)
    again = await shown_in_modal(message, kept=view["blocks"], submit="Go")
    assert [] == modal_problems(again)
    assert view["blocks"] == list(kept_blocks(again["blocks"]))


@pytest.mark.parametrize(
    ("count", "text"), [(0, ""), (1, RIGHT_TO_LEFT), (100, "<!channel> ``` {}"), (5_000, LONG), (5_000, "step {}")]
)
async def test_slack_takes_a_log_of_any_size_in_a_modal(count: int, text: str) -> None:
    view = await shown_in_modal(render_answer_view(log_answer(count, text)))
    assert [] == modal_problems(view)


def test_what_does_not_fit_into_a_modal_is_counted() -> None:
    many = Modal("query", LONG, tuple(problem_block(LONG) for _ in range(140)))
    assert [] == modal_problems(shown(many))
    assert "41 more parts did not fit" in str(shown(many)["blocks"][-1])
    large = Modal("query", "x", tuple(problem_block("🙂" * 1_400) for _ in range(90)))
    assert [] == modal_problems(shown(large))
    assert "did not fit into this dialog" in str(shown(large)["blocks"][-1])


@settings(max_examples=30, deadline=None)
@given(NAMES, TYPED)
def test_slack_takes_any_field(name: str, typed: str) -> None:
    choices = [Choice(str(number), name or "x", typed) for number in range(200)]
    field = Field("one", name or "x", typed, name, is_optional=False)
    blocks = (text_input(field, typed), menu_input(Field("two", "Two", is_live=True), choices, "3"))
    assert [] == modal_problems(shown(Modal("query", name or "x", blocks, submit=name or "x", close="No")))
    assert [] == modal_problems(shown(loading_modal("query", name or "x")))
