"""Read variables from the environment and from `.env` in the working directory. The environment has priority.

No other module reads the environment. `bot.settings` checks the settings of the bot; the commands of a shell need only
a few variables and not its libraries. Each provider picks its own variables, such as an API key.
"""

import os
from collections.abc import Mapping

from bot.domain.setting_values import (
    FILE_SUFFIX,
    is_credential,
    is_webhook_setting,
    may_be_in_file,
    repair_setting,
)
from bot.errors import ConfigError

ENV_FILE = ".env"
_SECRET_SUFFIXES = ("_key", "_token", "_secret", "_password", "_credentials")
_MAX_SECRET_BYTES = 64 * 1024
_MIN_SECRET_LENGTH = 12
"""Ignore shorter values of variables such as `SOME_KEY=true`, which belong to other programs."""


def process_variables() -> dict[str, str]:
    """Return all non-empty variables of the environment, repaired, with names in lower case."""
    return _repaired(os.environ)


def choose_colour(when: str) -> None:
    """Set what `--color` chooses, `always` or `never`, for this process and the programs that it starts."""
    chosen, other = ("FORCE_COLOR", "NO_COLOR") if when == "always" else ("NO_COLOR", "FORCE_COLOR")
    os.environ.pop(other, None)
    os.environ[chosen] = "1"


def provider_config() -> Mapping[str, str]:
    """Return all non-empty variables of the environment and `ENV_FILE`, repaired, with names in lower case.

    A secret that a file holds (`NAME_FILE`) is under its own name. If the file cannot be used, `NAME_FILE` remains.

    Raises:
        ConfigError: `ENV_FILE` is not UTF-8 text.
    """
    from_file, from_process = _with_secret_files(_repaired(_read_file())), _with_secret_files(process_variables())
    kept = {name: text for name, text in from_file.items() if name.removesuffix(FILE_SUFFIX) not in from_process}
    return {**kept, **from_process}


def secret_values(variables: Mapping[str, str]) -> set[str]:
    """Return the values of all variables that hold secrets, and passwords of the database and proxies, to redact."""
    secrets = {value for name, value in variables.items() if _is_secret(name, value)}
    urls = (value for name, value in variables.items() if name == "database_url" or name.endswith("_proxy"))
    if passwords := {password for url in urls if (password := _url_password(url))}:
        from urllib.parse import unquote  # noqa: PLC0415 - not for help

        secrets |= passwords | {unquote(password) for password in passwords}
    return secrets


def _url_password(url: str) -> str | None:
    """Return the password in a URL, which may lack its scheme, not decoded."""
    user_info, at, _ = (url.partition("://")[2] or url).rpartition("@")
    return user_info.partition(":")[2] if at else None


def _is_secret(name: str, value: str) -> bool:
    if is_credential(name) or is_webhook_setting(name, "_url"):
        return True
    return name.endswith(_SECRET_SUFFIXES) and len(value) >= _MIN_SECRET_LENGTH


def _repaired(variables: Mapping[str, str | None]) -> dict[str, str]:
    lower = ((name.lower(), value) for name, value in variables.items() if value)
    repaired = {name: repair_setting(name, value) for name, value in lower}
    return {name: value for name, value in repaired.items() if value}


def _with_secret_files(variables: Mapping[str, str]) -> dict[str, str]:
    """Replace each `NAME_FILE` of a secret by `NAME` with the file's text; a file has priority over a variable."""
    resolved = dict(variables)
    for name, path in variables.items():
        secret = name.removesuffix(FILE_SUFFIX)
        if secret == name or not may_be_in_file(secret):
            continue
        resolved.pop(secret, None)
        if text := repair_setting(secret, _read_secret(path)):
            resolved[secret] = text
            del resolved[name]
    return resolved


def _read_secret(path: str) -> str:
    """Return the text of a file, as Docker and Kubernetes mount secrets; "" if it cannot be read."""
    from pathlib import Path  # noqa: PLC0415 - not for help

    try:
        if not Path(path).is_file():
            return ""
        with Path(path).open("rb") as file:
            return file.read(_MAX_SECRET_BYTES).decode("utf-8-sig")
    except (OSError, ValueError):
        return ""


def _read_file() -> Mapping[str, str | None]:
    from pathlib import Path  # noqa: PLC0415 - not for help

    if not Path(ENV_FILE).is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most shells have no file

    try:
        return dotenv_values(ENV_FILE, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{ENV_FILE} is not UTF-8 text. Save it as UTF-8.") from None
