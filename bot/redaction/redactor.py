"""Redact secrets from outgoing text.

Secrets that this process knows are hidden wherever they occur. Unknown ones are recognized by the patterns in
`secret_patterns.toml`. Training logs are full of tokens that are not secrets (`token=123`, `tok/s`,
`pad_token='<pad>'`), so a value after the mere word `token` is hidden only when it looks random.

Speed: for nearly every page, one RE2 pass finds nothing to do. Otherwise only the blocks of the page in which it finds
something are searched, with the lines around them. There each pattern searches the original text by itself, and all
matches are cut out at once, so that no pattern can hide from another what it would have found.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, islice
from urllib.parse import quote

from bot.domain.logs import LogLine
from bot.domain.regex import Pattern, compile_pattern
from bot.redaction.broken_values import broken_tokens, joined_value, rests
from bot.redaction.cut_names import CUT_NAME_PREFILTER, secrets_after_cut_names
from bot.redaction.kubernetes_secrets import KIND_PREFILTER, kubernetes_values
from bot.redaction.patterns import (
    MESSAGE_SEPARATOR,
    SecretPattern,
    broken_token_pattern,
    pattern_groups,
    token_groups,
)
from bot.redaction.private_keys import KEY_MARK, key_bodies
from bot.redaction.tables import HEADER_PREFILTER, find_tables, open_header
from bot.redaction.text_lines import Span
from bot.redaction.user_patterns import UserPattern
from bot.redaction.value_checks import fits_context, is_mask, is_placeholder

_Groups = tuple[tuple[Pattern[str], tuple[SecretPattern, ...]], ...]
HIDDEN = "[hidden]"
_MIN_SECRET_CHARS = 4
"""Ignore configured secrets shorter than this; masking them would hit ordinary words."""
_NOT_PART_OF_VALUE = re.compile(r"(?:\\|\x1b\[[\d;]{0,12}m){1,8}\Z")
"""At the end of a value: the backslash of a quote inside JSON, the end of an ANSI colour."""
_ARGUMENT_SEPARATOR = re.compile(r"""["'],\s?["']""")
_NAME_CHARS = 64
"""A value may end in the name of the next secret: this many of its last characters are searched again."""
_MAX_BEFORE_CHARS = 64
_MAX_AFTER_CHARS = 300
"""A name and the two lines after it, of which the last may be long."""
_MANY_CANDIDATES = 64
"""From this number on, the whole text is searched at once."""
_PREFILTER_BYTES = 64 << 20
"""Bound for RE2, of which the pattern of everything uses a part."""
_BLOCK_CHARS = 2048
_OVERLAP_CHARS = 256


class Redactor:
    """Hides secrets: the process's own exactly, others by pattern."""

    def __init__(self, secrets: Iterable[str] = (), patterns: Sequence[UserPattern] = ()) -> None:
        """Take the secrets to hide wherever they occur, also in their URL-encoded form, and further patterns."""
        self._user_patterns = patterns
        known = {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS}
        known |= {quote(secret, safe="") for secret in known}
        self._exact = tuple(sorted(known))
        self._prefilter, self._structures, self._broken_token, self._groups = _prefilters()

    def __repr__(self) -> str:
        return f"Redactor({len(self._exact)} secrets)"

    def redact(self, text: str) -> tuple[str, int]:
        """Return the text without secrets and the number hidden. Idempotent."""
        spans = self.spans(text)
        return (_replace_spans(text, spans), len(spans)) if spans else (text, 0)

    def spans(self, text: str) -> list[Span]:
        """Return where the secrets of a text are, sorted and disjoint."""
        return self._spans(text, [len(text) + len(MESSAGE_SEPARATOR)])

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        """Hide secrets in messages and replica ids; return the lines and the number hidden.

        A secret may begin in one line and end in another, as private keys do. Returns the same object if it hides
        nothing.
        """
        page = MESSAGE_SEPARATOR.join([line.message for line in lines])
        replicas = {name: self.redact(name) for name in {line.replica for line in lines if line.replica}}
        hidden = sum(count for _, count in replicas.values())
        is_clean = not any(secret in page for secret in self._exact) and not self._may_have_secret(_encodable(page))
        if is_clean and not hidden:
            return lines, 0
        ends = list(accumulate(len(line.message) + len(MESSAGE_SEPARATOR) for line in lines))
        spans, redacted = self._spans(page, ends), list(lines)
        for index, inside in _spans_by_message(spans, ends).items():
            line = lines[index]
            redacted[index] = LogLine(line[0], _replace_spans(line[1], inside), *line[2:])  # faster than _replace
        if hidden:
            redacted = [line._replace(replica=replicas[line.replica][0]) if line.replica else line for line in redacted]
        return (redacted, len(spans) + hidden) if spans or hidden else (lines, 0)

    def open_header(self, text: str) -> Span | None:
        """As `tables.open_header`."""
        return open_header(text, _encodable(text))

    def _spans(self, text: str, ends: Sequence[int]) -> list[Span]:
        """Find what to hide, sorted and disjoint; `ends` has the end of each message and its separator."""
        found = list[Span]()
        for secret in self._exact:
            if secret in text:
                found += [match.span() for match in re.finditer(re.escape(secret), text)]
                text = text.replace(secret, "]" * len(secret))  # no pattern matches across it
        searched = _encodable(text)
        for pattern in self._user_patterns:
            found += pattern.spans(searched)
        if KEY_MARK in text:
            found += key_bodies(text, ends)
        if self._structures.contains(searched):
            found += kubernetes_values(text, searched)
            found += (value for table in find_tables(text, searched) for value in table.values)
        for begin, end in _windows(searched, self._prefilter):
            found += [(begin + start, begin + stop) for start, stop in self._search(text[begin:end])]
        return _merge_spans(found)

    def _search(self, text: str) -> list[Span]:
        """Find secrets in a part of a page, in no order."""
        searched = _encodable(text)
        found = list(_find_by_group(text, searched, self._groups))
        found += secrets_after_cut_names(text, searched, self._find_all)
        found_ends = [match.end() for match in self._broken_token.finditer(searched)]
        line_ends = [end - (2 if text[end - 2] == "\r" else 1) for end in found_ends]
        if line_ends:
            found += broken_tokens(text, line_ends, {end for _, end in found}, self._find_tokens)
        found = _merge_spans(found)
        return found + list(rests(text, searched, found))

    def _may_have_secret(self, text: str) -> bool:
        return self._prefilter.contains(text) or any(one.search.contains(text) for one in self._user_patterns)

    def _find_all(self, text: str) -> Iterator[Span]:
        yield from _find_by_group(text, _encodable(text), self._groups)

    def _find_tokens(self, text: str) -> Iterator[Span]:
        """Find tokens that are secrets by themselves."""
        yield from _find_by_group(text, _encodable(text), self._groups[: len(token_groups())])


def find_secrets(
    text: str, patterns: Iterable[SecretPattern], parts: Iterable[Span] | None = None, folded: str | None = None
) -> Iterator[Span]:
    """Yield the values that the patterns find, possibly overlapping; matches begin and end in one of the parts.

    `folded` is the text as `_lowered` returns it, if it is known.
    """
    folded = _lowered(text) if folded is None else folded
    parts = [(0, len(text))] if parts is None else parts
    for row in patterns:
        check, searched = row.check, folded if row.ignore_case else text
        for begin, stop in parts:
            first = searched.find(row.literal, begin, stop)
            if first < 0:
                continue
            for match in _matches(row, searched, first, stop):
                start, end = match.span(match.lastindex or 0)
                if row.before:
                    earliest = max(0, match.start() - _MAX_BEFORE_CHARS)
                    earlier = _compiled_end(row.before).search(text, earliest, match.start())
                    if earlier is None:
                        continue
                    start = earlier.start()
                if match.lastgroup == "argument" and text[start] in "\"'" and end - start > 2:
                    start, end = start + 1, end - (text[end - 1] == text[start])
                value = text[start:end]
                if is_mask(value):
                    continue
                if row.is_named and (is_placeholder(value) or not fits_context(match, text, value)):
                    continue
                if (
                    check is None
                    or check(text, match.start(), value)
                    or _is_joined_secret(row, match, text, (start, end))
                ):
                    yield start, _value_end(text, start, end)


def _is_joined_secret(row: SecretPattern, match: re.Match[str], text: str, span: Span) -> bool:
    """Whether the value is only the first part of one that passes the check of its pattern."""
    joined = joined_value(text, *span) if row.is_named and not row.before else ""
    return row.check is not None and len(joined) > span[1] - span[0] and row.check(text, match.start(), joined)


def _find_by_group(text: str, searched: str, groups: _Groups) -> Iterator[Span]:
    """Search for the patterns of each group where its prefilter matches. `searched` is the text as RE2 accepts it."""
    folded = None
    for prefilter, group in groups:
        near = list(islice(prefilter.finditer(searched), _MANY_CANDIDATES))
        if not near:
            continue
        parts = [(0, len(text))]
        if len(near) < _MANY_CANDIDATES:
            around = [(one.start() - _MAX_BEFORE_CHARS, one.end() + _MAX_AFTER_CHARS) for one in near]
            parts = _merge_spans((max(0, begin), text.find("\n", end) + 1 or len(text)) for begin, end in around)
        folded = _lowered(text) if folded is None else folded
        yield from find_secrets(text, group, parts, folded)
        commands = [row for row in group if row.is_command]
        if commands and _program_in_list().contains(searched):
            yield from find_secrets(_ARGUMENT_SEPARATOR.sub(_spaces, text), commands, parts)


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _windows(text: str, prefilter: Pattern[str]) -> list[Span]:
    """Return the parts of a text that may have secrets, sorted and disjoint: blocks of lines with those around them."""
    found, done = list[Span](), 0
    while done < len(text):
        start, done = done, text.find("\n", done + _BLOCK_CHARS) + 1 or len(text)
        if prefilter.contains(text[max(0, start - _OVERLAP_CHARS) : done]):
            before = text.rfind("\n", 0, max(0, start - _BLOCK_CHARS)) + 1
            found.append((before, text.find("\n", done + _BLOCK_CHARS) + 1 or len(text)))
    return _merge_spans(found)


def _any_of(*patterns: str) -> Pattern[str]:
    return compile_pattern("|".join(f"(?:{pattern})" for pattern in patterns), _PREFILTER_BYTES)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which stand for bytes that are not UTF-8; RE2 does not accept them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


@cache
def _prefilters() -> tuple[Pattern[str], Pattern[str], Pattern[str], _Groups]:
    """The patterns of any secret, of structures, of broken tokens, and of each group. Shared by all redactors."""
    groups, broken, structures = pattern_groups(), broken_token_pattern(), (HEADER_PREFILTER, KIND_PREFILTER)
    rows = (row.prefilter for group in groups for row in group)
    everything = _any_of(KEY_MARK, broken, CUT_NAME_PREFILTER, *structures, *rows)
    by_group = tuple((_any_of(*(row.prefilter for row in group)), group) for group in groups)
    return everything, _any_of(*structures), _any_of(broken), by_group


@cache
def _program_in_list() -> Pattern[str]:
    """The name of a program as an element of a list of arguments."""
    rows = (row for group in pattern_groups() for row in group if row.is_command)
    return compile_pattern(rf"""["'/](?:{"|".join(re.escape(row.literal.split()[0]) for row in rows)})["'],""")


@cache
def _compiled(row: SecretPattern) -> re.Pattern[str]:
    return re.compile(re.escape(row.literal) + row.rest)


@cache
def _compiled_end(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{pattern}\\Z")


def _matches(row: SecretPattern, text: str, position: int, stop: int) -> Iterator[re.Match[str]]:
    """Yield matches that have a value, also those that begin at the end of another match's value, as names do."""
    pattern = _compiled(row)
    while position >= 0:
        found, position = pattern.finditer(text, position, stop), -1
        for match in found:
            if match.lastindex is None:
                continue
            yield match
            start, end = match.span(match.lastindex)
            begin = max(start, end - _NAME_CHARS)
            if row.ignore_case and row.literal in text[begin:end]:
                position = begin
                break


def _value_end(text: str, start: int, end: int) -> int:
    if text[end - 1] not in "\\m":
        return end
    suffix = _NOT_PART_OF_VALUE.search(text, max(start, end - 40), end)
    return end if suffix is None else suffix.start()


def _lowered(text: str) -> str:
    """The text in lower case with every character at its old position."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "i").lower()


def _merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Sort the spans and join those that touch. Empty ones are dropped."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged


def _replace_spans(text: str, spans: Sequence[Span]) -> str:
    """Replace each span by HIDDEN. The spans are sorted and disjoint."""
    if len(spans) == 1:
        start, end = spans[0]
        return f"{text[:start]}{HIDDEN}{text[end:]}"
    parts, position = list[str](), 0
    for start, end in spans:
        parts += text[position:start], HIDDEN
        position = end
    return "".join([*parts, text[position:]])


def _spans_by_message(spans: Iterable[Span], ends: Sequence[int]) -> dict[int, list[Span]]:
    """Split spans of a page into spans of its messages, by message index; `ends` as in `Redactor._spans`."""
    parts: dict[int, list[Span]] = {}
    index = 0
    for start, end in spans:
        while ends[index] <= start:
            index += 1
        last = index
        while True:
            begin = ends[last - 1] if last else 0
            inside = max(start, begin) - begin, min(end, ends[last] - len(MESSAGE_SEPARATOR)) - begin
            if inside[0] < inside[1]:
                parts.setdefault(last, []).append(inside)
            if end <= ends[last]:
                break
            last += 1
    return parts
