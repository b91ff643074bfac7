"""How a deployment serves its requests, in words; and the validation of what is measured about it."""

from __future__ import annotations

import math

import pytest

from bot.domain.metric_validation import sample_gaps, validate_series
from bot.domain.metrics import (
    REPLICAS,
    REPLICAS_STARTING,
    REQUESTS,
    REQUESTS_FAILED,
    REQUESTS_IN_FLIGHT,
    SERVING_METRICS,
    MetricPoint,
    MetricSeries,
    display_unit,
    missing_metrics,
    summarize,
)
from bot.domain.serving import serving_sentence

FAST, SLOW = "response_time_p50_seconds", "response_time_p99_seconds"


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({}, ""),
        ({REPLICAS: 1}, "1 replica"),
        ({REPLICAS: 2, REPLICAS_STARTING: 3}, "2 replicas and 3 starting"),
        ({REPLICAS: 0, REQUESTS: 0}, "0 replicas, 0 requests/s"),
        ({REQUESTS: 12.34, REQUESTS_FAILED: 0}, "12 requests/s"),
        ({REQUESTS: 4, REQUESTS_FAILED: 1}, "4 requests/s, 25% failed"),
        ({REQUESTS: 400, REQUESTS_FAILED: 1}, "400 requests/s, under 1% failed"),
        ({REQUESTS_IN_FLIGHT: 2.5}, "2.5 in flight"),
        ({FAST: 0.42}, "response time 0.42 s"),
        ({FAST: 0.42, SLOW: 12.0}, "response time 0.42 s (p99 12 s)"),
    ],
)
def test_a_deployment_is_described(measured: dict[str, float], expected: str) -> None:
    summaries = [summarize(MetricSeries(name, (MetricPoint(value),))) for name, value in measured.items()]
    assert serving_sentence(one for one in summaries if one is not None) == expected


@pytest.mark.parametrize("name", SERVING_METRICS)
@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, float(2**31 - 1), float(2**63), 1e12])
def test_an_impossible_sample_of_a_deployment_is_left_out_and_counted(name: str, wrong: float) -> None:
    series = MetricSeries(name, tuple(map(MetricPoint, (0.0, wrong, 2.0))))
    (found,) = validate_series([series])
    assert [point.value for point in found.points] == [0.0, 2.0]
    assert [gap.samples for gap in sample_gaps([found])] == [1]


def test_the_unit_of_a_metric_is_not_repeated_in_its_name() -> None:
    words = {name: display_unit(name) for name in SERVING_METRICS}
    assert words[REQUESTS] == ("requests", 1.0, "/s")
    assert words[SLOW] == ("response time p99", 1.0, "s")
    assert words[REPLICAS] == ("replicas active", 1.0, "")


def test_only_what_a_deployment_names_is_missing() -> None:
    measured = MetricSeries(REPLICAS, (MetricPoint(1.0),))
    assert missing_metrics([measured]) == ()
    assert missing_metrics([measured, MetricSeries(REQUESTS, ())]) == (REQUESTS,)
