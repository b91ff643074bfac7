"""Boards of `trainwatch top`, and a reader of the fake platform."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.commands.runner import CommandRunner
from bot.commands.subcommands.jobs import StatusAnswer
from bot.domain.alerts import Severity
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries, MetricSummary, summarize
from bot.domain.progress import RunProgress
from bot.redaction.redactor import Redactor
from bot.terminal.top.board import JobAlert, JobDetail, PlatformView, TopBoard, TopRow
from tests.fakes.provider import NOW, FakeProvider, registry_of
from tests.unit.terminal.shell import SECRET

GIB = 2.0**30
NAMES = ("llama-70b-sft", "学習ジョブ-東京", "mixtral-8x7b-dpo-with-a-very-long-name-that-goes-on", "embedder")
OUT_OF_MEMORY = JobAlert(Severity.PAGE, "CUDA out of memory", NOW - timedelta(minutes=3))


def gpu_series(at: datetime, used: float = 70.0) -> tuple[MetricSeries, ...]:
    """Two GPUs over the last five minutes."""
    times = [at - timedelta(seconds=30 * back) for back in range(10, 0, -1)]
    return tuple(
        MetricSeries(name, tuple(MetricPoint(value, one) for one in times), gpu=gpu, limit=limit)
        for gpu in range(2)
        for name, value, limit in ((GPU_UTILIZATION, 0.93, None), (GPU_MEMORY, used * GIB, 80 * GIB))
    )


def training_log(at: datetime) -> list[LogLine]:
    """A hundred steps of a falling loss."""
    return [
        LogLine(
            ns_from_datetime(at - timedelta(seconds=4 * (100 - step))), f"step {step}/400 loss {3 / (1 + step):.4f}"
        )
        for step in range(100)
    ]


def provider_of(count: int, name: str = "mem") -> FakeProvider:
    """A platform of running jobs, newest first."""
    provider = FakeProvider(training_log(NOW), name=name, series=gpu_series(NOW), jobs={})
    for number in range(count):
        provider.add_job(f"run/{number}", name=f"{NAMES[number % 4]}-{number}")
    return provider


def runner_of(*providers: FakeProvider, user: str | None = None) -> CommandRunner:
    """The real runner, at the time of the samples."""
    return CommandRunner(registry_of(*providers), lambda: NOW, Redactor([SECRET]), user=user)


def detail(job: Job, step: int, loss: float, used: float) -> JobDetail:
    curve = tuple(MetricPoint(4 * math.exp(-at / 9) + loss, NOW + timedelta(seconds=at)) for at in range(40))
    found = (summarize(one) for one in gpu_series(NOW, used))
    summaries: tuple[MetricSummary, ...] = tuple(one for one in found if one is not None)
    progress = RunProgress(step=step, total_steps=1000, step_s=4.0, loss=loss, lines=40)
    return JobDetail(StatusAnswer(job, NOW, (), summaries, progress=progress, curves=(MetricSeries("loss", curve),)))


def sample_board(count: int = 12) -> TopBoard:
    """Jobs in all states, one platform that cannot be seen and one that limits requests."""
    rows = []
    for number in range(count):
        state = [JobState.RUNNING, JobState.RUNNING, JobState.QUEUED, JobState.UNHEALTHY, JobState.FAILED][number % 5]
        job = Job(JobRef("mem", f"run/{number}"), state, state.upper(), name=f"{NAMES[number % 4]}-{number}",
                  user="ada@acme.example", started_at=NOW - timedelta(hours=number))  # fmt: skip
        read = detail(job, 80 * number, 0.5 + number, 60 + number) if state is JobState.RUNNING else JobDetail()
        rows.append(TopRow(job, read, (OUT_OF_MEMORY,) if number == 1 else ()))
    platforms = (
        PlatformView("mem", listed_at=NOW),
        PlatformView("other", "The platform cannot be reached.", 42.0, listed_at=NOW - timedelta(minutes=5)),
        PlatformView("third", "third limits requests.", 58.2),
    )
    return TopBoard(NOW, tuple(rows), platforms, ("Alerts are not seen: no answer.",))


async def no_alerts(at: datetime) -> Mapping[JobRef, tuple[JobAlert, ...]]:
    return {}
