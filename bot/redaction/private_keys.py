"""Find private keys that span several lines.

A log brings a key line by line, perhaps with a timestamp before each line and other lines in between. A page may hold
only the beginning or the end of a key.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from bot.redaction.patterns import MESSAGE_SEPARATOR

KEY_MARK = "PRIVATE KEY"
_MARK = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_MAX_KEY_CHARS = 40_000
"""Characters between the two marks: three times the longest keys in use, to allow for lines in between."""
_BODY = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}[\\nr\"',|\s]{0,8}\Z")
_BODY_BETWEEN_MARKS = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}[\\nr\"',|\s]{0,8}\Z")
_HEADER = re.compile(r"Proc-Type: |DEK-Info: |Version: |Comment: ")
_TAIL_CHARS = 120
"""Characters at the end of a line that are searched for key material."""


def key_bodies(text: str, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield spans to hide: within one message everything between the marks, across messages the lines of the key.

    Args:
        text: one message, or several separated by MESSAGE_SEPARATOR.
        ends: where each message and the separator after it end.
    """
    done, marks = 0, list(_MARK.finditer(text))
    end_marks = [mark for mark in marks if mark[1] == "END"]
    for mark in marks:
        if mark.start() < done or text[mark.end() : mark.end() + 16].lstrip().startswith("[hidden]"):
            continue
        if mark[1] == "END":
            yield _body_start(text, mark.start(), done), mark.start()
            done = mark.end()
            continue
        index = bisect_right(end_marks, mark.start(), key=re.Match.start)
        stop = end_marks[index] if index < len(end_marks) else None
        message_end = ends[bisect_right(ends, mark.start())] - len(MESSAGE_SEPARATOR)
        if stop is not None and stop.end() <= message_end:
            done = stop.end()
            yield mark.end(), done
            continue
        done = message_end = min(message_end, mark.end() + _MAX_KEY_CHARS)
        if text[mark.end() : message_end].strip():
            yield mark.end(), message_end
        if stop is not None and stop.start() - message_end <= _MAX_KEY_CHARS:
            yield from _bodies_between(text, message_end, stop.start())
            done = stop.end()
        else:
            yield message_end, _body_end(text, message_end)


def _bodies_between(text: str, end: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the lines of the key between the end of a line and the mark at `stop`. The last line may be short."""
    last = text.rfind("\n", 0, stop)
    while text[last - 1] in MESSAGE_SEPARATOR:
        last -= 1
    while end < stop:
        begin, end = end + 1, min(_line_end(text, end + 1), stop)
        if end == last or _is_body(text, begin, end, _BODY_BETWEEN_MARKS):
            yield begin, end


def _body_end(text: str, end: int) -> int:
    """Return where a key without an END mark ends; its lines follow the line that ends at `end`."""
    start = body_end = end
    while end < len(text):
        begin, end = end + 1, _line_end(text, end + 1)
        if _is_body(text, begin, end):
            body_end = end
        elif body_end > start and _is_body(text, begin, end, _BODY_BETWEEN_MARKS):  # its last line
            return end
        elif text[begin:end].strip() not in MESSAGE_SEPARATOR:
            break
    return body_end


def _body_start(text: str, end: int, lower_bound: int) -> int:
    """Return where the key without a BEGIN mark that ends at `end` starts, at or after `lower_bound`."""
    begin = text.rfind("\n", lower_bound, end) + 1 or lower_bound
    body = begin if _is_body(text, begin, end) else end
    while begin > lower_bound:
        stop = begin - 1
        begin = text.rfind("\n", lower_bound, stop) + 1 or lower_bound
        if _is_body(text, begin, stop):
            body = begin
        elif text[begin:stop].strip() not in MESSAGE_SEPARATOR:
            break
    return body


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _is_body(text: str, begin: int, end: int, body: re.Pattern[str] = _BODY) -> bool:
    tail = text[max(begin, end - _TAIL_CHARS) : end]
    return body.search(tail) is not None or _HEADER.search(tail) is not None
