"""The alert lifecycle as strings, one character per poll and one poll per minute (after promtool's unit tests).

Verdicts: H holds, . clear, ? unknown. States: - inactive, p pending, F firing. Transitions: ! fired, ~ resolved.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Alert, AlertState, Change, Clear, Evidence, Finding, Resolution, Timing, Unknown, Verdict
from bot.rules.lifecycle import step

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 13, 10, tzinfo=UTC)
VERDICTS: dict[str, Verdict] = {"H": Finding(Evidence("it holds")), ".": Clear(), "?": Unknown()}
STATES = {AlertState.INACTIVE: "-", AlertState.PENDING: "p", AlertState.FIRING: "F"}
TRANSITIONS = {Change.FIRED: "!", Change.RESOLVED: "~", Change.UPDATED: "u"}

CASES = [
    ("fires at once without a hold", Timing(), "H", "F", "!"),
    ("resolves when clear", Timing(), "HH..", "FF--", "! ~ "),
    ("an outage does not resolve", Timing(), "H??H", "FFFF", "!   "),
    ("an outage does not fire", Timing(), "??.", "---", "   "),
    ("a blip shorter than the hold is silent", Timing(hold_for=2 * MINUTE), "HH.HH.", "pp-pp-", "      "),
    ("fires when held", Timing(hold_for=2 * MINUTE), "HHH.", "ppF-", "  !~"),
    ("an outage does not restart the hold", Timing(hold_for=3 * MINUTE), "H??H", "pppF", "   !"),
    ("keeps firing through short clears", Timing(keep_firing_for=2 * MINUTE), "H.H...", "FFFF--", "!   ~ "),
    ("a second firing is transitions again", Timing(), "H.H.", "F-F-", "!~!~"),
]


def play(timing: Timing, verdicts: str) -> tuple[str, str, Alert]:
    alert, states, transitions = Alert("rule", ""), "", ""
    for minute, letter in enumerate(verdicts):
        alert, transition = step(alert, VERDICTS[letter], timing, START + minute * MINUTE)
        states += STATES[alert.state]
        transitions += TRANSITIONS[transition.change] if transition else " "
    return states, transitions, alert


@pytest.mark.parametrize(
    ("timing", "verdicts", "states", "transitions"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_lifecycle(timing: Timing, verdicts: str, states: str, transitions: str) -> None:
    assert (states, transitions) == play(timing, verdicts)[:2]


def test_each_firing_increments_the_episode() -> None:
    assert play(Timing(), "H.H.H")[2].episode == 3


def test_new_evidence_updates_a_firing_alert() -> None:
    alert, _ = step(Alert("rule", ""), Finding(Evidence("one")), Timing(), START)

    alert, transition = step(alert, Finding(Evidence("two"), notify=True), Timing(), START + MINUTE)

    assert transition is not None
    assert (Change.UPDATED, True) == (transition.change, transition.notify)
    assert alert.evidence == Evidence("two")


def test_the_end_of_the_job_resolves_an_alert_at_once() -> None:
    timing = Timing(keep_firing_for=timedelta(hours=1))
    alert, _ = step(Alert("rule", ""), VERDICTS["H"], timing, START)

    alert, transition = step(alert, Clear(), timing, START + MINUTE, job_ended=True)

    assert alert.state is AlertState.INACTIVE
    assert transition is not None
    assert transition.resolution is Resolution.JOB_ENDED


@given(st.text("H.?", max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_fired_and_resolved_alternate(verdicts: str, hold: int, keep: int) -> None:
    _, transitions, _ = play(Timing(hold_for=hold * MINUTE, keep_firing_for=keep * MINUTE), verdicts)
    edges = [mark for mark in transitions if mark in "!~"]

    assert edges == [("!~")[index % 2] for index in range(len(edges))]


@given(st.text("H.?", max_size=30), st.integers(0, 3))
def test_unknown_verdicts_change_nothing(verdicts: str, hold: int) -> None:
    states, transitions, _ = play(Timing(hold_for=hold * MINUTE), verdicts)
    for index, letter in enumerate(verdicts):
        if letter == "?":
            assert transitions[index] == " "
            assert states[index] == (states[index - 1] if index else "-")
