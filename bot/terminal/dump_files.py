"""Flight-recorder dumps and stacks among the files of a scan."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from bot.diagnosis.dumps.flight_recorder import UnreadableDump
from bot.diagnosis.dumps.rank_dumps import HEAD, MAX_BYTES, RankDump, is_rank_dump, read_dump
from bot.domain.wording import size_text
from bot.errors import ConfigError


def open_dump(file: BufferedReader, path: str) -> RankDump:
    """Read a dump, whole.

    Raises:
        ConfigError: it is too large, damaged, or a pickle that holds more than plain data.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"Cannot read {path}: dumps may have at most {size_text(MAX_BYTES)}.")
    try:
        return read_dump(path, data)
    except UnreadableDump as problem:
        raise ConfigError(f"Refused to read the flight-recorder dump {path}: {problem}.") from None


def is_dump_file(path: str) -> bool:
    """Tell by its content whether a regular file is a dump, whatever its name."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - much faster
            return False
        with Path(path).open("rb") as file:
            return is_rank_dump(file.read(HEAD))
    except OSError:
        return False
