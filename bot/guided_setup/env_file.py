"""Write settings to `.env`, which only its owner may read."""

import os
import re
from codecs import BOM_UTF8
from pathlib import Path

from dotenv import dotenv_values, set_key, unset_key

from bot.environment import ENV_FILE
from bot.errors import ConfigError

_OWNER_ONLY = 0o600
_PLAIN = re.compile(r"[\w./:@%+=,-]+", re.ASCII)
"""Values that need no quotation marks, which other readers of `.env` might keep."""


def save_setting(variable: str, value: str, folder: Path) -> None:
    """Set a variable in the `.env` of a folder and keep everything else in it.

    The file is created with mode 600, and gets it if it had another one, before the value is in it.

    Raises:
        ConfigError: the file cannot be written, or cannot hold the value.
    """
    path = folder / ENV_FILE
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, _OWNER_ONLY))
        path.chmod(_OWNER_ONLY)
        encoding = "utf-8-sig" if path.read_bytes().startswith(BOM_UTF8) else "utf-8"
        quotes = "never" if _PLAIN.fullmatch(value) else "always"
        set_key(path, variable, value, quotes, encoding=encoding, follow_symlinks=True)
        path.chmod(_OWNER_ONLY)
        reads_back = dotenv_values(path, encoding=encoding).get(variable) == value
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be written: {error}.") from None
    if not reads_back:  # such as `${NAME}`, which stands for another variable there
        unset_key(path, variable, encoding=encoding)
        raise ConfigError(f"{path} cannot hold this value. Set {variable} in the environment.")
