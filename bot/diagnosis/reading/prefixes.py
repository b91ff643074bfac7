"""Split a raw line into its source, its timestamp and the message.

Launchers, schedulers and log shippers put prefixes before a line, often several at once:
`2026-11-20T10:00:00Z worker-1 | 3: [rank3]: Traceback ...`. `split_prefix` removes them one by one.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import msgspec

from bot.diagnosis.reading.runner_lines import unwrap_runner
from bot.domain.levels import stated_level
from bot.domain.logs import source_name
from bot.domain.regex import Pattern, compile_pattern

MAX_PREFIXES = 8

_TIMESTAMP = (
    r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T _](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_TIMESTAMP_ANYWHERE = re.compile(_TIMESTAMP)
_MLLOG_TIMESTAMP = re.compile(r'"time_ms": (\d{12,14})')
_PLAIN_TIMESTAMP = r"\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|SEVERE|[DIWEFC])"
"""Removed from a line, except FATAL: signatures match on it."""
_ONE_SPACE = r"(?: (?=(?:  )*(?:\S|$)))?"
"""Some launchers write a space after the prefix, others do not; Python indents by an even number of spaces."""
_BEFORE_CODE = rf" (?=  File \"| {{4,}}(?!{_LEVEL}\b)\S)"
"""The space before a line of a traceback, whose indentation stays."""
_BEFORE_TRACEBACK = (
    r"(?=\[|\d{4}-|/job:|frame #\d|terminate called|  what\(\)"
    r"|Traceback|  File \"|    \S|\([A-Za-z][\w. ]{0,60} pid=|(?:Killed|Terminated|Hangup|Aborted)\b"
    rf"|{_LEVEL}\b|(?:\w+\.){{0,6}}[A-Z]\w+: |(?:\w+\.){{0,6}}\w*(?:Error|Exception|Interrupt)\s*$)"
)
_BEFORE_ERROR = r"(?=Traceback|  File \"| {4}\S|(?:\w+\.)*[A-Z]\w*(?:Error|Exception): )"
_POD = r"[a-z][a-z\d.-]{1,80}-(?:\d{1,5}|[bcdfghjklmnpqrstvwxz2456789]{5})"
"""A pod's name ends in its index, or in letters that Kubernetes chose."""
"""What follows the prefixes that are removed only before a traceback, its exception or another prefix."""
_PREFIXES = re.compile(
    "|".join(
        (
            rf"\[{_PLAIN_TIMESTAMP}(?P<axes>(?: [A-Z]{{2}}\d{{1,5}}){{1,5}})\] ",
            rf"[\[(]?{_PLAIN_TIMESTAMP}[\])]?(?:,?\s*-\s+|:\s+|\s*\|\s*|{_BEFORE_CODE}|\s+|$)",
            r"std(?:out|err) [FP] ",
            rf"\[?(?:\d\d/\d\d )?\d\d:\d\d:\d\d(?:[.,]\d{{1,6}})?\]?(?:\s+-\s+|{_BEFORE_CODE}|\s+)",
            r"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\] ?",
            r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d\d:\d\d:\d\d(?:\.\d{1,6})? "
            r"(?:(?P<syslog_host>[\w.-]+(?= [\w./@-]{1,60}\[\d{1,8}\]: | kernel: )|(?=[a-z.]*[-\d])[a-z][a-z\d.-]*) "
            rf"(?:[\w./-]{{1,40}}\[\d{{1,8}}\]: {_BEFORE_TRACEBACK})?)?",
            r"(?:kernel: )?\[ *\d{1,10}\.\d{6}\] ",
            r"\[(?:rank|Rank|RANK|default|local_rank|worker)(?:[ :=_-]|: )?(?P<rank>\d{1,6})(?:/\d+)?\]:?" + _ONE_SPACE,
            r"\s{0,6}(?P<srun>\d{1,5}): (?!-?(?:nan|inf|\d[\d.]*), |\[\w+/\w)",
            r" {2,8}[|+] (?=[A-Z ]|Exception Group)",
            r"> (?=[^>])",
            r"[\[(<](?:(?:GPU|gpu|proc|process|rank)[ :=]?|[\w.-]{1,60}:(?:rank|default))(?P<device>\d{1,5})[\])>]:?"
            + _ONE_SPACE,
            r"(?:rank=|(?:GPU|gpu|[Pp]roc|[Pp]rocess) ?(?=\d{1,5}(?::| \|) ))(?P<field>\d{1,5})(?::| \||,)? ",
            rf"[a-z][\w.-]{{0,60}}/\d{{1,5}} {_BEFORE_TRACEBACK}",
            r"\[(?P<bare>\d{1,4})\] " + _BEFORE_ERROR,
            r"(?P<bar>\d{1,4}) ?[|>] ?" + _BEFORE_ERROR,
            r"[a-z][a-z\d]{0,30}(?:-[a-z\d]{1,30}){0,4}:(?P<hosted>\d{1,4}) " + _BEFORE_ERROR,
            r"(?:[Pp]rocess|[Tt]ask|[Ww]orker)[ _](?:index|id)[:=] ?(?P<indexed>\d{1,4}):? " + _BEFORE_ERROR,
            r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}): ",
            r"\d{1,3}(?:\.\d{1,3}){3} \[(?P<xla>\d{1,5})\] ",
            r"(?P<pdsh>[a-z][a-z\d]{0,40}(?:-[a-z\d]{1,40}){0,4}-\d{1,5}): " + _BEFORE_TRACEBACK,
            r"\[\d{1,4},(?P<mpi>\d{1,6})\]<(?:stdout|stderr|stddiag)>:" + _ONE_SPACE,
            r"\[\d{1,4},mpirank:(?P<sagemaker>\d{1,6})(?:,[\w.-]+)*\]<(?:stdout|stderr)>:" + _ONE_SPACE,
            r"\[(?P<horovod>\d{1,6})\]<(?:stdout|stderr)>:" + _ONE_SPACE,
            r"(?:rank|Rank|RANK)[ _]?(?P<word>\d{1,6})(?:\[\d+\](?:\[[\w-]+\])?:| ?(?:\||:|>|-)) ",
            r"\([\w.:]{1,60}[ (](?:(?:pid|ip)=[\d.]+, )*rank=(?P<ray_rank>\d{1,6})\)?(?:,? (?:pid|ip)=[\d.]+)*\) ",
            r"\((?P<ray>[\w.:()\[\] -]{1,60}?)(?:,? ?pid=\d+)(?:, ip=(?P<ray_address>[\d.]+))?(?:, [\w=.-]+)*\) ",
            r"\((?P<pod>[A-Za-z][\w.-]{0,79})\) (?=\S)",
            rf"(?P<compose>(?!(?:{_LEVEL}|FATAL) )"
            r"(?:[A-Za-z]|\d(?=\w{0,20}[a-z]\w{0,20}-\w{1,20}-))[\w.-]{0,80}?)\s+\| (?=.)",
            r"\[pod/(?P<kubectl>[\w./-]{1,160})\] ",
            r"\[(?P<replica>[A-Za-z][\w-]{0,80}-\d{1,4}"
            r"|(?:replica|worker|trainer|actor|learner|group)_\d{1,4}(?:/\d{1,4})?)\] ",
            rf"\[(?P<kubetail>{_POD})(?: [a-z][a-z\d-]{{0,60}})?\] ",
            rf"(?:[a-z][a-z\d-]{{0,60}} )?(?P<stern>{_POD}) [a-z][a-z\d-]{{0,60}} {_BEFORE_TRACEBACK}",
            r"<\d{1,3}>1 \S+ (?P<rfc5424>\S+) \S+ \S+ \S+ (?:-|\[[^\]]*\]) ",
            rf"(?:[A-Z]{{2,5}} )?(?P<journal>[\w.-]{{1,80}}) [\w.@-]{{1,60}}\[\d{{1,8}}\]: {_BEFORE_TRACEBACK}",
            r"[DIWEFC]\|[\w/:., -]{0,24}\d\d:\d\d[\w:., -]{0,16}\|(?:r(?:ank)?(?P<pipe>\d{1,5})\|)?",
            r"\{[a-z_]+=\"[^\"\n]{0,200}\"(?:, ?[a-z_]+=\"[^\"\n]{0,200}\")*\}\s+",
            r"\[\d+/[\w.-]+/\d+ \(pid \d+\)\] ",
            r"\[\d{2,8}\] (?=\[)",
            r"\[(?=[a-z.-]*\d)[\w.-]{2,80}:(?P<of_size>\d{1,6})/\d{1,6}\] ",
            r"\[(?P<mpi_host>[\w.-]{2,80}):\d{2,8}(?::\d+)*\] ",
            rf"(?:\[ *)?{_LEVEL}\]?(?::[\w.]+:|:| +\||\s+-)\s?(?=\S)",
            r"\[(?:INFO|WARNING|ERROR|CRITICAL|WARN|DEBUG)\] ?",
            r"(?:[\w.]+\s+-\s+)(?=(?:INFO|WARNING|ERROR|CRITICAL)\b)",
            r"slurmstepd: error: (?=Traceback)",
            r"\[(?:INFO|WARN|ERROR|DEBUG) ?\] W-\d{1,6}-[\w.-]{1,80} MODEL_LOG - ",
            rf"\(?(?:\w+ pid=\d+\) )?{_LEVEL} \d\d-\d\d \d\d:\d\d:\d\d (?:\[[\w./:-]+\]|[\w./-]+\.py:\d+\]) ",
            rf"{_LEVEL} +\| [\w.<>:-]+ - ",
            rf"(?:[a-z][\w.-]{{1,40}} )?{_LEVEL} \(?(?={_PLAIN_TIMESTAMP})",
            r"[\w./-]{1,60}\.py:\d+\] ",
            r"[EWI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] \"?",
            r"\[NeMo [A-Z] [\d :-]+ (?:rank:(?P<nemo>\d{1,6})|\S+)\] ",
            rf"\[{_LEVEL}\|[\w.]+:\d+\] {_PLAIN_TIMESTAMP} >> ",
            r"\[[\w-]+\.py:\d+(?::\w+)?\] ",
            r"\[Rank \d+\] (?=\w+=)",
        )
    )
)
_TORCH_RANK = re.compile(r"\[[DIWEF](?:\d{4} [\d:.]+)? [\w./-]+:\d+\] \[(?:PG [^\]\n]{0,80}?)?Rank (\d{1,6})\]")
"""The rank after the header of PyTorch's C++ logging, which needs no launcher."""
_MESSAGE_FIELDS = (
    "message",
    "msg",
    "log",
    "text",
    "event",
    "MESSAGE",
    "textPayload",
    "line",
    "_raw",
    "body",
    "@message",
)
_PAYLOAD_FIELDS = ("jsonPayload", "fields", "result")
"""Objects that contain the message: Google Cloud's entries, those of Rust's tracing, and Splunk's."""
_ERROR_FIELDS = ("exc_info", "exception", "traceback", "stack_trace", "stacktrace", "stack", "error", "err", "exc_text")
_RANK_FIELDS = ("rank", "global_rank", "world_rank", "process_index", "local_rank")
_POD_FIELDS = ("pod", "pod_name", "podName", "replica")
_ORDINAL_POD = re.compile(r"[a-z][a-z\d-]{0,80}-\d{1,4}")
_LEVEL_FIELDS = ("level", "severity", "levelname", "lvl", "log.level")
_SEVERE = frozenset({"ERROR", "CRITICAL", "FATAL", "SEVERE", "EMERGENCY", "ALERT", "PANIC"})
_JSON_FIELD = re.compile(
    r"\s*\"(?:message|msg|error|exception|reason|details?|traceback|stack_?trace|py_callstack)\":"
    r" *(\"(?:[^\"\\]|\\.)*\"),?\s*$"
)
MAX_BEFORE_JSON = 64
"""Number of characters, such as a timestamp and a pod name, that may precede structured logging."""
_AXIS = re.compile(r"(?:^|[ _])([A-Z]{2})(\d{1,5})(?![\d.])")
_RANK_GROUPS = frozenset(
    (
        "bare",
        "bar",
        "hosted",
        "indexed",
        "device",
        "field",
        "xla",
        "rank",
        "srun",
        "mpi",
        "sagemaker",
        "horovod",
        "word",
        "ray_rank",
        "nemo",
    )
) | {"of_size", "pipe"}
_TAGS = frozenset(("mpi", "sagemaker", "horovod"))
_REPLICA_GROUPS = frozenset(("ray", "pod", "compose", "kubectl", "replica", "kubetail", "stern"))
_NAME_GROUPS = _REPLICA_GROUPS | {"syslog_host", "rfc5424", "journal", "address", "pdsh", "ray_address", "mpi_host"}


