"""Find secrets that a console or a logger broke over two lines. Pure.

Three cases: a token whose first part is too short to be recognized, so that the lines are searched joined; a value
that was recognized up to the end of its line, so that its rest is hidden if the next line consists of it; and the next
cell, string or element of a list that continues a value.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import accumulate

from bot.domain.regex import compile_pattern
from bot.redaction.text_lines import Span, start_of_line
from bot.redaction.value_checks import CHANGE, is_placeholder, looks_random
from bot.redaction.value_grammar import BAR, FRAME, LOGGED_PREFIX

_CHARS = "[A-Za-z0-9_.+/=-]"
_NEXT_LINE = rf"\\?\r?\n(?:\x01\n)?{LOGGED_PREFIX}"
_BREAK = re.compile(rf"{_NEXT_LINE}(?={_CHARS})")
_WHOLE_LINE = re.compile(rf"({_CHARS}{{6,}})[\"',;\\]{{0,3}}[ \t]*(?=\r?\n|\Z)")
_LAST_WORD = re.compile(rf"{_CHARS}{{6,}}\Z")
_FIRST_WORD = re.compile(rf"{_CHARS}{{8,}}(?=[\"',;\\)]{{0,3}}(?:\s|\Z))")
_REST_CHARS = "[A-Za-z0-9_.+/-]{6,}={0,2}"
"""It has `=` at its end only, unlike an assignment."""
_AFTER_REST = r"[\"',;\\)}\]]{0,4}[ \t]*"
_REST = re.compile(rf"{_NEXT_LINE}({_REST_CHARS}){_AFTER_REST}(?=\r?\n|\Z|(?<=[ \t])[\w.-]{{1,40}}=)")
_REST_OF_QUOTED = re.compile(rf"{_NEXT_LINE}([^\s\"']{{4,}})(?=[\"'])")
_VALUE_LINE = compile_pattern(rf"(?m:^{LOGGED_PREFIX}(?:{_REST_CHARS}{_AFTER_REST}(?:\r?$|[\w.-]+=)|[^\s\"']+[\"']))")
_OPENED = re.compile(rf"([(\[])[ \t]{{0,4}}(?:{_NEXT_LINE})?[bfru]?\Z")
"""Before the quote of a value: where a list or the parts of a string begin."""
_OPENED_CHARS = 160
_FRAMED = re.compile(rf"{LOGGED_PREFIX}{FRAME}[ \t]")
_FULL_ROW = re.compile(rf"[ \t]{{0,2}}{FRAME}[ \t\r]{{0,4}}\Z")
_FRAME_END = re.compile(rf"[ \t]+{FRAME}\Z")
_CONTINUED = re.compile(
    # The next row of a table, with nothing in the cell of the name.
    rf"[ \t]{{0,40}}{BAR}[ \t]{{0,4}}{_NEXT_LINE}{BAR}[ \t]{{3,200}}{BAR}[ \t]{{0,4}}"
    r"(?P<cell>[^\s|\u2502\u2503\u2551]+)"
    # The next part of a string in a program.
    rf"|[\"'](?:[ \t]{{0,2}}(?P<plus>[+\\])[ \t]{{0,2}}(?:{_NEXT_LINE})?|[ \t]{{0,2}}{_NEXT_LINE}(?P<early>\+[ \t])?)"
    rf"[bfru]?[\"'](?P<part>[^\"'\n]{{2,}})(?=[\"'])"
    # The next element of a list.
    rf"|[\"'],(?:[ \t]{{0,2}}|[ \t]{{0,2}}{_NEXT_LINE})[\"'](?P<element>[^\"'\n]{{4,}})(?=[\"'])"
    rf"|{_NEXT_LINE}- [\"']?(?P<item>{_CHARS}{{12,}})(?=[\"']?[ \t]{{0,4}}(?:\r?\n|\Z))"
    # The next row of a panel.
    rf"|(?:[ \t]{{0,200}}{FRAME})?[ \t]{{0,4}}{_NEXT_LINE}{FRAME}[ \t]{{1,8}}(?P<row>[^\s\"'|\u2502\u2503\u2551]+)"
    rf"(?=[\"',;)\]]{{0,3}}[ \t]{{0,200}}(?:{FRAME}|\r?\n|\Z))"
    # What the value was changed to.
    r"|[\"']?[ \t]{1,2}(?:[-=]>|\u2192)[ \t]{1,2}[\"']?(?P<changed>[^\s\"']{4,})"
)
"""How the text after a hidden value continues the value, or brings another one."""
_LINE_END = re.compile(r"\\?\r?\n(?:\x01\n)?")
_PARTS = ("cell", "part", "row")
"""The groups that continue a value, unlike those that bring another one."""
_DIGIT = re.compile(r"[0-9]")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_MIN_CHANGES = 2
_MIN_HEX_CHARS = 8
_MIN_VALUE_CHARS = 8
_MIN_LONG_LINE_CHARS = 60
"""Consoles break lines from this length on. A shorter line is joined only with a line that consists of the rest."""
_MAX_PREFIX_CHARS = 24
"""Longest public prefix of a token."""
_MOST_LINES = 4
_MOST_PARTS = 64


def broken_tokens(
    text: str, candidates: Iterable[int], done: Container[int], search: Callable[[str], Iterable[Span]]
) -> Iterator[Span]:
    """Find tokens that continue on the next line; those that are hidden far enough already end in `done`.

    `candidates` are the ends of the lines that may end in such a token; `search` finds tokens in a text.
    """
    removed, position = list[Span](), 0
    short = set[int]()
    for line_end in candidates:
        found = _BREAK.match(text, line_end)
        if found is None or line_end in done:
            continue
        begin = start_of_line(text, line_end)
        is_short = line_end - begin < _MIN_LONG_LINE_CHARS
        if is_short and not (_WHOLE_LINE.match(text, found.end()) or _is_cut_word(text, begin, line_end, found.end())):
            continue
        if begin > position:
            removed.append((position, begin))
        if is_short:
            short.add(len(removed))
        removed.append(found.span())
        position = text.find("\n", found.end()) + 1 or len(text)
    if not removed:
        return
    splice = _Splice(text, [*removed, (position, len(text))])
    for start, end in search(splice.text):
        joints = splice.joints_between(start - _MAX_PREFIX_CHARS, end)
        if joints and (not short.intersection(joints) or looks_random(splice.text[start:end])):
            yield splice.original(start, end)


def _is_cut_word(text: str, begin: int, line_end: int, rest: int) -> bool:
    """Whether the last word of a line and the first one of the next both look like parts of a random value."""
    first, second = _LAST_WORD.search(text, begin, line_end), _FIRST_WORD.match(text, rest)
    return bool(first and second and _changes(first[0]) and _changes(second[0]))


def rests(text: str, searched: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Find the rests of hidden values on the lines after them. `searched` is the text as RE2 accepts it."""
    value_lines = {match.start() for match in _VALUE_LINE.finditer(searched)}
    done = set(spans)
    for span in done:
        yield from _continued(text, span)
        begin, end = span
        is_quoted = text[begin - 1 : begin] in {'"', "'"}
        for _ in range(_MOST_LINES):
            line_end = _LINE_END.match(text, end)
            if line_end is None or line_end.end() not in value_lines:
                break
            found = (_REST_OF_QUOTED if is_quoted else _REST).match(text, end)
            if found is None or found.span(1) in done or not (is_quoted or _is_rest(text[begin:end], found[1])):
                break
            begin, end = found.span(1)
            yield begin, end


