"""The format of an anonymized copy: a header, kept lines, and markers of cuts; and how a copy is read. Pure.

A reader drops the header and replaces each marker by empty lines, so that line numbers are those of the original.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.domain.wording import plural

COPY_MARK = b"# trainwatch copy 1"
"""How every copy begins."""
_HEADER_END = "# ---"
_CUT = re.compile("(?m)^… (\\d{1,3}(?:,\\d{3}){0,4}) lines? cut; line [\\d,]{1,19} follows …\n".encode())
_MAX_CUT_LINES = 1_000_000_000
"""Of all cuts in a copy. A copy that states more is read without the rest of its empty lines."""
_BLANK_LINES = b"\n" * (1 << 20)
MAX_LINE_BYTES = 1 << 16
"""A longer line is cut in its middle."""


@dataclass(frozen=True, slots=True)
class LineRange:
    """Lines of a log, counted from 1; both ends belong to it."""

    first: int
    last: int


def select_lines(lines: Iterable[int], total: int, context: int) -> list[LineRange]:
    """Return the first and last lines of a log and those around the given ones, in order, without overlaps."""
    wanted = [(1, min(context, total)), (max(1, total - 2 * context), total)]
    wanted += [(max(1, line - context), min(total, line + context)) for line in lines]
    ranges = list[LineRange]()
    for first, last in sorted(wanted):
        if ranges and first <= ranges[-1].last + 1:
            ranges[-1] = LineRange(ranges[-1].first, max(ranges[-1].last, last))
        else:
            ranges.append(LineRange(first, last))
    return ranges


def read_ranges(pages: Iterable[bytes], ranges: Sequence[LineRange], max_bytes: int) -> list[list[str]] | None:
    """Return the lines of each range, without line ends; None if they are larger than `max_bytes`.

    Bytes that are not UTF-8 become surrogates, and become the same bytes when the lines are encoded.
    """
    found, size, index = [list[str]() for _ in ranges], 0, 0
    for number, text in _wanted_lines(pages, ranges):
        while ranges[index].last < number:
            index += 1
        if number < ranges[index].first:
            continue
        found[index].append(text.decode("utf-8", "surrogateescape"))
        size += len(text)
        if size > max_bytes:
            return None
        if number == ranges[-1].last:
            break
    return found


def _wanted_lines(pages: Iterable[bytes], ranges: Sequence[LineRange]) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines of all pages that contain one of the ranges."""
    line, rest, dropped = 1, b"", 0
    for page in chain(pages, (b"\n",)):  # a log may end without a line end
        last = line + page.count(b"\n") - 1
        if last < line:
            rest += page
            if len(rest) > 2 * MAX_LINE_BYTES:
                dropped += len(rest) - 2 * MAX_LINE_BYTES
                rest = rest[:MAX_LINE_BYTES] + rest[-MAX_LINE_BYTES:]
        elif not any(one.first <= last and line <= one.last for one in ranges):
            line, rest, dropped = last + 1, page.rpartition(b"\n")[2], 0
        else:
            *whole, rest = (rest + page).split(b"\n")
            for text in whole:
                yield line, _cut_line(text, dropped)
                line, dropped = line + 1, 0


def _cut_line(text: bytes, dropped: int) -> bytes:
    if len(text) + dropped <= MAX_LINE_BYTES:
        return text
    half = MAX_LINE_BYTES // 2
    return text[:half] + f" … {len(text) + dropped - 2 * half:,} bytes cut … ".encode() + text[-half:]


def render_header(version: str, kept: int, total: int, counts: Mapping[str, int]) -> str:
    """Render the first lines of a copy."""
    return "\n".join(
        (
            f"{COPY_MARK.decode()}, anonymized by trainwatch {version}. Read it before you send it.",
            f"# Replaced: {describe_counts(counts)}. Numbers, times, ranks and messages are unchanged.",
            f"# {kept:,} of {plural(total, 'line')}. `trainwatch scan` counts the lines of the original.",
            f"{_HEADER_END}\n",
        )
    )


def render_cut(count: int, follows: int) -> str:
    """Render the marker of a cut; the reader expects exactly this."""
    return f"… {plural(count, 'line')} cut; line {follows:,} follows …\n"


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return `2 users, 5 hosts, 1 secret`, or `nothing`."""
    nouns = {"hidden": "hidden name"}
    parts = (
        f"{count:,} {'address' if count == 1 else 'addresses'}"
        if kind == "address"
        else plural(count, nouns.get(kind, kind))
        for kind, count in counts.items()
    )
    return ", ".join(parts) or "nothing"


def expand_cuts(pages: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pages of a copy without its header, and with empty lines for what was cut."""
    rest, is_header, left = b"", True, _MAX_CUT_LINES
    for page in chain(pages, (b"",)):
        whole, newline, rest = (rest + page).rpartition(b"\n") if page else (rest, b"", b"")
        text = whole + newline
        if is_header:
            _, end, text = text.partition(f"{_HEADER_END}\n".encode())
            is_header = not end
        start = 0
        for cut in _CUT.finditer(text):
            yield text[start : cut.start()]
            count = min(int(cut[1].replace(b",", b"")), left)
            left -= count
            for done in range(0, count, len(_BLANK_LINES)):
                yield _BLANK_LINES[: count - done]
            start = cut.end()
        yield text[start:]
