"""When a remote is left alone and what is known to fail, by a clock set by hand; and who shares a limiter."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint

import pytest

from bot.errors import JobNotFound, ProtocolError, ProviderError, Unavailable
from bot.providers.http.errors import BodyTooLarge
from bot.providers.http.rate_limits import HttpLimits
from bot.providers.http.retry import Breaker, Limiter, LimiterPool, RecentFailures, retry_on_malformed_response
from bot.providers.registry import build_registry
from tests.unit.providers.http.test_request_rate import Hand


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable), breaker.watch():
            raise Unavailable


def test_failures_at_once_are_no_dead_remote() -> None:
    clock = Hand()
    breaker = Breaker(clock)
    fail(breaker, 100)
    clock.now += 59
    fail(breaker)
    assert breaker.open_for() is None
    clock.now += 1
    fail(breaker)
    assert 5.0 == breaker.open_for()


def test_any_answer_in_between_shows_that_the_remote_lives() -> None:
    clock = Hand()
    breaker = Breaker(clock)
    for _ in range(20):
        fail(breaker, 30)
        clock.now += 30
        with pytest.raises(JobNotFound), breaker.watch():
            raise JobNotFound
        clock.now += 29
    assert breaker.open_for() is None


def test_a_dead_remote_is_probed_ever_more_seldom_and_trusted_at_its_first_answer() -> None:
    clock = Hand()
    breaker = Breaker(clock)
    fail(breaker, 9)
    clock.now += 60
    fail(breaker)
    pauses = []
    for _ in range(5):
        pause = breaker.open_for()
        assert pause is not None
        pauses.append(pause)
        clock.now += pause
        assert breaker.open_for() is None
        fail(breaker)
    assert [5.0, 10.0, 20.0, 40.0, 60.0] == pauses
    with breaker.watch():
        pass
    assert breaker.open_for() is None


def test_what_fails_is_alone_once_something_else_is_answered() -> None:
    failing = RecentFailures()
    failing.failed("/bad")
    assert ("/bad" in failing, False) == (True, failing.alone("/bad"))
    failing.answered("/good")
    failing.failed("/bad")
    assert (True, False) == (failing.alone("/bad"), failing.alone("/good"))
    failing.answered("/bad")
    assert "/bad" not in failing


def test_what_fails_is_remembered_up_to_a_bound() -> None:
    failing = RecentFailures(most=3)
    for number in range(5):
        failing.failed(f"/{number}")
    assert [False, False, True, True, True] == [f"/{number}" in failing for number in range(5)]


def limiter(pool: LimiterPool, key: str = "k1", base_url: str = "https://a.test", concurrency: int = 32) -> Limiter:
    return pool.limiter_for(base_url, {"Authorization": f"Bearer {key}"}, HttpLimits(concurrency=concurrency))


def test_same_address_key_and_limits_share_one_limiter() -> None:
    pool = LimiterPool()
    first = limiter(pool)
    others = [limiter(pool, "k2"), limiter(pool, base_url="https://b.test"), limiter(pool, concurrency=1)]
    assert first is limiter(pool)
    assert 4 == len({id(one) for one in (first, *others)})
    assert first is not limiter(LimiterPool())


def entry_point(name: str, function: str) -> EntryPoint:
    return EntryPoint(name, f"bot.providers.baseten:{function}", "trainwatch.providers")


BASETEN = (entry_point("baseten", "create_training"), entry_point("baseten-model", "create_deployments"))
CONFIG: Mapping[str, str] = {"baseten_api_key": "k1", "baseten_requests_per_second": "1"}


async def test_two_providers_with_one_key_make_no_more_requests_than_one() -> None:
    registry = build_registry(CONFIG, BASETEN)
    again = build_registry(CONFIG, BASETEN)
    clients = [one.get(name)._client for one in (registry, again) for name in registry.names]  # type: ignore[attr-defined]
    limiters = [one._limiter for one in clients]
    assert ["baseten", "baseten-model"] == list(registry.names)
    assert limiters[0] is limiters[1]
    assert limiters[2] is limiters[3]
    assert limiters[0] is not limiters[2]
    clients[0]._begun.add()
    assert {"baseten": (1, 64), "baseten-model": (0, 64)} == {
        name: (load.last_minute, load.max_per_minute) for name, load in registry.request_rates().items()
    }


@pytest.mark.parametrize(("problem", "calls"), [(ProtocolError, 2), (BodyTooLarge, 1), (Unavailable, 1)])
async def test_a_malformed_response_is_requested_once_more(problem: type[ProviderError], calls: int) -> None:
    asked = []

    async def ask(what: str) -> str:
        asked.append(what)
        raise problem

    with pytest.raises(problem):
        await retry_on_malformed_response(ask)("a page")
    assert ["a page"] * calls == asked
