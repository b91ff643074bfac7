"""Whether a level grows steadily, and how long it takes to be full at that rate: robust statistics on few values. Pure.

Not what the level is of, nor who is told (`metric_capacity.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MIN_GROWTH = 0.01
"""Growth over the window, as a share of the limit, below which it is none."""
LEAST_VALUES = 9
EACH_STEP = 0.25
"""Of the growth, what must come between the first and the second third, and between the second and the last: a level
that jumps once and stays is no leak."""
NOISE_FACTOR = 4.0
"""Growth must be so many times the noise around the line."""
MAD_TO_SIGMA = 1.4826
SLOWING = 0.9
"""When the second step is a smaller part than this of the first, the growth is taken to fade out."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A steady growth."""

    level: float
    """On the fitted line at the newest value."""
    rate: float
    """Per value; above zero."""

    @property
    def values_left(self) -> float:
        """So many more values until the level is 1."""
        return max(0.0, 1.0 - self.level) / self.rate


def steady_growth(values: Sequence[float | None]) -> Growth | None:
    """The growth in evenly spaced levels (1 is full; None: not measured), None when it is not steady or fades out.

    The slope is Theil and Sen's: the median of the slopes between all pairs, which a quarter of wild values leaves
    alone.
    """
    points = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(points) < LEAST_VALUES or points[-1][0] - points[0][0] < 0.75 * (len(values) - 1):
        return None
    third = len(points) // 3
    low, middle, high = (
        median(value for _, value in part) for part in (points[:third], points[third:-third], points[-third:])
    )
    total, first, second = high - low, middle - low, high - middle
    if total < MIN_GROWTH or min(first, second) < EACH_STEP * total or _fades_below_full(high, first, second):
        return None
    rate = median((later - earlier) / (at - since) for since, earlier in points for at, later in points if at > since)
    last = len(values) - 1
    level = median(value + rate * (last - place) for place, value in points)
    noise = MAD_TO_SIGMA * median(abs(value + rate * (last - place) - level) for place, value in points)
    return Growth(level, rate) if rate > 0 and total >= NOISE_FACTOR * noise else None


def _fades_below_full(high: float, first: float, second: float) -> bool:
    """Whether steps that shrink as these two do, for ever, add up to less than the limit."""
    ratio = second / first
    return ratio < SLOWING and high + second * ratio / (1 - ratio) < 1.0
