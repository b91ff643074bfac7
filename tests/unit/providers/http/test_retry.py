"""What counts as an isolated failure, and what is requested once more."""

from __future__ import annotations

import pytest

from bot.errors import ProtocolError, ProviderError, Unavailable
from bot.providers.http.errors import BodyTooLarge
from bot.providers.http.retry import RecentFailures, full_jitter, retry_on_malformed_response


def test_a_failure_is_isolated_once_another_path_succeeds() -> None:
    failures = RecentFailures()
    failures.record_failure("/bad")
    assert ("/bad" in failures, failures.is_isolated("/bad")) == (True, False)
    failures.record_success("/good")
    failures.record_failure("/bad")
    assert (failures.is_isolated("/bad"), failures.is_isolated("/good")) == (True, False)
    failures.record_success("/bad")
    assert "/bad" not in failures


def test_the_oldest_failed_path_is_dropped_above_the_limit() -> None:
    failures = RecentFailures(max_paths=3)
    for number in range(5):
        failures.record_failure(f"/{number}")
    assert [f"/{number}" in failures for number in range(5)] == [False, False, True, True, True]


def test_backoff_stays_below_an_exponential_bound() -> None:
    bounds = {1: 0.3, 2: 0.6, 6: 9.6, 7: 10.0, 50: 10.0}
    for attempt, bound in bounds.items():
        assert all(0 <= full_jitter(attempt) <= bound for _ in range(20))


@pytest.mark.parametrize(("problem", "calls"), [(ProtocolError, 2), (BodyTooLarge, 1), (Unavailable, 1)])
async def test_a_malformed_response_is_requested_once_more(problem: type[ProviderError], calls: int) -> None:
    requests = []

    async def request(path: str) -> str:
        requests.append(path)
        raise problem

    with pytest.raises(problem):
        await retry_on_malformed_response(request)("/page")
    assert requests == ["/page"] * calls
