"""A raw line becomes who said it, when, and the text itself.

Launchers, schedulers and log shippers put prefixes before a line, often several at once:
`2026-11-20T10:00:00Z worker-1 | 3: [rank3]: Traceback ...`. `split_prefix` peels them one by one. It does not
judge the text (that is `signatures`) and does not put lines together (that is `tracebacks`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from bot.domain.logs import source_name
from bot.domain.regex import Pattern, compile_pattern

MAX_PREFIXES = 8

_CLOCK = (
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T _](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_CLOCK_ANYWHERE = re.compile(_CLOCK)
_MLLOG_CLOCK = re.compile(r'"time_ms": (\d{12,14})')
_PLAIN_CLOCK = r"\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|SEVERE|[DIWEFC])"
"""Peeled off a line; FATAL stays, as it tells more than the text behind it."""
_PREFIXES = re.compile(
    "|".join(
        (
            rf"[\[(]?{_PLAIN_CLOCK}[\])]?(?:,?\s*-\s+|:\s+|\s*\|\s*|\s+|$)",
            r"\[?(?:\d\d/\d\d )?\d\d:\d\d:\d\d(?:[.,]\d{1,6})?\]?(?:\s+-\s+|\s+)",
            r"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\] ?",
            r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d\d:\d\d:\d\d \S+ ",
            r"(?:kernel: )?\[ *\d{1,10}\.\d{6}\] ",
            r"\[(?:rank|Rank|RANK|default|local_rank|worker)[ :=_-]?(?P<rank>\d{1,6})(?:/\d+)?\]:? ?",
            r"\s{0,6}(?P<srun>\d{1,5}): (?!-?(?:nan|inf|\d[\d.]*), )",
            r" {2,8}[|+] (?=[A-Z ]|Exception Group)",
            r"> (?=[^>])",
            r"\d{1,3}(?:\.\d{1,3}){3}: ",
            r"\[\d{1,4},(?P<mpi>\d{1,6})\]<(?:stdout|stderr|stddiag)>: ?",
            r"\[\d{1,4},mpirank:(?P<sagemaker>\d{1,6})(?:,[\w.-]+)*\]<(?:stdout|stderr)>: ?",
            r"\[(?P<horovod>\d{1,6})\]<(?:stdout|stderr)>: ?",
            r"(?:rank|Rank|RANK)[ _]?(?P<word>\d{1,6}) ?(?:\||:|>|-) ",
            r"\((?P<ray>[\w.:()\[\] -]{1,60}?)(?:,? ?pid=\d+)(?:, ip=[\d.]+)?(?:, [\w=.-]+)*\) ",
            r"\((?P<pod>[A-Za-z][\w.-]{0,79})\) (?=\S)",
            r"(?P<compose>[A-Za-z][\w.-]{0,80}?)\s+\| (?=.)",
            r"\[pod/(?P<kubectl>[\w./-]{1,160})\] ",
            r"\[(?P<replica>[A-Za-z][\w-]{0,80}-\d{1,4})\] ",
            r"\[\d+/[\w.-]+/\d+ \(pid \d+\)\] ",
            r"\[\d{2,8}\] (?=\[)",
            r"\[[\w.-]{2,80}:\d{2,8}(?::\d+)*\] ",
            rf"\[?{_LEVEL}\]?(?::[\w.]+:|:| +\||\s+-)\s?(?=\S)",
            r"\[(?:INFO|WARNING|ERROR|CRITICAL|WARN|DEBUG)\] ?",
            r"(?:[\w.]+\s+-\s+)(?=(?:INFO|WARNING|ERROR|CRITICAL)\b)",
            r"slurmstepd: error: (?=Traceback)",
            rf"\(?(?:\w+ pid=\d+\) )?{_LEVEL} \d\d-\d\d \d\d:\d\d:\d\d \[[\w./:-]+\] ",
            rf"{_LEVEL} +\| [\w.<>:-]+ - ",
            r"[EWIF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] ",
            r"\[NeMo [A-Z] [\d :-]+ \S+\] ",
            rf"\[{_LEVEL}\|[\w.]+:\d+\] {_PLAIN_CLOCK} >> ",
            r"\[[\w-]+\.py:\d+(?::\w+)?\] ",
            r"\[Rank \d+\] (?=\w+=)",
        )
    )
)
_MESSAGES = ("message", "msg", "log", "text", "event")
_FAULTS = ("exc_info", "exception", "traceback", "stack_trace", "stacktrace", "stack", "error", "err", "exc_text")
_LEVELS = ("level", "severity", "levelname", "lvl", "log.level")
_SEVERE = frozenset({"ERROR", "CRITICAL", "FATAL", "SEVERE", "EMERGENCY", "ALERT", "PANIC"})
MAX_BEFORE_JSON = 64
"""Characters of a clock, a pod's name and the like that may stand before structured logging."""
_NAMES = ("rank", "srun", "mpi", "sagemaker", "horovod", "word")
_SPEAKERS = ("ray", "pod", "compose", "kubectl", "replica")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who said a line: a rank, where the line tells it, and a replica, pod or worker."""

    source: str = ""
    rank: int | None = None

    @property
    def label(self) -> int | str | None:
        """The rank, else the source; None when the log does not tell."""
        if self.rank is not None:
            return self.rank
        return self.source or None


@dataclass(frozen=True, slots=True)
class Spoken:
    """One line without its prefixes."""

    speaker: Speaker
    text: str
    """Leading blanks of the message are kept: they tell a source line from an exception."""


def split_prefix(line: str, rank: int | None = None, replica: str | None = None) -> Spoken:
    """Peel timestamps, ranks, pods and levels from the front of a line.

    Args:
        line: the line, already without ANSI codes.
        rank: the rank that the provider gives; a rank named in the line wins over it.
        replica: the replica that the provider gives; a pod named in the line counts only without either.
    """
    source = source_name(rank, replica) or ""
    position = 0
    for _ in range(MAX_PREFIXES):
        match = _PREFIXES.match(line, position)
        if match is None or match.end() == position:
            break
        position = match.end()
        name = match.lastgroup
        if name in _NAMES:
            rank = int(match.group(name))
        elif name in _SPEAKERS and not source:
            source = match.group(name)
    return Spoken(Speaker(source, rank), line[position:] if position else line)


def unwrap(line: str) -> str:
    """The message inside a line of structured (JSON) logging, what it says of an exception below it; else the line."""
    start = line.find('{"', 0, MAX_BEFORE_JSON)
    if start < 0:
        return line
    try:
        fields = msgspec.json.decode(line[start:])
    except (msgspec.DecodeError, UnicodeError):
        return line
    message = next((fields[name] for name in _MESSAGES if isinstance(fields.get(name), str)), None)
    told = [text for name in _FAULTS for text in _texts(fields.get(name)) if text and text != message]
    severe = any(str(fields.get(name)).upper() in _SEVERE for name in _LEVELS)
    faults = [text for text in told if severe or "Traceback (most recent" in text]
    if message is None and not faults:
        return line
    return "\n".join([line[:start] + (message or ""), *faults])


def _texts(value: object) -> list[str]:
    """The text of a field: itself, or those of the fields within."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def read_clock(line: str) -> tuple[int, str] | None:
    """The first time written in a line, in nanoseconds since the epoch, and the kind of clock it is from.

    Times of different kinds do not compare: one without a zone is local time, which we can only take as UTC.
    """
    match = _CLOCK_ANYWHERE.search(line, 0, 400)
    found = _MLLOG_CLOCK.search(line, 0, 400)
    if found is not None and (match is None or found.start() < match.start()):
        return int(found.group(1)) * 1_000_000, "mllog"
    if match is None:
        return None
    numbers = [int(match.group(name)) for name in ("year", "month", "day", "hour", "minute", "second")]
    try:
        moment = datetime(*numbers[:6], tzinfo=_zone(match.group("zone")))  # type: ignore[arg-type, misc]
    except ValueError:  # the 31st of February: digits that look like a date
        return None
    fraction = int((match.group("fraction") or "0").ljust(9, "0"))
    return int(moment.timestamp()) * 1_000_000_000 + fraction, "zoned" if match.group("zone") else "naive"


def ansi_pattern() -> Pattern[bytes]:
    """Escape sequences of terminals: colours, cursor moves, window titles. To be removed from a whole page."""
    return compile_pattern(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
