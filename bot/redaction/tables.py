"""Find secrets in tables: below a heading such as `password`, or beside a name in the same row. Pure.

CSV, TSV, Markdown, tables with ruled columns, and columns aligned by spaces. A header counts only if rows of the same
shape follow; the table ends with the first line of another shape.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.domain.regex import compile_pattern
from bot.redaction.text_lines import Span, lines_from, start_of_line
from bot.redaction.value_checks import is_placeholder, looks_random
from bot.redaction.value_grammar import NAME_END

_STRONG = (
    r"[a-z]*pass(?:word|wd|phrase|code)|pass|pwd|secret|credentials?|pat|rediscli[ _-]auth|[a-z]*pw"
    r"|(?:secret|api|access|auth|private|session)[ _-]?(?:key|token)"
)
_WEAK = r"token|key|cookie"
_SEPARATORS = "\t|\u2502\u2503\u2551;,"
_HEADING_END = rf"(?:{_STRONG}|{_WEAK})s?(?:[_-](?:\d|v\d|prod|value|backup|old|new))?"
_NAME_HEADING = r"(?:name|key|param(?:eter)?|option|setting|variable|field|property|config|argument)s?"
_VALUE_HEADING = r"(?:value|setting|current|content|data)s?"
HEADER_PREFILTER = (
    rf"(?i:(?:^|[\n\"{_SEPARATORS} ]){_NAME_HEADING}\"?(?:[ \t]+[^\n]*)?(?:[{_SEPARATORS}][^\n]*)?"
    rf"(?:[{_SEPARATORS}]|  ) *\"?{_VALUE_HEADING}\"?[ \t]*(?:[{_SEPARATORS}\r\n]|$))|"
    rf"(?i:[{_SEPARATORS}][ \t]*\"?[a-z0-9._ -]*{_HEADING_END}\"?[ \t]*(?:[{_SEPARATORS}\r\n]|$)"
    rf"|[a-z]  +[a-z0-9._-]*{_HEADING_END}[ \t]*(?:[\r\n]|$)"
    rf"|(?:^|[\n\"]|  )[a-z0-9._-]*{_HEADING_END}"
    rf"(?:\"?[ \t]*[{_SEPARATORS}]|  +[a-z]|[ \t]*\r?\n(?:\x01\n)?[ \t|+]*[-=]{{3}}))"
)
_HEADER = compile_pattern(HEADER_PREFILTER)
_STRONG_NAME = re.compile(rf"(?i)(?:[a-z0-9]+[ ._-]{{1,2}})*(?:{_STRONG})s?{NAME_END}\Z")
_SECRET_NAME = re.compile(rf"(?i)(?:[a-z0-9]+[ ._-]{{1,2}})*{_HEADING_END}{NAME_END}\Z")
_NAMES = re.compile(rf"(?i){_NAME_HEADING}\Z")
_VALUES = re.compile(rf"(?i){_VALUE_HEADING}\Z")
_WORDS = re.compile(r"[a-z]+(?: [a-z]+){2,11}\Z")
_HEADING = re.compile(r"[^\n=:<>{}]{0,40}\Z")
_RULE = re.compile(r"[\s+|:=\u2500-\u257f-]*[-=\u2500-\u257f]{3}[\s+|:=\u2500-\u257f-]*\Z")
_RULED = "|\u2502\u2503\u2551"
"""A table with these between its columns has a rule below its header."""
_ALIGNED_CELL = re.compile(r"\S+(?: \S+)*")
_PLACEHOLDER = re.compile(r"(?i)(?:\[hidden\]|none|null|nan|true|false|yes|no|<.*>|\$.*|\*+|x+|-+|\.+)\Z")
_MIN_VALUE_CHARS = 4
_MAX_COLUMNS = 200
_MAX_HEADER_CHARS = 4_000
_MAX_ROW_CHARS = 64_000

_Split = Callable[[str, int, int], list[Span]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a column of secrets."""

    start: int
    """Where its header starts."""
    end: int
    """Where its last row ends."""
    values: tuple[Span, ...]
    """The secrets in its rows, without the quotes."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a table has secrets."""

    headed: dict[int, bool]
    """The columns with the name of a secret, by index; whether the name is a weak one."""
    name: int | None = None
    """The column of names, if the other one has their values."""
    value: int = 0

    def is_repeated(self, text: str, cells: Sequence[Span]) -> bool:
        """Whether the cells are a header like this one."""
        return bool(self.headed) and all(_is_name(text[slice(*cells[column])]) for column in self.headed)

    def secrets(self, text: str, cells: Sequence[Span]) -> Iterator[Span]:
        """Yield the secrets of a row."""
        for column, is_weak in self.headed.items():
            if _is_secret(text[slice(*cells[column])], is_weak):
                yield cells[column]
        if self.name is not None and _is_name(name := text[slice(*cells[self.name])]):
            value = text[slice(*cells[self.value])]
            if _is_secret(value, _STRONG_NAME.match(name) is None) or (
                "phrase" in name.lower() and _WORDS.match(value)
            ):
                yield cells[self.value]


def find_tables(text: str, searched: str) -> Iterator[Table]:
    """Find the tables with secrets in a text; `searched` is the text as RE2 accepts it."""
    done = 0
    for match in _HEADER.finditer(searched):
        heading = min(match.end() - 1, _inside(text, match.start()))
        if heading < done:
            continue
        start, end = start_of_line(text, heading), text.find("\n", heading) % (len(text) + 1)
        table = _read_table(text, start) if end - start <= _MAX_HEADER_CHARS else None
        done = end if table is None else table.end
        if table is not None:
            yield table


