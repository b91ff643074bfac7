"""Reduce the tracebacks in an excerpt to the innermost frame of the user's code, and state what is cut.

A traceback has dozens of frames, most of them in libraries. The frame to read is the last one in the user's own code.
"""

import enum
import re
from collections.abc import Sequence

from bot.diagnosis.failures.tracebacks import CAUSE, FRAME, HEADER, RICH_FRAME, RaisedException, UnfinishedTraceback
from bot.diagnosis.reading.fingerprints import is_library
from bot.diagnosis.reading.prefixes import split_prefix
from bot.domain.wording import plural

WHOLE_FRAMES = 3
"""A traceback with at most this number of frames is shown whole."""

_CODE = re.compile(r"^ {4,}\S|^\s+[\^~]+\s*$|^\s*\[Previous line repeated \d+ more times?\]|^\s*[│╭╰]")
_NATIVE = re.compile(r"\s*(?:\[?frame #?\d+\]?:|#\d+ +0x|(?:\[\d+\] +)?/\S+\(\S*\+0x[0-9a-f]+\)|\[0x[0-9a-f]+\])")
_RULE = re.compile(r"\s*([-=*_#])\1{9,}\s*$")
_CARETS = re.compile(r"^\s*[\^~]+\s*$|^\s*[╭╰]")


class LineKind(enum.Enum):
    """The part of a traceback that a line is."""

    HEADER = enum.auto()
    FRAME = enum.auto()
    CODE = enum.auto()
    """Follows a frame: source code, or marks below it."""
    NATIVE = enum.auto()
    """A frame of a native stack trace."""
    CAUSE = enum.auto()
    """Announces the traceback of an exception that followed from the one before."""
    OTHER = enum.auto()


def line_kind(text: str) -> LineKind:
    """Classify a line without its prefixes."""
    if FRAME.search(text) or RICH_FRAME.search(text):
        return LineKind.FRAME
    if HEADER.search(text):
        return LineKind.HEADER
    if _NATIVE.match(text):
        return LineKind.NATIVE
    if _CODE.match(text):
        return LineKind.CODE
    return LineKind.CAUSE if CAUSE.search(text) else LineKind.OTHER


def is_native_frame(row: str) -> bool:
    """Is a row, with or without prefixes, a frame of a native stack?"""
    return _NATIVE.match(row) is not None or _NATIVE.match(split_prefix(row).text) is not None


def is_rule(text: str) -> bool:
    """Is a line only a rule between the parts of a message?"""
    return _RULE.match(text) is not None


def traceback_start(texts: Sequence[str]) -> int:
    """Return the index of the first line of the traceback that the last of these lines, without prefixes, belong to."""
    start = len(texts)
    while start and (kind := line_kind(texts[start - 1])) not in (LineKind.OTHER, LineKind.CAUSE):
        start -= 1
        if kind is LineKind.HEADER:
            break
    return start


def reduce_traceback(lines: Sequence[str], texts: Sequence[str], raised: RaisedException) -> list[str]:
    """Return the rows to show of a traceback.

    Args:
        lines: the lines of its header, frames and code that are known; earlier ones may be missing.
        texts: the same lines without their prefixes.
        raised: its exception, which knows the number of frames and the innermost one of the user's code.
    """
    frames = [index for index, text in enumerate(texts) if line_kind(text) is LineKind.FRAME]
    total = max(raised.frames, len(frames))
    if total == len(frames) <= WHOLE_FRAMES:
        return [line for line, text in zip(lines, texts, strict=True) if not _CARETS.match(text)]
    header = [lines[0]] if texts and line_kind(texts[0]) is LineKind.HEADER else []
    own = next((index for index in reversed(frames) if not is_library(_path(texts[index]))), None)
    if own is None and raised.user_line:
        return [*header, *innermost_rows(total, raised)]
    if not frames:
        return [*header, *_gap(total)]
    shown = own if own is not None else frames[-1]
    after = sum(index > shown for index in frames)
    rows = [lines[shown]]
    if shown + 1 < len(texts) and line_kind(texts[shown + 1]) is LineKind.CODE:
        rows.append(lines[shown + 1])
    return [*header, *_gap(total - after - 1), *rows, *_gap(after)]


def innermost_rows(frames: int, known: RaisedException | UnfinishedTraceback) -> list[str]:
    """Return the innermost frame of the user's code, with the number of frames before and after it."""
    if not known.user_line:
        return _gap(frames)
    return [*_gap(known.user_number - 1), known.user_line, *_gap(frames - known.user_number)]


def cut_row(count: int, what: str) -> str:
    """Return the row that states how many lines, frames or the like are not shown."""
    return f"\u2026 {plural(count, what)} cut \u2026"


def _gap(frames: int) -> list[str]:
    return [cut_row(frames, "frame")] if frames > 0 else []


def _path(text: str) -> str:
    found = FRAME.search(text) or RICH_FRAME.search(text)
    return found.group(1) if found else ""
