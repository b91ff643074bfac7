"""Evaluating every wanted rule on one observation."""

from __future__ import annotations

from dataclasses import replace

from bot.diagnosis.findings import Diagnosis
from bot.domain.metrics import GPU_MEMORY
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.evaluate import evaluate_rules, longest_metrics_window, wanted_rules
from bot.rules.rule import Unit
from tests.unit.rules.observing import MINUTE, REF, START, gpu, job, line

SLOW = RuleSettings({"low_gpu_utilization": {"for": 3600.0}})


def test_each_distinct_setting_is_evaluated_once() -> None:
    wanted = wanted_rules([RuleSettings(), RuleSettings(), SLOW])

    assert ["", "for=3600.0"] == [key for rule, key in wanted if rule == "low_gpu_utilization"]
    assert [""] == [key for rule, key in wanted if rule == "job_failed"]


def test_a_rule_that_is_off_everywhere_is_not_evaluated() -> None:
    wanted = wanted_rules([RuleSettings(off=("log_errors",)), RuleSettings(off=("log_errors", "hang"))])

    assert "log_errors" not in {rule for rule, _ in wanted}
    assert "hang" in {rule for rule, _ in wanted}


def test_the_longest_metrics_window_of_all_rules_is_used() -> None:
    names = (
        "failed_requests",
        "gpu_straggler",
        "gpu_memory_pressure",
        "host_memory_pressure",
        "storage_pressure",
    )
    wide = RuleSettings({"low_gpu_utilization": {"for": 86400.0, "warmup": 60.0}})

    assert 1441 * MINUTE == longest_metrics_window(wanted_rules([wide]))
    assert longest_metrics_window(wanted_rules([RuleSettings(off=(*names, "low_gpu_utilization"))])) is None


def test_an_alert_is_changed_only_when_it_differs() -> None:
    wanted = wanted_rules([RuleSettings()])
    quiet = Observation(REF, START, job())
    first = evaluate_rules((), wanted, Observation(REF, START, job(), (line("ERROR: disk"),)), Diagnosis())
    second = evaluate_rules([one.alert for one in first], wanted, quiet, Diagnosis())

    assert ["log_errors"] == [one.alert.rule for one in first if one.changed]
    assert [] == [one.alert.rule for one in second if one.changed]
    assert [one.alert for one in first] == [one.alert for one in second]


def test_zero_durations_can_be_evaluated() -> None:
    durations = {rule.name: {one.name: 0.0 for one in rule.parameters if one.unit is Unit.DURATION} for rule in RULES}
    levels = replace(gpu([0.9] * 90), name=GPU_MEMORY, limit=1.0)
    observation = Observation(
        REF, START + 90 * MINUTE, job(), series=(*(gpu([0.9] * 90, index=one) for one in range(4)), levels)
    )

    evaluated = evaluate_rules((), wanted_rules([RuleSettings(durations)]), observation, Diagnosis())

    assert [] == [one.alert.rule for one in evaluated if one.transition]
