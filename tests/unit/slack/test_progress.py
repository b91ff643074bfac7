"""Notes about a running command."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.slack.render.message import Message
from bot.slack.render.progress import render_cancelled, render_progress, render_working
from tests.unit.slack.factories import NOW
from tests.unit.slack.validity import problems

REACHED_NS = int(NOW.timestamp()) * 10**9


def progress(about: str = "baseten:p/j", reached_ns: int | None = REACHED_NS) -> Message:
    """The progress of a command."""
    return render_progress("0f0f", about, requests=40, lines=12_400, reached_ns=reached_ns, took=timedelta(seconds=9))


@pytest.mark.parametrize(
    "message",
    [
        render_working("0f0f"),
        render_working("0f0f", reads_all=True),
        progress(),
        progress(reached_ns=None),
        progress("<!channel> `" * 50),
        render_cancelled(is_known=True),
        render_cancelled(is_known=False),
    ],
)
def test_note_is_accepted_by_slack(message: Message) -> None:
    assert problems(message) == []


def test_progress_names_lines_time_and_requests() -> None:
    assert progress().text.startswith("Read 12,400 lines, up to ")
    assert progress().text.endswith(", 40 requests, 9 s so far.")
    assert progress(reached_ns=None).text == "Read 12,400 lines, 40 requests, 9 s so far."
