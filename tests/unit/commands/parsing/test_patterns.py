"""Patterns of jobs as they are typed, and as buttons repeat them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.parsing.formatting import matcher_words
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.subcommands.patterns import UnwatchPatternCommand, WatchPatternCommand
from bot.domain.job_matching import KnownJob, Matcher, can_join, is_job_pattern, job_labels, matches_all, parse_matchers
from bot.domain.jobs import JobRef, JobState
from bot.errors import UsageError

PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Z", "Pi", "Pf", "Ps", "Lm", "Sk", "Po")) | st.sampled_from("*?.,:/@#%&"),
    min_size=1,
)
VALUES = st.lists(PRINTABLE, min_size=1, max_size=3).map(" ".join).filter(lambda text: text.lower() != "me")
WORDS = st.one_of(
    VALUES.map(lambda text: f"baseten:{text}*"),
    VALUES.map(lambda text: f"name~{text}"),
    VALUES.map(lambda text: f"name={text}"),
    st.text("ab0@-", min_size=1).map(lambda text: f"owner={text}"),
)


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(WORDS, max_size=2))
@example(["name~llama 70*"], ["baseten:p/j*", "owner=ada@acme.example"])
@example(["baseten:p/--yes*"], ["name=--all"])
@example(["name~x?"], [])
def test_a_button_repeats_the_pattern(words: list[str], excluded: list[str]) -> None:
    matchers = parse_matchers(words, excluded)
    if sum(map(len, (*words, *excluded))) > 400:
        return
    assert parse(f"watch {matcher_words(matchers)} hang=off") == WatchPatternCommand(matchers, ("hang=off",))
    assert parse(f"unwatch {matcher_words(matchers)}") == UnwatchPatternCommand(matchers)


@pytest.mark.parametrize(
    ("word", "matches"),
    [
        ("baseten:p/*", True),
        ("BASETEN:P/*", True),
        ("baseten:p/llam[ab]*", False),
        ("baseten:q/*", False),
        ("baseten-model:*", False),
        ("baseten:p/llama?", True),
        ("baseten:p/lla?a1", True),
        ("baseten:p/lla?a", False),
        ("name~70", True),
        ("name~llama", True),
        ("name~llama-*", True),
        ("name~70b*", False),
        ("name=LLAMA-70b", True),
        ("name=llama", False),
        ("owner=Ada@ACME.example", True),
        ("owner=ada", True),
        ("owner~acme", True),
        ("owner=ben", False),
    ],
)
def test_what_a_pattern_matches(word: str, *, matches: bool) -> None:
    job = KnownJob(JobRef("baseten", "p/llama1"), "llama-70b", owner="ada@acme.example")
    assert matches_all(parse_matchers([word]), job_labels(job)) is matches


@pytest.mark.parametrize(
    ("word", "is_pattern"),
    [("fireworks:acme/reranker-?", True), ("fireworks:acme/r?2", True), ("fireworks:acme/reranker-2?", False)],
)
def test_a_question_mark_after_a_letter_or_digit_ends_a_question(word: str, *, is_pattern: bool) -> None:
    assert is_job_pattern(word) is is_pattern


def test_an_address_matches_platforms_that_report_its_first_part() -> None:
    short = KnownJob(JobRef("fireworks", "acme/x"), owner="Ada")
    assert matches_all(parse_matchers(["owner=ada@acme.example"]), job_labels(short))


@pytest.mark.parametrize(
    ("state", "joins"), [(JobState.RUNNING, True), (JobState.IDLE, False), (JobState.FAILED, False)]
)
def test_which_jobs_join(state: JobState, *, joins: bool) -> None:
    assert can_join(KnownJob(JobRef("baseten", "p/j"), state=state)) is joins


def test_older_silences_keep_their_meaning() -> None:
    assert Matcher("name", "llama-*", is_pattern=True).matches({"name": "LLAMA-70b"})
    assert not Matcher("job", "baseten:p/j").matches({"job": "baseten:p/other"})


def test_the_command_line_says_why_it_follows_no_pattern() -> None:
    with pytest.raises(UsageError, match="follows one job at a time"):
        parse_argv(["watch", "baseten:*"])
