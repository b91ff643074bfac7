"""Format log lines as JSON, plain text or coloured text. Pure, and optimized: it runs for each line of a log.

Tables and other answers are in `bot.terminal.render`.
"""

import enum
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii as quoted

from bot.domain.durations import NS_PER_MS, NS_PER_SECOND, datetime_from_ns
from bot.domain.logs import Level, LogFilter, LogLine, source_name, source_tag
from bot.terminal.highlights import highlighter

_JSON_LEVELS = {None: "null"} | {level: f'"{level.name}"' for level in Level}
_PADDED_LEVELS = {None: f"{'-':<8}"} | {level: f"{level.name:<8}" for level in Level}
_MAX_SOURCES = 10_000
"""Size at which the cache of encoded sources is cleared."""
_LEVEL_COLOURS = {
    Level.DEBUG: "\x1b[2m",
    Level.INFO: "\x1b[32m",
    Level.WARNING: "\x1b[33m",
    Level.ERROR: "\x1b[31m",
    Level.CRITICAL: "\x1b[1;31m",
}
_DIM, _CYAN, _RESET = "\x1b[2m", "\x1b[36m", "\x1b[0m"
_REVERSE, _NOT_REVERSE = "\x1b[7m", "\x1b[27m"

_CONTROL_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_CONTROL_PICTURES |= {0x7F: 0x2421}
_CONTROL_PICTURES |= dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
"""Visible replacements for characters that control the terminal or reverse text direction."""


class LineFormat(enum.Enum):
    """Format of log lines."""

    JSON = "json"
    PLAIN = "plain"
    """For a file or a pipe: messages as logged."""
    PLAIN_SCREEN = "plain_screen"
    """For a terminal without colours: messages in their final state, without control characters."""
    COLOUR = "colour"


class LineFormatter:
    """Format log lines. Caches the current second and the sources, which most lines share."""

    def __init__(self, line_format: LineFormat, wanted: LogFilter | None = None) -> None:
        """Prepare to format lines; coloured text marks what `wanted` searches for."""
        self._highlight = None if wanted is None else highlighter(wanted, _REVERSE, _NOT_REVERSE)
        formats = {
            LineFormat.JSON: self._json_rows,
            LineFormat.PLAIN: self._plain_rows,
            LineFormat.PLAIN_SCREEN: self._screen_rows,
            LineFormat.COLOUR: self._colour_rows,
        }
        self._rows = formats[line_format]
        self._second = -1
        self._prefix = ""
        self._sources: dict[str | int | None, str] = {None: "null"}

    def text(self, lines: Iterable[LogLine]) -> str:
        """Format lines, each with a line break."""
        return "".join(self._rows(lines))

    def _json_rows(self, lines: Iterable[LogLine]) -> list[str]:
        """Render one JSON object per line.

        Unpacks lines by position and calls only C functions: this loop limits the speed of `--all --json`.
        """
        rows: list[str] = []
        second, stamp = -1, ""
        sources = self._sources
        for timestamp_ns, message, rank, replica, level, request_id in lines:
            if timestamp_ns // NS_PER_SECOND != second:
                second = timestamp_ns // NS_PER_SECOND
                stamp = self._stamp(timestamp_ns, "T")
            source = replica if rank is None else rank
            if source not in sources:
                sources[source] = quoted(source_name(rank, replica) or "")
            rows.append(
                f'{{"timestamp": "{stamp}.{timestamp_ns % NS_PER_SECOND:09d}Z", "level": {_JSON_LEVELS[level]}, '
                f'"source": {sources[source]}, "message": {quoted(message)}, '
                f'"request_id": {"null" if request_id is None else quoted(request_id)}}}\n'
            )
        if len(sources) > _MAX_SOURCES:
            sources.clear()
            sources[None] = "null"
        return rows

    def _plain(self, line: LogLine) -> str:
        """The message is not escaped, because a redirected log must have the original text."""
        # Unpacked by position, which is 10 % faster: this runs for every line printed.
        timestamp_ns, message, rank, replica, level, _ = line
        stamp = f"{self._stamp(timestamp_ns, ' ')}.{timestamp_ns // NS_PER_MS % 1000:03d}Z"
        source = (replica or "-") if rank is None else f"rank {rank}"
        return f"{stamp} {_PADDED_LEVELS[level]} {source} {message}\n"

    def _plain_rows(self, lines: Iterable[LogLine]) -> list[str]:
        return [self._plain(line) for line in lines]

    def _screen_rows(self, lines: Iterable[LogLine]) -> list[str]:
        from bot.domain.overwritten_text import shown_text  # noqa: PLC0415 - others start faster

        return [self._plain(line._replace(message=escape_controls(shown_text(line.message)))) for line in lines]

    def _colour_rows(self, lines: Iterable[LogLine]) -> list[str]:
        """A tag such as `r3` replaces the prefixes that state the rank."""
        from bot.diagnosis.reading.line_sources import are_labelled, split_rank  # noqa: PLC0415 - others start faster
        from bot.domain.overwritten_text import shown_text  # noqa: PLC0415 - as above

        shown = list(lines)
        has_labels = are_labelled(line.message for line in shown)
        split = (split_rank(shown_text(line.message), line.rank, has_labels=has_labels) for line in shown)
        return [self._colour(line, rank, message) for line, (rank, message) in zip(shown, split, strict=True)]

    def _colour(self, line: LogLine, rank: int | None, message: str) -> str:
        from bot.domain.levels import level_of  # noqa: PLC0415 - as above

        timestamp_ns, level, source = line.timestamp_ns, level_of(line), source_tag(rank, line.replica)
        stamp = f"{_DIM}{self._stamp(timestamp_ns, ' ')}.{timestamp_ns // NS_PER_MS % 1000:03d}{_RESET}"
        word = f" {_LEVEL_COLOURS[line.level]}{line.level.name:<8}{_RESET}" if line.level is not None else ""
        who = f" {_CYAN}{escape_controls(source)}{_RESET}" if source else ""
        body = escape_controls(message)
        body = (body if self._highlight is None else self._highlight(body)).replace("\n", "\n    ")
        body = f"{_LEVEL_COLOURS[level]}{body}{_RESET}" if level is not None and level >= Level.ERROR else body
        return f"{stamp}{word}{who} {body}\n"

    def _stamp(self, timestamp_ns: int, separator: str) -> str:
        second = timestamp_ns // NS_PER_SECOND
        if second != self._second:
            self._second = second
            self._prefix = f"{datetime_from_ns(timestamp_ns):%Y-%m-%d{separator}%H:%M:%S}"
        return self._prefix


def escape_controls(text: str) -> str:
    """Replace characters in foreign text that would control the terminal."""
    return text.translate(_CONTROL_PICTURES)
