"""Settings from the environment and `.env`: priority, validation errors, secrets."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.environment import provider_config
from bot.errors import ConfigError
from bot.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def configured() -> dict[str, str]:
    return {name: value for name, value in provider_config().items() if not name.startswith("pytest_")}


def test_defaults_without_variables() -> None:
    settings = load_settings()
    assert settings.slack_bot_token is None
    assert settings.trainwatch_slack_mode == "socket"
    assert settings.trainwatch_overlap == timedelta(seconds=90)
    assert settings.secrets == ()


def test_environment_overrides_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TRAINWATCH_POLL_INTERVAL=30s\nTRAINWATCH_HTTP_PORT=1234\nACME_API_KEY=from-file\n")
    monkeypatch.setenv("TRAINWATCH_POLL_INTERVAL", "1h30m")
    monkeypatch.setenv("Acme_Region", "eu")
    settings = load_settings()
    assert (settings.trainwatch_poll_interval, settings.trainwatch_http_port) == (timedelta(minutes=90), 1234)
    assert configured() == {
        "trainwatch_poll_interval": "1h30m",
        "trainwatch_http_port": "1234",
        "acme_api_key": "from-file",
        "acme_region": "eu",
    }


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "")
    monkeypatch.setenv("ACME_API_KEY", "")
    assert load_settings().slack_bot_token is None
    assert configured() == {}


def test_invalid_values_are_reported_with_their_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = {
        "TRAINWATCH_SLACK_MODE": "pigeon-secret",
        "TRAINWATCH_HTTP_PORT": "70000",
        "TRAINWATCH_POLL_INTERVAL": "soon",
        "TRAINWATCH_POLL_CONCURRENCY": "0",
    }
    for name, value in invalid.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    for name in invalid:
        assert f"{name}: " in caught.value.public
    assert "TRAINWATCH_SLACK_MODE: must be 'socket' or 'http'" in caught.value.public
    assert "TRAINWATCH_POLL_INTERVAL: must be a number and a unit, such as 15s" in caught.value.public
    assert "pigeon-secret" not in caught.value.public


def test_secrets_include_every_key_token_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "signed",
        "DATABASE_URL": "postgresql://user:p@ss@host/name",
        "ACME_API_KEY": "short",
        "ACME_TOKEN": "long-enough-to-be-one",
        "SOME_KEY": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings().secrets == ("long-enough-to-be-one", "p@ss", "short", "signed", "xoxb-1")


def test_repr_shows_no_secret() -> None:
    assert "xoxb-1" not in repr(Settings(slack_bot_token="xoxb-1"))


def test_binary_env_file_is_rejected() -> None:
    Path(".env").write_bytes(b"SLACK_BOT_TOKEN=\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert ".env is not UTF-8 text" in caught.value.public
