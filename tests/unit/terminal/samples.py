"""Values to render in a terminal, with hostile text in them."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.subcommands.jobs import MetricsAnswer, MetricsCommand
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobState, Resources
from bot.domain.logs import Level, LogLine
from bot.domain.metrics import (
    CPU_USAGE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MetricPoint,
    MetricSeries,
    MetricSummary,
    summarize,
)
from bot.terminal.render.answers import render
from bot.terminal.render.screen import Screen
from tests.fakes.provider import NOW, REF

NOW_NS = ns_from_datetime(NOW)
EVIL = "\x1b[2J[bold]x[/bold]\x07"
START = NOW - timedelta(hours=1)


def text(answer: SharedAnswer, width: int | None = 100, *, colour: bool = False) -> str:
    """What is printed to a terminal of this width."""
    return render(answer, Screen(width, colour))


def summary(
    name: str, *values: float | None, gpu: int | None = None, limit: float | None = None, node: str | None = None
) -> MetricSummary:
    step = timedelta(hours=1) / len(values)
    points = tuple(
        MetricPoint(value, START + step * (at + 0.5)) for at, value in enumerate(values) if value is not None
    )
    made = summarize(MetricSeries(name, points, node=node, gpu=gpu, limit=limit))
    assert made is not None
    return made


JOB = Job(
    REF, JobState.RUNNING, "RUN", name=f"llama {EVIL}", url="https://mem.example/run/1", started_at=START,
    resources=Resources(node_count=2, gpu_count=8, gpu_type="H100"), details=(("Priority", f"3 {EVIL}"),),
)  # fmt: skip
LINE = LogLine(NOW_NS, f"boom {EVIL}", rank=3, level=Level.ERROR)
GAP = Gap(Part.LOGS, GapReason.UNAVAILABLE, f"mem is away {EVIL}")
METRICS = MetricsAnswer(
    JOB, START, NOW,
    (summary(GPU_UTILIZATION, *([0.5] * 12 + [None] * 12 + [1.0] * 12), gpu=10),
     summary(GPU_UTILIZATION, 0.0, 0.9, gpu=2), summary(GPU_MEMORY, 2.0**36, gpu=0, limit=80 * 2.0**30),
     summary("loss", 0.01234)),
    MetricsCommand(str(REF)), (CPU_USAGE,), (GAP,),
)  # fmt: skip
