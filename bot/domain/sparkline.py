"""A series as a line of text. What the numbers are is in `bot.domain.metrics`."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Where there is no sample: a gap is not a zero."""


def sparkline(values: Sequence[float | None], *, lowest: float | None = None, highest: float | None = None) -> str:
    """One character a value, from `lowest` to `highest`; without them, from the least to the greatest value."""
    there = [value for value in values if value is not None and math.isfinite(value)]
    if not there:
        return GAP * len(values)
    low = min(there) if lowest is None else lowest
    span = (max(there) if highest is None else highest) - low
    return "".join(_bar(value, low, span) for value in values)


def _bar(value: float | None, low: float, span: float) -> str:
    if value is None or not math.isfinite(value):
        return GAP
    if span <= 0:
        return BARS[0]
    return BARS[min(max(int((value - low) / span * len(BARS)), 0), len(BARS) - 1)]
