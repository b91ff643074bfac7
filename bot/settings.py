"""The only reader of the environment. docs/configuration.md lists every setting; a test holds the two together.

A training platform's own settings (`BASETEN_API_KEY`, a third party's `ACME_URL`) are not fields here: they are passed
on as they stand, and each provider reads those that begin with its name.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.durations import parse_duration
from bot.errors import ConfigError

ENV_FILE = ".env"


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    span = parse_duration(value)
    if span is None:
        raise ValueError("write a duration such as 90s, 15m or 2h")
    return span


Span = Annotated[timedelta, BeforeValidator(_duration)]


class Settings(BaseSettings):
    """What can be set, by its usual name; `TRAINWATCH_*` for what is our own."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True)

    slack_bot_token: SecretStr | None = Field(None, description="Bot User OAuth Token, begins with xoxb-")
    slack_app_token: SecretStr | None = Field(
        None, description="App-level token with connections:write, begins with xapp-; for Socket Mode"
    )
    slack_signing_secret: SecretStr | None = Field(None, description="Signing secret; for HTTP mode")
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's Web API; another only for an emulator")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///trainwatch.db"),
        description="SQLite file or PostgreSQL: postgresql://user:password@host/db",
    )
    trainwatch_slack_mode: Literal["socket", "http"] = Field(
        "socket", description="How Slack reaches the bot: Socket Mode, which needs no public URL, or signed HTTP"
    )
    trainwatch_http_host: str = Field("127.0.0.1", description="Address to listen on in HTTP mode")
    trainwatch_http_port: int = Field(3000, ge=0, le=65535, description="Port to listen on in HTTP mode")
    trainwatch_poll_interval: Span = Field(
        timedelta(seconds=15), description="How often a running job is looked at; waiting jobs four times as seldom"
    )
    trainwatch_poll_concurrency: int = Field(100, ge=1, description="Jobs looked at at the same time")
    trainwatch_lookback: Span = Field(
        timedelta(minutes=15), description="How much log from before a subscription is read for it"
    )
    trainwatch_overlap: Span = Field(
        timedelta(seconds=90), description="How far behind the newest line is read again, for lines that arrive late"
    )
    trainwatch_drain: Span = Field(
        timedelta(seconds=90), description="How long after a job's end its log is still read for late lines"
    )
    trainwatch_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of the bot's own log, on standard error"
    )
    trainwatch_log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Form of the bot's own log; auto is console on a terminal and json elsewhere"
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value we know, the platforms' included, to be hidden wherever it turns up."""
        own = [self.slack_bot_token, self.slack_app_token, self.slack_signing_secret]
        values = [one.get_secret_value() for one in own if one is not None]
        password = _password(self.database_url.get_secret_value())
        platform = [value for name, value in provider_config().items() if _names_a_secret(name)]
        return tuple({value for value in (*values, *password, *platform) if len(value) >= 6})


def load_settings() -> Settings:
    """Read the environment and `.env` of the current folder; the environment wins.

    Raises:
        ConfigError: names the variable, what is wrong with it and how to write it.
    """
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = str(problem["loc"][0]).upper() if problem["loc"] else "the settings"
        reason = problem["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name} cannot be used: {reason}. docs/configuration.md lists every setting.") from None


def provider_config() -> Mapping[str, str]:
    """All settings as they stand, for the providers to pick theirs from; empty ones are left out."""
    values = {**dotenv_values(ENV_FILE), **os.environ} if Path(ENV_FILE).is_file() else dict(os.environ)
    return {name: value for name, value in values.items() if value}


def user_name() -> str:
    """Who is at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "someone"


def _names_a_secret(name: str) -> bool:
    return name.upper().endswith(("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))


def _password(url: str) -> tuple[str, ...]:
    _, _, rest = url.partition("://")
    credentials, at, _ = rest.rpartition("@")
    _, colon, password = credentials.partition(":")
    return (password,) if at and colon and password else ()
