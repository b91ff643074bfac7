"""Read and check the settings of the bot, from the environment and from `.env` in the working directory.

docs/configuration.md lists all variables; a test compares it with this file. The variables of providers are read by
`bot.environment.provider_config`.
"""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.durations import parse_duration
from bot.domain.logs import DEFAULT_OVERLAP
from bot.domain.observations import LOG_LOOKBACK, POLL_INTERVAL
from bot.environment import ENV_FILE, provider_config, secret_values, url_password
from bot.errors import ConfigError


def _duration(value: object) -> object:
    duration = parse_duration(value) if isinstance(value, str) else value
    if duration is None:
        raise ValueError("must be a number and a unit, such as 15s, 30m or 2h")
    return duration


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Settings(BaseSettings):
    """All settings. A field has the name of its variable in lower case; its description is the documentation."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

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
    slack_api_url: str = Field("https://slack.com/api/", description="Base URL of the Slack Web API.")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///trainwatch.db"),
        description="Database for subscriptions and alerts: SQLite, or `postgresql://user:password@host/name`.",
    )
    trainwatch_slack_mode: Literal["socket", "http"] = Field(
        "socket", description="How to receive events from Slack: `socket` (Socket Mode, no public address) or `http`."
    )
    trainwatch_http_host: str = Field("127.0.0.1", description="Address to listen on in HTTP mode.")
    trainwatch_http_port: int = Field(3000, ge=0, le=65535, description="Port to listen on in HTTP mode.")
    trainwatch_poll_interval: Duration = Field(
        POLL_INTERVAL,
        gt=timedelta(0),
        description="Time between two polls of a running job. Jobs that are not running wait four times as long.",
    )
    trainwatch_poll_concurrency: int = Field(
        100, ge=1, description="Maximum number of concurrent polls. One platform can use at most half of them."
    )
    trainwatch_lookback: Duration = Field(
        LOG_LOOKBACK, description="How far back to read the log when a subscription starts."
    )
    trainwatch_overlap: Duration = Field(
        DEFAULT_OVERLAP, description="How far back to reread the log on each poll, to catch late lines."
    )
    trainwatch_drain: Duration = Field(
        timedelta(seconds=90), description="How long to keep reading the log after a job ends, to catch its last lines."
    )
    trainwatch_lease: Duration = Field(
        timedelta(seconds=90),
        ge=timedelta(seconds=2),
        description="How long a process holds a job or message. After a crash, another process waits this long.",
    )
    trainwatch_signatures: Path | None = Field(
        None, description="TOML file with additional failure signatures. See docs/diagnosis.md."
    )
    trainwatch_rules: Path | None = Field(
        None, description="TOML file with rule settings for every subscription. See docs/rules.md."
    )
    trainwatch_user: str | None = Field(
        None, description="Your e-mail address as the platforms know it, for `trainwatch jobs mine` in a shell."
    )
    trainwatch_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum level of the log on standard error: `debug`, `info`, `warning` or `error`."
    )
    trainwatch_log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Format of the log: `console`, `json`, or `auto` (`console` on a terminal, else `json`)."
    )

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """All secret values in the settings, for the redactor."""
        tokens = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        values = [secret.get_secret_value() for secret in tokens if secret is not None]
        values.append(url_password(self.database_url.get_secret_value()) or "")
        return tuple(sorted({value for value in values if value} | secret_values(provider_config())))


def load_settings(env_file: Path | None = Path(ENV_FILE)) -> Settings:
    """Read the settings from the environment and `env_file`.

    Raises:
        ConfigError: at least one value is invalid. The message names each variable and its rule.
    """
    try:
        return Settings(_env_file=env_file, _env_file_encoding="utf-8")
    except ValidationError as problem:
        # The value is not quoted: it may be a secret that was pasted into the wrong variable.
        errors = "; ".join(f"{str(error['loc'][0]).upper()}: {_rule(error['msg'])}" for error in problem.errors())
        raise ConfigError(f"{errors}. `trainwatch help configuration` lists all settings.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{env_file} is not UTF-8 text. Save it as UTF-8.") from None


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should be", "must be", 1)