class LineSource(NamedTuple):
    """The process that wrote a line."""

    name: str = ""
    """Its replica, pod or worker, or `rank N` from the provider, whose ranks may differ from those in the line."""
    rank: int | None = None

    @property
    def label(self) -> int | str | None:
        """The rank, else the name; None if neither is known."""
        if self.rank is not None:
            return self.rank
        return self.name or None


class SplitLine(NamedTuple):
    """One line without its prefixes."""

    source: LineSource
    text: str
    """The message with its indentation, which distinguishes source code from an exception."""


class LogTime(NamedTuple):
    """A timestamp and the clock it comes from; timestamps of different clocks are not comparable."""

    ns: int
    """Nanoseconds since the epoch."""
    clock: str
    """`provider`, `zoned`, `naive` (local time of an unknown zone, read as UTC) or `mllog`."""


def split_prefix(line: str, rank: int | None = None, replica: str | None = None) -> SplitLine:
    """Remove timestamps, ranks, pods and levels from the front of a line.

    Args:
        line: without ANSI codes.
        rank: the rank that the provider states; a rank in the line wins over it.
        replica: the replica that the provider states; a pod in the line counts only if the provider states neither.
    """
    name = source_name(rank, replica) or ""
    position, is_tagged = 0, False
    for _ in range(MAX_PREFIXES):
        match = _PREFIXES.match(line, position)
        if match is None or match.end() == position:
            break
        group = match.lastgroup
        if group == "srun" and is_tagged and int(match["srun"]) != rank:
            break  # a number in a message of MPI or Horovod, which tag each line
        position, is_tagged = match.end(), is_tagged or group in _TAGS
        if group in _RANK_GROUPS:
            rank = int(match.group(group))
        elif group == "axes":
            rank = rank_of_axes(match.group(group), rank)
        elif group == "ray_address":
            name = name or match.group("ray")
        elif group in _REPLICA_GROUPS and not name:
            name = match.group(group)
            rank = rank_of_axes(name, rank) if "Worker_" in name else rank
            rank = (rank_of_axes(name, rank) or rank) if name.startswith("EngineCore_DP") else rank
    return SplitLine(LineSource(name, rank), line[position:] if position else line)


