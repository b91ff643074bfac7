"""Which files `trainwatch scan` reads: the named ones, those of folders, and those that patterns match."""

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from bot.diagnosis.reading.prefixes import parse_timestamp
from bot.domain.wording import plural
from bot.errors import ConfigError
from bot.terminal.dump_files import is_dump_file

STANDARD_INPUT = "-"
_LOG_NAME = re.compile(
    r"(?i).*\.(?:log|out|err|txt|stdout|stderr|o\d+|e\d+)(?:[.-]\d+)?(?:\.(?:gz|xz|bz2|zst))?"
    r"|.*(?:log|metric|progress|event|stdout|stderr).*\.jsonl(?:\.(?:gz|xz|bz2|zst))?"
    r"|(?:.*[._-])?(?:log|logs|output|stdout|stderr)(?:[._-]\d+)?"
    r"|(?:rank|worker|proc|node|task)[._-]?\d+"
)
"""Names of logs in a folder."""
_NOT_A_LOG = re.compile(
    r"(?i)(?:requirements|constraints|vocab|merges|licen[cs]e|notice|readme|authors|cmakelists|version|robots)"
    r"[\w.-]*\.txt|(?:makefile|dockerfile|licen[cs]e|readme|notice|authors|version)"
)
_NUMBERED = re.compile(r"[^.]+(?:\.[\w-]*\d[\w-]*)*")
"""Names without an ending that says what they are, such as pods and Slurm's `train.1234.0`: their text decides."""
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages"})
_SNIFFED_BYTES, _SNIFFED_LINES = 4096, 20
_MAX_KINDS = 4
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file to read."""

    path: str
    """As typed or found; `-` is the standard input."""
    is_named: bool = True
    """Whether it was typed itself, rather than found in a folder or by a pattern."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files to read, and how many others the folders hold."""

    files: tuple[ScannedFile, ...]
    others: Mapping[str, int] = field(default_factory=dict)
    """How many files in folders are not logs, by the ending of their names."""

    def describe_others(self) -> str:
        """Return `5 other files in the folders are not logs and were not read: 3 .pt, 2 .yaml.`; "" without any."""
        if not self.others:
            return ""
        common = Counter(self.others).most_common(_MAX_KINDS)
        kinds = [f"{count:,} {ending or 'without an ending'}" for ending, count in common]
        rest = sum(self.others.values()) - sum(count for _, count in common)
        kinds += [f"{rest:,} more"] if rest else []
        count = sum(self.others.values())
        verbs = "is not a log and was" if count == 1 else "are not logs and were"
        return f"{plural(count, 'other file')} in the folders {verbs} not read: {', '.join(kinds)}."


def is_log_file(typed: str) -> bool:
    """Whether a word is the path of a file, or `-`, rather than a job."""
    return typed == STANDARD_INPUT or Path(typed).is_file()


def find_files(paths: Sequence[str]) -> FoundFiles:
    """Expand folders and patterns, each file once, in natural order within each argument.

    Raises:
        ConfigError: a path does not exist, a pattern matches nothing, or there is no log in the folders.
    """
    found: dict[object, ScannedFile] = {}
    others = Counter[str]()
    for typed in paths:
        for path, is_named in _matches(typed):
            if not is_named and _is_special(path):
                continue
            if path == STANDARD_INPUT or not Path(path).is_dir():
                found.setdefault(_identity(path), ScannedFile(path, is_named))
                continue
            inside = list(_files_below(path))
            logs = [one for one in inside if _is_log(one) or is_dump_file(one)]
            others.update(PurePath(one).suffix.lower() for one in set(inside).difference(logs))
            for one in sorted(logs, key=_natural_order):
                found.setdefault(_identity(one), ScannedFile(one, is_named=False))
    files = FoundFiles(tuple(found.values()), others)
    if not found:
        raise ConfigError(f"No log files in {', '.join(paths)}. {files.describe_others()}".strip())
    return files


def _identity(path: str) -> object:
    """Equal for two names of one file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - much faster
    except OSError:  # opening it will say why; `-` does not exist
        return path
    return status.st_dev, status.st_ino


def _is_special(path: str) -> bool:
    """Whether a path is a named pipe, a socket or a device: opening one that nobody writes to never returns."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - much faster
    except OSError:  # opening it will say why
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _matches(typed: str) -> Iterable[tuple[str, bool]]:
    """The paths that an argument names, and whether it names them itself."""
    if typed == STANDARD_INPUT or Path(typed).exists() or not glob.has_magic(typed):
        return [(typed, True)]
    matched = sorted(glob.glob(os.path.expanduser(typed), recursive=True), key=_natural_order)  # noqa: PTH111, PTH207
    if not matched:
        raise ConfigError(f"No file matches {typed}.")
    return [(path, False) for path in matched]


def _is_log(path: str) -> bool:
    """Whether a file in a folder is a log; not a named pipe or socket, which would be waited for."""
    name = os.path.basename(path)  # noqa: PTH119 - much faster
    is_named_so = _LOG_NAME.fullmatch(name) is not None
    if _NOT_A_LOG.fullmatch(name) or not (is_named_so or _NUMBERED.fullmatch(name)):
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and (is_named_so or _begins_like_log(path))  # noqa: PTH116
    except OSError:  # opening it will say why
        return is_named_so


def _begins_like_log(path: str) -> bool:
    """Whether one of the first lines has a timestamp, and all are text."""
    with Path(path).open("rb") as file:
        head = file.read(_SNIFFED_BYTES)
    lines = head.split(b"\n")[:_SNIFFED_LINES]
    return b"\0" not in head and any(parse_timestamp(line.decode("utf-8", "replace")) for line in lines)


def _files_below(folder: str) -> Iterator[str]:
    """Every file in a folder and its folders, without hidden ones and symbolic links to folders."""
    for parent, folders, names in os.walk(os.path.normpath(folder)):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS]
        inside = "" if parent == os.curdir else f"{parent}{os.sep}"
        yield from (f"{inside}{name}" for name in names if not name.startswith("."))


def _natural_order(path: str) -> list[tuple[int, str]]:
    """Order `rank_2` before `rank_10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path)]
