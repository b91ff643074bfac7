"""Hints that apply only with certain evidence: `[[hint]]` tables, for signatures whose failures have several causes.

The TOML files beside this module hold the shipped ones, by topic. Of the tables of a signature, the first one whose
conditions hold is used; without one, the signature's own hint is. Signatures may also be failures without a pattern,
such as `python_exception`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Literal

import msgspec

from bot.domain.regex import compile_pattern
from bot.errors import ConfigError

Fact = Literal["server", "training", "checkpoint", "no_checkpoint", "steps", "no_steps"]
"""What else the log shows: it is of a server or not; it reports a saved checkpoint or none, a training step or none."""
KNOWN_VALUES = frozenset({"rank", "step", "checkpoint"})
"""Placeholders that need no group in `when`."""
PATTERNLESS = frozenset(
    {
        "python_exception",
        "cleanup",
        "nonfinite_loss",
        "divergence",
        "plateau",
        "no_progress",
        "throughput_drop",
        "failed_end",
    }
)
"""Failures that are found without a signature."""

PLACEHOLDER = re.compile(r"\{(\w+)(?:\|([^{}]*))?\}")
"""`{name}`, or `{name|words}` with the words used if the log does not state the value."""
COMPARISON = re.compile(r"(\w+) > (?:(\d+(?:\.\d+)?) )?(\w+)")
"""`size > total` or `size > 0.5 total`: amounts of memory or plain numbers, by the names of their groups."""
_GROUP = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class HintChoice:
    """One hint, and the evidence that it needs."""

    signatures: tuple[str, ...]
    text: str
    """With `{placeholders}` for groups of `when` and `KNOWN_VALUES`; without a URL, that of the signature is added."""
    when: str = ""
    """RE2 pattern searched in the decisive row, then in all rows of the excerpt, without prefixes.

    `^` and `$` match at line ends.
    """
    unless: str = ""
    """RE2 pattern that the excerpt must not contain."""
    compare: str = ""
    """See `COMPARISON`."""
    facts: tuple[Fact, ...] = ()
    """All of them must hold."""


def shipped_hints() -> list[HintChoice]:
    """Read the shipped hints, in the order of their files' names."""
    folder = sorted(files("bot.diagnosis.hints").iterdir(), key=lambda one: one.name)
    texts = [one.read_text(encoding="utf-8") for one in folder if one.name.endswith(".toml")]
    return [choice for text in texts for choice in parse_hints(text)]


def parse_hints(text: str) -> list[HintChoice]:
    """Parse the `[[hint]]` tables of TOML text.

    Raises:
        ConfigError: names the entry and the error.
    """
    try:
        tables = tomllib.loads(text).get("hint", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The hints are not valid TOML: {error}") from error
    return [_parse_hint(table, number) for number, table in enumerate(tables, 1)]


def index_hints(own: Iterable[HintChoice], shipped: Iterable[HintChoice]) -> Mapping[str, tuple[HintChoice, ...]]:
    """Group hints by signature, those of a user before the shipped ones."""
    found: dict[str, list[HintChoice]] = {}
    for choice in [*own, *shipped]:
        for name in choice.signatures:
            found.setdefault(name, []).append(choice)
    return {name: tuple(choices) for name, choices in found.items()}


def check_hint(choice: HintChoice) -> HintChoice:
    """Compile the patterns of a hint.

    Raises:
        ConfigError: a pattern is not valid RE2.
    """
    for pattern in (choice.when, choice.unless):
        compile_pattern(pattern)
    return choice


def _parse_hint(table: Mapping[str, object], number: int) -> HintChoice:
    if unknown := sorted(set(table) - {known.name for known in fields(HintChoice)}):
        raise ConfigError(f"Hint {number} has unknown fields: {', '.join(unknown)}.")
    if not table.get("signatures") or not table.get("text"):
        raise ConfigError(f"Hint {number} needs signatures and a text.")
    try:
        choice = msgspec.convert(table, HintChoice)
    except msgspec.ValidationError as error:
        raise ConfigError(f"Hint {number}: {str(error).replace(' - at `$.', ' in `')}.") from None
    groups = set(_GROUP.findall(choice.when))
    for name, _ in PLACEHOLDER.findall(choice.text):
        if name not in groups | KNOWN_VALUES:
            raise ConfigError(f"Hint {number}: `{{{name}}}` is not a group of `when`. Write (?P<{name}>...) there.")
    compared = COMPARISON.fullmatch(choice.compare)
    if choice.compare and (compared is None or not {compared[1], compared[3]} <= groups):
        raise ConfigError(f"Hint {number}: compare must name two groups of `when`, such as `size > 0.5 total`.")
    return choice
