"""Find the values of Kubernetes Secrets, whose names under `data` need not reveal that they are secrets. Pure."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from bot.domain.regex import compile_pattern
from bot.redaction.text_lines import Span, lines_before, lines_from, start_of_line
from bot.redaction.value_grammar import LINE_PREFIX

KIND_PREFILTER = r"kind\\{0,3}[\"']?[ ]?:[ ]?\\{0,3}[\"']?Secret(?:[\\\"',\s}]|$)"
_KIND = compile_pattern(KIND_PREFILTER)
_INLINE_DATA = re.compile(r"\\{0,3}\"(?:stringD|d)ata\\{0,3}\"\s?:\s?\{([^{}]*)\}")
_INLINE_VALUE = re.compile(r":\s?\\{0,3}\"([^\"\\]{4,})")
_DATA = re.compile(r"[\"']?(?:stringD|d)ata[\"']?:\s?\{?\Z")
_VALUE = re.compile(r"(?:- )?[\"']?[\w.-]{1,253}[\"']?:[ ]+[\"']?(?![|>]|\[hidden\])([^\s\"',][^\"'\n]*?)[\"']?,?\s*\Z")
_PREFIX = re.compile(LINE_PREFIX.removesuffix("[ \\t]{0,40}"))
_KIND_KEYS = ("kind:", '"kind":')
_MAX_LINES = 5_000


def kubernetes_values(text: str, searched: str) -> Iterator[Span]:
    """Yield the values of all Secrets in a text, in YAML and JSON; `searched` is the text as RE2 accepts it."""
    done = 0
    for match in _KIND.finditer(searched):
        if match.start() < done:
            continue
        start = start_of_line(text, match.start())
        lines = lines_from(text, start)
        begin, end = next(lines)
        for data in _INLINE_DATA.finditer(text, begin, end):
            yield from (found.span(1) for found in _INLINE_VALUE.finditer(text, *data.span(1)))
        column = _indent(text, begin, end)
        yield from _values_of_member(text, lines, column)
        yield from _values_before(text, start, column, done)
        done = end


def _values_of_member(text: str, lines: Iterable[Span], column: int) -> Iterator[Span]:
    """Yield the values below each `data` among the lines, up to the end of their object."""
    inside = False
    for begin, end in islice(lines, _MAX_LINES):
        indent = _indent(text, begin, end)
        if begin == end:
            continue
        if indent < column or text.startswith("---", begin):
            return
        if indent == column:
            at = begin + _skipped(text, begin, end)
            if text.startswith(_KIND_KEYS, at):  # another object
                return
            inside = _DATA.match(text, at, end) is not None
        elif inside:
            at = begin + _skipped(text, begin, end)
            found = _VALUE.match(text, at, end)
            if found is not None:
                yield found.span(1)
            elif not text[begin:end].rstrip().endswith((":", "|", ">", "-", "{", "}")):  # part of a block
                yield at, end


def _values_before(text: str, start: int, column: int, earliest: int) -> Iterator[Span]:
    """Yield the values of the part of the object that precedes `kind`, at or after `earliest`."""
    first = start
    for begin, end in islice(lines_before(text, start), _MAX_LINES):
        is_outside = begin < end and (_indent(text, begin, end) < column or text.startswith("---", begin))
        if begin < earliest or is_outside:
            break
        first, at = begin, begin + _skipped(text, begin, end)
        if text.startswith("- ", at - 2) and _indent(text, begin, end) == column:  # the first line of an item
            break
    if first < start:
        before = ((begin, end) for begin, end in lines_from(text, first) if begin < start)
        yield from _values_of_member(text, before, column)


def _skipped(text: str, begin: int, end: int) -> int:
    """The number of characters before the first key of a line: what a logger adds, indentation, the dash of a list."""
    prefix = _PREFIX.match(text, begin, end)
    at = prefix.end() if prefix else begin
    while at < end and (text[at] in " \t" or text.startswith("- ", at)):
        at += 1
    return at - begin


def _indent(text: str, begin: int, end: int) -> int:
    prefix = _PREFIX.match(text, begin, end)
    return _skipped(text, begin, end) - (prefix.end() - begin if prefix else 0)
