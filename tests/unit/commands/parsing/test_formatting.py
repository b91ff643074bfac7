# ruff: noqa: RUF001 - typographic quotes and dashes are the point
"""A command that is formatted and parsed again is the same command, whatever it contains."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.parsing.formatting import format_command, replace_reference
from bot.commands.parsing.parser import parse
from bot.commands.parsing.tokenizer import quote, split_words
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import DEFAULT_LINES, LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.domain.logs import Level, LogFilter, Order

nasty = st.text(alphabet=st.sampled_from("ab -—–=\"'“”‘’«\\&<>|;:/.$`lthtp#\n\t\u00a0é🙂"), min_size=1, max_size=24)
texts = st.one_of(
    nasty,
    st.text(min_size=1, max_size=20),
    st.sampled_from(
        ["--since", "<https://a.b|c", "<http://a.b|a.b>", "&amp;lt;", "—since", 'a="b', "\\", 'x y\\"', "-"]
    ),
).filter(lambda text: bool(text.strip()) and "\ud800" not in text)
moments = st.none() | st.integers(0, 4_000_000_000_000_000_000)
references = st.from_regex(r"[a-z]+:[a-z0-9/]{1,10}", fullmatch=True)


@given(st.lists(texts, max_size=6))
@example(["\\\n"])
def test_quoted_words_are_split_into_the_same_words(words: list[str]) -> None:
    assert words == [word.text for word in split_words(" ".join(quote(word) for word in words))]


@st.composite
def commands(draw: st.DrawFn) -> LogsCommand:
    start = draw(moments)
    after = draw(moments)
    take, show = draw(st.sampled_from([(Order.ASC, Order.ASC), (Order.DESC, Order.ASC), (Order.DESC, Order.DESC)]))
    return LogsCommand(
        ref=draw(references),
        window=Window(None, start, None if start is None else start + draw(st.integers(0, 10**15))),
        filter=LogFilter(
            draw(st.none() | st.sampled_from(Level)),
            draw(st.none() | st.sampled_from([r"a\s+\"b", "x y", r"^\[rank3\]", "a|b&c"])),
            tuple(draw(st.lists(texts, max_size=3))),
            tuple(draw(st.lists(texts, max_size=2))),
            tuple(draw(st.lists(texts, max_size=2))),
            tuple(draw(st.lists(st.integers(0, 9), max_size=6, unique=True))),
            draw(st.none() | texts),
        ),
        limit=draw(st.none() | st.integers(1, 1000) | st.just(DEFAULT_LINES)),
        take=Order.ASC if after is not None else take,
        show=show,
        before_ns=draw(moments) if after is None else None,
        after_ns=after,
    )


@given(commands())
def test_logs_command_survives_formatting(command: LogsCommand) -> None:
    assert command == parse(format_command(command))


def test_metrics_and_status_survive_formatting() -> None:
    for command in (MetricsCommand("a:b", Window(None, 5, 7)), StatusCommand("a:b")):
        assert command == parse(format_command(command))


@pytest.mark.parametrize(
    "text",
    [
        "jobs",
        "jobs baseten",
        "jobs baseten failed --user ada@example.org --limit 7 --skip 15",
        "jobs running --skip 15",
        "rules test a:b log_errors=off --defaults",
    ],
)
def test_other_commands_survive_formatting(text: str) -> None:
    command = parse(text)
    assert isinstance(command, JobsCommand | ReplayCommand)
    assert text == format_command(command)


@pytest.mark.parametrize(
    ("text", "typed", "expected"),
    [
        ("logs --tail 5 llama --since 2 days ago", "llama", "logs --tail 5 baseten:p/j --since 2 days ago"),
        ("logs <https://x.example/a|a> --grep 'x y'", "https://x.example/a", 'logs baseten:p/j --grep "x y"'),
        ("logs --tail 5", "", "logs baseten:p/j --tail 5"),
        ("rules test log_errors=off", "", "rules test baseten:p/j log_errors=off"),
        ("unwatch", "", "unwatch baseten:p/j"),
    ],
)
def test_another_job_is_put_into_a_command(text: str, typed: str, expected: str) -> None:
    assert expected == replace_reference(text, typed, "baseten:p/j")
