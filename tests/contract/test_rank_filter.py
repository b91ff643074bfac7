"""`--rank` and `--replica` find the same lines on every platform: those whose prefix states the source."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.commands.handlers.log_stream import stream_lines
from bot.domain.logs import LogFilter, LogQuery
from bot.providers.registry import Registry, build_registry
from emulator.logs import Line
from emulator.world import Status
from tests.fakes.cloud import NOON, NOON_NS, Cloud, running_cloud

WANTED = (
    "[rank3]: a", "3: b", "[default3]:c", "(RayWorker rank=3) d", "[1,3]<stdout>:e",
    "2026-11-20T12:00:00Z worker-1 | [rank3]: f", "Rank 3 | g", "[Rank 3] step=10",
)  # fmt: skip
OTHERS = ("[rank4]: a", "loss 3.3", "worker-1 | no rank", "rank 3 is slow", "[rank30]: b")
JOBS = ("baseten:proj/job", "baseten-model:abc1d2ef/xyz123", "fireworks:acme/train-1", "rivergen:mdl-1/run-1")


@pytest.fixture
async def registry(response_timeout_s: float) -> AsyncIterator[Registry]:
    async with running_cloud(response_timeout_s) as cloud:
        add_jobs(cloud)
        config = {
            key: value for name in ("baseten", "fireworks", "rivergen") for key, value in cloud.config(name).items()
        }
        registry = build_registry(config)
        yield registry
        await registry.aclose()


def add_jobs(cloud: Cloud) -> None:
    texts = [*WANTED, *OTHERS]
    lines = [Line(NOON_NS - (30 - number) * 10**9, text, "r1abc") for number, text in enumerate(texts)]
    began = NOON - timedelta(minutes=5)
    cloud.world.add_training_job("proj", "job", lines=lines, statuses=[Status(began, "TRAINING_JOB_RUNNING")])
    cloud.world.add_deployment("abc1d2ef", "xyz123", lines=lines, statuses=[Status(began, "ACTIVE")])
    cloud.world.add_batch_job("acme", "train-1", lines=lines, statuses=[Status(began, "RUNNING")], num_ranks=1)
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=lines, statuses=[Status(began, "running")])


async def found(registry: Registry, job: str, wanted: LogFilter) -> list[str]:
    provider, ref = registry.resolve(job)
    batches = [
        batch async for batch in stream_lines(provider, LogQuery(ref, NOON_NS - 3600 * 10**9, NOON_NS, filter=wanted))
    ]
    return [line.message for batch in batches for line in batch.lines]


@pytest.mark.parametrize("job", JOBS)
async def test_rank_in_a_prefix_is_found_on_every_platform(registry: Registry, job: str) -> None:
    assert await found(registry, job, LogFilter(ranks=(3,))) == list(WANTED)


@pytest.mark.parametrize("job", JOBS)
async def test_name_in_a_prefix_is_found_on_every_platform(registry: Registry, job: str) -> None:
    assert await found(registry, job, LogFilter(replicas=("worker-1",))) == [WANTED[5], OTHERS[2]]
