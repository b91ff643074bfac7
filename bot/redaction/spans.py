"""Parts of a text to hide: merge, replace, assign to messages, and map back from a text without line breaks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bot.redaction.patterns import MESSAGE_SEPARATOR

Span = tuple[int, int]
"""Start and end in characters; the end is exclusive."""


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Sort the spans and join those that touch. Empty ones are dropped."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged


def replace_spans(text: str, spans: Iterable[Span], marker: str) -> str:
    """Replace each span by the marker. The spans are sorted and disjoint."""
    parts, position = list[str](), 0
    for start, end in spans:
        parts += text[position:start], marker
        position = end
    return "".join([*parts, text[position:]])


def spans_by_message(spans: Iterable[Span], ends: Sequence[int]) -> dict[int, list[Span]]:
    """Split spans of a page into spans of its messages, by message index.

    Args:
        spans: positions in the page.
        ends: where each message and the separator after it end in the page.
    """
    parts: dict[int, list[Span]] = {}
    for start, end in spans:
        for index in range(bisect_right(ends, start), bisect_right(ends, end - 1) + 1):
            begin = ends[index - 1] if index else 0
            inside = max(start, begin) - begin, min(end, ends[index] - len(MESSAGE_SEPARATOR)) - begin
            if inside[0] < inside[1]:
                parts.setdefault(index, []).append(inside)
    return parts


class Splice:
    """A text with some of its message separators removed, and the way back to positions in the original."""

    def __init__(self, text: str, breaks: Sequence[int]) -> None:
        """Join the messages of the text at the given separators; `breaks` are their positions, ascending."""
        gap = len(MESSAGE_SEPARATOR)
        self.text = "".join(text[begin + gap : end] for begin, end in pairwise([-gap, *breaks, len(text)]))
        self._gap = gap
        self._joints = [position - gap * index for index, position in enumerate(breaks)]

    def crosses_joint(self, start: int, end: int) -> bool:
        """Whether the span of the joined text has a joint inside."""
        return bisect_right(self._joints, start) < bisect_left(self._joints, end)

    def original(self, span: Span) -> Span:
        """The same span in the original text, separators included."""
        start, end = span
        return start + self._gap * bisect_right(self._joints, start), end + self._gap * bisect_left(self._joints, end)
