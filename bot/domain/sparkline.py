"""Draw series of numbers as one line of text, and group samples for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from bot.domain.metrics import MetricSeries

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Drawn where there is no sample. A gap is not a zero."""


def sparkline(values: Sequence[float | None], *, lowest: float | None = None, highest: float | None = None) -> str:
    """Draw one character per value. The scale runs from `lowest` to `highest`, by default those of the values."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return GAP * len(values)
    low = min(finite) if lowest is None else lowest
    span = (max(finite) if highest is None else highest) - low
    return "".join(_bar(value, low, span) for value in values)


def _bar(value: float | None, low: float, span: float) -> str:
    if value is None or not math.isfinite(value):
        return GAP
    if span <= 0:
        return BARS[0]
    return BARS[min(max(int((value - low) / span * len(BARS)), 0), len(BARS) - 1)]


def bucket_means(series: MetricSeries, start: datetime, end: datetime, max_buckets: int) -> list[float | None]:
    """Return the mean of the finite samples in equal parts of the window, None for parts without samples.

    A series with fewer samples than `max_buckets` gets one bucket per sample, so that slow sampling shows no gaps.
    """
    span_s = (end - start).total_seconds() or 1.0
    width = min(max_buckets, max(len(series.points), 1))
    buckets: list[list[float]] = [[] for _ in range(width)]
    for index, point in enumerate(series.points):
        share = index / len(series.points) if point.at is None else (point.at - start).total_seconds() / span_s
        if math.isfinite(point.value) and 0 <= share <= 1:
            buckets[min(int(share * width), width - 1)].append(point.value)
    return [math.fsum(values) / len(values) if values else None for values in buckets]
