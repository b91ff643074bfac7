"""`trainwatch check`: find setup problems in Slack, the database, configuration files and platforms.

`trainwatch check --health`, which checks the running bot, is in `bot.terminal.health`.
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

from bot.commands.handlers.platform_check import check_platform
from bot.commands.user_config import load_access, load_file, load_rules, load_scanner, load_secret_patterns
from bot.domain.checks import CheckResult
from bot.domain.durations import format_ago
from bot.domain.undelivered import Undelivered
from bot.domain.wording import plural
from bot.environment import process_variables, provider_config
from bot.errors import ConfigError
from bot.network import describe_certificate_problem, describe_proxy_problem
from bot.notifiers.config import ConfiguredWebhook, parse_webhooks
from bot.providers.base import settings_prefix
from bot.providers.registry import Registry, build_registry
from bot.settings import Settings
from bot.slack.client import create_client
from bot.slack.setup_check import check_slack, check_user_groups
from bot.store.store import Store, open_store

_MAX_UNDELIVERED = 10
"""Channels and reasons that `check` reports; App Home has more."""


def require_slack_tokens(settings: Settings) -> None:
    """Check that the tokens for the Slack mode are set.

    Raises:
        ConfigError: a token is missing. The message names each one and where to find it.
    """
    required = [("SLACK_BOT_TOKEN", settings.slack_bot_token, "OAuth & Permissions, Bot User OAuth Token (xoxb-)")]
    if settings.trainwatch_slack_mode == "http":
        required += [("SLACK_SIGNING_SECRET", settings.slack_signing_secret, "Basic Information, App Credentials")]
    else:
        required += [("SLACK_APP_TOKEN", settings.slack_app_token, "Basic Information, App-Level Tokens (xapp-)")]
    missing = "\n".join(f"  {name}: {source}" for name, value, source in required if value is None)
    if missing:
        raise ConfigError(
            f"Slack tokens are not set. Find them in your app at https://api.slack.com/apps:\n{missing}\n"
            "`trainwatch help slack` has all steps. To try trainwatch without an account, run: make demo"
        )


async def check_setup(settings: Settings) -> list[CheckResult]:
    """Check Slack, the configuration files, the database and each platform."""
    results = check_network() + await _check_slack(settings) + _check_files(settings)
    async with contextlib.AsyncExitStack() as stack:
        registry = build_registry(provider_config())
        stack.push_async_callback(registry.aclose)
        store = await open_store(settings.database_url.get_secret_value())
        stack.push_async_callback(store.aclose)
        results += await check_store(store, datetime.now(UTC))
        results += await asyncio.gather(*(check_platform(registry, name, provider_config()) for name in registry.names))
    return results + _check_unavailable(registry)


async def check_store(store: Store, now: datetime) -> list[CheckResult]:
    """Check the database, and report messages that did not reach a channel."""
    results = await store.check()
    if all(one.ok for one in results) and await store.has_run():
        results += [_describe_undelivered(one, now) for one in (await store.undelivered.list(now))[:_MAX_UNDELIVERED]]
    return results


def _describe_undelivered(refused: Undelivered, now: datetime) -> CheckResult:
    """Messages that wait for a person are a problem; those given up are past help and only reported."""
    what = f"{plural(refused.count, 'message')}, the first from {format_ago(refused.since, now)}"
    if refused.is_waiting:
        return CheckResult(f"Waiting for {refused.channel}", False, f"{what}: {refused.reason}", "Fix the reason.")
    return CheckResult(f"Not delivered to {refused.channel}", True, f"{what}: {refused.reason}")


def load_webhooks(path: Path | None) -> tuple[ConfiguredWebhook, ...]:
    """Load the webhooks, with their secrets from the settings; without a file there are none.

    Raises:
        ConfigError: the file is invalid, or a secret is missing.
    """
    return load_file("TRAINWATCH_WEBHOOKS", path, lambda text: parse_webhooks(text, provider_config()))


def check_network() -> list[CheckResult]:
    """Report proxy and certificate variables that cannot be used."""
    problems = {
        "Proxy": describe_proxy_problem(),
        "Certificates": describe_certificate_problem(process_variables().get("ssl_cert_file")),
    }
    remedy = "Fix or unset the variable."
    return [CheckResult(subject, False, problem, remedy) for subject, problem in problems.items() if problem]


async def _check_slack(settings: Settings) -> list[CheckResult]:
    results = []
    try:
        require_slack_tokens(settings)
    except ConfigError as problem:
        results.append(CheckResult("Slack tokens", False, "missing", problem.public))
    if settings.slack_bot_token is not None:
        client = create_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        app_token = settings.slack_app_token if settings.trainwatch_slack_mode == "socket" else None
        results += await check_slack(client, app_token.get_secret_value() if app_token else None)
        with contextlib.suppress(ConfigError):  # `_check_files` reports it
            results += await check_user_groups(client, load_access(settings.trainwatch_access).groups)
    return results


def _check_files(settings: Settings) -> list[CheckResult]:
    results = []
    files = (
        ("Signatures file", "TRAINWATCH_SIGNATURES", settings.trainwatch_signatures, load_scanner),
        ("Rules file", "TRAINWATCH_RULES", settings.trainwatch_rules, load_rules),
        (
            "Secret patterns file",
            "TRAINWATCH_SECRET_PATTERNS",
            settings.trainwatch_secret_patterns,
            load_secret_patterns,
        ),
        ("Access file", "TRAINWATCH_ACCESS", settings.trainwatch_access, load_access),
        ("Webhooks file", "TRAINWATCH_WEBHOOKS", settings.trainwatch_webhooks, load_webhooks),
    )
    for subject, variable, path, load in files:
        if path is None:
            continue
        try:
            load(path)
        except ConfigError as problem:
            results.append(CheckResult(subject, False, problem.public, f"Fix the file or unset {variable}."))
        else:
            results.append(CheckResult(subject, True, f"{path} is valid"))
    return results


def _check_unavailable(registry: Registry) -> list[CheckResult]:
    """Report platforms that are not set up: as a problem if they are partly set up or no other platform is set up."""
    config = provider_config()
    results = []
    for name, problem in registry.problems.items():
        prefix = settings_prefix(name)
        is_unused = bool(registry.names) and not any(key.startswith(f"{prefix}_") for key in config)
        results.append(CheckResult(name, is_unused, "not in use" if is_unused else "not set up", problem.public))
    return results
