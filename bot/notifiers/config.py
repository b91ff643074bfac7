"""Read the webhooks: a TOML file with their names and kinds, and their secrets from settings. Pure.

Secrets never come from the file and are never stored: `TRAINWATCH_WEBHOOK_<NAME>_SECRET` has the signing secret, or the
routing key of PagerDuty. `TRAINWATCH_WEBHOOK_<NAME>_URL` replaces the URL of the file where that is a secret too.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from bot.domain.alerts import Severity
from bot.domain.destinations import Webhook, WebhookKind
from bot.domain.setting_values import FILE_PROBLEM, FILE_SUFFIX, describe_damage
from bot.errors import ConfigError

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class ConfiguredWebhook:
    """A webhook with where and how to send."""

    webhook: Webhook
    url: str = field(repr=False)
    secret: str = field(repr=False)
    """Signs the body; for PagerDuty, the routing key."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: WebhookKind = WebhookKind.GENERIC
    url: str = ""
    severity: Severity | None = None


def parse_webhooks(text: str, variables: Mapping[str, str]) -> tuple[ConfiguredWebhook, ...]:
    """Parse the file; `variables` are the settings, with names in lower case.

    Raises:
        ConfigError: an entry is invalid, or its URL or secret is missing. No value is quoted.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"invalid TOML: {problem}.") from None
    return tuple(_configured(name, table, variables) for name, table in tables.items())


def variable_of(name: str, what: str) -> str:
    """Return the setting that has the secret or the URL of a webhook, in lower case."""
    return f"trainwatch_webhook_{name.replace('-', '_')}_{what}"


def _configured(name: str, table: object, variables: Mapping[str, str]) -> ConfiguredWebhook:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"invalid name [{name[:40]}]. Use lower-case letters, digits, - and _, such as [ops].")
    try:
        entry = msgspec.convert(table, _Entry)
    except msgspec.ValidationError as problem:
        raise ConfigError(f"[{name}]: {problem}. It has kind, url and severity.") from None
    secret_name, url_name = variable_of(name, "secret"), variable_of(name, "url")
    for file_name in (f"{secret_name}{FILE_SUFFIX}", f"{url_name}{FILE_SUFFIX}"):
        if file_name in variables:
            raise ConfigError(f"[{name}]: {file_name.upper()} {FILE_PROBLEM}")
    secret = variables.get(secret_name, "")
    if damage := describe_damage(secret_name, secret):
        raise ConfigError(f"[{name}]: {secret_name.upper()} {damage}")
    if not secret:
        what = "routing key of its PagerDuty integration" if entry.kind is WebhookKind.PAGERDUTY else "signing secret"
        raise ConfigError(f"[{name}]: {secret_name.upper()} must have the {what}, or {secret_name.upper()}_FILE.")
    default = PAGERDUTY_URL if entry.kind is WebhookKind.PAGERDUTY else ""
    url = variables.get(url_name) or entry.url or default
    if problem_of_url := _describe_url(url):
        raise ConfigError(f"[{name}]: its URL {problem_of_url} Set url, or {url_name.upper()}.")
    return ConfiguredWebhook(Webhook(name, entry.kind, entry.severity), url, secret)


def _describe_url(url: str) -> str | None:
    """Return what is wrong with a URL, without quoting it; plain HTTP is for this machine only."""
    try:
        address = urlsplit(url)
        is_valid = bool(address.hostname) and address.port != 0 and not re.search(r"\s", url)
    except ValueError:
        is_valid = False
    if not url:
        return "is missing."
    if not is_valid or address.scheme not in ("http", "https") or address.username is not None:
        return "is not a valid URL such as https://ops.example/hooks."
    if address.scheme == "http" and address.hostname not in _LOOPBACK:
        return "must begin with https://."
    return None
