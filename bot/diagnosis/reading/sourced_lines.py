"""Split a window of a log into lines without prefixes, each with the process that wrote it."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import NamedTuple

from bot.diagnosis.reading.prefixes import LineSource, split_prefix, unwrap_json

_LOGGED = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:|\[?(?:\d\d/\d\d )?\d\d:\d\d:\d\d"
    r"|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d |[DIWEF]\d{4} \d\d:"
    r"|\W{0,2}(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b(?!: [a-z])"
    r"|\[(?!(?:rank|Rank|RANK)\b|/?INST\]|CLS\]|SEP\]|PAD\])[A-Za-z][\w.:/-]{1,40}\] "
)
"""What a logger writes before a message."""
MAX_PIECES = 400
"""Number of pieces, such as states of a progress bar, that are read of a window."""


class SourcedLine(NamedTuple):
    """One line without its prefixes."""

    source: LineSource
    text: str
    is_logged: bool = False
    """Does it start as a logger's lines do: with a time, a level or the name of a program?"""
    prefix: str = ""
    """What was removed before the text; `{` for structured logging."""


def read_sourced_lines(window: bytes, origins: Iterable[tuple[int | None, str | None]]) -> list[SourcedLine]:
    """Split a window of whole lines, oldest first; the arguments are those of `newest_sourced_lines`."""
    return list(newest_sourced_lines(window, origins))[::-1]


def newest_sourced_lines(window: bytes, origins: Iterable[tuple[int | None, str | None]]) -> Iterator[SourcedLine]:
    """Split a window of whole lines one by one, newest first.

    Args:
        window: ends with a line end.
        origins: the ranks and replicas that the provider states for its lines, newest first, as far as known.
    """
    number = 0
    known = chain(origins, repeat((None, None)))
    for raw, (rank, replica) in zip(reversed(window.removesuffix(b"\n").split(b"\n")), known, strict=False):
        for piece in reversed(raw.split(b"\r")):
            line = piece.decode("utf-8", "replace")
            if line.strip():
                number += 1
                yield read_sourced_line(line, rank, replica)
        if number >= MAX_PIECES:
            return


def read_sourced_line(line: str, rank: int | None = None, replica: str | None = None) -> SourcedLine:
    """Split a line into its source, its text and what was before it.

    Args:
        line: without a line end.
        rank: the rank that the provider states.
        replica: the replica that the provider states.
    """
    text = unwrap_json(line).partition("\n")[0]
    split = split_prefix(text, rank, replica)
    mark = "" if text is line or line.startswith(text) else "{"
    return SourcedLine(*split, is_logged(text), mark + text[: len(text) - len(split.text)])


def is_logged(line: str) -> bool:
    """Does a line start as a logger's lines do?"""
    return _LOGGED.match(line) is not None
