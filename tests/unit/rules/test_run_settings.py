"""Settings of the messages about runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.subscriptions import NotifyLevel, RuleSettings, RunSettings
from bot.errors import ConfigError, UsageError
from bot.rules.diagnosis_config import parse_defaults
from bot.rules.settings import format_settings, overlay, parse_settings
from bot.store.codec import from_json, to_json

WORDS = ("log_errors=off", "notify=all", "milestones=1000", "queued=1h30m", "time_limit=2d")
ALL = RunSettings(NotifyLevel.ALL, 1000, timedelta(minutes=90), timedelta(days=2))


def test_settings_survive_text_storage_and_defaults() -> None:
    settings = parse_settings(WORDS)

    assert settings.run == ALL
    assert format_settings(settings, is_exact=True) == WORDS
    assert from_json(to_json(settings), RuleSettings) == settings
    assert overlay(parse_settings(["hang=off"]), settings).run == ALL


def test_defaults_are_not_written_and_old_rows_have_them() -> None:
    usual = parse_settings(["notify=failures", "milestones=25%", "queued=10m", "time_limit=off"])

    assert usual == RuleSettings() == from_json('{"parameters":{},"off":[],"min_severity":"info"}', RuleSettings)
    assert format_settings(usual) == ()


@pytest.mark.parametrize(
    "word",
    [
        "notify=everything",
        "notify.for=1h",
        "milestones=0",
        "milestones=-5",
        "milestones=1e9",
        "milestones=" + "9" * 30,
        "milestones=\u0661",
        "queued=soon",
        "queued=0s",
        "queued=9999d",
        "time_limit=-1h",
    ],
)
def test_an_invalid_value_is_explained(word: str) -> None:
    with pytest.raises(UsageError) as problem:
        parse_settings([word])
    assert len(problem.value.public) < 400


@pytest.mark.parametrize("name", ["notify", "milestones", "queued", "time_limit"])
def test_a_file_of_rule_settings_cannot_choose_them(name: str) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` cannot be set in a file"):
        parse_defaults(f'{name} = "all"\n')
