"""Parsing rule settings."""

from __future__ import annotations

import pytest

from bot.domain.alerts import Severity
from bot.domain.subscriptions import RuleSettings
from bot.errors import UsageError
from bot.rules.rule import parameters_key
from bot.rules.settings import parse_settings


def test_settings_are_parsed() -> None:
    settings = parse_settings(
        ["low_gpu_utilization.threshold=10%", "low_gpu_utilization.for=30m", "log_errors=off", "severity=warn"]
    )

    assert settings == RuleSettings(
        {"low_gpu_utilization": {"threshold": 0.1, "for": 1800.0}}, ("log_errors",), Severity.WARN
    )


def test_a_default_value_is_dropped() -> None:
    assert parse_settings(["low_gpu_utilization.for=15m"]) == RuleSettings()


def test_a_later_setting_overrides_an_earlier_one() -> None:
    assert parse_settings(["log_errors=off", "log_errors=on"]) == RuleSettings()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("low_gpu_utilisation.for=3m", "did you mean `low_gpu_utilization`?"),
        ("low_gpu_utilization.fro=3m", "it has `threshold`"),
        ("low_gpu_utilization.for=soon", "such as 90s, 30m, 2h or 1d"),
        ("low_gpu_utilization.for=200000w", "maximum is 365d"),
        ("low_gpu_utilization.threshold=200%", "such as 20% or 0.2"),
        ("log_errors=maybe", "Use `on` or `off`"),
        ("severity=loud", "`page`, `warn` or `info`"),
        ("hello", "Invalid setting `hello`"),
        ("log_errors.ignore=" + "x" * 201, "at most 200 characters, not 201"),
    ],
)
def test_an_invalid_setting_has_an_explanation(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings([word])

    assert message in caught.value.public


def test_a_prefix_of_a_rule_name_is_completed_in_the_error() -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings(["low_gpu.for=30m"])

    assert "did you mean `low_gpu_utilization`?" in caught.value.public


def test_equal_parameters_share_a_key() -> None:
    assert parameters_key({"b": 1, "a": 2}) == parameters_key({"a": 2, "b": 1}) == "a=2,b=1"
    assert parameters_key({}) == ""
