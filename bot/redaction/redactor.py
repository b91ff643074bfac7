"""Secrets out of any text on its way out.

Two nets: every secret this process itself knows is hidden wherever it stands, and so is what looks like a secret by
its shape or by the name before it (`secret_shapes`). Training logs are full of tokens that are none (`token=123`,
`tok/s`, `pad_token='<pad>'`), so a value behind the mere word `token` is hidden only when it looks random.

Quick: one RE2 pass over a page finds nothing in nearly all of them. What is to be hidden is found in the text as it
came, by each shape for itself, and cut out once; so no shape can hide from another what it would have found.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Protocol
from urllib.parse import quote

import re2

from bot.domain.logs import LogLine
from bot.redaction.private_keys import KEY_SIGN, key_bodies
from bot.redaction.token_patterns import APART, BROKEN_SIGN, SHAPES, Shape

HIDDEN = "[hidden]"
_MIN_SECRET_CHARS = 4
"""A known secret shorter than this is no secret, and hiding it would black out half of every text."""
_AFTERWARDS = re.compile(r"(?:\\|\x1b\[[\d;]{0,12}m){1,8}\Z")
"""What ends a value without being part of it: the backslash of a quote inside JSON, the end of a colour."""

_NAME_CHARS = 64
"""A value may end in the name of the next one: so much of its end is looked at once more."""

_BREAK = re.compile(rf"{APART}(?<=[A-Za-z0-9_.-]{APART})(?=[A-Za-z0-9_.-])")
_WIDTH = 60
"""No console breaks shorter lines."""
_KIND_CHARS = 24
"""How much stands before the hidden part of a token, at most."""

Span = tuple[int, int]
"""Begin and end of what is hidden, in characters."""


class _Search(Protocol):
    def contains(self, text: str) -> bool: ...


class Redactor:
    """Hides secrets; knows the process's own ones exactly."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets to hide wherever they stand; also as they look inside a URL."""
        known = {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS}
        known |= {quote(secret, safe="") for secret in known}
        self._exact = tuple(sorted(known))
        groups = [_signs(*(shape.sign for shape in group)) for group in SHAPES]
        self._signs = _signs(KEY_SIGN, BROKEN_SIGN, *(shape.sign for group in SHAPES for shape in group))
        self._broken = _signs(BROKEN_SIGN)
        self._groups = tuple(zip(groups, SHAPES, strict=True))

    def __repr__(self) -> str:
        return f"Redactor({len(self._exact)} secrets)"

    def redact(self, text: str) -> tuple[str, int]:
        """The text without secrets, and how many were hidden. Hiding twice hides nothing more."""
        spans = self._spans(text, [len(text) + len(APART)])
        return (_without(text, spans), len(spans)) if spans else (text, 0)

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        """The lines with secrets hidden in messages and sources, and how many were; the same object when none were.

        A secret may begin in one line and end in another, as a private key does.
        """
        page, named = APART.join([line.message for line in lines]), {line.source for line in lines if line.source}
        sources = {source: self.redact(source) for source in named}
        hidden = sum(count for _, count in sources.values())
        if self._is_clean(page) and not hidden:
            return lines, 0
        ends = list(accumulate(len(line.message) + len(APART) for line in lines))
        spans, safe = self._spans(page, ends), list(lines)
        for place, inside in _by_line(spans, ends).items():
            safe[place] = lines[place]._replace(message=_without(lines[place].message, inside))
        if hidden:
            safe = [line._replace(source=sources[line.source][0]) if line.source else line for line in safe]
        return (safe, len(spans) + hidden) if spans or hidden else (lines, 0)

    def _is_clean(self, text: str) -> bool:
        """Whether it needs no closer look."""
        return not any(secret in text for secret in self._exact) and not self._signs.contains(_readable(text))

    def _spans(self, text: str, ends: Sequence[int]) -> list[Span]:
        """What to hide, in order and apart; `ends` says where each message in the text ends, and APART with it."""
        found = list[Span]()
        for secret in self._exact:
            if secret in text:
                found += _places(secret, text)
                text = text.replace(secret, "]" * len(secret))  # nothing else is found across it
        readable = _readable(text)
        if self._signs.contains(readable):
            found += key_bodies(text, ends)
            groups = [group for signs, group in self._groups if signs.contains(readable)]
            found += _shaped(text, [shape for group in groups for shape in group])
            if self._broken.contains(readable):
                found += self._wrapped(text, {end for _, end in found})
        return _merged(found)

    def _wrapped(self, text: str, done: Container[int]) -> Iterator[Span]:
        """Tokens that a console broke at the end of a long line; those of which enough is hidden end in `done`."""
        ends = (at.start() for at in _BREAK.finditer(text))
        breaks = [end for end in ends if end not in done and end - text.rfind("\n", 0, end) > _WIDTH]
        if not breaks:
            return
        gap = len(APART)
        whole = "".join(text[begin + gap : end] for begin, end in pairwise([-gap, *breaks, len(text)]))
        signs, tokens = self._groups[0]
        if not signs.contains(_readable(whole)):
            return
        places = [end - gap * gone for gone, end in enumerate(breaks)]
        for start, end in _shaped(whole, tokens):
            first, last = bisect_right(places, start), bisect_left(places, end)
            if bisect_right(places, start - _KIND_CHARS) < last:
                yield start + gap * first, end + gap * last


