"""Log answers as Slack messages: what fits, notes on the rest, and the commands of the buttons."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import ALL_TIME
from bot.commands.subcommands.logs import Cut, CutReason, LogsCommand
from bot.domain.durations import format_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import Level, LogFilter, LogLine, Order
from bot.slack.render.fitting_lines import fit_lines
from bot.slack.render.log_lines import line_rows
from bot.slack.render.logs import SHORT, render_logs, render_shared_logs, render_snippet
from bot.slack.render.message import Message, weight
from tests.unit.slack.factories import HOSTILE, line
from tests.unit.slack.samples import LOG_ANSWERS, OLDER, PINNED, log_answer
from tests.unit.slack.validity import buttons, problems, shown


def longer(command: LogsCommand, chars: int) -> LogsCommand:
    """The command with an option of this length."""
    return replace(command, filter=LogFilter(includes=("x" * chars,)))


@pytest.mark.parametrize("case", LOG_ANSWERS)
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_logs(LOG_ANSWERS[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


def test_hidden_lines_are_counted_and_older_shows_them() -> None:
    long = log_answer(900)
    message = render_logs(long)
    rows = [row for row in shown(message).splitlines() if " loss " in row]
    assert f"showing {len(rows)} of 900 lines" in shown(message)
    assert rows[-1].endswith("step 899 loss 2.31")
    command = parse(buttons(message)["◀ Older"])
    assert isinstance(command, LogsCommand)
    assert long.lines[900 - len(rows)].timestamp_ns == command.before_ns
    assert Order.DESC is command.take


def test_older_shows_the_previous_page_when_all_lines_fit() -> None:
    assert format_command(OLDER) == buttons(render_logs(log_answer()))["◀ Older"]


def test_lines_with_one_timestamp_are_not_lost_between_pages() -> None:
    tied = tuple(LogLine(1_000_000_000, f"line {number} " + "x" * 100) for number in range(300))
    command = parse(buttons(render_logs(log_answer(lines=tied)))["◀ Older"])
    assert isinstance(command, LogsCommand)
    shown_lines = shown(render_logs(log_answer(lines=tied))).count(" xxx")
    assert (1_000_000_000, shown_lines) == (command.before_ns, command.skip)


def test_newest_first_shows_the_newest_lines_that_fit() -> None:
    lines = tuple(reversed(log_answer(900).lines))
    pinned = replace(PINNED, show=Order.DESC)
    rows = [row for row in shown(render_logs(log_answer(lines=lines, pinned=pinned))).splitlines() if " loss " in row]
    assert rows[0].endswith("step 899 loss 2.31")
    assert all(earlier > later for earlier, later in pairwise(rows))


def test_page_after_another_shows_its_oldest_lines_and_newer_shows_the_rest() -> None:
    page = log_answer(900, pinned=replace(PINNED, take=Order.ASC, after_ns=1))
    rows = [row for row in shown(render_logs(page)).splitlines() if " loss " in row]
    assert rows[0].endswith("step 0 loss 2.31")
    command = parse(buttons(render_logs(page))["Newer ▶"])
    assert isinstance(command, LogsCommand)
    assert page.lines[len(rows) - 1].timestamp_ns == command.after_ns
    assert format_command(OLDER) == buttons(render_logs(page))["◀ Older"]


@pytest.mark.parametrize("marked", [0, 5, 450, 899])
def test_marked_line_is_shown_with_its_surroundings(marked: int) -> None:
    around_ns = log_answer(900).lines[marked].timestamp_ns
    answer = log_answer(900, marked=marked, pinned=replace(PINNED, window=ALL_TIME, around_ns=around_ns))
    message = render_logs(answer)
    assert [] == problems(message)
    rows = [row for row in shown(message).splitlines() if " loss " in row and not row.startswith("> ")]
    steps = [int(row.split()[-3]) for row in rows]
    assert list(range(steps[0], steps[-1] + 1)) == steps
    assert [marked] == [step for step, row in zip(steps, rows, strict=True) if row.startswith("▶ ")]
    assert "▶ is the line nearest to" in shown(message)
    above, below = marked - steps[0], steps[-1] - marked
    assert abs(above - below) <= 1 or steps[0] == 0 or steps[-1] == 899


def test_older_and_newer_of_a_marked_line_continue_from_the_lines_shown() -> None:
    answer = log_answer(900, marked=450, pinned=replace(PINNED, window=ALL_TIME, around_ns=1))
    message = render_logs(answer)
    steps = [int(row.split()[-3]) for row in shown(message).partition("```")[2].splitlines() if " loss " in row]
    older, newer = (parse(buttons(message)[label]) for label in ("◀ Older", "Newer ▶"))
    assert isinstance(older, LogsCommand)
    assert isinstance(newer, LogsCommand)
    assert answer.lines[steps[0]].timestamp_ns == older.before_ns
    assert answer.lines[steps[-1]].timestamp_ns == newer.after_ns


@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 1, 10**9]), st.integers(0, 1500)), min_size=1, max_size=150),
    st.integers(0, 149),
    st.integers(100, 10_000),
)
def test_chosen_lines_fit_and_end_between_timestamps(
    given_lines: list[tuple[int, int]], position: int, budget: int
) -> None:
    lines, at_ns = [], 10**18
    for gap, size in given_lines:
        at_ns += gap
        lines.append(LogLine(at_ns, "x" * size))
    marked = min(position, len(lines) - 1)
    fit = fit_lines(lines, budget, marked, marked=marked)
    assert list(fit.lines) == lines[fit.above : len(lines) - fit.below]
    assert fit.above <= marked < len(lines) - fit.below
    rows = [row for row in shown(Message("", tuple(fit.blocks))).splitlines() if row != "```"]
    assert len(fit.lines) == 1 or (len(rows) == len(fit.lines) and weight(fit.blocks) <= budget + 200)
    first, last, mark_ns = fit.lines[0].timestamp_ns, fit.lines[-1].timestamp_ns, lines[marked].timestamp_ns
    splits_above = fit.above > 0 and lines[fit.above - 1].timestamp_ns == first
    assert fit.same_above == (sum(line.timestamp_ns == first for line in lines[fit.above :]) if splits_above else 0)
    assert not splits_above or first == mark_ns
    assert not fit.same_below or last == mark_ns


def test_only_a_private_answer_has_a_share_button() -> None:
    assert format_command(PINNED) == buttons(render_logs(log_answer()))["Share in channel"]
    assert "Share in channel" not in buttons(render_shared_logs(log_answer()).root)


def test_a_short_answer_is_shared_in_one_message() -> None:
    shared = render_shared_logs(log_answer(SHORT))
    assert (None, None) == (shared.thread, shared.snippet)
    assert "step 11 loss" in shown(shared.root)


def test_a_longer_answer_has_its_lines_in_the_thread() -> None:
    shared = render_shared_logs(log_answer(SHORT + 1))
    assert "loss" not in shown(shared.root)
    assert shared.thread is not None
    assert "step 0 loss" in shown(shared.thread)
    assert shared.snippet is None


def test_a_long_answer_has_a_file_with_every_line() -> None:
    shared = render_shared_logs(log_answer(900))
    assert shared.thread is not None
    assert shared.snippet is not None
    assert 900 == b"".join(shared.snippet.parts()).count(b"\n")
    assert "of 900 lines; the file has all" in shown(shared.thread)
    assert [] == problems(shared.root) + problems(shared.thread)


def test_a_file_has_each_line_exactly_with_nanoseconds() -> None:
    exact = LogLine(1_773_410_551_123_456_789, "```<!channel>\n  tab\there", rank=3, level=Level.ERROR)
    snippet = render_snippet(log_answer(lines=(exact,)))
    assert (
        f"{format_ns(exact.timestamp_ns)} rank 3 ERROR ```<!channel>\n  tab\there\n"
        == b"".join(snippet.parts()).decode()
    )
    assert "baseten-proj42-job7f3a.log.txt" == snippet.filename


def test_a_two_megabyte_line_is_truncated_with_a_count() -> None:
    message = render_logs(log_answer(lines=(line("x" * 2_000_000),)))
    assert [] == problems(message)
    assert "… (+1,999,200 characters)" in shown(message)


def test_a_command_too_long_for_a_button_removes_the_button() -> None:
    assert {} == buttons(render_logs(log_answer(pinned=longer(PINNED, 2000), older=None)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(codec=None), max_size=300), max_size=40),
    st.sampled_from([None, HOSTILE]),
    st.integers(0, 2000),
)
def test_any_lines_make_a_valid_message(texts: list[str], source: str | None, size: int) -> None:
    lines = tuple(line(text * 3, minutes=index, rank=None, replica=source) for index, text in enumerate(texts))
    given_answer = log_answer(
        lines=lines, pinned=longer(PINNED, size), older=longer(OLDER, size), newer=longer(PINNED, size)
    )
    shared = render_shared_logs(given_answer)
    for message in (render_logs(given_answer), shared.root, shared.thread):
        assert message is None or problems(message) == []


def test_hostile_cuts_and_gaps_make_a_valid_message() -> None:
    gap = Gap(Part.LOGS, GapReason.PROTOCOL, HOSTILE * 9)
    cuts = tuple(Cut(reason, 3) for reason in CutReason)
    assert [] == problems(render_logs(log_answer(gaps=(gap,) * 30, cuts=cuts)))


def test_a_line_that_starts_with_its_time_shows_it_once() -> None:
    own = line("2026-03-13 14:02:31,204 - ERROR - lost")
    later = line("2026-03-13 14:02:31,204 - ERROR - lost", 1)
    assert ["2026-03-13 14:02:31,204 - ERROR - lost"] == line_rows([own])
    assert ["14:03:31 2026-03-13 14:02:31,204 - ERROR - lost"] == line_rows([later])
