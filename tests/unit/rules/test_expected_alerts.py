"""The sentence that says what a subscription reports."""

from __future__ import annotations

import pytest

from bot.domain.alerts import Severity
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.expected_alerts import expected_alerts

EVERY_RULE = tuple(rule.name for rule in RULES)
ALL = "failures, hangs, NaN, errors, failed requests, idle GPUs, stragglers, memory filling up and full disks"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (RuleSettings(), f"You'll hear about {ALL}."),
        (RuleSettings(off=("log_errors", "gpu_memory_pressure")), f"You'll hear about {ALL.replace(' errors,', '')}."),
        (RuleSettings(min_severity=Severity.PAGE), "You'll hear about failures, hangs, NaN and failed requests."),
        (RuleSettings(off=tuple(one for one in EVERY_RULE if one != "hang")), "You'll hear about hangs."),
        (RuleSettings(off=EVERY_RULE), "All alert rules are off."),
        (RuleSettings(min_severity=Severity.INFO, on=("hang",)), f"You'll hear about {ALL}."),
    ],
)
def test_the_sentence_names_what_is_reported(settings: RuleSettings, sentence: str) -> None:
    assert expected_alerts(settings) == sentence
