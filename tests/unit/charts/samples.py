"""One chart of every kind that messages show."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from bot.domain.charts import LIMIT, Chart, ChartLevel, ChartLine, ChartMoment, ChartPoint, LineChart
from bot.domain.metric_charts import metric_chart
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.trace_charts import loss_chart, steps_chart, throughput_chart, utilization_chart
from bot.domain.traces import Trace, TraceSample

START = datetime(2026, 11, 29, 2, tzinfo=UTC)
END = START + timedelta(hours=1)
_GIB = 2.0**30
_NOISE = random.Random(7)
_SAMPLES = 60


def at(minutes: float) -> datetime:
    """Minutes after the start."""
    return START + timedelta(minutes=minutes)


def fleet(nodes: int, samples: int, odd: tuple[int, int] = (41, 5), value: float = 0.34) -> list[MetricSeries]:
    """The utilization of eight GPUs on each node, of which one differs."""
    return [
        MetricSeries(
            GPU_UTILIZATION,
            tuple(
                MetricPoint(
                    (value if (node, gpu) == odd else 0.93) + _NOISE.uniform(-0.03, 0.03),
                    START + (END - START) * (index / samples),
                )
                for index in range(samples)
            ),
            f"worker-{node}",
            gpu,
        )
        for node in range(nodes)
        for gpu in range(8)
    ]


def _trace() -> Trace:
    """A run whose loss explodes after 45 minutes, and whose throughput drops after 30."""
    return tuple(
        TraceSample(
            at(minute).timestamp(),
            minute * 15 if minute < 30 else 450 + (minute - 30) * 6,
            None if minute > 52 else 2.6 - minute / 40 + max(0, minute - 45) ** 2 / 8,
            1.1 + max(0, minute - 44) ** 2 / 20,
            (52_000 if minute < 30 else 21_000) + _NOISE.uniform(-900, 900),
            (0.91, 0.95, 0.98) if minute < 25 else (0.02, 0.04, 0.95),
        )
        for minute in range(_SAMPLES)
    )


def _hang() -> Trace:
    return tuple(TraceSample(at(minute).timestamp(), 2000 + 15 * min(minute, 46)) for minute in range(_SAMPLES))


def _line(name: str, *values: float) -> ChartLine:
    step = timedelta(hours=1) / len(values)
    return ChartLine(name, tuple(ChartPoint((START + step * at).timestamp(), y) for at, y in enumerate(values)))


_MEMORY = [
    MetricSeries(
        GPU_MEMORY,
        tuple(MetricPoint((75 + 4 * minute / 60 if gpu == 3 else 71.5) * _GIB, at(minute)) for minute in range(60)),
        None,
        gpu,
        80 * _GIB,
    )
    for gpu in range(2, 4)
]
_DISK = LineChart(
    "Storage",
    "%",
    (_line("ephemeral storage", *(62 + share * 1.7 for share in range(20))),),
    (ChartLevel("threshold", 90.0), ChartLevel(LIMIT, 100.0)),
    (ChartMoment("alert", at(50).timestamp()),),
)


def chart_samples() -> dict[str, Chart]:
    """The charts by name."""
    found: dict[str, Chart | None] = {
        "memory": metric_chart(_MEMORY, START, END, [ChartMoment("alert", at(48).timestamp())]),
        "storage": _DISK,
        "loss": loss_chart(_trace(), at(53)),
        "hang": steps_chart(_hang(), at(46), at(59)),
        "throughput": throughput_chart(_trace(), at(30)),
        "idle-gpus": utilization_chart(_trace(), at(25), at(59), 0.2),
        "heat-map": metric_chart(fleet(64, 120), START, END),
    }
    return {name: chart for name, chart in found.items() if chart is not None}
