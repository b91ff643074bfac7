"""The only reader of the environment. Everything else receives its settings from `bot.app` or `bot.__main__`.

A variable comes from the environment or from `.env` in the working directory; the environment wins. What a platform
needs (an API key, a third party's `ACME_REGION`) is not known here: `provider_config` hands on what there is, and each
provider reads its own. docs/configuration.md lists every variable; a test holds it against this file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.durations import parse_duration
from bot.errors import ConfigError

ENV_FILE = Path(".env")
_SECRET_ENDINGS = ("_key", "_token", "_secret", "_password", "_credentials")
_LONG = 12
"""Other programs' variables end so too (`SOME_KEY=true`); their values are secrets only when they are long."""


def _span(value: object) -> object:
    """A time span as people write it."""
    span = parse_duration(value) if isinstance(value, str) else value
    if span is None:
        raise ValueError("write a time span such as 15s, 30m or 2h")
    return span


Span = Annotated[timedelta, BeforeValidator(_span)]


class Settings(BaseSettings):
    """What can be set. A field is named as its variable, in lower case; its description is the documentation."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    slack_bot_token: SecretStr | None = Field(
        None, description="Bot User OAuth Token (`xoxb-…`), from OAuth & Permissions of your Slack app."
    )
    slack_app_token: SecretStr | None = Field(
        None,
        description="App-Level Token (`xapp-…`) with `connections:write`, from Basic Information. Socket Mode only.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="Signing Secret, from Basic Information. HTTP mode only."
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's Web API; another one for tests.")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///trainwatch.db"),
        description="Where subscriptions and alerts are kept: SQLite, or `postgresql://user:password@host/name`.",
    )
    trainwatch_slack_mode: Literal["socket", "http"] = Field(
        "socket", description="How Slack reaches trainwatch: `socket` needs no public address, `http` listens."
    )
    trainwatch_http_host: str = Field("127.0.0.1", description="Address to listen on in HTTP mode.")
    trainwatch_http_port: int = Field(3000, ge=0, le=65535, description="Port to listen on in HTTP mode.")
    trainwatch_poll_interval: Span = Field(
        timedelta(seconds=15),
        gt=timedelta(0),
        description="How often a running job is looked at; waiting jobs four times as seldom.",
    )
    trainwatch_poll_concurrency: int = Field(
        100, ge=1, description="How many jobs are looked at at once, at most half of them of one platform."
    )
    trainwatch_lookback: Span = Field(
        timedelta(minutes=15), description="How much of the log before a subscription is read when it begins."
    )
    trainwatch_overlap: Span = Field(
        timedelta(seconds=90), description="How far back the log is read again at each poll, for lines that come late."
    )
    trainwatch_drain: Span = Field(
        timedelta(seconds=90), description="How long the log of an ended job is still read, for its last lines."
    )
    trainwatch_lease: Span = Field(
        timedelta(seconds=90),
        ge=timedelta(seconds=2),
        description="How long the work of a process that was killed waits before another one takes it up.",
    )
    trainwatch_signatures: Path | None = Field(
        None, description="A TOML file with failures of your own that logs are read for; docs/diagnosis.md shows one."
    )
    trainwatch_rules: Path | None = Field(
        None, description="A TOML file that sets rules for every subscription; docs/rules.md shows one."
    )
    trainwatch_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What trainwatch tells of itself on standard error."
    )
    trainwatch_log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`console` for people, `json` for machines; `auto` is `console` on a terminal."
    )

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every secret this process was given, for the redactor."""
        own = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        given = [secret.get_secret_value() for secret in own if secret is not None]
        password = _password(self.database_url.get_secret_value())
        given += [password] if password else []
        given += [
            value
            for name, value in provider_config().items()
            if name.endswith("_api_key") or (name.endswith(_SECRET_ENDINGS) and len(value) >= _LONG)
        ]
        return tuple(sorted({value for value in given if value}))


def load_settings(env_file: Path | None = ENV_FILE) -> Settings:
    """Read the environment and `env_file`.

    Raises:
        ConfigError: a variable is wrong; names each and what it may be.
    """
    try:
        return Settings(_env_file=env_file, _env_file_encoding="utf-8")
    except ValidationError as problem:
        # The value itself is not quoted: it may be a secret in the wrong place.
        wrong = "; ".join(f"{str(error['loc'][0]).upper()}: {_remedy(error['msg'])}" for error in problem.errors())
        raise ConfigError(f"{wrong}. docs/configuration.md lists what can be set.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{env_file} is not UTF-8 text; save it again as UTF-8.") from None


def provider_config(env_file: Path | None = ENV_FILE) -> Mapping[str, str]:
    """Every variable of the environment and `env_file`, names in lower case, empty ones left out."""
    filed = dotenv_values(env_file, encoding="utf-8") if env_file is not None and env_file.is_file() else {}
    both = {name.lower(): value for source in (filed, os.environ) for name, value in source.items()}
    return {name: value for name, value in both.items() if value}


def _remedy(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _password(url: str) -> str | None:
    """The password in a database URL, as it stands there."""
    user_info, at, _ = url.partition("://")[2].rpartition("@")
    return user_info.partition(":")[2] if at else None
