"""Plain questions, and what must not be taken for one."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.parsing.mentions import Reading, ReadingKind, read_mention
from bot.commands.parsing.parser import parse
from bot.commands.parsing.question_patterns import PATTERNS, QuestionPattern
from bot.commands.permissions import required_role
from bot.commands.subcommands.arguments import InputContext
from bot.domain.access import AccessRole
from bot.errors import UnnamedJob, UsageError
from tests.unit.commands.parsing.question_samples import IN_CHANNEL, IN_THREAD, LATER
from tests.unit.slack.factories import NOW

JOB = "baseten:p7/h8"


def outcome(reading: Reading) -> str:
    match reading.kind:
        case ReadingKind.UNCLEAR:
            return "~"
        case ReadingKind.REQUEST:
            return f"? {reading.command}"
        case _:
            return reading.command


def test_there_are_enough_samples() -> None:
    assert len(IN_CHANNEL) + len(IN_THREAD) + len(LATER) >= 120


@pytest.mark.parametrize(("text", "expected"), [*IN_CHANNEL, *LATER])
def test_a_question_in_a_channel(text: str, expected: str) -> None:
    assert expected.replace("'", '"') == outcome(read_mention(text))


@pytest.mark.parametrize(("text", "expected"), IN_THREAD)
def test_a_question_in_a_thread_is_about_its_job(text: str, expected: str) -> None:
    assert expected.replace("'", '"') == outcome(read_mention(text, JOB))


@pytest.mark.parametrize("text", [text for text, expected in (*IN_CHANNEL, *IN_THREAD, *LATER) if expected != "~"])
def test_what_a_question_means_is_a_command(text: str) -> None:
    with contextlib.suppress(UnnamedJob):
        parse(read_mention(text).command, InputContext(NOW))


@pytest.mark.parametrize("text", [text for text, expected in (*IN_CHANNEL, *LATER) if expected == "~"])
def test_what_is_not_understood_gets_two_or_three_suggestions_that_change_nothing(text: str) -> None:
    suggestions = read_mention(text).suggestions
    assert 2 <= len(suggestions) <= 3
    assert all(required_role(parse(one)) <= AccessRole.READ for one in suggestions)


def test_what_trainwatch_cannot_do_is_known() -> None:
    assert read_mention("kill it").is_beyond
    assert read_mention("restart llama-70b").suggestions[0] == "status llama-70b"
    assert not read_mention("good bot").is_beyond


@pytest.mark.parametrize("row", PATTERNS, ids=lambda row: row.command)
def test_only_rows_that_ask_first_change_something(row: QuestionPattern) -> None:
    changes = row.command.split()[0] in ("watch", "unwatch", "silence", "notify")
    assert row.acts is changes


@pytest.mark.parametrize(
    "name", ["watch x:y", "unwatch x:y", "silence x:y", "mute 2h", "notify page off", "digest off"]
)
@pytest.mark.parametrize("before", ["can you not", "so not", "do not", "please do not", "don't", "never"])
def test_a_denied_command_does_not_run(before: str, name: str) -> None:
    reading = read_mention(f"{before} {name}", JOB)
    assert reading.kind is not ReadingKind.COMMAND


PARTS = [
    "why",
    "is it",
    "llama-70b",
    "stop",
    "tell me",
    "about",
    "rank 3",
    "since noon",
    "<@U1>",
    "loss",
    "?",
    "watch",
    '"a',
    "\u202e",
]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join), st.sampled_from([None, JOB]))
def test_any_message_is_read_and_no_question_changes_anything_unasked(text: str, job: str | None) -> None:
    with contextlib.suppress(UsageError):
        reading = read_mention(text, job)
        if reading.kind is ReadingKind.QUESTION:
            assert required_role(parse(reading.command, InputContext(NOW, job=JOB))) <= AccessRole.READ


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["what " * 5000, "stop " * 5000, "a" * 30_000, "is it " * 3000 + "done?"])
def test_a_long_message_is_not_a_question(text: str) -> None:
    assert read_mention(text).kind is not ReadingKind.QUESTION


def test_a_command_with_a_mistyped_option_is_not_taken_for_a_question() -> None:
    assert read_mention("logs a:b --levl error").command == "logs a:b --levl error"
    assert read_mention("show me the logs of a:b --levl error").command == "logs a:b --levl error"
