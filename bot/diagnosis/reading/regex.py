"""RE2 behind one small door: patterns that run in linear time, or do not compile.

The rest of the package uses `compile_pattern`; only line-sized work on text that we shaped ourselves uses the
standard `re` (`streams`, `progress`). RE2 has no look-around and no back-references; that is the price of
patterns from users being safe.
"""

from collections.abc import Iterator
from typing import Protocol

import re2

from bot.errors import ConfigError


class Match(Protocol):
    """What we use of a match."""

    def start(self) -> int: ...  # noqa: D102
    def end(self) -> int: ...  # noqa: D102


class Pattern(Protocol):
    """A compiled RE2 pattern over bytes."""

    def search(self, page: bytes, pos: int = 0) -> Match | None: ...  # noqa: D102
    def finditer(self, page: bytes) -> Iterator[Match]: ...  # noqa: D102
    def sub(self, replacement: bytes, page: bytes) -> bytes: ...  # noqa: D102


def compile_pattern(text: str) -> Pattern:
    """Compile `text` for bytes.

    Raises:
        ConfigError: the pattern is wrong, or needs look-around or back-references, which RE2 has not.
    """
    # Global to the process, and off at first: the library would fall back to Python's `re` in silence.
    re2.set_fallback_notification(re2.FALLBACK_EXCEPTION)
    try:
        pattern: Pattern = re2.compile(text.encode())
    except re2.error as error:
        raise ConfigError(f"The pattern {text!r} cannot be used: {error} (by RE2)") from error
    return pattern
