"""Baseten accepts a key as `Api-Key`, as `Bearer` or as both: the scheme that works is found once and remembered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.domain.jobs import JobRef
from bot.domain.logs import LogQuery
from bot.errors import AuthFailed, Unavailable
from bot.providers.baseten.api import make_client
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import HttpResponse, LimiterPool
from bot.providers.http.header_choice import ASK_AGAIN_AFTER_S, HeaderChoice
from emulator.faults import Fault
from emulator.quirks import BasetenQuirks
from tests.fakes.cloud import KEYS, NOON_NS, Cloud, running_cloud, some_lines

JOB, DEPLOYMENT = JobRef("baseten", "p/j"), JobRef("baseten-model", "m/d")


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with running_cloud() as cloud:
        cloud.world.add_training_job("p", "j", lines=some_lines(10))
        cloud.world.add_deployment("m", "d", lines=some_lines(10))
        yield cloud


@pytest.fixture
async def both(cloud: Cloud) -> AsyncIterator[tuple[BasetenTraining, BasetenDeployments]]:
    """Two providers with one key."""
    pool, config = LimiterPool(), cloud.config("baseten")
    training = BasetenTraining(make_client("baseten", config, pool), cloud.clock)
    deployments = BasetenDeployments(make_client("baseten-model", config, pool), cloud.clock)
    yield training, deployments
    await training.aclose()
    await deployments.aclose()


def sent(*providers: BasetenTraining | BasetenDeployments) -> int:
    """Number of requests that the providers have sent."""
    return sum(provider.request_rate().last_minute for provider in providers)


@pytest.mark.parametrize(
    ("refused", "requests"),
    [((), [1, 1, 1]), (("bearer",), [1, 1, 1]), (("api-key",), [2, 1, 1])],
)
async def test_the_scheme_that_works_is_remembered(
    cloud: Cloud, both: tuple[BasetenTraining, BasetenDeployments], refused: tuple[str, ...], requests: list[int]
) -> None:
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset(refused))
    training, _ = both
    found = []
    for _ in requests:
        before = sent(training)
        await training.get_job(JOB)
        found.append(sent(training) - before)
    assert requests == found


async def test_the_scheme_is_shared_by_all_providers_with_the_key(
    cloud: Cloud, both: tuple[BasetenTraining, BasetenDeployments]
) -> None:
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset({"api-key"}))
    training, deployments = both
    await training.get_job(JOB)
    before = sent(deployments)
    await deployments.query_logs(LogQuery(DEPLOYMENT, start_ns=NOON_NS, end_ns=NOON_NS))
    assert sent(deployments) - before == 1


async def test_a_wrong_key_is_tried_with_both_schemes_once(
    cloud: Cloud, both: tuple[BasetenTraining, BasetenDeployments]
) -> None:
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset({"api-key", "bearer"}))
    training, _ = both
    found = []
    for _ in range(3):
        before = sent(training)
        with pytest.raises(AuthFailed) as caught:
            await training.get_job(JOB)
        assert KEYS.baseten not in caught.value.public + repr(caught.value)
        found.append(sent(training) - before)
    assert [2, 1, 1] == found


async def test_requests_at_the_same_time_all_find_the_scheme(
    cloud: Cloud, both: tuple[BasetenTraining, BasetenDeployments]
) -> None:
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset({"api-key"}))
    training, deployments = both
    await asyncio.gather(*(training.get_job(JOB) for _ in range(5)), *(deployments.list_jobs(limit=5) for _ in "12"))


async def test_an_outage_during_the_second_try_decides_nothing(
    cloud: Cloud, both: tuple[BasetenTraining, BasetenDeployments]
) -> None:
    cloud.faults.set([Fault("status", status=401, times=1), Fault("status", status=503, times=1)])
    training, _ = both
    with contextlib.suppress(Unavailable):  # it may be retried
        await training.get_job(JOB)
    assert {"status": 2} == dict(cloud.faults.struck)
    cloud.faults.set([])
    cloud.quirks.baseten = BasetenQuirks(refused_schemes=frozenset({"bearer"}))
    assert (await training.get_job(JOB)).ref == JOB


async def test_after_a_while_the_second_set_is_tried_again() -> None:
    now, used = [0.0], list[int]()
    accepted: set[int] = set()
    choice = HeaderChoice(lambda: now[0])

    async def send(headers: int) -> HttpResponse:
        used.append(headers)
        return HttpResponse(200 if headers in accepted else 401, {}, b"")

    for at, accepts in ((0, ()), (1, (1,)), (ASK_AGAIN_AFTER_S, (1,)), (ASK_AGAIN_AFTER_S + 1, (1,))):
        now[0], accepted = at, set(accepts)
        await choice.fetch(send)
    assert used == [0, 1, 0, 0, 1, 1]
