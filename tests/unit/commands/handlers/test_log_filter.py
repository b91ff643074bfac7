"""Which lines pass a filter, why the others do not, and searches in messages of any content."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.handlers.log_filter import LineFilter, cuts_of, pushed_down_options
from bot.commands.subcommands.logs import CutReason
from bot.domain.logs import Level, LogFilter, LogLine
from bot.errors import UsageError


def lines(*messages: str) -> list[LogLine]:
    return [LogLine(number, message) for number, message in enumerate(messages)]


def kept(wanted: LogFilter, given_lines: list[LogLine]) -> list[str]:
    return [line.message for line in LineFilter(wanted).apply(given_lines).lines]


def test_empty_filter_keeps_every_line() -> None:
    given_lines = lines("a", "", "b\n c")
    result = LineFilter(LogFilter()).apply(given_lines)
    assert (given_lines, {}) == (list(result.lines), result.dropped)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogFilter(grep="loss"), ["loss 1", "a loss"]),
        (LogFilter(grep="(?i)loss"), ["loss 1", "LOSS 2", "a loss"]),
        (LogFilter(grep=r"^loss \d$"), ["loss 1"]),
        (LogFilter(includes=("loss", "1")), ["loss 1"]),
        (LogFilter(includes=("l", "o", "s", "a")), ["a loss"]),
        (LogFilter(excludes=("loss",)), ["LOSS 2", "step"]),
        (LogFilter(excludes=("loss", "LOSS", "zzz")), ["step"]),
        (LogFilter(grep="s", includes=("l",), excludes=("1",)), ["a loss"]),
    ],
)
def test_texts_and_patterns(wanted: LogFilter, expected: list[str]) -> None:
    assert expected == kept(wanted, lines("loss 1", "LOSS 2", "a loss", "step"))


def test_level_of_the_platform_or_the_message_decides() -> None:
    dropped = [LogLine(1, "a"), LogLine(2, "b", level=Level.INFO), LogLine(3, "INFO:root:no ERROR")]
    kept_lines = [LogLine(4, "c", level=Level.ERROR), LogLine(5, "[rank3]: 2026-03-13 10:00:00 - ERROR - disk full")]
    result = LineFilter(LogFilter(min_level=Level.WARNING)).apply([*dropped, *kept_lines])
    assert kept_lines == list(result.lines)
    assert result.dropped == {CutReason.BELOW_LEVEL: 3}


def test_replicas_ranks_and_requests() -> None:
    given_lines = [LogLine(1, "a", replica="abcde"), LogLine(2, "b", rank=3), LogLine(3, "c", request_id="r-1")]
    assert kept(LogFilter(replicas=("abcde", "zzzzz")), given_lines) == ["a"]
    assert kept(LogFilter(ranks=(3, 4)), given_lines) == ["b"]
    assert kept(LogFilter(request_id="r-1"), given_lines) == ["c"]


def test_lines_without_a_rank_or_replica_are_counted_separately() -> None:
    given_lines = [LogLine(1, "a", replica="abcde"), LogLine(2, "b", rank=3), LogLine(3, "c")]
    assert LineFilter(LogFilter(ranks=(1,))).apply(given_lines).dropped == {
        CutReason.NO_RANK: 2,
        CutReason.OTHER_RANK: 1,
    }
    assert LineFilter(LogFilter(replicas=("zzzzz",))).apply(given_lines).dropped == {
        CutReason.NO_REPLICA: 2,
        CutReason.OTHER_REPLICA: 1,
    }


def test_each_line_is_counted_once_for_its_first_reason() -> None:
    wanted = LogFilter(grep="x", includes=("a",), excludes=("b",))
    result = LineFilter(wanted).apply(lines("ax", "abx", "x", "a"))
    assert result.dropped == {CutReason.NOT_INCLUDED: 1, CutReason.EXCLUDED: 1, CutReason.NOT_MATCHED: 1}


@pytest.mark.parametrize(
    ("pattern", "message", "found"),
    [
        ("^second", "first\nsecond", False),
        ("(?m)^second", "first\nsecond", True),
        ("first.second", "first\nsecond", False),
        ("(?s)first.second", "first\nsecond", True),
        (r"first\ssecond", "first\nsecond", True),
        (r"\Afirst", "first\nsecond", True),
        ("first$", "first\nsecond", False),
        (r"^.b$", "éb", True),
        ("(?i)É", "é", True),
        (r"^\w$", "é", False),
        ("a.b", "a\udcffb", True),
        ("loss", "\udc80 loss \ud800", True),
        ("💥+", "boom 💥💥", True),
        ("\x00", "a\x00b", True),
    ],
)
def test_message_with_line_breaks_is_searched_as_one_text(pattern: str, message: str, found: bool) -> None:
    assert kept(LogFilter(grep=pattern), lines("other \udcff", message)) == ([message] if found else [])


def test_line_of_two_megabytes_is_searched() -> None:
    long = "x" * 2_000_000 + "needle"
    assert kept(LogFilter(grep="(a|x)+needle$", includes=("needle",)), lines("needle", long)) == [long]


def test_invalid_pattern_is_refused_before_any_line_is_read() -> None:
    with pytest.raises(UsageError):
        LineFilter(LogFilter(grep="("))


words = st.text(alphabet="abAB \n.é", max_size=12)


@given(
    messages=st.lists(words, max_size=30),
    includes=st.lists(st.text(alphabet="abAB .", min_size=1, max_size=2), max_size=4),
    excludes=st.lists(st.text(alphabet="abAB .", min_size=1, max_size=2), max_size=4),
    grep=st.none() | st.sampled_from(["a+b", "(?i)ab", "^[ab ]+$", "b.a", "é|A"]),
)
def test_result_equals_testing_each_line_alone(
    messages: list[str], includes: list[str], excludes: list[str], grep: str | None
) -> None:
    wanted = LogFilter(grep=grep, includes=tuple(includes), excludes=tuple(excludes))
    expected = [
        message
        for message in messages
        if all(text in message for text in includes)
        and not any(text in message for text in excludes)
        and (grep is None or re.search(grep.replace("$", r"\Z"), message))
    ]
    result = LineFilter(wanted).apply(lines(*messages))
    assert expected == [line.message for line in result.lines]
    assert len(messages) == len(result.lines) + sum(result.dropped.values())


def test_pushed_down_filters_are_named_as_options() -> None:
    fields = frozenset({"excludes", "min_level", "unknown"})
    assert pushed_down_options(fields) == ("--level", "--exclude")


def test_filters_that_cancel_out_are_named() -> None:
    wanted = LogFilter(includes=("lr", "eval loss"), excludes=("loss",))
    result = LineFilter(wanted).apply(lines("lr 1, eval loss 2", "step"))
    assert [str(cut) for cut in cuts_of(result.dropped, (), wanted)] == [
        "--include eval loss and --exclude loss cancel out: no line can pass both",
        "1 line filtered out by --include",
        "1 line filtered out by --exclude",
    ]


RANKED = (
    LogLine(1, "[rank3]: loss 2"), LogLine(2, "3: loss 2"), LogLine(3, "[default3]:loss 2"),
    LogLine(4, "(RayWorker rank=3) loss 2"), LogLine(5, "[1,3]<stdout>:loss 2"), LogLine(6, "loss 2", rank=3),
    LogLine(7, "\x1b[31m[rank3]:\x1b[0m loss 2"), LogLine(8, "2026-03-13T10:00:00Z w-1 | [rank3]: loss 2"),
)  # fmt: skip


def test_rank_in_a_prefix_counts() -> None:
    others = [LogLine(9, "[rank4]: loss 3"), LogLine(10, "rank 3 is slow"), LogLine(11, "[rank4]: loss 2", rank=3)]
    result = LineFilter(LogFilter(ranks=(3,))).apply([*RANKED, *others])
    assert tuple(result.lines) == RANKED
    assert result.dropped == {CutReason.OTHER_RANK: 2, CutReason.NO_RANK: 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("abcde", ["platform", "w-1 | both"]),
        ("w-1", ["w-1 | both", "(w-1) pod", "[rank3]: w-1 | ranked"]),
        ("train-0", ["[pod/train-0/main] container"]),
        ("10.0.0.3", ["(RayTrainWorker pid=12, ip=10.0.0.3) host", "10.0.0.3: address"]),
        ("node3", ["[node3:4411] mpi"]),
    ],
)
def test_replica_is_any_name_of_the_source(name: str, expected: list[str]) -> None:
    given_lines = [
        LogLine(1, "platform", replica="abcde"), LogLine(2, "w-1 | both", replica="abcde"), LogLine(3, "(w-1) pod"),
        LogLine(4, "[rank3]: w-1 | ranked"), LogLine(5, "[pod/train-0/main] container"), LogLine(6, "w-1 is slow"),
        LogLine(7, "(RayTrainWorker pid=12, ip=10.0.0.3) host"), LogLine(8, "10.0.0.3: address"),
        LogLine(9, "[node3:4411] mpi"),
    ]  # fmt: skip
    result = LineFilter(LogFilter(replicas=(name,))).apply(given_lines)
    assert [line.message for line in result.lines] == expected
    assert result.dropped[CutReason.NO_REPLICA] == 1
