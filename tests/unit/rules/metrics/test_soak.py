"""Healthy runs of a day on two nodes of eight GPUs: no metric rule fires."""

from __future__ import annotations

import pytest

from tests.unit.rules.runs import healthy, watch

METRIC_RULES = (
    "low_gpu_utilization",
    "gpu_straggler",
    "gpu_memory_pressure",
    "host_memory_pressure",
    "storage_pressure",
)


@pytest.mark.parametrize("rule", METRIC_RULES)
def test_a_healthy_day_is_quiet(rule: str) -> None:
    assert watch(healthy(1000), rule, minutes=24 * 60, every=10).evidence == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", METRIC_RULES)
def test_fifty_healthy_days_are_quiet(rule: str) -> None:
    noisy = {seed: watch(healthy(seed), rule, minutes=24 * 60).evidence for seed in range(50)}

    assert {} == {seed: evidence for seed, evidence in noisy.items() if evidence}
