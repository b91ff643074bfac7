"""Split a window of a log into lines without prefixes, each with the process that wrote it."""

from collections.abc import Iterable
from itertools import chain, repeat
from typing import NamedTuple

from bot.diagnosis.reading.prefixes import LineSource, split_prefix, unwrap_json

MAX_PIECES = 400
"""Number of pieces, such as states of a progress bar, that are read of a window."""


class SourcedLine(NamedTuple):
    """One line without its prefixes."""

    source: LineSource
    text: str


def read_sourced_lines(window: bytes, origins: Iterable[tuple[int | None, str | None]]) -> list[SourcedLine]:
    """Split a window of whole lines, oldest first.

    Args:
        window: ends with a line end.
        origins: the ranks and replicas that the provider states for its lines, newest first, as far as known.
    """
    found: list[SourcedLine] = []
    known = chain(origins, repeat((None, None)))
    for raw, (rank, replica) in zip(reversed(window.removesuffix(b"\n").split(b"\n")), known, strict=False):
        for piece in reversed(raw.split(b"\r")):
            text = unwrap_json(piece.decode("utf-8", "replace")).partition("\n")[0]
            if text.strip():
                found.append(SourcedLine(*split_prefix(text, rank, replica)))
        if len(found) >= MAX_PIECES:
            break
    return found[::-1]