def _signs(*signs: str) -> _Search:
    search: _Search = re2.compile("|".join(f"(?:{sign})" for sign in signs), re2.ASCII)
    return search


def _readable(text: str) -> str:
    """Without lone surrogates, which are kept from bytes that were no UTF-8 and which RE2 does not take."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


@cache
def _pattern(shape: Shape) -> re.Pattern[str]:
    return re.compile(re.escape(shape.literal) + shape.rest)


def _shaped(text: str, shapes: Iterable[Shape]) -> Iterator[Span]:
    folded = _folded(text)
    for shape in shapes:
        searched, judge = folded if shape.folded else text, shape.judge
        for match in _matches(shape, searched):
            start, end = match.span(match.lastindex or 0)
            if judge is None or judge(text, match.start(), text[start:end]):
                yield start, _value_end(text, start, end)


def _matches(shape: Shape, text: str) -> Iterator[re.Match[str]]:
    """All that have a value; also those that begin at the end of another's value, as names do."""
    pattern, position = _pattern(shape), 0
    while position >= 0:
        found, position = pattern.finditer(text, position), -1
        for match in found:
            if match.lastindex is None:
                continue
            yield match
            start, end = match.span(match.lastindex)
            begin = max(start, end - _NAME_CHARS)
            if shape.folded and shape.literal in text[begin:end]:
                position = begin
                break


def _value_end(text: str, start: int, end: int) -> int:
    if text[end - 1] not in "\\m":
        return end
    afterwards = _AFTERWARDS.search(text, max(start, end - 40), end)
    return end if afterwards is None else afterwards.start()


def _folded(text: str) -> str:
    """In lower case, every character in its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "i").lower()


def _places(secret: str, text: str) -> Iterator[Span]:
    start = text.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = text.find(secret, start + len(secret))


def _merged(spans: list[Span]) -> list[Span]:
    """The same, in order, those that touch as one."""
    spans.sort()
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged


def _without(text: str, spans: Iterable[Span]) -> str:
    parts, position = list[str](), 0
    for start, end in spans:
        parts += text[position:start], HIDDEN
        position = end
    return "".join([*parts, text[position:]])


def _by_line(spans: Iterable[Span], ends: Sequence[int]) -> dict[int, list[Span]]:
    """Which part of which line to hide; `ends` says where the lines begin after each other."""
    parts: dict[int, list[Span]] = {}
    for start, end in spans:
        for place in range(bisect_right(ends, start), bisect_right(ends, end - 1) + 1):
            begin = ends[place - 1] if place else 0
            inside = max(start, begin) - begin, min(end, ends[place] - len(APART)) - begin
            if inside[0] < inside[1]:
                parts.setdefault(place, []).append(inside)
    return parts
