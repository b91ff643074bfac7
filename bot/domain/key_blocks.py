"""Private keys over several lines: what to hide between their first line and their last. Pure.

A log brings a key line by line, perhaps with a time before each and other lines in between, and a page may hold only
its beginning or its end. What looks like a secret by itself is in `secret_shapes`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

KEY_SIGN = "PRIVATE KEY"
_MARK = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST = 40_000
"""Characters from the one mark to the other: the longest keys in use take a third, the rest is for what is between."""
_BODY = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}[\\nr\"',|\s]{0,8}\Z")
_HEADER = re.compile(r"Proc-Type: |DEK-Info: |Version: |Comment: ")
_TAIL = 120


def key_bodies(text: str, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Begin and end of what to hide: from mark to mark, or beside a mark that stands alone.

    Args:
        text: one message, or several on lines of their own.
        ends: where each message ends, its newline included.
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
        if place < len(stops) and stops[place].end() - mark.end() <= _LONGEST:
            done = stops[place].end()
        else:
            done = _body_after(text, mark.end(), ends[bisect_right(ends, mark.start())] - 1)
        yield mark.end(), done


def _is_hidden(text: str, start: int) -> bool:
    return text[start : start + 16].lstrip().startswith("[hidden]")


def _body_after(text: str, start: int, end: int) -> int:
    """Where the key ends that begins here: with its message, or the lines after it that hold nothing but a key."""
    body_end = end if text[start:end].strip() else start
    while end < len(text):
        begin, end = end + 1, _line_end(text, end + 1)
        if _is_body(text, begin, end):
            body_end = end
        elif text[begin:end].strip():
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
        elif text[begin:stop].strip():
            break
    return body


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _is_body(text: str, begin: int, end: int) -> bool:
    tail = text[max(begin, end - _TAIL) : end]
    return _BODY.search(tail) is not None or _HEADER.search(tail) is not None
