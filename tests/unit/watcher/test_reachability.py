"""When a platform counts as unreachable, and when as back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.watcher.reachability import Reachability

NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)


@pytest.fixture
def outcomes() -> Reachability:
    return Reachability(INTERVAL)


def record(outcomes: Reachability, polls: str, at_s: float = 0) -> list[bool]:
    """Record polls of the platform `p` such as `+1 -2`: watch 1 was read, watch 2 was not."""
    now = NOW + timedelta(seconds=at_s)
    return [outcomes.record("p", int(one[1:]), now, has_read=one[0] == "+") for one in polls.split()]


@pytest.mark.parametrize(
    ("polls", "is_unreachable"),
    [
        ("", False),
        ("+1 +2", False),
        ("+1 -2", False),
        ("-2 +1 -2 -2 -2", False),
        ("-1", True),
        ("+1 +2 -1 -2", True),
        ("-1 -2 +3", False),
    ],
)
def test_a_platform_is_unreachable_when_each_job_failed_last(
    outcomes: Reachability, polls: str, is_unreachable: bool
) -> None:
    record(outcomes, polls)
    assert (["p"] if is_unreachable else []) == outcomes.unreachable(NOW)


def test_only_the_first_answer_ends_an_outage(outcomes: Reachability) -> None:
    assert [False, False, True, False, False] == record(outcomes, "-1 -2 +1 +2 +1")


def test_a_job_that_keeps_failing_is_not_an_outage(outcomes: Reachability) -> None:
    assert [False] * 9 == record(outcomes, "+1 -2 +1 -2 -2 +1 -2 +3 +1")


def test_an_old_answer_proves_nothing(outcomes: Reachability) -> None:
    record(outcomes, "+1 -2")
    assert ["p"] == outcomes.unreachable(NOW + 8 * INTERVAL)
    assert [True] == record(outcomes, "+2", at_s=81)


def test_one_probe_per_interval(outcomes: Reachability) -> None:
    record(outcomes, "-1 -2")
    probes = [outcomes.take_probes(NOW + timedelta(seconds=second)) for second in range(21)]
    assert [0, 10, 20] == [second for second, found in enumerate(probes) if found]
    record(outcomes, "+2", at_s=21)
    assert [] == outcomes.take_probes(NOW + timedelta(minutes=5))


def test_a_poll_from_before_the_return_is_known(outcomes: Reachability) -> None:
    record(outcomes, "-1 -2")
    record(outcomes, "+1", at_s=30)
    assert outcomes.is_back_since("p", NOW)
    assert not outcomes.is_back_since("p", NOW + timedelta(seconds=31))
    assert not outcomes.is_back_since("q", NOW)


def test_platforms_are_independent(outcomes: Reachability) -> None:
    record(outcomes, "-1")
    outcomes.record("q", 2, NOW, has_read=True)
    assert ["p"] == outcomes.unreachable(NOW)


def test_a_job_that_is_polled_no_more_proves_nothing(outcomes: Reachability) -> None:
    record(outcomes, "-1")
    later = NOW + timedelta(hours=1)
    assert ([], [], {"p": True}) == (outcomes.unreachable(later), outcomes.take_probes(later), outcomes.states(later))


def test_a_job_that_keeps_failing_keeps_its_platform_unreachable(outcomes: Reachability) -> None:
    for minutes in range(0, 120, 10):
        record(outcomes, "-1", at_s=60 * minutes)
    assert ["p"] == outcomes.unreachable(NOW + timedelta(minutes=119))
