"""Private keys over several lines: what to hide between their first line and their last. Pure.

A log brings a key line by line, perhaps with a time before each and other lines in between, and a page may hold only
its beginning or its end. What looks like a secret by itself is in `secret_shapes`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from bot.redaction.token_patterns import APART

KEY_SIGN = "PRIVATE KEY"
_MARK = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST = 40_000
"""Characters from the one mark to the other: the longest keys in use take a third, the rest is for what is between."""
_BODY = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}[\\nr\"',|\s]{0,8}\Z")
_BODY_BETWEEN = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}[\\nr\"',|\s]{0,8}\Z")
_HEADER = re.compile(r"Proc-Type: |DEK-Info: |Version: |Comment: ")
_TAIL = 120


def key_bodies(text: str, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of what to hide: in one message all between the marks, over several the lines that hold a key.

    Args:
        text: one message, or several with APART between them.
        ends: where each message ends, and APART with it.
    """
    done, marks = 0, list(_MARK.finditer(text))
    stops = [mark for mark in marks if mark[1] == "END"]
    for mark in marks:
        if mark.start() < done or _is_hidden(text, mark.end()):
            continue
        if mark[1] == "END":
            yield _body_before(text, mark.start(), done), mark.start()
            done = mark.end()
            continue
        place = bisect_right(stops, mark.start(), key=re.Match.start)
        stop = stops[place] if place < len(stops) else None
        message_end = ends[bisect_right(ends, mark.start())] - len(APART)
        if stop is not None and stop.end() <= message_end:
            done = stop.end()
            yield mark.end(), done
            continue
        done = message_end = min(message_end, mark.end() + _LONGEST)
        if text[mark.end() : message_end].strip():
            yield mark.end(), message_end
        if stop is not None and stop.start() - message_end <= _LONGEST:
            yield from _bodies_between(text, message_end, stop.start())
            done = stop.end()
        else:
            yield message_end, _body_after(text, message_end)


def _is_hidden(text: str, start: int) -> bool:
    return text[start : start + 16].lstrip().startswith("[hidden]")


def _bodies_between(text: str, end: int, stop: int) -> Iterator[tuple[int, int]]:
    """The lines of a key after a line's `end`, among others; the last one before the mark at `stop` may be short."""
    last = text.rfind("\n", 0, stop)
    while text[last - 1] in APART:
        last -= 1
    while end < stop:
        begin, end = end + 1, min(_line_end(text, end + 1), stop)
        if end == last or _is_body(text, begin, end, _BODY_BETWEEN):
            yield begin, end


def _body_after(text: str, end: int) -> int:
    """Where the key ends of which only lines after a line's `end` are there, and no mark."""
    body_end = end
    while end < len(text):
        begin, end = end + 1, _line_end(text, end + 1)
        if _is_body(text, begin, end):
            body_end = end
        elif text[begin:end].strip() not in APART:
            break
    return body_end


def _body_before(text: str, end: int, least: int) -> int:
    """Where the key begins that ends here, not before `least`."""
    begin = text.rfind("\n", least, end) + 1 or least
    body = begin if _is_body(text, begin, end) else end
    while begin > least:
        stop = begin - 1
        begin = text.rfind("\n", least, stop) + 1 or least
        if _is_body(text, begin, stop):
            body = begin
        elif text[begin:stop].strip() not in APART:
            break
    return body


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _is_body(text: str, begin: int, end: int, body: re.Pattern[str] = _BODY) -> bool:
    tail = text[max(begin, end - _TAIL) : end]
    return body.search(tail) is not None or _HEADER.search(tail) is not None
