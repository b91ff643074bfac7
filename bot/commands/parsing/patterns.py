"""A person's pattern to RE2, with an explanation when it is none: what is wrong, and where.

RE2 takes linear time whatever the pattern. pyre2 would silently hand what RE2 refuses to Python's backtracking `re`;
that is switched off before every compilation, for `set_fallback_notification` is global to the process.

Source: https://github.com/google/re2/wiki/Syntax (documented); pyre2 0.3.14 (observed).
"""

from __future__ import annotations

import re
from typing import Protocol

import re2

from bot.errors import UsageError

MAX_PATTERN_CHARS = 1000
_MAX_COMPILED_BYTES = 1 << 20
"""A pattern that RE2 cannot compile within this is refused: it would be linear, but slow (observed: 1,000 lines/s)."""

_EXPLANATIONS = (
    ("(?<", "RE2 has no look-behind; use --include and --exclude for what must and must not appear"),
    ("(?=", "RE2 has no look-ahead; use another --include for what must appear too"),
    ("(?!", "RE2 has no negative look-ahead; use --exclude for what must not appear"),
    ("Backreferences", "RE2 has no backreferences"),
    ("invalid repetition size", "the repetition is too large or turned round; RE2 counts to 1,000 over all levels"),
    ("pattern too large", "the pattern is too large; repeat less"),
    ("missing )", "a `(` is never closed"),
    ("unexpected )", "a `)` closes nothing"),
    ("missing ]", "a `[` is never closed"),
    ("unexpected end", "a `[` or `(` is never closed"),
    ("no argument for repetition", "there is nothing before it to repeat; for the sign itself write a backslash first"),
    ("bad repetition operator", "two repetitions in a row; for the sign itself write a backslash first"),
    ("invalid character class range", "the range is turned round"),
    ("trailing \\", "a backslash at the end escapes nothing"),
    ("invalid escape sequence", "there is no such escape; for a backslash itself write two"),
)


class Pattern(Protocol):
    """A compiled pattern."""

    def contains(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        ...


def compile_pattern(pattern: str) -> Pattern:
    r"""Compile for searching in a message: Unicode text, `\w \d \s \b` in ASCII as everywhere in RE2.

    Raises:
        UsageError: RE2 cannot take it; says why and where.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise UsageError(f"The pattern has {len(pattern):,} characters; at most {MAX_PATTERN_CHARS:,} are taken.")
    re2.set_fallback_notification(re2.FALLBACK_EXCEPTION)
    try:
        re2.compile(pattern, re2.ASCII, _MAX_COMPILED_BYTES)
        compiled: Pattern = re2.compile(pattern, re2.ASCII)
    except (re2.error, UnicodeEncodeError) as problem:
        raise UsageError(_explain(pattern, str(problem))) from None
    return compiled


def _explain(pattern: str, problem: str) -> str:
    why = next((words for sign, words in _EXPLANATIONS if sign in problem), f"RE2 says: {problem[:120]}")
    where = _position(pattern, problem)
    if where is None:
        return f"The pattern `{pattern[:60]}` cannot be used: {why}."
    excerpt = pattern[where : where + 20]
    return f"The pattern cannot be used from character {where + 1} on, `{excerpt}`: {why}."


def _position(pattern: str, problem: str) -> int | None:
    """RE2 names the bad part, not where it stands; Python's own parser often knows where."""
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
