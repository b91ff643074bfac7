"""Tell metric samples from values and times that cannot be true. Pure.

Collectors fill in a constant where they measured nothing: DCGM's blanks, an unsigned -1, NaN. A rule that believes one
sees a busy GPU, or a full disk. Providers call `validate_series` on what they decoded; `sample_gaps` reports the rest.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.metrics import (
    ALL_METRICS,
    KNOWN_METRICS,
    DiscardedSamples,
    MetricPoint,
    MetricSeries,
    display_unit,
)

TOLERANCE = 0.05
"""How far a fraction may be outside 0 to 1: averages and clocks are not exact."""
LARGEST_SHARE = 1.5
"""How far a quantity may be above its limit, as a share of the limit: usage and limit are not measured alike."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far a sample may be ahead of the time that was asked for."""
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""No platform measured anything before; an earlier time is an unset or broken clock."""

_FRACTION = (-TOLERANCE, 1 + TOLERANCE)
_LARGEST = {"_bytes": 2.0**47 - 1, "_cores": 2.0**20, "_seconds": 1e7, "": 1e9}
"""Largest quantity without a known limit; "" is a number or a rate."""
_BLANKS = frozenset(
    float(first + offset)
    for first, count in ((2**31 - 16, 16), (2**32 - 16, 16), (2**47, 4), (2**63 - 16, 20), (2**64 - 16, 16))
    for offset in range(count)
)
"""What collectors send for "not measured": the largest integers and DCGM's blanks with their reasons. No amount of
memory is equal to one, because memory is counted in pages."""
_LEAST_PERCENT = 2.0
"""A metric whose samples are all smaller is not recognised as one in percent."""
_MAX_NAMED = 2
"""Series that a gap names."""

_RATIOS = frozenset(name for name in KNOWN_METRICS if name.endswith("_ratio"))


def _ending(name: str) -> str:
    endings = ("_ratio", "_bytes", "_cores", "" if name.endswith("_per_second") else "_seconds")
    return next((ending for ending in endings if name.endswith(ending)), "")


_ENDINGS = {name: _ending(name) for name in ALL_METRICS}


def validate_series(
    series: Iterable[MetricSeries], *, latest: datetime | None = None, percent: Collection[str] = ()
) -> tuple[MetricSeries, ...]:
    """Return the series without the samples that cannot be true; each keeps their count.

    A fraction that arrives in percent is recognised by all series of its name together, and converted. Metrics that
    are not in ALL_METRICS stay as they are: nobody knows their range, and the NaN of a diverged loss is true.

    Args:
        series: what one answer holds, each with samples oldest first.
        latest: the end of the time range that was asked for.
        percent: names known to be in percent; while a GPU idles its own samples cannot show it.
    """
    found = tuple(series)
    newest = None if latest is None else latest + CLOCK_SKEW
    suspects = [one.name for one in found if not _is_plausible(one, newest)]
    if not suspects and not percent:
        return found
    in_percent = {name for name in _RATIOS if name in percent or (name in suspects and _is_in_percent(found, name))}
    return tuple(
        _without_impossible(one, newest, in_percent=one.name in in_percent)
        if one.name in suspects or one.name in in_percent
        else one
        for one in found
    )


def sample_gaps(series: Iterable[MetricSeries]) -> tuple[Gap, ...]:
    """Report what `validate_series` discarded or converted, and values of other metrics that are not finite."""
    by_name: dict[str, list[MetricSeries]] = {}
    for one in series:
        if one.discarded is not None or one.in_percent or one.name not in _ENDINGS:
            by_name.setdefault(one.name, []).append(one)
    return tuple(gap for name, several in by_name.items() for gap in _gaps_of(name, several))


def join_discarded(
    older: DiscardedSamples | None, newer: DiscardedSamples | None, more: int = 0
) -> DiscardedSamples | None:
    """Add what was discarded in two parts of a series; `more` samples were in a part without any."""
    if older is None or newer is None:
        only = newer or older
        return None if only is None else replace(only, total=only.total + more)
    return DiscardedSamples(older.count + newer.count, older.total + newer.total, newer.example)


def _is_plausible(series: MetricSeries, newest: datetime | None) -> bool:
    """Whether every sample can be true. Called for each series of each poll, so it never loops in Python."""
    points = series.points
    if not points or series.name not in _ENDINGS:
        return True
    values = [point[0] for point in points]
    if not math.isfinite(sum(values)):  # NaN cannot be sorted
        return False
    values.sort()  # faster than min and max
    lowest, highest = values[0], values[-1]
    low, high = _range(series)
    if lowest < low or highest > high:
        return False
    if not (highest < 2147483632.0 or lowest > 4294967296.0) and not _BLANKS.isdisjoint(values):
        return False
    first, last = points[0][1], points[-1][1]
    return first is None or last is None or (first >= EARLIEST and (newest is None or last <= newest))


def _range(series: MetricSeries) -> tuple[float, float]:
    ending = _ENDINGS[series.name]
    if ending == "_ratio":
        return _FRACTION
    return -TOLERANCE, LARGEST_SHARE * series.limit if series.limit else _LARGEST[ending]


def _is_in_percent(series: Iterable[MetricSeries], name: str) -> bool:
    """Whether more samples only make sense as percent than only as fractions. 0 and 1 may be either."""
    values = [point.value for one in series if one.name == name for point in one.points]
    above = [value for value in values if 1 + TOLERANCE < value <= 100 * (1 + TOLERANCE)]
    fractions = sum(0 < value < 1 for value in values)
    return len(above) > fractions and max(above) >= _LEAST_PERCENT


def _without_impossible(series: MetricSeries, newest: datetime | None, *, in_percent: bool) -> MetricSeries:
    factor = 100.0 if in_percent else 1.0
    low, high = _range(series)
    kept: list[MetricPoint] = []
    wrong: list[MetricPoint] = []
    for point in series.points:
        is_value = low <= point.value <= high * factor and point.value not in _BLANKS
        (kept if is_value and _is_time(point.at, newest) else wrong).append(point)
    if in_percent:
        kept = [point._replace(value=point.value / factor) for point in kept]
    discarded = (
        DiscardedSamples(len(wrong), len(series.points), _describe(wrong[0], newest)) if wrong else series.discarded
    )
    return replace(series, points=tuple(kept), discarded=discarded, in_percent=in_percent)


def _is_time(at: datetime | None, newest: datetime | None) -> bool:
    return at is None or (at >= EARLIEST and (newest is None or at <= newest))


def _describe(point: MetricPoint, newest: datetime | None) -> str:
    value, at, _ = point
    if at is not None and not _is_time(at, newest):
        return f"one of {at:%Y-%m-%d %H:%M} UTC"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e20 else f"{value:.4g}"


def _gaps_of(name: str, series: Sequence[MetricSeries]) -> Iterable[Gap]:
    words = display_unit(name)[0]
    if name not in _ENDINGS:
        values = [point.value for one in series for point in one.points]
        if not math.isfinite(sum(values)) and (bad := sum(not math.isfinite(value) for value in values)):
            text = f"{bad:,} of {len(values):,} values of {words} are NaN or infinite."
            yield Gap(Part.METRICS, GapReason.INVALID_SAMPLES, text, samples=bad)
        return
    affected = [one for one in series if one.discarded is not None]
    wrong = [one.discarded for one in affected if one.discarded is not None]
    if wrong:
        count, total = sum(one.count for one in wrong), sum(one.total for one in wrong)
        of = f"{words}{_places(affected)}"
        text = f"{count:,} of {total:,} samples of {of} cannot be true, such as {wrong[0].example}. They are ignored."
        yield Gap(Part.METRICS, GapReason.INVALID_SAMPLES, text, samples=count)
    if any(one.in_percent for one in series):
        text = f"The platform sends {words} in percent, not as a fraction. The values were divided by 100."
        yield Gap(Part.METRICS, GapReason.INVALID_SAMPLES, text)


def _places(series: Sequence[MetricSeries]) -> str:
    """Name the GPUs and nodes, if they are few."""
    places = [
        " ".join(filter(None, (one.node, f"GPU {one.gpu}" if one.gpu is not None else ""))) for one in series
    ]  # fmt: skip
    named = [place for place in places if place]
    if not named:
        return ""
    return f" ({', '.join(named)})" if len(named) <= _MAX_NAMED else f" ({len(named)} series)"
