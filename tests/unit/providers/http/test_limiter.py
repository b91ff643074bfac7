"""Which clients share a limiter."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from bot.domain.jobs import JobRef
from bot.errors import ProtocolError, RateLimited
from bot.providers.base import RequestRate
from bot.providers.http.rate_limits import HttpLimits
from bot.providers.http.retry import Limiter, LimiterPool
from bot.providers.registry import GROUP, Registry, build_registry
from tests.fakes.raw_server import ok, raw_server

TRAINING = JobRef("baseten", "p1/j1")
DEPLOYMENT = JobRef("baseten-model", "m1/d1")


def limiter(pool: LimiterPool, key: str = "k1", base_url: str = "https://a.test", concurrency: int = 32) -> Limiter:
    return pool.limiter_for(base_url, {"Authorization": f"Bearer {key}"}, HttpLimits(concurrency=concurrency))


def test_the_same_address_key_and_limits_share_one_limiter() -> None:
    pool = LimiterPool()
    first = limiter(pool)
    others = [limiter(pool, "k2"), limiter(pool, base_url="https://b.test"), limiter(pool, concurrency=1)]
    assert limiter(pool) is first
    assert len({id(one) for one in (first, *others)}) == 4
    assert limiter(LimiterPool()) is not first


def baseten(url: str) -> Registry:
    config = {"baseten_api_key": "k1", "baseten_base_url": url, "baseten_requests_per_second": "1"}
    factories = {"baseten": "create_training", "baseten-model": "create_deployments"}
    points = [EntryPoint(name, f"bot.providers.baseten:{function}", GROUP) for name, function in factories.items()]
    return build_registry(config, points)


async def test_retry_after_pauses_every_provider_that_uses_the_key() -> None:
    refusal = ok(b"{}", {"Retry-After": "60"}, "429 Too Many Requests")
    async with raw_server(refusal, ok()) as server:
        registry, unrelated = baseten(server.url), baseten(server.url)
        with pytest.raises(RateLimited):
            await registry.get("baseten").get_job(TRAINING)
        with pytest.raises(RateLimited):
            await registry.get("baseten-model").get_job(DEPLOYMENT)
        assert len(server.heads) == 1
        assert registry.request_rates() == {"baseten": RequestRate(1, 64), "baseten-model": RequestRate(0, 64)}
        with pytest.raises(ProtocolError):
            await unrelated.get("baseten").get_job(TRAINING)
        await registry.aclose()
        await unrelated.aclose()
