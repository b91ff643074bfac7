"""Answers in a modal have their buttons first; alerts about metrics offer the metrics around them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.jobs import MetricsCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.logs import Level
from bot.slack.render.answer_view import render_answer_view
from bot.slack.render.blocks import Action, elements_of, read_entry
from bot.slack.render.incident_root import render_root
from bot.slack.render.message import Message
from tests.unit.slack.factories import NOW, REF, incident, line
from tests.unit.slack.samples import LOW, log_answer, metrics
from tests.unit.slack.validity import buttons, problems


def pressed(message: Message, label: str) -> object:
    """The command of a button."""
    return parse(buttons(message)[label])


def test_the_buttons_of_a_long_log_are_at_both_ends() -> None:
    kinds = [block["type"] for block in render_answer_view(log_answer(100, "x" * 200)).blocks]
    assert ["section", "actions"] == kinds[:2]
    assert "actions" == kinds[-1]
    assert 1 == [block["type"] for block in render_answer_view(log_answer(2)).blocks].count("actions")


def test_errors_only_is_undone_by_all_levels() -> None:
    only = pressed(render_answer_view(log_answer()), "Errors only")
    assert isinstance(only, LogsCommand)
    assert Level.ERROR == only.filter.min_level
    every = pressed(render_answer_view(replace(log_answer(), pinned=only)), "All levels")
    assert isinstance(every, LogsCommand)
    assert every.filter.min_level is None


def test_each_error_leads_to_the_lines_around_it() -> None:
    lines = tuple(line(f"number {number}", number - 5)._replace(level=Level.ERROR) for number in range(3))
    shown = render_answer_view(replace(log_answer(), lines=lines))
    around = parse(buttons(shown)[next(label for label in buttons(shown) if label.endswith("number 1"))])
    assert isinstance(around, LogsCommand)
    assert lines[1].timestamp_ns == around.around_ns


def test_metrics_move_by_their_own_span_and_never_into_the_future() -> None:
    answer = replace(metrics(), at=NOW)
    earlier = pressed(render_answer_view(answer), "◀ Earlier")
    assert isinstance(earlier, MetricsCommand)
    assert earlier.window.end_ns is not None
    past = replace(answer, start=answer.start - (answer.end - answer.start), end=answer.start)
    later = pressed(render_answer_view(past), "Later ▶")
    assert isinstance(later, MetricsCommand)
    assert "Later ▶" not in buttons(render_answer_view(replace(answer, end=NOW)))


@pytest.mark.parametrize(("rule", "expected"), [("low_gpu_utilization", 1), ("log_errors", 0)])
def test_an_alert_about_metrics_offers_them(rule: str, expected: int) -> None:
    root = render_root(incident(replace(LOW, rule=rule)))
    assert [] == problems(root)
    menus = [one for block in root.blocks for one in elements_of(block) if one["type"] == "overflow"]
    values = [str(option["value"]) for menu in menus for option in list(menu["options"])]  # type: ignore[call-overload]
    entries = [value for action, _, value in map(read_entry, values) if action is Action.OPEN and "metrics" in value]
    assert expected == len(entries)
    assert all(isinstance(parse(entry), MetricsCommand) and str(REF) in entry for entry in entries)
