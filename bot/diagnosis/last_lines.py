"""The last errors, warnings and lines of a log: what to read when no failure in it is known. Bounded memory."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from bot.diagnosis.harmless_lines import is_harmless
from bot.diagnosis.reading.prefixes import ansi_pattern
from bot.domain.alerts import ExcerptLine
from bot.domain.levels import reaches
from bot.domain.logs import Level, LogLine
from bot.domain.regex import compile_pattern

KEPT = 3
"""Number of different lines kept of each kind."""
MAX_CHARS = 500
"""A longer line is cut."""
_MAX_RAW = 4 * MAX_CHARS
_CHUNK = 1 << 16
_MAX_READ = 2000
"""Number of lines read of a part of a file."""
_ENDING = (
    r"(?i:sigterm|sigint\b|preempt|reclaim|time limit|timed out|evict|keyboardinterrupt|shutting down|cancelled at"
    r"|terminated|deadline|exit(?:ed with)? code|aborting)"
)
"""What the last words of a run that was ended from outside contain, whatever their level."""
_NOTABLE = (
    r"(?m)(?:[Ee]rr|ERR|EROR|[Ww]arn|WARN|WRN|SEVERE|[Ff]ail|FAIL|[Cc]rit|CRIT|[Ff]atal|FATA|FTL|[Pp]anic|PANI|emerg"
    r"|EMERG|[Aa]lert|ALERT|[Aa]bort|(?:^|[\[ :])[EFCW]\d{4} ?\d|(?:^|[\[ :])[EFCW] [\w./-]+:\d|^<\d{1,3}>"
    r"|\"[\w.]*(?:level|LEVEL|severity|PRIORITY)\w*\"|" + _ENDING + ")"
)
"""What an error, a warning or an end contains: most lines need no more than this."""
_MAY_MATTER, _MAY_MATTER_TEXT = compile_pattern(_NOTABLE.encode()), compile_pattern(_NOTABLE)
_ENDS = compile_pattern(_ENDING)
_ANSI = ansi_pattern()
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\d+")


def _ends_run(line: LogLine) -> bool:
    try:
        return _ENDS.contains(line.message[:MAX_CHARS])
    except UnicodeEncodeError:  # a lone surrogate, from bytes that were not UTF-8
        return False


_is_error, _is_warning = reaches(Level.ERROR), reaches(Level.WARNING)
_TESTS: tuple[tuple[str, Callable[[LogLine], bool]], ...] = (
    ("error", lambda line: _is_error(line) and not is_harmless(line.message)),
    ("warning", lambda line: _is_warning(line) and not _is_error(line) and not is_harmless(line.message)),
    ("end", _ends_run),
)
_KINDS = (*(kind for kind, _ in _TESTS), "last")


@dataclass(frozen=True, slots=True)
class LastLines:
    """Lines worth reading, oldest first, each once."""

    notable: tuple[ExcerptLine, ...] = ()
    """The last different errors and warnings."""
    ending: tuple[ExcerptLine, ...] = ()
    """The last errors and warnings, lines about an end from outside, and the last lines of all."""
    errors: int | None = None
    """Number of lines at ERROR or above in the log; None if not counted."""
    warnings: int | None = None


class LastLinesReader:
    """Keeps the last lines of a log, in memory that does not grow with it."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._kept = _new_kept()
        self._read = 0

    def feed(self, lines: Sequence[LogLine]) -> None:
        """Read the next lines."""
        for number, line in enumerate(lines, self._read):
            if line.level is not None or _may_matter(line.message):
                self._counts.update(_keep(self._kept, number, line))
        self._read += len(lines)
        for number, line in enumerate(lines[-KEPT:], self._read - len(lines[-KEPT:])):
            _keep_as(self._kept["last"], str(number), number, line)

    def result(self) -> LastLines:
        """Return the lines kept, and the numbers of errors and warnings."""
        return replace(_last_lines(self._kept), errors=self._counts["error"], warnings=self._counts["warning"])


def last_lines_of(text: bytes) -> LastLines:
    """Return the last lines of a part of a file."""
    kept = _new_kept()
    found = list(itertools.islice(_lines_that_may_matter(text), _MAX_READ))
    for start, line in reversed(found):
        _keep(kept, start, line)
    for start, line in reversed(list(itertools.islice(_lines_from_end(text), KEPT))):
        _keep_as(kept["last"], str(start), start, line)
    return _last_lines(kept)


_Kept = dict[str, tuple[int, ExcerptLine]]
"""Positions and lines, by message without its numbers: of lines that differ in a counter, the last one is kept."""


def _new_kept() -> dict[str, _Kept]:
    """An empty collection of each kind."""
    return {kind: {} for kind in _KINDS}


def _keep(kept: Mapping[str, _Kept], position: int, line: LogLine) -> list[str]:
    """Keep a line as each kind that it is; return these."""
    kinds = [kind for kind, holds in _TESTS if holds(line)]
    for kind in kinds:
        _keep_as(kept[kind], _VOLATILE.sub("#", line.message[:200]), position, line)
    return kinds


def _keep_as(kept: _Kept, key: str, position: int, line: LogLine) -> None:
    kept.pop(key, None)
    kept[key] = (position, _quote(line))
    if len(kept) > KEPT:
        del kept[next(iter(kept))]


def _last_lines(kept: Mapping[str, _Kept]) -> LastLines:
    def ordered(*kinds: str) -> tuple[ExcerptLine, ...]:
        pairs = (pair for kind in kinds for pair in kept[kind].values())
        return tuple(dict(sorted(pairs, key=itemgetter(0))).values())

    return LastLines(ordered("error", "warning"), ordered(*_KINDS))


def _may_matter(message: str) -> bool:
    try:
        return _MAY_MATTER_TEXT.contains(message[:MAX_CHARS])
    except UnicodeEncodeError:  # a lone surrogate, from bytes that were not UTF-8
        return True


def _quote(line: LogLine) -> ExcerptLine:
    quoted = ExcerptLine.of(line, max_chars=MAX_CHARS)
    return quoted if line.timestamp_ns else replace(quoted, timestamp_ns=None)


def _lines_that_may_matter(page: bytes) -> Iterator[tuple[int, LogLine]]:
    """The lines of a page to look at, last first, with their positions."""
    end = len(page)
    while end > 0:
        start = page.rfind(b"\n", 0, max(0, end - _CHUNK)) + 1
        chunk = page[start:end]
        starts = dict.fromkeys(chunk.rfind(b"\n", 0, found.start() + 1) + 1 for found in _MAY_MATTER.finditer(chunk))
        for first in reversed(starts):
            last = chunk.find(b"\n", first)
            yield start + first, _line(chunk[first : last if last >= 0 else None])
        end = start


def _lines_from_end(page: bytes) -> Iterator[tuple[int, LogLine]]:
    """The lines of a page that are not empty, last first, with their positions."""
    end = len(page)
    while end > 0:
        start = page.rfind(b"\n", 0, end - 1) + 1
        if (raw := page[start:end].strip(b"\r\n")) and not raw.isspace():
            yield start, _line(raw)
        end = start


def _line(raw: bytes) -> LogLine:
    newest = raw[-_MAX_RAW:].rsplit(b"\r", 1)[-1] if b"\r" in raw.rstrip(b"\r") else raw[:_MAX_RAW]
    return LogLine(0, _ANSI.sub(b"", newest).decode("utf-8", "replace").rstrip())
