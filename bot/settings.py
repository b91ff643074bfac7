"""Read and check the settings of the bot, from the environment and from `.env` in the working directory.

docs/configuration.md lists all variables; a test compares it with this file. The variables are read and repaired
by `bot.environment`.
"""

import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from bot.domain.durations import format_duration, parse_duration
from bot.domain.grouping import STANDARD
from bot.domain.logs import DEFAULT_OVERLAP
from bot.domain.observations import LOG_LOOKBACK, POLL_INTERVAL
from bot.domain.setting_values import FILE_PROBLEM, FILE_SUFFIX, describe_damage, may_be_in_file
from bot.environment import provider_config, secret_values
from bot.errors import ConfigError

_LONGEST = timedelta(days=365)


def _duration(value: object) -> object:
    duration = parse_duration(value) if isinstance(value, str) else value
    if duration is None:
        raise ValueError("must be a number and a unit, such as 15s, 30m or 2h")
    return duration


def _at_most(longest: timedelta) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if value > longest:
            raise ValueError(f"must be at most {format_duration(longest)}")
        return value

    return AfterValidator(check)


def _lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _web_address(example: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(r"https?://[^\s/]\S*", value, re.IGNORECASE):
            raise ValueError(f"must be a URL such as {example}")
        return value

    return BeforeValidator(check)


def _long_token(value: object) -> object:
    if isinstance(value, str) and len(value) < 16:
        raise ValueError("must have at least 16 characters")
    return value


def _host(value: object) -> object:
    if isinstance(value, str) and re.search(r"[\s/]", value):
        raise ValueError("must be an address such as 127.0.0.1 or 0.0.0.0, without http:// and port")
    return value


AnyDuration = Annotated[timedelta, BeforeValidator(_duration)]
Duration = Annotated[AnyDuration, _at_most(_LONGEST)]


class Settings(BaseModel):
    """All settings. A field has the name of its variable in lower case; its description is the documentation."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    slack_bot_token: SecretStr | None = Field(
        None, description="Bot User OAuth Token (`xoxb-…`), from **OAuth & Permissions** in your Slack app."
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description="App-level token (`xapp-…`) with `connections:write`, from **Basic Information**. "
        "Socket Mode only.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="Signing secret, from **Basic Information**. HTTP mode only."
    )
    slack_api_url: Annotated[str, _web_address("https://slack.com/api/")] = Field(
        "https://slack.com/api/", description="Base URL of the Slack Web API."
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///trainwatch.db"),
        description="Database for subscriptions and alerts: SQLite, or `postgresql://user:password@host/name`.",
    )
    trainwatch_slack_mode: Annotated[Literal["socket", "http"], BeforeValidator(_lower_case)] = Field(
        "socket", description="How to receive events from Slack: `socket` (Socket Mode, no public address) or `http`."
    )
    trainwatch_http_host: Annotated[str, BeforeValidator(_host)] = Field(
        "127.0.0.1", description="Address to listen on in HTTP mode."
    )
    trainwatch_http_port: int = Field(3000, ge=0, le=65535, description="Port to listen on in HTTP mode.")
    trainwatch_poll_interval: Annotated[AnyDuration, _at_most(timedelta(days=1))] = Field(
        POLL_INTERVAL,
        gt=timedelta(0),
        description="Time between two polls of a running job. Jobs that are not running wait four times as long.",
    )
    trainwatch_poll_concurrency: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Maximum number of concurrent polls. One platform can use at most half of them.",
    )
    trainwatch_lookback: Duration = Field(
        LOG_LOOKBACK, description="How far back to read the log when a subscription starts."
    )
    trainwatch_overlap: Annotated[AnyDuration, _at_most(timedelta(hours=12))] = Field(
        DEFAULT_OVERLAP, description="How far back to reread the log on each poll, to catch late lines."
    )
    trainwatch_drain: Annotated[AnyDuration, _at_most(timedelta(days=1))] = Field(
        timedelta(seconds=90), description="How long to keep reading the log after a job ends, to catch its last lines."
    )
    trainwatch_storm_size: int = Field(
        STANDARD.storm_size,
        ge=1,
        le=1000,
        description="Maximum number of new alerts that a channel gets as separate messages within a minute. "
        "More become one message.",
    )
    trainwatch_group_wait: Annotated[AnyDuration, _at_most(timedelta(minutes=5))] = Field(
        STANDARD.group_wait,
        description="How long a message about several alerts waits for more of them before it is posted.",
    )
    trainwatch_group_interval: Annotated[AnyDuration, _at_most(timedelta(days=1))] = Field(
        STANDARD.group_interval,
        description="How long an alert must have ended before a reply announces it. "
        "One that fires again before gets none.",
    )
    trainwatch_reopen_within: Annotated[AnyDuration, _at_most(timedelta(days=7))] = Field(
        STANDARD.reopen_within,
        description="An alert that fires again this soon after its end continues in its thread, without a new message.",
    )
    trainwatch_flap_firings: int = Field(
        STANDARD.most_firings,
        ge=1,
        le=15,
        description="An alert that fires more often than this within `TRAINWATCH_FLAP_WINDOW` is flapping: "
        "one reply announces it, then it is counted.",
    )
    trainwatch_flap_window: Annotated[AnyDuration, _at_most(timedelta(days=1))] = Field(
        STANDARD.flap_window,
        ge=timedelta(minutes=1),
        description="The time in which the firings of an alert are counted to call it flapping.",
    )
    trainwatch_flap_calm: Annotated[AnyDuration, _at_most(timedelta(days=1))] = Field(
        STANDARD.calm_after,
        ge=timedelta(minutes=1),
        description="A flapping alert is stable again when it has neither fired nor ended for this long.",
    )
    trainwatch_lease: Annotated[AnyDuration, _at_most(timedelta(hours=1))] = Field(
        timedelta(seconds=90),
        ge=timedelta(seconds=2),
        description="How long a process holds a job or message. After a crash, another process waits this long.",
    )
    trainwatch_command_requests: int = Field(
        300,
        ge=1,
        le=100_000,
        description="Requests that one command in Slack may send; ten times as many if it reads a whole log.",
    )
    trainwatch_command_time: Annotated[AnyDuration, _at_most(timedelta(minutes=2))] = Field(
        timedelta(seconds=60),
        ge=timedelta(seconds=1),
        description="Time that one command in Slack may take; ten times as long if it reads a whole log.",
    )
    trainwatch_signatures: Path | None = Field(
        None, description="TOML file with additional failure signatures. See docs/diagnosis.md."
    )
    trainwatch_rules: Path | None = Field(
        None, description="TOML file with rule settings for every subscription. See docs/rules.md."
    )
    trainwatch_secret_patterns: Path | None = Field(
        None, description="TOML file with patterns of further secrets to hide. See docs/configuration.md."
    )
    trainwatch_access: Path | None = Field(
        None, description="TOML file with roles, other workspaces and shared channels. See docs/access.md."
    )
    trainwatch_webhooks: Path | None = Field(
        None, description="TOML file with webhooks that get alerts besides Slack. See docs/webhooks.md."
    )
    trainwatch_mcp_token: Annotated[SecretStr | None, BeforeValidator(_long_token)] = Field(
        None,
        description="Bearer token that agents send to `trainwatch mcp` over HTTP: "
        "a random text of 16 characters or more.",
    )
    trainwatch_audit_keep: Duration = Field(
        timedelta(days=365), ge=timedelta(days=1), description="How long the audit trail is kept."
    )
    trainwatch_user: str | None = Field(
        None, description="Your e-mail address as the platforms know it, for `trainwatch jobs mine` in a shell."
    )
    trainwatch_health_host: Annotated[str, BeforeValidator(_host)] = Field(
        "127.0.0.1", description="Address to listen on for `/healthz`, `/readyz` and `/metrics`."
    )
    trainwatch_health_port: int = Field(
        9464, ge=0, le=65535, description="Port for `/healthz`, `/readyz` and `/metrics`; `0`: none."
    )
    trainwatch_ping_url: Annotated[SecretStr | None, _web_address("https://hc-ping.com/CHECK")] = Field(
        None,
        description="URL to request every minute while trainwatch is healthy (dead man's switch), such as a check of "
        "healthchecks.io.",
    )
    trainwatch_canary_every: Duration = Field(
        timedelta(minutes=3),
        ge=timedelta(seconds=1),
        description="Time between two synthetic incidents that measure the latency of the outbox.",
    )
    trainwatch_log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower_case)] = Field(
        "info", description="Minimum level of the log on standard error: `debug`, `info`, `warning` or `error`."
    )
    trainwatch_log_format: Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower_case)] = Field(
        "auto", description="Format of the log: `console`, `json`, or `auto` (`console` on a terminal, else `json`)."
    )

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """All secret values in the settings, for the redactor."""
        own = ((name, getattr(self, name)) for name in type(self).model_fields)
        given = {name: value.get_secret_value() for name, value in own if isinstance(value, SecretStr)}
        return tuple(sorted(secret_values({**provider_config(), **given})))


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        ConfigError: at least one value is invalid. The message names each variable and its rule.
    """
    variables = provider_config()
    given = {name: variables[name] for name in Settings.model_fields if name in variables}
    # No value is quoted: it may be a secret that was pasted into the wrong variable.
    problems = {name: damage for name, value in given.items() if (damage := describe_damage(name, value))}
    files = (f"{name}{FILE_SUFFIX}" for name in Settings.model_fields if may_be_in_file(name))
    problems.update((name, FILE_PROBLEM) for name in files if name in variables)
    try:
        settings = Settings.model_validate({name: value for name, value in given.items() if name not in problems})
    except ValidationError as invalid:
        problems.update((str(error["loc"][0]), f"{_rule(error['msg'])}.") for error in invalid.errors())
    if problems:
        errors = " ".join(f"{name.upper()} {problem}" for name, problem in problems.items())
        raise ConfigError(f"{errors} `trainwatch help configuration` lists all settings.")
    return settings


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be", 1)
