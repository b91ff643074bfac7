"""The configuration of an installation: compiled signatures and rule settings, the user's on top of the shipped ones.

It is built once at start-up. Pure: `bot.commands.user_config` reads the files. The rule settings are the defaults of
every subscription; their values are written as after `/train watch` (`settings.py`):

    log_errors = "off"
    low_gpu_utilization.threshold = "40%"
    failure.quiet_after = "1h"
    rules = ["loss > 5 for 10m"]
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Signature, load_catalogue, parse_catalogue
from bot.diagnosis.hints.choices import HintChoice, check_hint, parse_hints
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.regex import compile_pattern
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError, UsageError
from bot.rules.run_settings import RUN_SETTINGS

_ENTRY = re.compile(r"^[ \t]*\[\[\s*(?:signature|hint)\s*\]\]", re.MULTILINE)
_TABLES = ("signature", "hint")
_OWN = "rules"
"""The list of rules that are written out, such as `loss > 5 for 10m`."""
_SETTING = re.compile(r"""\s*(?P<key>[\w.'" -]+?)\s*=|\s*\[(?P<section>[\w.'" -]+)\]""")


@dataclass(frozen=True, slots=True)
class DiagnosisConfig:
    """Compiled signatures and default rule settings."""

    scanner: PageScanner
    defaults: RuleSettings = field(default_factory=RuleSettings)


def shipped_diagnosis_config() -> DiagnosisConfig:
    """Return the configuration without any user file."""
    return DiagnosisConfig(build_scanner())


def build_scanner(own: str = "") -> PageScanner:
    """Compile the shipped signatures, with those in the text of a user's file before them.

    Raises:
        ConfigError: names the line and the error.
    """
    if own.strip():
        check_signatures(own)
    return PageScanner(load_catalogue(own))


def check_signatures(text: str) -> tuple[Signature, ...]:
    """Parse the signatures in the text of a user's file.

    Raises:
        ConfigError: names the line and the error.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Not valid TOML: {error}") from None
    unknown = sorted(set(table) - set(_TABLES))
    single = [name for name in _TABLES if not isinstance(table.get(name, []), list)]
    if unknown or single:
        wrong = f"[[{unknown[0]}]]" if unknown else f"[{single[0]}]"
        raise ConfigError(f"Unexpected {wrong}. Start each entry with [[signature]] or [[hint]].")
    found: list[Signature] = []
    hints: list[HintChoice] = []
    for line, entry in _entries(text):
        try:
            found += [_checked(one) for one in parse_catalogue(entry)]
            hints += [check_hint(one) for one in parse_hints(entry)]
        except ConfigError as error:
            raise ConfigError(f"line {line}: {error.public}") from None
    if len(found) + len(hints) != sum(len(table.get(name, [])) for name in _TABLES):
        raise ConfigError("Start each entry with [[signature]] or [[hint]] on a separate line.")
    return tuple(found)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Split the text into entries, each with the number of its first line."""
    starts = [found.start() for found in _ENTRY.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _checked(signature: Signature) -> Signature:
    if signature.role not in UNREPORTED_ROLES and not signature.title:
        raise ConfigError(f"Signature {signature.name} needs a title for its alerts.")
    for pattern in (signature.pattern, signature.filter):
        if pattern and compile_pattern(pattern.encode()).search(b"") is not None:
            raise ConfigError(f"Signature {signature.name}: the pattern {pattern!r} matches every line.")
    return signature


def parse_defaults(text: str) -> RuleSettings:
    """Parse the text of a user's file of rule settings.

    Raises:
        ConfigError: names the line and the problem.
    """
    from bot.rules.settings import parse_settings  # noqa: PLC0415 - the scanner alone needs no rules

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
    if key == _OWN:
        if not isinstance(value, str):
            raise UsageError(f'`{_OWN}` is a list of rules in quotes, such as `["loss > 5 for 10m"]`.')
        return value
    if key in ("severity", *RUN_SETTINGS):
        raise UsageError(f"`{key}` cannot be set in a file; each channel chooses it. Set rules and their parameters.")
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
        elif before + name == _OWN and isinstance(value, list):
            yield from ((_OWN, one) for one in value)
        else:
            yield f"{before}{name}", value


def _line_of(key: str, text: str) -> int | None:
    """Find the line of a setting; None for TOML syntax that this simple search does not cover."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = _SETTING.match(line)
        if found is None:
            continue
        name = re.sub(r"""[\s'"]""", "", found["key"] or found["section"])
        if found["section"]:
            section = f"{name}."
        elif section + name == key:
            return number
    return None
