"""Estimate whether a level grows steadily and when it will be full: robust statistics on few values. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

MIN_GROWTH = 0.005
"""Less growth over the window, as a share of the limit, does not count."""
MIN_VALUES = 9
MIN_SHARE = 0.6
"""Share of the window that must remain after holes and outliers are removed."""
MIN_THIRD = 0.25
"""Share of the growth that must come between the first and second third of the window, and again between the second
and last: a level that jumps once and then stays does not leak."""
MAX_JUMP = 0.4
"""The largest difference between neighbours, as a share of the range: the end of a dip is not growth."""
NOISE_FACTOR = 4.0
"""Growth must exceed the noise around the fitted line by this factor."""
NEGLIGIBLE = 0.002
"""Differences up to this are not outliers."""
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for normal noise."""
MEDIAN_ERROR = 1.2533
"""Standard error of a median relative to that of a mean, for normal noise."""
MARGIN = 2.0
"""Standard errors of doubt in favour of growth that seems to fade out."""
SLOWING = 0.9
"""Growth fades out when its second step is below this share of its first."""

Point = tuple[int, float]
"""Index in the window, level."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Steady growth."""

    level: float
    """Of the fitted line at the newest value."""
    rate: float
    """Per value; positive."""

    @property
    def values_left(self) -> float:
        """Number of values until the level is 1."""
        return max(0.0, 1.0 - self.level) / self.rate


def steady_growth(values: Sequence[float | None]) -> Growth | None:
    """Return the growth in evenly spaced levels, or None when it is not steady or fades out.

    A level of 1 is full; None was not measured. The slope is the Theil-Sen estimate, the median of the slopes between
    all pairs, which outliers do not affect up to a quarter of the values.
    """
    levels = [value for value in values if value is not None]
    if len(levels) < MIN_VALUES or max(levels) - min(levels) < MIN_GROWTH:
        return None
    points = _without_outliers([(index, value) for index, value in enumerate(values) if value is not None])
    if len(points) < max(MIN_VALUES, MIN_SHARE * len(values)) or _jumps(points):
        return None
    third = len(points) // 3
    parts = (points[:third], points[third:-third], points[-third:])
    low, middle, high = (median(value for _, value in part) for part in parts)
    total, first, second = high - low, middle - low, high - middle
    if total < MIN_GROWTH or min(first, second) < MIN_THIRD * total:
        return None
    rate, residuals = _fit(points)
    noise = robust_deviation(residuals, median(residuals))
    error = MARGIN * MEDIAN_ERROR * noise * math.sqrt(2 / third)
    if rate <= 0 or total < NOISE_FACTOR * noise or _fades_below_full(high, first + error, second - error):
        return None
    return Growth(median(residuals) + rate * (len(values) - 1), rate)


def robust_deviation(values: Iterable[float], centre: float) -> float:
    """Standard deviation around a median, estimated from the median absolute deviation."""
    return MAD_TO_SIGMA * median(abs(value - centre) for value in values)


def _fit(points: Sequence[Point]) -> tuple[float, list[float]]:
    """Return the slope, and each value without it."""
    slope = median((later - earlier) / (at - since) for (since, earlier), (at, later) in combinations(points, 2))
    return slope, [value - slope * index for index, value in points]


def _without_outliers(points: Sequence[Point]) -> list[Point]:
    """Drop outliers: a checkpoint or an evaluation changes a level for minutes without affecting its growth."""
    _, residuals = _fit(points)
    centre = median(residuals)
    allowed = NOISE_FACTOR * robust_deviation(residuals, centre) + NEGLIGIBLE
    return [point for point, rest in zip(points, residuals, strict=True) if abs(rest - centre) <= allowed]


def _jumps(points: Sequence[Point]) -> bool:
    levels = [value for _, value in points]
    largest = max(abs(after - before) for before, after in pairwise(levels))
    return largest > MAX_JUMP * (max(levels) - min(levels))


def _fades_below_full(high: float, first: float, second: float) -> bool:
    """Whether steps that keep shrinking at this ratio add up to less than the limit."""
    ratio = max(0.0, second / first)
    return ratio < SLOWING and high + second * ratio / (1 - ratio) < 1.0
