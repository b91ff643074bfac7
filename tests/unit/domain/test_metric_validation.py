"""Samples that cannot be true, metrics in percent, and how both are reported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.gaps import GapReason, Part
from bot.domain.metric_validation import join_discarded, sample_gaps, validate_series
from bot.domain.metrics import (
    CACHE_UTILIZATION,
    CPU_USAGE,
    EPHEMERAL_STORAGE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    KNOWN_METRICS,
    MEMORY,
    DiscardedSamples,
    MetricPoint,
    MetricSeries,
    missing_metrics,
)

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
GIB = 2.0**30
GPU_LIMIT = 80 * GIB


def series(
    name: str, values: Sequence[float], *, gpu: int | None = None, node: str | None = None, limit: float | None = None
) -> MetricSeries:
    points = tuple(MetricPoint(value, START + index * timedelta(minutes=1)) for index, value in enumerate(values))
    return MetricSeries(name, points, node, gpu, limit)


def kept(*found: MetricSeries, percent: Sequence[str] = ()) -> list[list[float]]:
    return [[point.value for point in one.points] for one in validate_series(found, percent=percent)]


def texts(*found: MetricSeries) -> list[str]:
    return [gap.public for gap in sample_gaps(validate_series(found))]


@pytest.mark.parametrize(
    "impossible",
    [
        *(-1.0, -0.2, 1.2, 4_294_967_295.0, 2_147_483_632.0, 140_737_488_355_328.0, 140_737_488_355_330.0),
        *(9_223_372_036_854_775_792.0, 18_446_744_073_709_551_615.0, 1.7e308, math.nan, math.inf, -math.inf),
    ],
)
@pytest.mark.parametrize("name", [GPU_UTILIZATION, CACHE_UTILIZATION])
def test_fractions_that_cannot_be_true_are_discarded(name: str, impossible: float) -> None:
    assert [[0.01, 0.03]] == kept(series(name, [0.01, impossible, 0.03]))


@pytest.mark.parametrize("value", [0.0, -0.01, 0.5, 1.0, 1.02])
def test_fractions_within_the_tolerance_are_kept(value: float) -> None:
    assert [[value]] == kept(series(GPU_UTILIZATION, [value]))


@pytest.mark.parametrize(
    "impossible",
    [-GIB, 121 * GIB, 2.0**47, 2.0**47 + 2, 2.0**63 - 16, 2.0**64 - 1, 2.0**31 - 16, 2.0**32 - 1, math.nan, math.inf],
)
def test_memory_that_cannot_be_true_is_discarded(impossible: float) -> None:
    assert [[61 * GIB]] == kept(series(GPU_MEMORY, [61 * GIB, impossible], limit=GPU_LIMIT))


@pytest.mark.parametrize("value", [0.0, 2 * GIB, 4 * GIB, GPU_LIMIT, 1.1 * GPU_LIMIT])
def test_memory_near_its_limit_is_kept(value: float) -> None:
    assert [[value]] == kept(series(GPU_MEMORY, [value], limit=GPU_LIMIT))


@pytest.mark.parametrize(
    ("name", "limit", "impossible"),
    [
        *((MEMORY, None, 2.0**47), (MEMORY, None, 2.0**62), (EPHEMERAL_STORAGE, None, 2.0**63)),
        *((CPU_USAGE, 208.0, 400.0), (CPU_USAGE, None, 2.0**32 - 1), (CPU_USAGE, None, -2.0)),
    ],
)
def test_quantities_without_a_limit_have_a_largest_value(name: str, limit: float | None, impossible: float) -> None:
    assert [[18.0]] == kept(series(name, [18.0, impossible], limit=limit))


@pytest.mark.parametrize("values", [[math.nan] * 3, [math.inf, -math.inf], [-1.0], [2.0**32 - 1] * 4])
def test_a_metric_without_a_possible_sample_is_missing(values: list[float]) -> None:
    found = validate_series([series(GPU_UTILIZATION, values)])
    assert KNOWN_METRICS == missing_metrics(found)
    (gap,) = sample_gaps(found)
    assert (Part.METRICS, GapReason.INVALID_SAMPLES, len(values)) == (gap.part, gap.reason, gap.samples)
    assert not gap.is_outage


@pytest.mark.parametrize(
    "at",
    [datetime(1970, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime(2014, 12, 31, tzinfo=UTC)],
)
def test_times_before_any_platform_are_discarded(at: datetime) -> None:
    one = series(GPU_UTILIZATION, [0.5, 0.6])
    (found,) = validate_series([replace(one, points=(MetricPoint(0.4, at), *one.points))])
    assert one.points == found.points
    assert sample_gaps([found])[0].public.startswith("1 of 3 samples of gpu utilization cannot be true, such as one of")


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(hours=1), timedelta(days=365 * 100)])
def test_times_after_the_requested_range_are_discarded(ahead: timedelta) -> None:
    one = series(GPU_UTILIZATION, [0.5, 0.6])
    latest = START + timedelta(minutes=1)
    later = replace(one, points=(*one.points, MetricPoint(0.4, latest + ahead)))
    (found,) = validate_series([later], latest=latest)
    assert one.points == found.points


def test_clocks_that_differ_a_little_discard_nothing() -> None:
    one = series(GPU_UTILIZATION, [0.5, 0.6])
    assert (one,) == validate_series([one], latest=START - timedelta(minutes=3))


def test_plausible_series_are_returned_as_they_are() -> None:
    found = (series(GPU_UTILIZATION, [0.9], gpu=0), series(MEMORY, [GIB]), series("loss", [math.nan]))
    assert all(one is same for one, same in zip(found, validate_series(found), strict=True))


@pytest.mark.parametrize("values", [[90.0, 94.0], [0.0, 1.0, 1.0, 97.0], [2.0, 0.0, 100.0], [98.5, 101.0]])
def test_a_metric_in_percent_is_converted(values: list[float]) -> None:
    busy, idle = series(GPU_UTILIZATION, values, gpu=0), series(GPU_UTILIZATION, [1.0, 0.0], gpu=1)
    assert [[pytest.approx(value / 100) for value in values], [0.01, 0.0]] == kept(busy, idle)
    (text,) = texts(busy, idle)
    assert "The platform sends gpu utilization in percent, not as a fraction. The values were divided by 100." == text


def test_blanks_in_percent_are_discarded() -> None:
    found = series(GPU_UTILIZATION, [90.0, 4_294_967_295.0, -1.0, math.nan, 80.0])
    assert [[0.9, 0.8]] == kept(found)
    assert 2 == len(texts(found))


@pytest.mark.parametrize("values", [[0.9, 42.0, 0.8], [0.01, 1.5, 0.02, 99.0], [1.2, 1.3], [0.0, 0.0, 150.0]])
def test_single_large_values_are_not_percent(values: list[float]) -> None:
    assert [[value for value in values if value <= 1]] == kept(series(GPU_UTILIZATION, values))


def test_an_idle_metric_is_converted_when_it_is_known_to_be_in_percent() -> None:
    idle = series(GPU_UTILIZATION, [1.0, 0.0, 1.0])
    assert [[1.0, 0.0, 1.0]] == kept(idle)
    assert [[0.01, 0.0, 0.01]] == kept(idle, percent=[GPU_UTILIZATION])


def test_other_metrics_keep_their_values_and_report_those_that_are_not_finite() -> None:
    loss = series("loss", [4.0, math.nan, math.inf])
    assert (loss,) == validate_series([loss])
    assert ["2 of 3 values of loss are NaN or infinite."] == texts(loss)
    assert [] == texts(series("loss", [4.0, -1.0, 2.0**47]))


def test_a_gap_counts_the_samples_of_a_metric_and_names_few_gpus() -> None:
    blank = 140_737_488_355_328.0
    gpus = [series(GPU_UTILIZATION, [0.9, blank if gpu == 3 else 0.9, 0.9], gpu=gpu, node="n0") for gpu in range(4)]
    example = "cannot be true, such as 140,737,488,355,328. They are ignored."
    assert [f"1 of 3 samples of gpu utilization (n0 GPU 3) {example}"] == texts(*gpus)
    all_blank = [series(GPU_UTILIZATION, [0.9, blank], gpu=gpu) for gpu in range(4)]
    assert [f"4 of 8 samples of gpu utilization (4 series) {example}"] == texts(*all_blank)


def test_counts_of_two_parts_are_added() -> None:
    older, newer = DiscardedSamples(1, 10, "NaN"), DiscardedSamples(2, 20, "-1")
    assert DiscardedSamples(3, 30, "-1") == join_discarded(older, newer)
    assert DiscardedSamples(1, 15, "NaN") == join_discarded(older, None, 5)
    assert join_discarded(None, None, 5) is None
