"""Read variables from the environment and from `.env` in the working directory. The environment has priority.

No other module reads the environment. `bot.settings` checks the settings of the bot; the commands of a shell need only
a few variables and not its libraries. Each provider picks its own variables, such as an API key.
"""

import os
from collections.abc import Mapping

from bot.domain.setting_values import is_credential, repair_setting
from bot.errors import ConfigError

ENV_FILE = ".env"
_SECRET_SUFFIXES = ("_key", "_token", "_secret", "_password", "_credentials")
_MIN_SECRET_LENGTH = 12
"""Ignore shorter values of variables such as `SOME_KEY=true`, which belong to other programs."""


def process_variables() -> dict[str, str]:
    """Return all non-empty variables of the environment, repaired, with names in lower case."""
    return _repaired(os.environ)


def provider_config() -> Mapping[str, str]:
    """Return all non-empty variables of the environment and `ENV_FILE`, repaired, with names in lower case.

    Raises:
        ConfigError: the file is not UTF-8 text.
    """
    return {**_repaired(_read_file()), **process_variables()}


def secret_values(variables: Mapping[str, str]) -> set[str]:
    """Return the values of all variables that hold secrets, and the password of the database, for the redactor."""
    secrets = {value for name, value in variables.items() if _is_secret(name, value)}
    if password := url_password(variables.get("database_url", "")):
        from urllib.parse import unquote  # noqa: PLC0415 - not for help

        secrets |= {password, unquote(password)}
    return secrets


def url_password(url: str) -> str | None:
    """Return the password in the URL of a database, not decoded."""
    user_info, at, _ = url.partition("://")[2].rpartition("@")
    return user_info.partition(":")[2] if at else None


def _is_secret(name: str, value: str) -> bool:
    return is_credential(name) or (name.endswith(_SECRET_SUFFIXES) and len(value) >= _MIN_SECRET_LENGTH)


def _repaired(variables: Mapping[str, str | None]) -> dict[str, str]:
    lower = ((name.lower(), value) for name, value in variables.items() if value)
    repaired = {name: repair_setting(name, value) for name, value in lower}
    return {name: value for name, value in repaired.items() if value}


def _read_file() -> Mapping[str, str | None]:
    from pathlib import Path  # noqa: PLC0415 - not for help

    if not Path(ENV_FILE).is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most shells have no file

    try:
        return dotenv_values(ENV_FILE, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{ENV_FILE} is not UTF-8 text. Save it as UTF-8.") from None
