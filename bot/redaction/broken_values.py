"""Find secrets that a console or a logger broke over two lines. Pure.

Two cases: a token whose first part is too short to be recognized, so that the lines are searched joined; and a value
that was recognized up to the end of its line, so that its rest is hidden if the next line consists of it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import accumulate

from bot.redaction.patterns import LINE_PREFIX, looks_random

Span = tuple[int, int]
"""Start and end in characters; the end is exclusive."""
_CHARS = "[A-Za-z0-9_.+/=-]"
_NEXT_LINE = rf"\r?\n(?:\x01\n)?{LINE_PREFIX}"
_BREAK = re.compile(rf"(?<={_CHARS})({_NEXT_LINE})(?={_CHARS})")
_WHOLE_LINE = re.compile(rf"({_CHARS}{{6,}})[\"',;\\]{{0,3}}[ \t]*(?=\r?\n|\Z)")
_REST = re.compile(rf"{_NEXT_LINE}({_CHARS}{{6,}})[\"',;\\]{{0,3}}[ \t]*(?=\r?\n|\Z)")
_DIGIT = re.compile(r"[0-9]")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_CHANGE = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[a-z])")
_MIN_CHANGES = 2
_MIN_HEX_CHARS = 8
_MIN_VALUE_CHARS = 8
_MIN_LONG_LINE_CHARS = 60
"""Consoles break lines from this length on. A shorter line is joined only with a line that consists of the rest."""
_MAX_PREFIX_CHARS = 24
"""Longest public prefix of a token."""
_MOST_LINES = 4


def broken_tokens(text: str, done: Container[int], search: Callable[[str], Iterable[Span]]) -> Iterator[Span]:
    """Find tokens that continue on the next line; those that are hidden far enough already end in `done`.

    `search` finds tokens in the text of joined lines.
    """
    gaps = list[Span]()
    short = set[int]()
    for found in _BREAK.finditer(text):
        if found.start() in done:
            continue
        if found.start() - text.rfind("\n", 0, found.start()) <= _MIN_LONG_LINE_CHARS:
            if not _WHOLE_LINE.match(text, found.end()):
                continue
            short.add(len(gaps))
        gaps.append(found.span())
    if not gaps:
        return
    splice = _Splice(text, gaps)
    for start, end in search(splice.text):
        joints = splice.joints_between(start - _MAX_PREFIX_CHARS, end)
        if joints and (not short.intersection(joints) or looks_random(splice.text[start:end])):
            yield splice.original(start, end)


def rests(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Find the rests of hidden values on the lines after them."""
    for span in spans:
        begin, end = span
        for _ in range(_MOST_LINES):
            found = _REST.match(text, end)
            if found is None or not _is_rest(text[begin:end], found[1]):
                break
            begin, end = found.span(1)
            yield begin, end


def _is_rest(value: str, rest: str) -> bool:
    """Whether a line looks like the rest of a random value, and not like a word or a name such as `step100`."""
    if len(value) < _MIN_VALUE_CHARS or " " in value or not _DIGIT.search(value):
        return False
    if len(rest) >= _MIN_HEX_CHARS and _HEX.match(value) and _HEX.match(rest):
        return not rest.isdecimal()
    return _changes(rest)


def _changes(text: str) -> bool:
    return len(_CHANGE.findall(text)) >= _MIN_CHANGES


class _Splice:
    """A text with some of its line ends removed, and the way back to positions in the original."""

    def __init__(self, text: str, gaps: list[Span]) -> None:
        """Join the lines of the text at the given gaps, ascending."""
        starts = [0, *(end for _, end in gaps)]
        ends = [*(start for start, _ in gaps), len(text)]
        self.text = "".join(text[start:end] for start, end in zip(starts, ends, strict=True))
        self._removed = [0, *accumulate(end - start for start, end in gaps)]
        self._joints = [start - before for (start, _), before in zip(gaps, self._removed, strict=False)]

    def joints_between(self, start: int, end: int) -> range:
        """The joints inside a span of the joined text, by number."""
        return range(bisect_right(self._joints, start), bisect_left(self._joints, end))

    def original(self, start: int, end: int) -> Span:
        """The same span in the original text, line ends included."""
        first, last = bisect_right(self._joints, start), bisect_left(self._joints, end)
        return start + self._removed[first], end + self._removed[last]
