"""Flight-recorder dumps and stacks among the files of a scan."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from bot.diagnosis.dumps.flight_recorder import UnreadableDump
from bot.diagnosis.dumps.rank_dumps import HEAD, MAX_BYTES, RankDump, is_rank_dump, read_dump
from bot.domain.wording import size_text


def open_dump(file: BufferedReader, path: str) -> tuple[RankDump, str]:
    """Read a dump, whole, and say why if it cannot be read: the rank has a dump then, but what it did is unknown."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return RankDump(path), f"Dumps may have at most {size_text(MAX_BYTES)}."
    try:
        dump = read_dump(path, data)
    except UnreadableDump as problem:
        return RankDump(path), f"Refused to read the flight-recorder dump: {problem}."
    return dump, "" if dump.processes else "The dump is damaged."


def is_dump_file(path: str) -> bool:
    """Tell by its content whether a regular file is a dump, whatever its name."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - much faster
            return False
        with Path(path).open("rb") as file:
            return is_rank_dump(file.read(HEAD))
    except OSError:
        return False