def rank_of_axes(text: str, default: int | None) -> int | None:
    """Return the rank that a position on parallel axes means, such as ` DP0 TP3` or `Worker_PP0_TP3`.

    Expert-parallel ranks count all processes. Otherwise the position decides if it is not 0 on one axis at most.
    """
    axes = {name: int(number) for name, number in _AXIS.findall(text)}
    if "EP" in axes:
        return axes["EP"]
    numbers = [number for number in axes.values() if number]
    return (numbers or [0])[0] if axes and len(numbers) <= 1 else default


class StatedSource(NamedTuple):
    """What the prefixes of a line state about its source."""

    rank: int | None
    names: tuple[str, ...]
    """Pods, containers, workers, hosts and addresses."""
    text: str
    """The line without its ranks. Its timestamp, level and names remain."""


def read_source(line: str, *, has_labels: bool = True) -> StatedSource:
    """Read the rank and the names in the prefixes of a line.

    Args:
        line: without ANSI codes.
        has_labels: whether `3: ` states a rank, as `srun --label` writes it; otherwise it may be any number.
    """
    rank, names, kept, labels, position = None, list[str](), list[str](), dict[int, int](), 0
    for _ in range(MAX_PREFIXES):
        match = _PREFIXES.match(line, position)
        if match is None or match.end() == position:
            break
        position, group = match.end(), match.lastgroup
        if group == "srun" and not has_labels:
            labels[len(kept)] = int(match[group])
        elif group in _RANK_GROUPS:
            rank = int(match[group])
            continue
        kept.append(match[0])
        if group in _NAME_GROUPS:
            names.append(match[group])
        if group == "ray_address":
            names.append(match["ray"])
    if rank is None and (torch_rank := _TORCH_RANK.match(line, position)) is not None:
        return StatedSource(int(torch_rank[1]), tuple(names), line)
    if rank is None:
        return StatedSource(None, tuple(names), line)
    kept = [text for index, text in enumerate(kept) if labels.get(index) != rank]
    return StatedSource(rank, tuple(names), "".join(kept) + line[position:])


