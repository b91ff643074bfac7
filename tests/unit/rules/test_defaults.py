"""An installation's rule settings, which subscriptions override."""

from __future__ import annotations

import pytest

from bot.domain.alerts import Severity
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError
from bot.rules.diagnosis_config import parse_defaults
from bot.rules.evaluate import wanted_rules
from bot.rules.settings import format_settings, overlay, parse_settings

OWN = """
log_errors = "off"
loss = false
low_gpu_utilization.threshold = "40%"

[failure]
quiet_after = "1h"
"""


def test_a_file_has_the_same_settings_as_typed_ones() -> None:
    typed = ["log_errors=off", "loss=off", "low_gpu_utilization.threshold=40%", "failure.quiet_after=1h"]

    assert parse_settings(typed) == parse_defaults(OWN)


def test_an_empty_file_changes_nothing() -> None:
    assert RuleSettings() == parse_defaults("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\nlog_error = "off"', "line 2: There is no rule `log_error`; did you mean `log_errors`?"),
        ("[failure]\n\nquiet_after = 30", "line 3: Invalid duration `30` in `failure.quiet_after=30`"),
        ('"hang".quiet_after = "soon"', "line 1: Invalid duration `soon`"),
        ('severity = "warn"', "line 1: `severity` cannot be set in a file"),
        ("loss = [1]", "line 1: Invalid value for `loss`. Use a string, a number, true or false."),
        ('loss = "maybe"', "line 1: Invalid value in `loss=maybe`. Use `on` or `off`"),
        ('hang = false\nrules = ["loss > 5 fro 10m"]', "line 2: Unknown word `fro`. Did you mean `for`?"),
        ("rules = [5]", "line 1: `rules` is a list of rules in quotes"),
        ("loss = ", "Invalid TOML: Invalid value (at end of document)"),
    ],
)
def test_an_error_names_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_defaults(text)

    assert caught.value.public.startswith(message)


def test_a_subscription_inherits_the_installations_settings() -> None:
    holds = overlay(parse_defaults(OWN), parse_settings(["hang=off", "low_gpu_utilization.for=30m", "severity=warn"]))

    assert ("hang", "log_errors", "loss") == holds.off
    assert {"threshold": 0.4, "for": 1800.0} == holds.parameters["low_gpu_utilization"]
    assert Severity.WARN is holds.min_severity


def test_a_subscription_can_restore_the_built_in_defaults() -> None:
    own = parse_settings(["log_errors=on", "low_gpu_utilization.threshold=20%"], parse_defaults(OWN))

    holds = overlay(parse_defaults(OWN), own)

    assert RuleSettings({"low_gpu_utilization": {"threshold": 0.2}}, on=("log_errors",)) == own
    assert ("loss",) == holds.off
    assert {"failure": {"quiet_after": 3600.0}} == holds.parameters


def test_settings_equal_to_the_installations_are_dropped() -> None:
    typed = ["log_errors=off", "low_gpu_utilization.threshold=40%", "hang=on"]

    assert RuleSettings() == parse_settings(typed, parse_defaults(OWN))


def test_a_file_may_write_rules_and_a_channel_may_switch_them() -> None:
    defaults = parse_defaults('rules = ["loss > 5 for 10m", "kl > 1"]')
    own = parse_settings(["kl>1=off", "eval/accuracy falls", "loss > 5 for 10 min"], defaults)

    assert own == RuleSettings(own=("eval/accuracy falls",), off=("kl > 1",))
    merged = overlay(defaults, own)
    assert merged.own == ("loss > 5 for 10m", "kl > 1", "eval/accuracy falls")
    assert {one for one, _ in wanted_rules([merged]) if " " in one} == {"loss > 5 for 10m", "eval/accuracy falls"}
    assert parse_settings(format_settings(own), defaults) == own
