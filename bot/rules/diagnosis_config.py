"""What an installation knows: the shipped signatures and rules, with its own from two files on top.

Built once where the program is put together and handed to whoever reads logs or judges rules. Pure; the files are read
in `bot.settings`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bot.diagnosis.catalogue import Signature, load_catalogue, parse_catalogue
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.regex import compile_pattern
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError
from bot.rules.settings import AS_SHIPPED

_ENTRY = re.compile(r"^[ \t]*\[\[\s*signature\s*\]\]", re.MULTILINE)
_TABLE = "signature"


@dataclass(frozen=True, slots=True)
class DiagnosisConfig:
    """Compiled signatures, and how rules are set where nobody says otherwise."""

    reader: PageScanner
    defaults: RuleSettings = AS_SHIPPED


def shipped_diagnosis_config() -> DiagnosisConfig:
    """What is known without any file."""
    return DiagnosisConfig(build_reader())


def build_reader(own: str = "") -> PageScanner:
    """The shipped signatures, compiled, with those of a file's text before them.

    Raises:
        ConfigError: the text is wrong; names the line and the reason.
    """
    if own.strip():
        check_signatures(own)
    return PageScanner(load_catalogue(own))


def check_signatures(text: str) -> tuple[Signature, ...]:
    """The signatures of a file's text.

    Raises:
        ConfigError: names the line and the reason.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not TOML: {error}") from None
    unknown = sorted(set(table) - {_TABLE})
    if unknown or not isinstance(table.get(_TABLE, []), list):
        named = f"`{unknown[0]}` is" if unknown else "`signature` alone is"
        raise ConfigError(f"{named} no list of signatures; each entry begins with [[signature]].")
    found: list[Signature] = []
    for line, entry in _entries(text):
        try:
            found += [_checked(one) for one in parse_catalogue(entry)]
        except ConfigError as error:
            raise ConfigError(f"line {line}: {error.public}") from None
    if len(found) != len(table.get(_TABLE, [])):
        raise ConfigError("each entry begins with [[signature]] on a line of its own.")
    return tuple(found)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Each entry's text with the line it begins on."""
    starts = [found.start() for found in _ENTRY.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _checked(signature: Signature) -> Signature:
    texts = (signature.pattern, signature.title, signature.hint, signature.source, signature.filter)
    if not all(isinstance(one, str) for one in texts):
        raise ConfigError(f"Signature {signature.name}: pattern, title, hint, source and filter are texts.")
    told = signature.role not in ("advice", "success", "start")
    if told and not signature.title:
        raise ConfigError(f"Signature {signature.name} needs a title: what an alert calls it.")
    for pattern in (signature.pattern, signature.filter):
        if compile_pattern(pattern.encode()).search(b"") is not None and pattern:
            raise ConfigError(f"Signature {signature.name}: its pattern {pattern!r} fits every line.")
    return signature