_LOGFMT = re.compile(
    r'^(?:time|ts)="?([^"\s]+)"? level="?(\w+)"? (?:(?:caller|component|source|logger)=\S+ ){0,3}'
    r'msg="((?:[^"\\]|\\.)*)"'
)
"""A line such as `time="2026-03-13T10:49:00Z" level=info msg="loaded"`, of programs in Go."""
_MAX_NESTED = 3
"""Number of services that may each have wrapped a line."""


def unwrap_json(line: str) -> str:
    """Return the message of a line of structured logging (JSON, logfmt) or of a runner, with its exception."""
    for _ in range(_MAX_NESTED):
        text = _unwrap_once(unwrap_runner(line))
        if text is line or text == line:
            break
        line = text
    return line


def _unwrap_once(line: str) -> str:
    if line.startswith(("time=", "ts=")):
        return _LOGFMT.sub(_message_of_logfmt, line)
    start = line.find('{"', 0, MAX_BEFORE_JSON)
    if start < 0:
        return _field_of_json(line) if line.startswith((" ", "\t", '"')) else line
    try:
        return _message_of_json(line, start)
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # RecursionError: nested a thousand times
        return line


def _message_of_logfmt(found: re.Match[str]) -> str:
    """Return the time, the level and the message; the level of a message that has its own is that of its carrier."""
    time, level, quoted = found.groups()
    message = quoted.replace('\\"', '"').replace("\\t", "\t") if "\\" in quoted else quoted
    has_level = stated_level(message) is not None
    return f"{time} {message}" if has_level else f"{time} {level.upper()} - {message}"


