"""The file of webhooks: names, kinds, and secrets that only come from settings and are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.alerts import Severity
from bot.domain.destinations import WebhookKind
from bot.environment import provider_config, secret_values
from bot.errors import ConfigError
from bot.notifiers.config import PAGERDUTY_URL, parse_webhooks

SECRET, URL = "whsec-0123456789abcdef", "https://ops.example/hooks/T0K3N-in-the-path"
SETTINGS = {"trainwatch_webhook_ops_secret": SECRET, "trainwatch_webhook_pager_duty_secret": SECRET}
INVALID = {
    "[ops": "invalid TOML",
    "[Ops]": "invalid name",
    "ops = 1": r"\[ops\]",
    "[ops]\nurl = 'https://x.example'\ncolour = 'red'": "colour",
    "[ops]\nkind = 'email'\nurl = 'https://x.example'": "email",
    "[ops]\nurl = 'https://x.example'\nseverity = 'bad'": "bad",
    "[ops]": "URL is missing.*TRAINWATCH_WEBHOOK_OPS_URL",
    "[ops]\nurl = 'http://x.example'": "must begin with https",
    "[ops]\nurl = 'ftp://x.example'": "not a valid URL",
    "[ops]\nurl = 'https://me:pw@x.example'": "not a valid URL",
    "[other]\nurl = 'https://x.example'": "TRAINWATCH_WEBHOOK_OTHER_SECRET must have the signing secret",
    "[other]\nkind = 'pagerduty'": "TRAINWATCH_WEBHOOK_OTHER_SECRET must have the routing key",
}


def test_a_file_names_webhooks_and_settings_have_their_secrets() -> None:
    text = f"[ops]\nurl = '{URL}'\nseverity = 'warn'\n[pager-duty]\nkind = 'pagerduty'"
    ops, pager = parse_webhooks(text, SETTINGS)
    assert (WebhookKind.GENERIC, Severity.WARN, URL, SECRET) == (
        ops.webhook.kind,
        ops.webhook.severity,
        ops.url,
        ops.secret,
    )
    assert (WebhookKind.PAGERDUTY, None, PAGERDUTY_URL) == (pager.webhook.kind, pager.webhook.severity, pager.url)
    assert () == parse_webhooks("", {})
    assert SECRET not in f"{ops!r} {ops}"
    assert "T0K3N" not in f"{ops!r}"


def test_a_url_may_be_a_setting_too() -> None:
    (ops,) = parse_webhooks("[ops]", {**SETTINGS, "trainwatch_webhook_ops_url": URL})
    assert URL == ops.url


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("trainwatch_webhook_ops_secret", "s3cr3t one", "TRAINWATCH_WEBHOOK_OPS_SECRET contains a space"),
        ("trainwatch_webhook_ops_secret_file", "/s3cr3t", "TRAINWATCH_WEBHOOK_OPS_SECRET_FILE names a file that"),
        ("trainwatch_webhook_ops_url_file", "/s3cr3t", "TRAINWATCH_WEBHOOK_OPS_URL_FILE names a file that"),
    ],
)
def test_a_damaged_setting_is_named(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_webhooks(f"[ops]\nurl = '{URL}'", {**SETTINGS, name: value})
    assert "s3cr3t" not in caught.value.public


@pytest.mark.parametrize(("text", "problem"), INVALID.items())
def test_a_mistake_is_named_without_a_secret(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_webhooks(text, SETTINGS)
    assert SECRET not in caught.value.public
    assert "pw@" not in caught.value.public


def test_secrets_and_urls_may_be_in_files_and_are_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("TRAINWATCH_WEBHOOK_OPS_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("TRAINWATCH_WEBHOOK_OPS_URL", URL)
    variables = provider_config()
    assert SECRET == parse_webhooks("[ops]", variables)[0].secret
    assert {SECRET, URL} <= secret_values(variables)
