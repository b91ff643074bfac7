r"""Parse a file with the patterns of an installation's own secrets. Pure.

    [[pattern]]
    name = "staff badge"
    pattern = 'badge-(\d{8})'
    hides = "badge-12345678"
    keeps = "badge-name"

The first group of `pattern`, an RE2 pattern, is hidden; without a group, the whole match. `hides` and `keeps` are
examples that are checked when the file is loaded.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.regex import Pattern, compile_pattern
from bot.errors import ConfigError
from bot.redaction.text_lines import Span

_KEYS = {"name", "pattern", "hides", "keeps"}


@dataclass(frozen=True, slots=True)
class UserPattern:
    """One kind of secret that an installation has added."""

    name: str
    search: Pattern[str]
    inner: re.Pattern[str]
    """The same pattern, to find its group within a match."""

    def spans(self, text: str) -> Iterator[Span]:
        """Yield what to hide. RE2 finds the matches, so the time is linear whatever the pattern."""
        for found in self.search.finditer(text):
            start, end = found.start(), found.end()
            inside = self.inner.match(text[start:end]) if self.inner.groups else None
            if inside is not None and inside.group(1) is not None:
                start, end = start + inside.start(1), start + inside.end(1)
            if start < end:
                yield start, end


def parse_secret_patterns(text: str) -> tuple[UserPattern, ...]:
    """Parse the file.

    Raises:
        ConfigError: the file is not TOML, a key is missing or unknown, a pattern is invalid, or an example is wrong.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"not valid TOML: {problem}.") from None
    rows = document.pop("pattern", [])
    if document or not isinstance(rows, list):
        raise ConfigError("only [[pattern]] tables are expected.")
    return tuple(_parse_row(row, number) for number, row in enumerate(rows, 1))


def _parse_row(row: object, number: int) -> UserPattern:
    if not isinstance(row, dict) or set(row) != _KEYS or not all(isinstance(one, str) and one for one in row.values()):
        raise ConfigError(f"pattern {number}: the keys name, pattern, hides and keeps are required, each with a text.")
    try:
        found = UserPattern(row["name"], compile_pattern(row["pattern"]), re.compile(row["pattern"]))
    except (ConfigError, re.error) as problem:
        text = problem.public if isinstance(problem, ConfigError) else f"Invalid pattern: {problem}."
        raise ConfigError(f"pattern {row['name']!r}: {text}") from None
    if not list(found.spans(row["hides"])):
        raise ConfigError(f"pattern {row['name']!r}: it does not match its example `hides`.")
    if list(found.spans(row["keeps"])):
        raise ConfigError(f"pattern {row['name']!r}: it matches its example `keeps`.")
    return found
