"""Which files `trainwatch scan` reads: the named ones, those of folders, and those that patterns match."""

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.diagnosis.merged_files import rank_of_path
from bot.domain.wording import plural
from bot.errors import ConfigError
from bot.terminal.dump_files import is_dump_file

STANDARD_INPUT = "-"
_LOG_NAME = re.compile(
    r"(?i).*\.(?:log|out|err|txt|stdout|stderr|jsonl|o\d+|e\d+)(?:[.-]\d+)?(?:\.(?:gz|xz|bz2|zst))?"
    r"|(?:.*[._-])?(?:log|logs|output|stdout|stderr)(?:[._-]\d+)?"
    r"|(?:rank|worker|proc|node|task)[._-]?\d+"
)
"""Names of logs in a folder. Other files there are not read."""
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file to read."""

    path: str
    """As typed or found; `-` is the standard input."""
    rank: int | None = None
    """The rank that its name states."""
    is_named: bool = True
    """Whether it was typed itself, rather than found in a folder or by a pattern."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files to read, and how many others the folders hold."""

    files: tuple[ScannedFile, ...]
    others: int = 0
    """Files in folders whose names are not those of logs."""


def find_files(paths: Sequence[str]) -> FoundFiles:
    """Expand folders and patterns, each file once, in natural order within each argument.

    Raises:
        ConfigError: a path does not exist, a pattern matches nothing, or there is no log in the folders.
    """
    found: dict[str, ScannedFile] = {}
    others = 0
    for typed in paths:
        for path, is_named in _matches(typed):
            if path == STANDARD_INPUT or not Path(path).is_dir():
                found.setdefault(path, ScannedFile(path, rank_of_path(path), is_named))
                continue
            inside = list(_files_below(path))
            logs = [one for one in inside if _is_log(one) or is_dump_file(one)]
            others += len(inside) - len(logs)
            for one in sorted(logs, key=_natural_order):
                found.setdefault(one, ScannedFile(one, rank_of_path(one), is_named=False))
    if not found:
        other = f" It has {plural(others, 'other file')}; name the file to read it." if others else ""
        raise ConfigError(f"No log files in {', '.join(paths)}.{other}")
    return FoundFiles(tuple(found.values()), others)


def _matches(typed: str) -> Iterable[tuple[str, bool]]:
    """The paths that an argument names, and whether it names them itself."""
    if typed == STANDARD_INPUT or Path(typed).exists() or not glob.has_magic(typed):
        return [(typed, True)]
    matched = sorted(glob.glob(os.path.expanduser(typed), recursive=True), key=_natural_order)  # noqa: PTH111, PTH207
    if not matched:
        raise ConfigError(f"No file matches {typed}.")
    return [(path, False) for path in matched]


def _is_log(path: str) -> bool:
    """Whether a file in a folder is named like a log; not a named pipe or socket, which would be waited for."""
    if not _LOG_NAME.fullmatch(os.path.basename(path)):  # noqa: PTH119 - much faster
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:  # opening it will say why
        return True


def _files_below(folder: str) -> Iterator[str]:
    """Every file in a folder and its folders, without hidden ones and symbolic links to folders."""
    for parent, folders, names in os.walk(os.path.normpath(folder)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = "" if parent == os.curdir else f"{parent}{os.sep}"
        yield from (f"{inside}{name}" for name in names if not name.startswith("."))


def _natural_order(path: str) -> list[tuple[int, str]]:
    """Order `rank_2` before `rank_10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path)]
