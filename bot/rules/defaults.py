"""Parse an installation's rule settings from TOML: the defaults of every subscription. Pure.

    log_errors = "off"
    low_gpu_utilization.threshold = "40%"
    failure.quiet_after = "1h"

Values are written as after `/train watch` (`settings.py`). `bot.commands.user_config` reads the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError, UsageError
from bot.rules.settings import parse_settings

_LINE = re.compile(r"""\s*(?P<key>[\w.'" -]+?)\s*=|\s*\[(?P<section>[\w.'" -]+)\]""")


def parse_defaults(text: str) -> RuleSettings:
    """Parse the text of the file.

    Raises:
        ConfigError: names the line and the problem.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Invalid TOML: {error}") from None
    words: list[str] = []
    for key, value in _flat(table):
        try:
            word = _word(key, value)
            parse_settings([word])
        except UsageError as problem:
            line = _line_of(key, text)
            where = f"line {line}: " if line else ""
            raise ConfigError(f"{where}{problem.public}") from None
        words.append(word)
    return parse_settings(words)


def _word(key: str, value: object) -> str:
    """Write a setting as people type it."""
    if key == "severity":
        raise UsageError("`severity` cannot be set in a file; each channel chooses it. Set rules and their parameters.")
    match value:
        case bool():
            return f"{key}={'on' if value else 'off'}"
        case str() | int() | float():
            return f"{key}={value}"
        case _:
            raise UsageError(f"Invalid value for `{key}`. Use a string, a number, true or false.")


def _flat(table: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _line_of(key: str, text: str) -> int | None:
    """Find the line of a setting; None for TOML syntax that this simple search does not cover."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.match(line)
        if found is None:
            continue
        name = re.sub(r"""[\s'"]""", "", found["key"] or found["section"])
        if found["section"]:
            section = f"{name}."
        elif section + name == key:
            return number
    return None
