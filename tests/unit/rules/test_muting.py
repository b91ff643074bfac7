"""Silences and `unwatch` in an open incident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.alerts import Evidence, Incident, IncidentAlert, Resolution, Severity
from bot.domain.job_matching import Matcher
from bot.domain.ownership import Muting, Unwatching
from bot.domain.subscriptions import Silence
from bot.rules.muting import mute, stop_watching
from tests.unit.rules.observing import MINUTE, REF, START, job

ERRORS = IncidentAlert("tw-1", "log_errors", "Errors", Severity.WARN, START, Evidence("errors"))
IDLE = replace(ERRORS, id="tw-2", rule="low_gpu_utilization")
INCIDENT = Incident("inc-1", "C1", job(), START, (ERRORS, IDLE))


def silence(number: int, *matchers: Matcher, minutes: int = 60) -> Silence:
    return Silence(number, "C1", matchers, "U1", START, START + minutes * MINUTE)


def test_the_longest_silence_of_every_firing_alert_is_shown() -> None:
    silences = [silence(1, minutes=30), silence(2, Matcher("job", str(REF))), silence(3, Matcher("rule", "log_errors"))]

    assert mute(INCIDENT, silences, START).muted == Muting("U1", START + 60 * MINUTE, 2)
    assert mute(INCIDENT, silences[2:], START).muted is None
    only_errors = replace(INCIDENT, alerts=(ERRORS, replace(IDLE, resolved_at=START)))
    assert mute(only_errors, silences[2:], START).muted == Muting("U1", START + 60 * MINUTE, 3)


@pytest.mark.parametrize(
    ("label", "pattern", "matches"),
    [
        ("job", f"{REF.provider}:*", True),
        ("job", str(REF), True),
        ("job", "elsewhere:*", False),
        ("name", "LLAMA-*", True),
        ("name", "llama", False),
        ("name", "*", True),
        ("severity", "w?rn", True),
    ],
)
def test_a_pattern_mutes_what_fits_it(label: str, pattern: str, *, matches: bool) -> None:
    named = replace(INCIDENT, job=replace(job(), name="llama-8b"), alerts=(ERRORS,))

    muted = mute(named, [silence(1, Matcher(label, pattern, is_pattern=True))], START).muted

    assert (muted is not None) is matches


def test_an_ended_silence_is_removed() -> None:
    muted = replace(INCIDENT, muted=Muting("U1", START, 1))

    assert mute(muted, [silence(1)], START + 60 * MINUTE) == INCIDENT
    assert mute(muted, [], START) == INCIDENT


def test_stopping_ends_the_alerts_that_fire_and_keeps_how_to_undo_it() -> None:
    cleared = replace(ERRORS, resolved_at=START, resolution=Resolution.CLEARED)
    after = stop_watching(replace(INCIDENT, alerts=(cleared, IDLE)), "U1", START + MINUTE, "watch x")

    assert [one.resolution for one in after.alerts] == [Resolution.CLEARED, Resolution.UNSUBSCRIBED]
    assert (after.resolved_at, after.unwatched) == (START + MINUTE, Unwatching("U1", START + MINUTE, "watch x"))
