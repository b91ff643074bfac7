"""The width of the terminal. Imports little, for help."""

import os
from collections.abc import Mapping
from typing import TextIO


def terminal_width(variables: Mapping[str, str], *streams: TextIO) -> int | None:
    """The columns that COLUMNS names, or else those of the first stream that is a terminal; None if none is."""
    columns = variables.get("columns", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    for stream in streams:
        try:
            return os.get_terminal_size(stream.fileno()).columns or None
        except (OSError, ValueError):  # not a terminal, or closed
            continue
    return None