def joined_value(text: str, begin: int, end: int) -> str:
    """Return a value together with its parts in further strings and rows."""
    return text[begin:end] + "".join(text[slice(*span)] for span in _continued(text, (begin, end), _PARTS))


def _continued(text: str, span: Span, groups: Container[str] | None = None) -> Iterator[Span]:
    """Find what continues a value that is hidden, up to the last part; only these groups, if they are given."""
    begin, end = span
    value, opened = text[begin:end], None
    for _ in range(_MOST_PARTS):
        found = _CONTINUED.match(text, end)
        if found is None or found.lastgroup is None or (groups is not None and found.lastgroup not in groups):
            return
        part = found[found.lastgroup]
        opened = opened or _opened(text, begin)
        match found.lastgroup:
            case "part":
                opened = "(" if found["plus"] or found["early"] else opened
                is_secret = opened == "(" or _is_rest(value, part)
            case "row":
                is_secret = _is_rest_of_row(text, begin, value, part)
            case "changed":
                is_secret = not is_placeholder(part)
            case "element" if opened == "[":
                is_secret = not is_placeholder(part)
            case group:
                is_secret = group == "cell" or looks_random(part)
        if not is_secret:
            return
        begin, end = found.span(found.lastgroup)
        yield begin, end


def _opened(text: str, begin: int) -> str:
    """Return the bracket before the quote of a value, or the quote."""
    found = _OPENED.search(text[max(0, begin - _OPENED_CHARS) : begin - 1])
    return found[1] if found and text[begin - 1] in "\"'" else "'"


def _is_rest_of_row(text: str, begin: int, value: str, part: str) -> bool:
    """Whether the only word in the next row of a panel is the rest of a value, because of its looks or for its room."""
    start, line_end = start_of_line(text, begin), text.find("\n", begin)
    if _FRAMED.match(text, start) is None:
        return False
    if _is_rest(_FRAME_END.sub("", value), part):
        return True
    return line_end - start >= _MIN_LONG_LINE_CHARS and _FULL_ROW.search(text, start, line_end) is not None


def _is_rest(value: str, rest: str) -> bool:
    """Whether a line looks like the rest of a random value, and not like a word or a name such as `step100`."""
    if len(value) < _MIN_VALUE_CHARS or " " in value or not (_DIGIT.search(value) or _changes(value)):
        return False
    if len(rest) >= _MIN_HEX_CHARS and _HEX.match(value) and _HEX.match(rest):
        return not rest.isdecimal()
    return _changes(rest)


def _changes(text: str) -> bool:
    return len(CHANGE.findall(text)) >= _MIN_CHANGES


class _Splice:
    """A text with some of its parts removed, and the way back to positions in the original."""

    def __init__(self, text: str, gaps: list[Span]) -> None:
        """Remove the given gaps, ascending."""
        starts = [0, *(end for _, end in gaps)]
        ends = [*(start for start, _ in gaps), len(text)]
        self.text = "".join(text[start:end] for start, end in zip(starts, ends, strict=True))
        self._removed = [0, *accumulate(end - start for start, end in gaps)]
        self._joints = [start - before for (start, _), before in zip(gaps, self._removed, strict=False)]

    def joints_between(self, start: int, end: int) -> range:
        """The joints inside a span of the joined text, by number."""
        return range(bisect_right(self._joints, start), bisect_left(self._joints, end))

    def original(self, start: int, end: int) -> Span:
        """The same span in the original text, removed parts included."""
        first, last = bisect_right(self._joints, start), bisect_left(self._joints, end)
        return start + self._removed[first], end + self._removed[last]
