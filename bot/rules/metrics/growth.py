"""Whether a level grows steadily, and how long it takes to be full at that rate: robust statistics on few values. Pure.

Not what the level is of, nor who is told (`metric_capacity.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

MIN_GROWTH = 0.005
"""Growth over the window, as a share of the limit, below which it is none."""
LEAST_VALUES = 9
LEAST_SHARE = 0.6
"""Of the window, what must be left without holes and outliers."""
EACH_STEP = 0.25
"""Of the growth, what must come between the first and the second third, and between the second and the last: a level
that jumps once and stays is no leak."""
LARGEST_JUMP = 0.4
"""Of the whole range, the most that two neighbours may differ: the end of a dip is no growth."""
NOISE_FACTOR = 4.0
"""Growth must be so many times the noise around the line."""
FINE = 0.002
"""A difference of which nothing is made."""
MAD_TO_SIGMA = 1.4826
MEDIAN_ERROR = 1.2533
"""Standard error of a median, in those of a mean, for normal noise."""
SURE = 2.0
"""Standard errors by which growth that fades out is given the benefit of the doubt."""
SLOWING = 0.9
"""When the second step is a smaller part than this of the first, the growth is taken to fade out."""

Point = tuple[int, float]
"""Place in the window, level."""


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
    levels = [value for value in values if value is not None]
    if len(levels) < LEAST_VALUES or max(levels) - min(levels) < MIN_GROWTH:
        return None
    points = _without_outliers([(place, value) for place, value in enumerate(values) if value is not None])
    if len(points) < max(LEAST_VALUES, LEAST_SHARE * len(values)) or _jumps(points):
        return None
    third = len(points) // 3
    parts = (points[:third], points[third:-third], points[-third:])
    low, middle, high = (median(value for _, value in part) for part in parts)
    total, first, second = high - low, middle - low, high - middle
    if total < MIN_GROWTH or min(first, second) < EACH_STEP * total:
        return None
    rate, residuals = _fit(points)
    noise = _deviation(residuals)
    error = SURE * MEDIAN_ERROR * noise * math.sqrt(2 / third)
    if rate <= 0 or total < NOISE_FACTOR * noise or _fades_below_full(high, first + error, second - error):
        return None
    return Growth(median(residuals) + rate * (len(values) - 1), rate)


def _fit(points: Sequence[Point]) -> tuple[float, list[float]]:
    """The slope, and what is left of every value without it."""
    slope = median((later - earlier) / (at - since) for (since, earlier), (at, later) in combinations(points, 2))
    return slope, [value - slope * place for place, value in points]


def _deviation(values: Sequence[float]) -> float:
    centre = median(values)
    return MAD_TO_SIGMA * median(abs(value - centre) for value in values)


def _without_outliers(points: Sequence[Point]) -> list[Point]:
    """A checkpoint or an evaluation raises or lowers a level for a few minutes: that says nothing of its growth."""
    _, residuals = _fit(points)
    centre, allowed = median(residuals), NOISE_FACTOR * _deviation(residuals)
    return [point for point, rest in zip(points, residuals, strict=True) if abs(rest - centre) <= allowed + FINE]


def _jumps(points: Sequence[Point]) -> bool:
    levels = [value for _, value in points]
    largest = max(abs(after - before) for before, after in pairwise(levels))
    return largest > LARGEST_JUMP * (max(levels) - min(levels))


def _fades_below_full(high: float, first: float, second: float) -> bool:
    """Whether steps that shrink as these two do, for ever, add up to less than the limit."""
    ratio = max(0.0, second / first)
    return ratio < SLOWING and high + second * ratio / (1 - ratio) < 1.0
