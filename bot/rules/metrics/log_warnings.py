"""Summarize what the log says while GPUs are idle: waits for data, and other warnings. Pure and bounded.

Lines are read only at polls with an idle GPU, so that a busy run costs nothing.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.durations import datetime_from_ns
from bot.domain.levels import level_of
from bot.domain.logs import Level, LogLine
from bot.domain.wording import plural

MAX_READ = 2000
"""Newest lines read at one poll."""
TEXT_CHARS = 160
SLACK = timedelta(seconds=30)
"""A warning may precede the first sample that is low."""

_DATA = re.compile(
    r"(?i)\b(?:shards?|batch(?:es)?|data(?:set|loader|_loader)?s?|loader|prefetch\w*|queue|storage|samples?|files?"
    r"|read(?:er|ing|s)?|fetch\w*|download\w*|input|nfs|lustre|s3|gcs|bucket)\b"
)
_WAIT = re.compile(
    r"(?i)\b(?:wait(?:s|ed|ing)?|stall(?:s|ed|ing)?|starv\w+|block(?:ed|ing)|slow(?:ly)?|took|time(?:d|s)? ?out|late"
    r"|retry\w*|throttl\w+|empty|behind)\b"
)
_SECONDS = re.compile(r"(?i)(\d+(?:\.\d+)?) ?(ms|s|sec|secs|seconds?|min|minutes?)\b")
_UNITS = {"ms": 0.001, "m": 60.0, "s": 1.0}


class WarningSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """The warnings of one kind since the GPUs are idle."""

    count: int = 0
    text: str = ""
    """Of the longest wait, else of the newest warning."""
    longest_s: float = 0.0


class LogWarnings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the log says since the GPUs are idle."""

    waits: WarningSummary = WarningSummary()
    """Warnings that something waits for data."""
    others: WarningSummary = WarningSummary()


def read_warnings(before: LogWarnings, lines: Sequence[LogLine], since: datetime) -> LogWarnings:
    """Add the warnings among the new lines of a poll, from shortly before `since` on."""
    waits, others = before.waits, before.others
    for line in lines[-MAX_READ:]:
        level = level_of(line)
        if level is None or level < Level.WARNING or datetime_from_ns(line.timestamp_ns) < since - SLACK:
            continue
        if waits_for_data(line.message):
            waits = _added(waits, line.message)
        else:
            others = _added(others, line.message)
    return LogWarnings(waits, others)


def waits_for_data(message: str) -> bool:
    """Whether a line says that something waits for data."""
    return _DATA.search(message) is not None and _WAIT.search(message) is not None


def quote_warnings(summary: WarningSummary) -> str:
    """Return `11 warnings, the longest wait: waited 88.3 s for shard train-00492.tar`."""
    which = "the longest wait" if summary.longest_s else "the latest"
    return f"{plural(summary.count, 'warning')}" + (f", {which}: " if summary.count > 1 else ": ") + summary.text


def _added(summary: WarningSummary, message: str) -> WarningSummary:
    seconds = _seconds(message)
    if seconds < summary.longest_s:
        return WarningSummary(summary.count + 1, summary.text, summary.longest_s)
    return WarningSummary(summary.count + 1, plain_message(message, TEXT_CHARS), seconds)


def _seconds(message: str) -> float:
    """The first duration in a message; 0 if it has none."""
    found = _SECONDS.search(message)
    if found is None:
        return 0.0
    unit = found.group(2).lower()
    return float(found.group(1)) * _UNITS["ms" if unit == "ms" else unit[0]]