def open_header(text: str, searched: str) -> Span | None:
    """Return where the header of the table is that ends with the text, with the line below it; None without one."""
    tables = list(find_tables(text, searched))
    last = tables[-1] if tables else None
    if last is None or last.end < len(text.rstrip("\r\n")):
        return None
    lines = lines_from(text, last.start)
    return last.start, [next(lines, (0, last.end))[1] for _ in range(2)][-1]


def _inside(text: str, position: int) -> int:
    """The position of the header itself, if the match begins with the end of the line before."""
    while position < len(text) - 1 and text[position] in "\n\r\x01":
        position += 1
    return position


def _read_table(text: str, start: int) -> Table | None:
    lines = lines_from(text, start)
    begin, end = next(lines)
    for separator in _SEPARATORS:
        split = _by(separator)
        if separator in text[begin:end] and (columns := _columns(text, split(text, begin, end))):
            return _rows(text, start, split, columns, lines, needs_rule=separator in _RULED)
    cells = _aligned(text, begin, end)
    columns = _columns(text, cells)
    if not columns:
        return None
    return _rows(text, start, _aligned_like([(first - begin, last - begin) for first, last in cells]), columns, lines,
                 needs_rule=len(cells) == 1)  # fmt: skip


def _rows(
    text: str, start: int, split: _Split, columns: _Columns, lines: Iterator[Span], *, needs_rule: bool
) -> Table | None:
    """Read the rows below a header."""
    header_end = end = text.find("\n", start) % (len(text) + 1)
    count = len(split(text, start, header_end))
    values, has_rule = list[Span](), False
    for begin, stop in lines:
        if _RULE.match(text, begin, stop) and stop > begin:
            has_rule, end = True, stop
            continue
        cells = split(text, begin, stop)
        if len(cells) != count or (needs_rule and not has_rule):
            break
        if columns.is_repeated(text, cells):  # the header of another table
            break
        end = stop
        values += columns.secrets(text, cells)
    return Table(start, end, tuple(values)) if values or has_rule else None


def _secret_columns(text: str, cells: Sequence[Span]) -> dict[int, bool]:
    """Return the indexes of columns with a secret's name, and whether the name is a weak one; empty for other lines."""
    if len(cells) > _MAX_COLUMNS:
        return {}
    names = [text[begin:end].strip() for begin, end in cells]
    if not all(_HEADING.match(name) for name in names[1:]):
        return {}
    return {at: _STRONG_NAME.match(name) is None for at, name in enumerate(names) if _is_name(name)}


def _columns(text: str, cells: Sequence[Span]) -> _Columns | None:
    """Return the columns of a header in which secrets may be; None if it has none."""
    names = [text[begin:end].strip() for begin, end in cells[:_MAX_COLUMNS]]
    name = next((at for at, heading in enumerate(names) if _NAMES.match(heading)), None)
    value = next((at for at, heading in enumerate(names) if _VALUES.match(heading) and at != name), None)
    if name is not None and value is not None:
        return _Columns({}, name, value)
    headed = _secret_columns(text, cells)
    return _Columns(headed) if headed else None


def _is_name(text: str) -> bool:
    return _SECRET_NAME.match(text) is not None


def _is_secret(value: str, is_weak: bool) -> bool:
    if len(value) < _MIN_VALUE_CHARS or _PLACEHOLDER.match(value):
        return False
    return looks_random(value) if is_weak else " " not in value and not is_placeholder(value)


def _by(separator: str) -> _Split:
    """Split a line at a separator outside quotes."""
    quoted = re.compile(rf'[ ]*"((?:[^"\n]|"")*)"[ ]*(?={re.escape(separator)}|\Z)|([^{re.escape(separator)}\n]*)')

    def split(text: str, begin: int, end: int) -> list[Span]:
        cells = list[Span]()
        while begin <= end and len(cells) <= _MAX_COLUMNS and end - begin <= _MAX_ROW_CHARS:
            found = quoted.match(text, begin, end)
            if found is None:
                break
            cells.append(_stripped(text, *found.span(found.lastindex or 0)))
            begin = found.end() + 1
        return cells

    return split


def _stripped(text: str, begin: int, end: int) -> Span:
    while begin < end and text[begin] in " \t\r'`":
        begin += 1
    while end > begin and text[end - 1] in " \t\r'`":
        end -= 1
    return begin, end


def _aligned(text: str, begin: int, end: int) -> list[Span]:
    return [found.span() for found in _ALIGNED_CELL.finditer(text, begin, end)]


def _aligned_like(header: Sequence[Span]) -> _Split:
    """Split a line into the columns of a header, whose cells are given from the start of its line.

    A row without a cell for a column of the header has an empty one.
    """

    def split(text: str, begin: int, end: int) -> list[Span]:
        cells = _aligned(text, begin, end)
        extra = len(cells) - len(header)
        if extra in (0, 1):  # 1: the index of a data frame has no heading
            return cells[extra:]
        if len(cells) < 2 or extra > 0:
            return []
        return [_overlapping(cells, first + begin, last + begin) for first, last in header]

    return split


def _overlapping(cells: Sequence[Span], first: int, last: int) -> Span:
    return next(((begin, end) for begin, end in cells if begin < last and first < end), (first, first))
