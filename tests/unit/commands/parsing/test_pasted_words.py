"""Commands as people copy them: code marks, fences, bold, prompts, mentions, punctuation and other dashes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.parsing.formatting import replace_reference
from bot.commands.parsing.mentions import read_mention
from bot.commands.parsing.parser import parse
from bot.commands.parsing.pasted_words import clean_words
from bot.commands.parsing.tokenizer import Word, quote, split_words
from bot.commands.subcommands.arguments import InputContext, clean_reference
from bot.errors import UsageError

PLAIN = "logs baseten:p7/h8 --tail 2"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"`{PLAIN}`",
        f"``{PLAIN}``",
        f"```{PLAIN}```",
        f"```\n{PLAIN}\n```",
        f"`{PLAIN}`.",
        f"*{PLAIN}*",
        f"_{PLAIN}_",
        f"~{PLAIN}~",
        f"*_{PLAIN}_*",
        f"*`{PLAIN}`*",
        f"*{PLAIN}",
        f"`{PLAIN}",
        f'"{PLAIN}"',
        f"\u201c{PLAIN}\u201d",
        f": {PLAIN}",
        f", {PLAIN}",
        f":{PLAIN}",
        f"- {PLAIN}",
        f"\u2022 {PLAIN}",
        f"> {PLAIN}",
        f">{PLAIN}",
        f"$ trainwatch {PLAIN}",
        f"trainwatch {PLAIN}",
        f"/train {PLAIN}",
        f"`/train {PLAIN}`",
        f"/trainwatch {PLAIN}",
        f"@trainwatch {PLAIN}",
        f"@trainwatch: {PLAIN}",
        f"<@U0BOT> {PLAIN}",
        f"<@U0BOT|trainwatch>, {PLAIN}",
        f"@trainwatch /train {PLAIN}",
        f"*@trainwatch* {PLAIN}",
        "`logs` baseten:p7/h8 --tail 2",
        "*logs* baseten:p7/h8 --tail 2",
        "logs: baseten:p7/h8 --tail 2",
        "logs `baseten:p7/h8` --tail 2",
        "logs *baseten:p7/h8* --tail 2",
        "logs _baseten:p7/h8_ --tail 2",
        "logs `baseten:p7/h8`, --tail 2",
        "logs baseten:p7/h8. --tail 2",
        "logs (baseten:p7/h8) --tail 2",
        "logs baseten:p7/h8 `--tail 2`",
        "logs baseten:p7/h8 --tail `2`",
        "logs baseten:p7/h8 --tail=`2`",
        "logs baseten:p7/h8 --tail=```2```.",
        "logs baseten:p7/h8 \u2212\u2212tail=`2`",
        "logs baseten:p7/h8 \u2212\u2212tail 2",
        "logs baseten:p7/h8 \u2010\u2010tail 2",
        "logs baseten:p7/h8 \u2011\u2011tail 2",
        "logs baseten:p7/h8 \u2212tail 2",
        "logs baseten:p7/h8 \uff0d\uff0dtail 2",
        "logs baseten:p7/h8 \u2212n 2",
        "logs baseten:p7/h8 \u2013n 2",
    ],
)
def test_what_surrounds_a_command_is_dropped(text: str) -> None:
    assert parse(PLAIN) == parse(text)
    assert parse(PLAIN) == parse(read_mention(text).command)


@pytest.mark.parametrize(
    "text",
    [
        "logs baseten:p7/h8.",
        "logs baseten:p7/h8!",
        "`logs baseten:p7/h8`.",
        "please `logs baseten:p7/h8` thanks!",
        "hey, @ada: logs baseten:p7/h8",
        "logs baseten:p7/h8 <@U2>",
        "can you show @ada the logs of baseten:p7/h8?",
        "hey *logs baseten:p7/h8*",
    ],
)
def test_mentions_of_people_and_stops_are_dropped(text: str) -> None:
    assert parse("logs baseten:p7/h8") == parse(read_mention(text).command)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logs a:b --tail 2.", "logs a:b --tail 2"),
        ("logs a:b --since 2h.", "logs a:b --since 2h"),
        ("logs a:b --since 2h, --level error!", "logs a:b --since 2h --level error"),
        ("logs a:b --since 2 days ago.", "logs a:b --since 48h"),
        ("logs a:b --start 2026-11-29T03:00Z.", "logs a:b --start 2026-11-29T03:00Z"),
        ("logs a:b --start=2026-11-29T03:00Z.", "logs a:b --start 2026-11-29T03:00Z"),
        ("silence a:b 2h.", "silence a:b 2h"),
        ("silence a:b 45 min.", "silence a:b 45m"),
        ("watch a:b.", "watch a:b"),
    ],
)
def test_the_stop_of_a_sentence_is_not_part_of_a_value(text: str, expected: str) -> None:
    context = InputContext(datetime(2026, 11, 30, tzinfo=UTC))
    assert parse(expected, context) == parse(text, context)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("`CUDA error`", "CUDA error"),
        ("```CUDA error```", "CUDA error"),
        ("`oom`", "oom"),
        ('"`oom`"', "`oom`"),
        ("*oom*", "*oom*"),
        ("/train", "/train"),
        ("@retry", "@retry"),
        ("a\u2013b", "a\u2013b"),
        ('"3\u22124"', "3\u22124"),
        ("loss.", "loss."),
        ("it`s", "it`s"),
    ],
)
def test_values_of_options_keep_their_marks(value: str, expected: str) -> None:
    command = parse(f"logs a:b --include {value}")
    assert (expected,) == command.filter.includes  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026\u221211\u221229", "2026-11-29"),
        ("my\u2011run\u20107", "my-run-7"),
        ("0\u20133", "0-3"),
        ("\u22125", "-5"),
        ("loss\u2013curve", "loss\u2013curve"),
    ],
)
def test_other_dashes_in_numbers_and_names_become_hyphens(typed: str, expected: str) -> None:
    assert [Word(expected)] == split_words(typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        *(("a:b.", "a:b"), ("`a:b`.", "a:b"), ("*a:b*", "a:b"), ("_a:b_", "a:b"), ("(a:b).", "a:b"), ("a:b?", "a:b")),
        *(("_ab", "_ab"), ("v1.5", "v1.5"), ("<https://x.y/z|z>", "https://x.y/z")),
        ("app.baseten.co/training/p.", "https://app.baseten.co/training/p"),
    ],
)
def test_a_reference_loses_the_marks_and_stops_around_it(typed: str, expected: str) -> None:
    assert expected == clean_reference(typed)


@pytest.mark.parametrize("text", ["", ":", "@trainwatch", "/train", "- -", "`", "``", "```", "``` ```", "*", "\u2212"])
def test_nothing_but_marks_asks_for_help(text: str) -> None:
    assert parse("") == parse(text)


def test_a_command_with_marks_is_corrected_without_them() -> None:
    assert "logs mem:run/1 --tail 2" == replace_reference("`/train logs run --tail 2`", "run", "mem:run/1")


def test_long_runs_of_marks_are_read_in_linear_time() -> None:
    for run in ("`" * 40_000, "` " * 20_000, "`" + " " * 40_000, "*" * 40_000, "@a " * 10_000, "\u2212" * 40_000):
        assert parse("") == parse(run) or read_mention(run) is not None


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_quoted_values_survive_every_cleaning(values: list[str]) -> None:
    text = " ".join(["logs", "a:b", *(f"--include {quote(value)}" for value in values)])
    words = clean_words(split_words(text))
    assert values == [word.text for word in words[3::2]]


@given(st.text())
def test_any_text_is_cleaned(text: str) -> None:
    try:
        words = split_words(text)
    except UsageError:
        return
    clean_words(words)