def _message_of_json(line: str, start: int) -> str:
    fields = msgspec.json.decode(line[start:])
    for name in _PAYLOAD_FIELDS:
        if isinstance(payload := fields.get(name), dict):
            fields = {**fields, **payload}
    message = next((fields[name] for name in _MESSAGE_FIELDS if isinstance(fields.get(name), str)), None)
    errors = [text for name in _ERROR_FIELDS for text in _texts(fields.get(name)) if text and text != message]
    severe = any(str(fields.get(name)).upper() in _SEVERE for name in _LEVEL_FIELDS)
    errors = [text for text in errors if severe or "Traceback (most recent" in text]
    if message is None and not errors:
        return line
    ranks = {
        **{name: one for inner in fields.values() if isinstance(inner, dict) for name, one in inner.items()},
        **fields,
    }
    rank = next((ranks[name] for name in _RANK_FIELDS if isinstance(ranks.get(name), int)), None)
    labels = resource.get("labels") if isinstance(resource := fields.get("resource"), dict) else None
    pods = {**labels, **ranks} if isinstance(labels, dict) else ranks
    pod = next((pods[name] for name in _POD_FIELDS if isinstance(pods.get(name), str)), "")
    mark = f"[rank{rank}]: " if rank is not None else f"[{pod}] " if _ORDINAL_POD.fullmatch(pod) else ""
    texts = [message or "", *errors]
    return line[:start] + "\n".join(mark + row for text in texts for row in text.split("\n"))


def _field_of_json(line: str) -> str:
    """Return the text of a message if the line is one field of an object that is printed over several lines."""
    found = _JSON_FIELD.match(line)
    try:
        return str(msgspec.json.decode(found.group(1))) if found else line
    except (msgspec.DecodeError, UnicodeError):
        return line


def _texts(value: object) -> list[str]:
    """Return the texts in a field, including nested fields."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def parse_timestamp(line: str) -> LogTime | None:
    """Return the first timestamp in a line."""
    match = _TIMESTAMP_ANYWHERE.search(line, 0, 400)
    found = _MLLOG_TIMESTAMP.search(line, 0, 400)
    if found is not None and (match is None or found.start() < match.start()):
        return LogTime(int(found.group(1)) * 1_000_000, "mllog")
    if match is None:
        return None
    if not 1970 <= int(match.group("year")) < 2262:  # nanoseconds since the epoch fit into 64 bits
        return None
    numbers = [int(match.group(name)) for name in ("year", "month", "day", "hour", "minute", "second")]
    try:
        parsed = datetime(*numbers[:6], tzinfo=_zone(match.group("zone")))  # type: ignore[arg-type, misc]
    except ValueError:  # not a date after all, such as the 31st of February
        return None
    seconds = int(parsed.timestamp())
    fraction = int((match.group("fraction") or "0").ljust(9, "0"))
    return LogTime(seconds * 1_000_000_000 + fraction, "zoned" if match.group("zone") else "naive")


def ansi_pattern() -> Pattern[bytes]:
    """Return the pattern of terminal escape sequences: colours, cursor moves, window titles, a CI system's times."""
    return compile_pattern(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[\]_][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
