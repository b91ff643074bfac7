"""Settings come from the environment and `.env`; what is wrong is named, secrets are not."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.settings import Settings, load_settings, provider_config


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def set_here() -> dict[str, str]:
    return {name: value for name, value in provider_config().items() if not name.startswith("pytest_")}


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.slack_bot_token is None
    assert settings.trainwatch_slack_mode == "socket"
    assert settings.trainwatch_overlap == timedelta(seconds=90)
    assert settings.secrets == ()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TRAINWATCH_POLL_INTERVAL=30s\nTRAINWATCH_HTTP_PORT=1234\nACME_API_KEY=filed\n")
    monkeypatch.setenv("TRAINWATCH_POLL_INTERVAL", "1h30m")
    monkeypatch.setenv("Acme_Region", "eu")
    settings = load_settings()
    assert (settings.trainwatch_poll_interval, settings.trainwatch_http_port) == (timedelta(minutes=90), 1234)
    assert set_here() == {
        "trainwatch_poll_interval": "1h30m",
        "trainwatch_http_port": "1234",
        "acme_api_key": "filed",
        "acme_region": "eu",
    }


def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "")
    monkeypatch.setenv("ACME_API_KEY", "")
    assert load_settings().slack_bot_token is None
    assert set_here() == {}


def test_every_wrong_value_is_named_with_what_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "TRAINWATCH_SLACK_MODE": "pigeon-secret",
        "TRAINWATCH_HTTP_PORT": "70000",
        "TRAINWATCH_POLL_INTERVAL": "soon",
        "TRAINWATCH_POLL_CONCURRENCY": "0",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    for name in wrong:
        assert f"{name}: " in caught.value.public
    assert "'socket' or 'http'" in caught.value.public
    assert "write a time span such as 15s" in caught.value.public
    assert "pigeon-secret" not in caught.value.public


def test_every_secret_is_known_to_the_redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "signed",
        "DATABASE_URL": "postgresql://user:p@ss@host/name",
        "ACME_API_KEY": "short",
        "ACME_TOKEN": "long-enough-to-be-one",
        "SOME_KEY": "true",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings().secrets == ("long-enough-to-be-one", "p@ss", "short", "signed", "xoxb-1")


def test_no_secret_is_in_a_picture_of_the_settings() -> None:
    assert "xoxb-1" not in repr(Settings(slack_bot_token="xoxb-1"))


def test_a_file_that_is_no_text_is_explained() -> None:
    Path(".env").write_bytes(b"SLACK_BOT_TOKEN=\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert ".env is not UTF-8 text" in caught.value.public
