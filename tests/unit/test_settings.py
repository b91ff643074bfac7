"""Settings from the environment and `.env`: priority, validation errors, secrets."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.environment import provider_config
from bot.errors import ConfigError
from bot.providers.http.client import require_setting
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
        assert f"{name} must be " in caught.value.public
    assert "TRAINWATCH_SLACK_MODE must be 'socket' or 'http'" in caught.value.public
    assert "TRAINWATCH_POLL_INTERVAL must be a number and a unit, such as 15s" in caught.value.public
    assert "pigeon-secret" not in caught.value.public


def test_secrets_include_every_key_token_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "signed",
        "DATABASE_URL": "postgresql://user:p@ss@host/name",
        "HTTPS_PROXY": "http://me:proxy-p%23ss@proxy.test:3128",
        "ALL_PROXY": "me:all-pass@proxy.test:3128",
        "NO_PROXY": "a.test:80",
        "ACME_API_KEY": "short",
        "ACME_TOKEN": "long-enough-to-be-one",
        "SOME_KEY": "true",
        "TRAINWATCH_WEBHOOK_OPS_SECRET": "hmac-key",
        "TRAINWATCH_WEBHOOK_OPS_URL": "https://hooks.test/in/9f8e7d",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxies = {"all-pass", "proxy-p#ss", "proxy-p%23ss"}
    webhooks = {"hmac-key", "https://hooks.test/in/9f8e7d"}
    expected = {"long-enough-to-be-one", "p@ss", "short", "signed", "xoxb-1"} | proxies | webhooks
    assert set(load_settings().secrets) == expected


def test_values_are_repaired_wherever_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfSLACK_BOT_TOKEN=xoxb-1\r\nACME_API_KEY=Bearer k3y\r\n")
    monkeypatch.setenv("SLACK_APP_TOKEN", "\ufeffxapp-1\r")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", '"signed"')
    monkeypatch.setenv("TRAINWATCH_SLACK_MODE", "HTTP\n")
    monkeypatch.setenv("TRAINWATCH_LOG_LEVEL", "Warning")
    settings = load_settings()
    assert settings.secrets == ("k3y", "signed", "xapp-1", "xoxb-1")
    assert settings.slack_app_token is not None
    assert settings.slack_app_token.get_secret_value() == "xapp-1"
    assert (settings.trainwatch_slack_mode, settings.trainwatch_log_level) == ("http", "warning")


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("SLACK_APP_TOKEN", "xapp-1\nxapp-2", "contains a line break or an invisible character"),
        ("SLACK_BOT_TOKEN", '"xoxb-1', "starts or ends with a quotation mark"),
        ("SLACK_API_URL", "slack.test", "must be a URL such as https://slack.com/api/"),
        ("TRAINWATCH_PING_URL", "hc-ping.com/1", "must be a URL such as https://hc-ping.com/CHECK"),
        ("TRAINWATCH_PING_URL", "Bearer https://hc-ping.com/1", "must be a URL such as https://hc-ping.com/CHECK"),
        ("TRAINWATCH_HTTP_HOST", "http://0.0.0.0:3000", "must be an address such as 127.0.0.1"),
        ("TRAINWATCH_LOOKBACK", "99999w", "must be at most 365d"),
        ("TRAINWATCH_LOOKBACK", "99999999h", "must be at most 365d"),
        ("TRAINWATCH_LOOKBACK", f"{10**30}d", "must be at most 365d"),
        ("TRAINWATCH_LOOKBACK", "-1h", "must be a number and a unit"),
        ("TRAINWATCH_POLL_INTERVAL", "2d", "must be at most 1d"),
        ("TRAINWATCH_POLL_INTERVAL", "0s", "must be greater than 0 seconds"),
        ("TRAINWATCH_OVERLAP", "13h", "must be at most 12h"),
        ("TRAINWATCH_DRAIN", "PT25H", "must be at most 1d"),
        ("TRAINWATCH_LEASE", "61m", "must be at most 1h"),
        ("TRAINWATCH_LEASE", "99999999h", "must be at most 1h"),
        ("TRAINWATCH_COMMAND_TIME", f"{10**30}h", "must be at most 2m"),
        ("TRAINWATCH_COMMAND_REQUESTS", "0", "must be greater than or equal to 1"),
        ("TRAINWATCH_POLL_CONCURRENCY", "1000000", "must be less than or equal to 10000"),
    ],
)
def test_other_damage_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str, rule: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert f"{name} {rule}" in caught.value.public
    assert text not in caught.value.public


def test_secrets_are_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = {
        "SLACK_BOT_TOKEN": "xoxb-1\n",
        "SLACK_APP_TOKEN": "\ufeffxapp-1\r\n",
        "SLACK_SIGNING_SECRET": '"signed"',
        "DATABASE_URL": "postgresql://u:p4ss@db/tw\n",
        "ACME_API_KEY": "Bearer k3y\n",
    }
    monkeypatch.setenv("DATABASE_URL", "sqlite:////data/trainwatch.db")  # as the image sets it
    Path(".env").write_text(f"SLACK_BOT_TOKEN_FILE={tmp_path}/SLACK_BOT_TOKEN\nSLACK_APP_TOKEN=xapp-old\n")
    for name, text in texts.items():
        (tmp_path / f"{name}.mounted").write_text(text, encoding="utf-8")
        (tmp_path / name).symlink_to(tmp_path / f"{name}.mounted")  # as Kubernetes mounts it
        if name != "SLACK_BOT_TOKEN":
            monkeypatch.setenv(f"{name}_FILE", f"{tmp_path}/{name}\n")
    settings = load_settings()
    assert settings.secrets == ("k3y", "p4ss", "signed", "xapp-1", "xoxb-1")
    assert settings.database_url.get_secret_value() == "postgresql://u:p4ss@db/tw"
    assert configured()["acme_api_key"] == "k3y"
    assert [] == [name for name in configured() if name.endswith("_file")]


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfex\x00"])
def test_an_unusable_file_is_named_but_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "xoxb-pasted"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(path))
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN_FILE names a file that does not exist, is empty") as caught:
        load_settings()
    assert "pasted" not in caught.value.public
    with pytest.raises(ConfigError, match="ACME_API_KEY_FILE names a file that does not exist"):
        require_setting({"acme_api_key_file": str(path)}, "acme_api_key", "https://example.com")


def test_the_environment_has_priority_over_a_file_named_in_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("ACME_API_KEY_FILE=/missing\nSLACK_BOT_TOKEN_FILE=/missing\n")
    monkeypatch.setenv("ACME_API_KEY", "k3y")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    assert configured() == {"acme_api_key": "k3y", "slack_bot_token": "xoxb-1"}
    assert load_settings().secrets == ("k3y", "xoxb-1")


def test_files_of_other_programs_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/missing.pem")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/missing")
    assert configured() == {"ssl_cert_file": "/missing.pem", "aws_web_identity_token_file": "/missing"}


def test_repr_shows_no_secret() -> None:
    assert "xoxb-1" not in repr(Settings(slack_bot_token="xoxb-1"))


def test_binary_env_file_is_rejected() -> None:
    Path(".env").write_bytes(b"SLACK_BOT_TOKEN=\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert ".env is not UTF-8 text" in caught.value.public
