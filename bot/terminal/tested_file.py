"""`rules test FILE`: which alerts the log in a file would have raised, by the times of its lines."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.commands.handlers.log_text import TruncatedFile, read_text_pages
from bot.commands.handlers.rules import change_settings
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand
from bot.diagnosis.reading.prefixes import parse_timestamp
from bot.domain.durations import datetime_from_ns
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.observations import POLL_INTERVAL, Observation
from bot.domain.rule_expressions import join_rules
from bot.errors import UsageError
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_observation
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.replay import Replay
from bot.terminal.file_reading import open_log

POLLS_BEFORE_SLOWER = 500
"""After this number of polls, the time between two polls doubles: a log of a month takes seconds too."""
MAX_DOUBLINGS = 12
MAX_LINES_OF_POLL = 2000
MAX_LINE = 100_000
"""Characters of a line that are read."""


def replay_file(command: ReplayCommand, config: DiagnosisConfig, redactor: Redactor) -> ReplayAnswer:
    """Report the alerts that would have fired while the log in a file was written.

    Raises:
        ConfigError: the file cannot be read or is not a text log.
        UsageError: a setting is invalid, or no line has a time.
    """
    rules = Replay(change_settings(config.defaults, command.settings), config.scanner)
    job = Job(JobRef("file", command.ref), JobState.RUNNING, "", name=command.ref)
    start, end, read, step = None, None, 0, POLL_INTERVAL
    for number, (at, lines) in enumerate(_polls(command.ref)):
        step = _interval(number)
        start, end, read = start or at, at, read + len(lines)
        rules.observe(redact_observation(Observation(job.ref, at, job, tuple(lines)), redactor))
    if start is None or end is None:
        raise UsageError(f"No line of {command.ref} has a time, so a test cannot tell when rules would have fired.")
    return ReplayAnswer(
        job=job,
        pinned=command,
        start=start,
        end=end,
        step=step,
        alerts=rules.alerts(),
        quiet=rules.quiet(),
        read=read,
        notes=(*rules.notes(), "Times are as the log states them. A file has no metrics and no job state."),
        basis="the default settings" + "".join(f" + `{one}`" for one in join_rules(command.settings)),
    )


def _interval(polls: int) -> timedelta:
    return POLL_INTERVAL * (1 << min(polls // POLLS_BEFORE_SLOWER, MAX_DOUBLINGS))


def _polls(path: str) -> Iterator[tuple[datetime, list[LogLine]]]:
    """Divide the log into what polls at regular times would have read; silence is polled too."""
    batch: list[LogLine] = []
    due: datetime | None = None
    newest: datetime | None = None
    number = 0
    for line in _lines(path):
        at = datetime_from_ns(line.timestamp_ns)
        due = due or at + POLL_INTERVAL
        while at > due or len(batch) >= MAX_LINES_OF_POLL:
            polled_at = due if at > due else newest or at
            yield polled_at, batch
            batch, number = [], number + 1
            due = max(due, polled_at) + _interval(number)
        batch.append(line)
        newest = max(newest or at, at)
    if newest is not None:
        yield newest, batch


def _lines(path: str) -> Iterator[LogLine]:
    """Read the lines with their times; a line without a time has that of the line before it."""
    time_ns: int | None = None
    waiting = deque[str](maxlen=MAX_LINES_OF_POLL)
    for text in _texts(path):
        found = parse_timestamp(text)
        time_ns = time_ns if found is None else max(found.ns, time_ns or found.ns)
        if time_ns is None:
            waiting.append(text)
            continue
        yield from (LogLine(time_ns, one) for one in waiting)
        waiting.clear()
        yield LogLine(time_ns, text)


def _texts(path: str) -> Iterator[str]:
    rest = b""
    with open_log(path) as log:
        try:
            for page in read_text_pages(log, path):
                *whole, rest = (rest + page).split(b"\n")
                rest = rest[:MAX_LINE]
                yield from (line[:MAX_LINE].decode("utf-8", "replace").rstrip("\r") for line in whole)
        except TruncatedFile:
            pass  # what was read is tested
    if rest:
        yield rest[:MAX_LINE].decode("utf-8", "replace")
