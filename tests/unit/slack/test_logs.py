"""Log answers: what fits, what is said of the rest, and where the buttons lead."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing import parser as grammar
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.logs import Cut, CutReason, LogsAnswer, LogsCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import Level, LogFilter, LogLine, Order
from bot.slack.render.log_lines import line_rows
from bot.slack.render.logs import SHORT, render_logs, render_shared_logs, render_snippet
from tests.unit.slack.factories import HOSTILE, NOW, REF, at, line
from tests.unit.slack.validity import buttons, problems, shown

PINNED = LogsCommand(
    str(REF), Window(None, ns_from_datetime(NOW.replace(hour=13, minute=0, second=0)), ns_from_datetime(NOW))
)
OLDER = replace(PINNED, before_ns=ns_from_datetime(at(-60)))


def answer(count: int = 5, text: str = "step {} loss 2.31", **changes: object) -> LogsAnswer:
    lines = tuple(line(text.format(number), minutes=number / 60 - 10) for number in range(count))
    made = LogsAnswer(REF, lines, at(-60), NOW, count, pinned=PINNED, older=OLDER, newer=None)
    return replace(made, **changes)  # type: ignore[arg-type]


def longer(command: LogsCommand, chars: int) -> LogsCommand:
    """The command with an option of this length."""
    return replace(command, filter=LogFilter(includes=("x" * chars,)))


CASES = {
    "few": answer(),
    "ranks": answer(
        lines=(line("NCCL INFO ok", -1, 0), line("CUDA out of memory", 0, 3, level=Level.ERROR)),
        cuts=(Cut(CutReason.NOT_MATCHED, 412), Cut(CutReason.OLDER, None)),
        gaps=(Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "One millisecond holds more lines than a page."),),
        redacted=2,
    ),
    "none": answer(0, cuts=(Cut(CutReason.NOT_MATCHED, 1200),)),
    "over_midnight": answer(lines=(line("before", -14 * 60 - 5), line("after", 0))),
    "too_many": answer(900),
}


@pytest.mark.parametrize("case", CASES)
def test_it_looks_like_this(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_logs(CASES[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


def test_lines_that_do_not_fit_are_counted_and_older_leads_to_them() -> None:
    long = answer(900)
    message = render_logs(long)
    rows = [row for row in shown(message).splitlines() if " loss " in row]
    assert f"… {900 - len(rows)} earlier lines not shown here" in shown(message)
    assert rows[-1].endswith("step 899 loss 2.31")
    command = grammar.parse(buttons(message)["◀ Older"])
    assert isinstance(command, LogsCommand)
    assert long.lines[900 - len(rows)].timestamp_ns == command.before_ns
    assert Order.DESC is command.take


def test_older_leads_to_the_page_before_when_all_lines_fit() -> None:
    assert format_command(OLDER) == buttons(render_logs(answer()))["◀ Older"]


def test_lines_of_one_moment_are_not_lost_between_two_pages() -> None:
    tied = tuple(LogLine(1_000_000_000, f"line {number} " + "x" * 100) for number in range(300))
    command = grammar.parse(buttons(render_logs(answer(lines=tied)))["◀ Older"])
    assert isinstance(command, LogsCommand)
    assert 1_000_000_001 == command.before_ns


def test_newest_first_shows_the_newest_that_fit_too() -> None:
    lines = tuple(reversed(answer(900).lines))
    rows = [row for row in shown(render_logs(answer(lines=lines))).splitlines() if " loss " in row]
    assert rows[0].endswith("step 899 loss 2.31")
    assert all(earlier > later for earlier, later in pairwise(rows))


def test_a_private_answer_can_be_shared_and_a_shared_one_not_again() -> None:
    assert format_command(PINNED) == buttons(render_logs(answer()))["Share in channel"]
    assert "Share in channel" not in buttons(render_shared_logs(answer()).root)


def test_a_short_answer_is_shared_in_one_message() -> None:
    shared = render_shared_logs(answer(SHORT))
    assert (None, None) == (shared.thread, shared.snippet)
    assert "step 11 loss" in shown(shared.root)


def test_a_longer_answer_keeps_its_lines_in_the_thread() -> None:
    shared = render_shared_logs(answer(SHORT + 1))
    assert "loss" not in shown(shared.root)
    assert shared.thread is not None
    assert "step 0 loss" in shown(shared.thread)
    assert shared.snippet is None


def test_a_long_answer_comes_with_a_file_of_every_line() -> None:
    shared = render_shared_logs(answer(900))
    assert shared.thread is not None
    assert shared.snippet is not None
    assert 900 == shared.snippet.text.count("\n")
    assert "all 900 are in the file" in shown(shared.thread)
    assert [] == problems(shared.root) + problems(shared.thread)


def test_a_file_holds_each_line_exactly_with_nanoseconds() -> None:
    exact = LogLine(1_773_410_551_123_456_789, "```<!channel>\n  tab\there", rank=3, level=Level.ERROR)
    snippet = render_snippet(answer(lines=(exact,)))
    assert f"{format_ns(exact.timestamp_ns)} rank 3 ERROR ```<!channel>\n  tab\there\n" == snippet.text
    assert "baseten-proj42-job7f3a.log.txt" == snippet.filename


def test_a_two_megabyte_line_is_cut_and_says_by_how_much() -> None:
    message = render_logs(answer(lines=(line("x" * 2_000_000),)))
    assert [] == problems(message)
    assert "… (+1,999,200 characters)" in shown(message)


def test_a_command_too_long_for_a_button_leaves_the_button_out() -> None:
    assert {} == buttons(render_logs(answer(pinned=longer(PINNED, 2000), older=None)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(codec=None), max_size=300), max_size=40),
    st.sampled_from([None, HOSTILE]),
    st.integers(0, 2000),
)
def test_any_lines_make_a_message_that_slack_takes(texts: list[str], source: str | None, size: int) -> None:
    lines = tuple(line(text * 3, minutes=index, rank=None, replica=source) for index, text in enumerate(texts))
    given_answer = answer(
        lines=lines, pinned=longer(PINNED, size), older=longer(OLDER, size), newer=longer(PINNED, size)
    )
    shared = render_shared_logs(given_answer)
    for message in (render_logs(given_answer), shared.root, shared.thread):
        assert message is None or problems(message) == []


def test_hostile_words_around_the_lines_stay_words() -> None:
    gap = Gap(Part.LOGS, GapReason.PROTOCOL, HOSTILE * 9)
    cuts = tuple(Cut(reason, 3) for reason in CutReason)
    assert [] == problems(render_logs(answer(pushed_down=(HOSTILE * 9,), gaps=(gap,) * 30, cuts=cuts)))


def test_a_line_that_begins_with_its_own_time_does_not_get_it_twice() -> None:
    own = line("2026-03-13 14:02:31,204 - ERROR - lost")
    later = line("2026-03-13 14:02:31,204 - ERROR - lost", 1)
    assert ["2026-03-13 14:02:31,204 - ERROR - lost"] == line_rows([own])
    assert ["14:03:31 2026-03-13 14:02:31,204 - ERROR - lost"] == line_rows([later])
