"""Mentions as people write them, and the commands they mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.parsing.mentions import read_mention
from bot.commands.parsing.parser import parse
from bot.commands.parsing.tokenizer import split_words
from bot.commands.subcommands.table import SLACK_TABLE
from bot.errors import UsageError

JOB = "baseten:p7/h8"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{} logs --tail 5", "logs --tail 5"),
        ("hey {} jobs please", "jobs"),
        ("{} jobs running", "jobs running"),
        ("{} notify me off", "notify me off"),
        ("{} please notify page <@U2> thanks", "notify page <@U2>"),
        ("{} silence this for 2h", "silence 2h"),
        ("{} silence 2h it --reason 'the disks'", 'silence 2h --reason "the disks"'),
        ("{} why", "why"),
        ("{} why?", "why"),
        ("{} status", "status"),
        ("{} show", "show"),
        ("{} help", "help"),
        ("{} ?", "?"),
        ("{}", ""),
        ("{} can you show me the logs of this job please", "logs"),
        ("{} logs this --rank 3", "logs --rank 3"),
        ("{} logs --since yesterday please", "logs --since yesterday"),
        ("{} logs baseten:p7/h8 --grep 'the loss' thanks!", 'logs baseten:p7/h8 --grep "the loss"'),
        ('{} logs a:b --include="the loss"', 'logs a:b --include="the loss"'),
        ("{} logs a:b --include the --tail 5", "logs a:b --include the --tail 5"),
        ("{} please watch this", "watch"),
        ("{} can you unwatch this?", "unwatch"),
        ("{} how do I unwatch it?", "help unwatch"),
        ("{} is it ok to silence this", "help silence"),
        ("{} can I mute it?", "help silence"),
        ("{} how do I unmute it?", "help silence"),
        ("{} what will unwatch do", "help unwatch"),
        ("{} logs a:b --include please", "logs a:b --include please"),
        ("{} silence 2h", "silence 2h"),
        ("{} can you list the jobs", "jobs"),
        ("{} list", "list"),
        ("{} what are the jobs?", "jobs"),
        ("{} why baseten:p7/h8 --since 2h", "why baseten:p7/h8 --since 2h"),
        ("{} why did this happen?", "diagnose"),
        ("{} what happened here?", "diagnose"),
        ("{} what went wrong", "diagnose"),
        ("{} what's the problem", "diagnose"),
        ("could you please explain the error {}?", "diagnose"),
        ("why did llama-70b-sft fail {}", "diagnose llama-70b-sft"),
        ("{} why did h8gpu42 crash?", "diagnose h8gpu42"),
        ("{} is it still running?", "status"),
        ("{} how is baseten:p7/h8 doing?", "status baseten:p7/h8"),
        ("{} what's going on", "status"),
        ("{} how far is it?", "status"),
        ("{} what is the state of run_5?", "status run_5"),
        ("{} show h8gpu42", "status h8gpu42"),
        ("{} frobnicate", "frobnicate"),
        ("{} what is running?", "jobs running"),
        ("{} what failed", "jobs failed"),
        ("{} which jobs are running?", "jobs running"),
        ("{} show my failed jobs please", "jobs mine failed"),
        ("{} list running baseten jobs", "jobs running baseten"),
        ("{} jobs baseten running", "jobs baseten running"),
        ("{} is it dead?", "status"),
        ("thanks {} !", ""),
        ("{} frobnicate !", "frobnicate"),
    ],
)
def test_mentions_are_read(text: str, expected: str) -> None:
    assert expected == read_mention(text.format("")).command


def test_a_question_in_a_thread_is_about_its_job() -> None:
    assert read_mention("what failed?", JOB).command == "diagnose"
    assert read_mention("what is running?", JOB).command == "status"


def test_a_plain_word_names_a_job_only_outside_of_its_thread() -> None:
    text = "why did production fail?"
    assert read_mention(text).command == "diagnose production"
    assert read_mention(text, JOB).command == "diagnose"


def examples() -> Iterator[str]:
    """The examples of help that can be typed in Slack."""
    for row in SLACK_TABLE:
        for text, _ in row.examples:
            with contextlib.suppress(UsageError):
                parse(text)
                yield text


@pytest.mark.parametrize("text", list(examples()))
@pytest.mark.parametrize("polite", ["{}", "hey, can you please {}", "{} please"])
def test_a_command_survives_politeness(text: str, polite: str) -> None:
    assert parse(text) == parse(read_mention(polite.format(text)).command)


@given(st.text(alphabet=st.sampled_from("why logs is it jobs please? a:b --x \"'“”<@U1>."), max_size=40))
def test_any_mention_is_a_command_text_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        command = read_mention(text).command
        split_words(command)
        again = read_mention(command).command
        assert again == read_mention(again).command
