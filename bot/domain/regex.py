"""Thin wrapper around RE2: patterns run in linear time, or do not compile. Pure.

pyre2 would silently hand what RE2 refuses to Python's backtracking `re`. That fallback is switched off before every
compilation, because the switch is global to the process.

Source: https://github.com/google/re2/wiki/Syntax (documented); pyre2 0.3.14 (observed).
"""

import re
from collections.abc import Iterator
from typing import AnyStr, Protocol

import re2

from bot.errors import ConfigError, UsageError

MAX_PATTERN_CHARS = 1000
"""Longest pattern a person may type."""
_DEFAULT_BYTES = 8 << 20
_MAX_COMPILED_BYTES = 1 << 20
"""A typed pattern must compile within this; larger ones run at about 1,000 lines a second (observed)."""

_EXPLANATIONS = (
    ("(?<", "RE2 has no look-behind; use --include and --exclude instead"),
    ("(?=", "RE2 has no look-ahead; use another --include instead"),
    ("(?!", "RE2 has no negative look-ahead; use --exclude instead"),
    ("Backreferences", "RE2 has no backreferences"),
    ("invalid repetition size", "the repetition is too large or reversed; RE2 allows up to 1,000 over all levels"),
    ("pattern too large", "the pattern is too large; use fewer repetitions"),
    ("missing )", "unclosed `(`"),
    ("unexpected )", "unmatched `)`"),
    ("missing ]", "unclosed `[`"),
    ("unexpected end", "unclosed `[` or `(`"),
    ("no argument for repetition", "nothing to repeat; to match the character itself, put a backslash before it"),
    ("bad repetition operator", "two repetitions in a row; to match the character itself, put a backslash before it"),
    ("invalid character class range", "the range is reversed"),
    ("trailing \\", "a backslash at the end escapes nothing"),
    ("invalid escape sequence", "unknown escape; to match a backslash, write two"),
)
"""What RE2 says, and the explanation of it."""


class Match(Protocol[AnyStr]):
    """The part of a match that trainwatch uses."""

    def start(self) -> int: ...  # noqa: D102
    def end(self) -> int: ...  # noqa: D102
    def groupdict(self) -> dict[str, AnyStr | None]: ...  # noqa: D102


class Pattern(Protocol[AnyStr]):
    """A compiled RE2 pattern over `bytes` or `str`."""

    def search(self, text: AnyStr, pos: int = 0) -> Match[AnyStr] | None: ...  # noqa: D102
    def finditer(self, text: AnyStr) -> Iterator[Match[AnyStr]]: ...  # noqa: D102
    def sub(self, replacement: AnyStr, text: AnyStr) -> AnyStr: ...  # noqa: D102
    def contains(self, text: AnyStr) -> bool: ...  # noqa: D102


def compile_pattern(pattern: AnyStr, max_bytes: int = _DEFAULT_BYTES) -> Pattern[AnyStr]:
    r"""Compile a pattern that comes with trainwatch or from a configuration file. `\w \d \s \b` match ASCII only.

    Args:
        pattern: the pattern.
        max_bytes: memory for the pattern and the states of its search. Without enough, a search is a thousand times
            slower (observed).

    Raises:
        ConfigError: RE2 refuses the pattern; says why and where.
    """
    try:
        return _compile(pattern, max_bytes)
    except re2.error as problem:
        raise ConfigError(_explain(pattern, str(problem))) from problem


def compile_typed_pattern(pattern: str) -> Pattern[str]:
    """Compile a pattern that a person typed, within bounds on its length and cost.

    Raises:
        UsageError: RE2 refuses the pattern, or it is too large; says why and where.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise UsageError(f"The pattern has {len(pattern):,} characters. Use at most {MAX_PATTERN_CHARS:,}.")
    try:
        _compile(pattern, _MAX_COMPILED_BYTES)
        return _compile(pattern)
    except (re2.error, UnicodeEncodeError) as problem:
        raise UsageError(_explain(pattern, str(problem))) from None


def _compile(pattern: AnyStr, *limits: int) -> Pattern[AnyStr]:
    re2.set_fallback_notification(re2.FALLBACK_EXCEPTION)
    compiled: Pattern[AnyStr] = re2.compile(pattern, re2.ASCII if isinstance(pattern, str) else 0, *limits)
    return compiled


def _explain(pattern: str | bytes, problem: str) -> str:
    text = pattern if isinstance(pattern, str) else pattern.decode("utf-8", "replace")
    why = next((why for part, why in _EXPLANATIONS if part in problem), f"RE2 reports: {problem[:120]}")
    where = _position(text, problem)
    if where is None:
        return f"Invalid pattern `{text[:60]}`: {why}."
    return f"Invalid pattern at character {where + 1}, `{text[where : where + 20]}`: {why}."


def _position(pattern: str, problem: str) -> int | None:
    """Where the pattern is wrong. RE2 quotes the bad part without its position; Python's parser often knows it."""
    try:
        re.compile(pattern)
    except re.error as python:
        if python.pos is not None and python.pos < len(pattern):
            return python.pos
    except (RecursionError, OverflowError):
        return None
    if "Backreferences" in problem:
        found = re.search(r"\\[1-9]", pattern)
        return found.start() if found else None
    part = problem.rpartition(": ")[2]
    at = pattern.find(part) if part and part != problem else -1
    return at if at >= 0 else None
