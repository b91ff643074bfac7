"""Read a whole log through a client that does not page: by time, with the lines of each seam counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

PAGE = 1000
Row = tuple[int, str, str | None, str | None, str | None]
"""Timestamp, message, replica, level and request id of a line."""


def row_of(line: Any) -> Row:
    """Return a line of the client's model, or of its JSON, as a row."""
    fields: Any = line if isinstance(line, dict) else vars(line)
    return int(fields["timestamp"]), fields["message"], fields["replica"], fields["level"], fields["request_id"]


def read_whole_log(fetch: Callable[[int, int], Sequence[Any]], start_ms: int, end_ms: int) -> list[Row]:
    """Return every line, oldest first. `fetch` returns up to `PAGE` lines from the start to the end, oldest first."""
    rows: list[Row] = []
    while True:
        page = [row_of(line) for line in fetch(start_ms, end_ms)]
        known = Counter(row for row in rows[-2 * PAGE :] if row[0] // 10**6 >= start_ms)
        for row in page:
            if known[row]:
                known[row] -= 1
            else:
                rows.append(row)
        if len(page) < PAGE:
            return rows
        start_ms = page[-1][0] // 10**6
