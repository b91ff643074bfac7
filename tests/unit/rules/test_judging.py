"""One look judged by every wanted rule, whoever asks for it."""

from __future__ import annotations

from bot.domain.subscriptions import RuleSettings
from bot.rules.judging import metrics_window, wanted_rules
from tests.unit.rules.observing import MINUTE

SLOW = RuleSettings({"low_gpu_utilization": {"for": 3600.0}})


def test_each_distinct_setting_is_judged_once_however_many_share_it() -> None:
    wanted = wanted_rules([RuleSettings(), RuleSettings(), SLOW])

    assert ["", "for=3600.0"] == [key for rule, key in wanted if rule == "low_gpu_utilization"]
    assert [""] == [key for rule, key in wanted if rule == "job_failed"]


def test_a_rule_that_all_have_off_is_not_judged() -> None:
    wanted = wanted_rules([RuleSettings(off=("log_errors",)), RuleSettings(off=("log_errors", "hang"))])

    assert "log_errors" not in {rule for rule, _ in wanted}
    assert "hang" in {rule for rule, _ in wanted}


def test_the_widest_rule_says_how_far_back_metrics_are_needed() -> None:
    names = ("gpu_straggler", "gpu_memory_pressure", "host_memory_pressure", "storage_pressure")
    wide = RuleSettings({"low_gpu_utilization": {"for": 86400.0, "warmup": 60.0}})

    assert 1441 * MINUTE == metrics_window(wanted_rules([wide]))
    assert metrics_window(wanted_rules([RuleSettings(off=(*names, "low_gpu_utilization"))])) is None
