"""Mark the parts of a line that `--include` and `--grep` matched. Pure."""

import itertools
from collections.abc import Callable, Iterator

from bot.domain.logs import LogFilter
from bot.domain.regex import Pattern, compile_typed_pattern

_MAX_CHARS = 20_000
"""A longer message is shown without marks."""
_MAX_SPANS = 100

MarkedSpan = tuple[int, int]


def highlighter(wanted: LogFilter, start: str, end: str) -> Callable[[str], str] | None:
    """Return a function that puts marks around what a filter searches for; None if it searches for nothing."""
    pattern = None if wanted.grep is None else compile_typed_pattern(wanted.grep)
    if pattern is None and not wanted.includes:
        return None

    def highlight(text: str) -> str:
        if len(text) > _MAX_CHARS:
            return text
        parts, position = list[str](), 0
        for first, last in _merged(itertools.islice(_spans(text, wanted.includes, pattern), _MAX_SPANS)):
            parts += [text[position:first], start, text[first:last], end]
            position = last
        return "".join([*parts, text[position:]])

    return highlight


def _spans(text: str, includes: tuple[str, ...], pattern: Pattern[str] | None) -> Iterator[MarkedSpan]:
    for wanted in includes:
        position = text.find(wanted)
        while position >= 0:
            yield position, position + len(wanted)
            position = text.find(wanted, position + len(wanted))
    if pattern is not None:
        try:
            yield from ((found.start(), found.end()) for found in pattern.finditer(text))
        except UnicodeEncodeError:  # a lone surrogate, from bytes that were not UTF-8
            return


def _merged(spans: Iterator[MarkedSpan]) -> list[MarkedSpan]:
    """Sort spans and join those that overlap or touch; empty ones are left out."""
    merged: list[MarkedSpan] = []
    for first, last in sorted(span for span in spans if span[0] < span[1]):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
