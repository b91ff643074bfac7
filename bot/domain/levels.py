"""The level that a log line states about itself, in the format of any logger.

A level counts only in the header of a line, where loggers write it: after timestamps, ranks, hosts, threads and logger
names, before the message. A level word in a sentence does not count: `NO ERRORS`, `eval_error: 0.06`. The first level
wins, so an INFO line that mentions an ERROR is an INFO line. Structured lines (JSON, logfmt) state it in a field.

The header is read item by item with one regular expression; `tests/unit/domain/level_formats.py` lists the formats.
"""

import enum
import re
from collections.abc import Callable
from typing import Protocol

import msgspec
import re2

from bot.domain.logs import Level, LogLine

_HEAD_CHARS = 320
"""Loggers write the level within this many characters."""
_MAX_ITEMS = 24
_LEVELS = {
    **dict.fromkeys(("trace", "trac", "trc", "debug", "debu", "dbg", "dbug", "d"), Level.DEBUG),
    **dict.fromkeys(("info", "inf", "information", "informational", "notice", "success", "log", "i"), Level.INFO),
    **dict.fromkeys(("warn", "warning", "wrn", "w"), Level.WARNING),
    **dict.fromkeys(("error", "err", "erro", "eror", "errr", "severe", "fail", "e"), Level.ERROR),
    **dict.fromkeys(
        ("critical", "crit", "fatal", "fatal error", "fata", "ftl", "panic", "pani", "pnc", "dpanic", "emerg",
         "emergency", "alert", "c", "f"),
        Level.CRITICAL,
    ),
}  # fmt: skip
_SYSLOG = (*[Level.CRITICAL] * 3, Level.ERROR, Level.WARNING, Level.INFO, Level.INFO, Level.DEBUG)
"""RFC 5424, table 2: severity 0 is emergency, 3 error, 7 debug."""

_UPPER = (
    r"TRACE|TRC|DEBUG|DBG|INFO|INF|NOTICE|SUCCESS|WARN(?:ING)?|WRN|ERROR|ERRR|ERR|SEVERE|CRITICAL|CRIT|FATAL|FTL|PANIC|PNC"
    r"|DPANIC|EMERG(?:ENCY)?|ALERT|LOG(?=:  )"
)
_LOWER = (
    r"trace|debug|dbug|info|notice|warn(?:ing)?|error|err|fail|critical|crit|[Ff]atal(?: error)?|panic|emerg"
    r"|Error|Critical|Warning|Severe"
)
_VALUE_END = r"[ \t]*(?:$|[,;|\u00b1/]|\+/-|\([-+]?\d|[A-Za-z]+[:=][ ]?[\d.])"
_NOT_A_VALUE = (
    r"(?![ \t]*[:=]?[ \t]*(?:[-+]?[\d.]+(?:e[-+]?\d+)?%?|[Nn]one|null|nil|[Tt]rue|[Ff]alse|\[\]|\{\}|''|\"\"|~)"
    rf"{_VALUE_END})"
)
"""`error: 0.06` is a metric, `fatal: false` a setting."""
_DECIMAL_ONLY = rf"(?![ \t]*[:=]?[ \t]*(?:[-+]?\d*\.\d+(?:e[-+]?\d+)?%?|0){_VALUE_END})"
_NO_LEVEL = re.compile(
    r"[ \t]*\|(?:[ \t]*[-+\d.%]+[ \t]*\|)+[ \t]*$"
    r"| (?i:error|count|rate|summary|budget|path|ratio|total|margin|bound|norm|threshold|counter|percentage|level)[sS]?"
    rf"\s*[:=|]?\s*[-+.\d]|(?:[/|]|, ?| (?:and|or) )(?:{_UPPER})\b"
)
"""What follows the word in metrics and lists: `ERROR COUNT: 0`, `| ERROR | 0 |`, `CRITICAL, ERROR and WARNING`."""
_ITEM = re.compile(
    r"(?P<separator>[\s|,;:*#=!\u2013\u2014-]+)"
    rf"|(?P<upper>{_UPPER})(?=$|[\s:\]|,)/;(\[<>!-])(?!:\w+=)(?!-[A-Za-z])(?! ?=){_DECIMAL_ONLY}"
    r"|(?P<short>TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI|EROR|DBUG|CRIT)(?=\[)"
    rf"|(?P<lower>{_LOWER}):(?=\s|$){_NOT_A_VALUE}"
    r"|(?<=[\dZ]\t)(?P<tabbed>debug|info|warn|error|dpanic|panic|fatal)(?=\t)"
    r"|(?P<mixin>NCCL|UCX) {1,2}(?P<nccl>INFO|WARN|ERROR|FATAL|TRACE|DEBUG)\b"
    r"|(?P<glog>[DIWEF])(?:\d{4}){1,2} \d\d:\d\d:\d\d"
    r"|(?P<ruby>[DIWEF]), (?=\[)"
    r"|\[(?P<bracket>[^\[\]\n]{0,160})\]"
    r"|\((?P<paren>(?:[^()\n]|\([^()\n]{0,40}\)){0,120})\)"
    r"|(?P<brace>\{[\w./-]+\.py:\d+\})"
    rf"|<(?P<angle>{_UPPER})>"
    r"|<(?P<priority>\d{1,3})>(?:\d (?=\d{4}-))?"
    r"|(?P<stream><(?:stdout|stderr|stddiag)>|stdout [FP] |stderr [FP] )"
    r"|(?P<time>[+-]?\d[\d.,:/_TZ+-]*(?:e\+09|Z|[AaPp][Mm]|ms|us|s)?(?![\w%])|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
    r"|Mon|Tue|Wed|Thu|Fri|Sat|Sun|UTC|GMT|CET|CEST|EST|EDT|PST|PDT|AM|PM)\b)"
    r"|(?P<letter>[DIWEF]) (?=[\w./-]+\.(?:cc|cpp|cu|cuh|h|hpp|py|go|rs|ts):\d+|\d{4}-\d\d-\d\d "
    r"|(?:\d\d-\d\d )?\d\d:\d\d:\d\d[ .,])"
    r"|(?P<key>[A-Za-z_@][\w.@]*)=(?P<value>\"(?:[^\"\\\n]|\\.)*\"?|[^\s\"]*)"
    rf"|[A-Za-z_][\w-]*\.(?P<channel>{_UPPER})(?=:)"
    r"|(?P<rank>[rR](?:ank|ANK)[ _]?\d{1,6} ?[|:>-] )"
    r"|(?P<symbol>[\u2190-\u2bff\ufe0f\U0001f300-\U0001faff]+)"
    r"|(?P<name>[A-Za-z_/@][\w./@$~+-]*(?:\[[\w.:/-]*\])?(?:[:#@]\d+)*)"
)
_COMMON = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d[\d.,]*Z?\]? (?:- [\w.]+ - |\| |- )?"
    r"\[?(?P<level>INFO|DEBUG|WARNING|WARN)(?:[\]:|]| [^=])"
)
"""The header of most lines, which needs no more than this: a time, a logger's name and a level below ERROR."""
_LEVEL_FIRST = re.compile(rf"(?P<level>{_UPPER})(?:\s*$|[|:/ ]\s*(?=[\d|]|[\w./-]+(?:\.\w+)?:\d|\w+(?:\.\w+)+|$))")
_LEVEL_LAST = re.compile(rf"[\s|:,](?P<level>{_UPPER})(?:/[\w.-]+|\s+[\w.:]+)?\s*$")
_LETTER_IN_BRACKET = re.compile(
    r"(?:[\w.-]+ )?(?P<level>[DIWEFC])(?::[\w-]{1,40}:|\d{3,8} \d\d:\d\d:\d\d| [\w./-]+\.(?:cc|cpp|cu|h|hpp|ts):\d+"
    r"| \d{4}-\d\d-\d\d"
    r"| (?:\d{6} )?\d\d:\d\d:\d\d)"
    r"|\d{4}-\d\d-\d\d[ T][\d:.,]+ (?P<ray>[DIWEFC]) \d+ \d+$"
)
_MODULE_AND_LEVEL = re.compile(r"[a-z_]\w*:(?P<level>[a-z]+)\d?")
_PROGRAMS = frozenset(
    ("accelerate", "aws", "bash", "cargo", "clang", "deepspeed", "docker", "dockerd", "gcc", "git", "kernel", "kubectl",
     "kubelet", "ld", "mpiexec", "mpirun", "nginx", "ninja", "nvcc", "pg_dump", "pg_restore", "pip", "prterun", "psql",
     "python", "ray", "raylet", "rsync", "sacct", "salloc", "sbatch", "scancel", "sh", "slurmctld", "slurmd",
     "slurmstepd", "squeue", "srun", "systemd", "torchrun", "wandb")
)  # fmt: skip
"""Programs that write `program: level message`."""
_NOT_A_LOGGER = frozenset(
    ("a", "after", "an", "and", "answer", "any", "as", "assistant", "at", "before", "but", "by", "class",
     "completion", "first", "for", "found", "from", "generated", "generation", "got", "had", "has", "hint", "human",
     "if", "in", "input", "is", "label", "last", "level", "levels", "log_level", "loglevel", "many", "new", "next",
     "no", "not", "note", "of", "old", "on", "or", "other", "output", "prediction", "previous", "prompt", "q",
     "question", "raise", "reference", "response", "same", "sample", "saw", "see", "set", "setting", "some", "target",
     "text", "that", "the", "these", "this", "those", "tip", "to", "two", "user", "verbosity", "was", "when", "while",
     "with", "without", "wrote", "zero")
)  # fmt: skip
_OPTION = re.compile(r"(?:^|[\s:])--?$")
"""What precedes the name of an option of a command."""
_MAX_RANK_CHARS = 5
"""A longer number is a time, unless it is an address; a shorter one may be a rank: `3: `."""
_DOTS_OF_ADDRESS = 3
_CLOCK = re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?\b|\d{4}-\d\d-\d\d")
_POD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-(?:\d+|[a-z0-9]{5}) [a-z]+")
"""stern's prefix: a pod's name and a container's."""
_ELSEWHERE = re.compile(
    r"(?P<error>\b(?:ORTE|OPAL|PRTE|PMIX|OMPI)_ERROR_LOG: |\*\*\* An error occurred in MPI_"
    r"|Fatal error in (?:internal_)?P?MPI_|^Abort\(\d+\) on node \d+|^Error executing job with overrides: "
    r"|^(?:docker: )?Error response from daemon: |\*\*\* \[[^\]\n]+\] Error \d|^(?:nvcc|ptxas) (?:fatal|error) +: "
    r"|^npm (?:ERR!|error) \S|^Fatal Python error: |^CMake Error at |^rsync error: |^error\[E\d+\]: )"
)
_LAUNCHER = re.compile(
    r"(?:\s*(?:\w+=\w+ |\[[^\[\]\n]{0,80}\](?:<std\w+>)?:? ?|\((?:[^()\n]|\([^()\n]{0,40}\)){0,120}\) "
    r"|\d{1,5}: |\d+(?:\.\d+){3}: |[rR](?:ank|ANK)[ _]?\d{1,6} ?[|:>-] |[A-Za-z][\w.-]{0,80}\s+\| "
    r"|[a-z0-9]+(?:-[a-z0-9]+)*-(?:\d+|[a-z0-9]{5}) [a-z]+ |\d{4}-\d\d-\d\d[T ][\d:.,]+Z? (?:std\w+ [FP] )?))+"
)
"""Prefixes of launchers, some of which have an equals sign: `[local_rank=3] `, `(RayWorker pid=123) `."""
_QUOTED = (
    r"(?!\s*(?:> |<\|\w+\|>|(?i:user|assistant|system|human|prompt|completion|question|answer|text|input|output"
    r"|response|sample|generated|generation|target|prediction|reference|label|q|a)[ \d]*: ))"
)
"""The start of a line that quotes a conversation or a sample."""
_SHOUTED = re.compile(
    rf"{_QUOTED}"
    r"[^\"'`=]*?(?:^|[\s\]>)])(?:\[\s?(?P<bracket>ERROR|CRITICAL|FATAL)\s?\]"
    r"|(?:[|-]\s)?(?P<level>ERROR|CRITICAL|FATAL)"
    r"(?!: (?i:enabled|disabled|yes|no|on|off|true|false|none|never|always|ignore)\s*$)"
    r"(?=: (?![-+]?(?:\d*\.\d|0\s*$))|:$| \|| - ))"
)
"""An upper-case level with a logger's punctuation after unusual text, but not inside a quotation."""
_JSON_START = re.compile(r"[^{\"']{0,96}?(?=\{\s*\")")
_LEVEL_KEYS = ("level", "levelname", "severity", "lvl", "log.level", "log_level", "loglevel", "level_name", "levelName",
               "Level", "@l", "severityText", "SeverityText", "severity_text", "logLevel", "PRIORITY", "@level",
               "LEVEL", "levelno", "severityNumber", "severity_number")  # fmt: skip
_TEXT_KEYS = ("log", "message", "msg", "MESSAGE", "short_message", "event", "body", "@message")
_JSON_LEVEL = re.compile(
    r'"(?P<key>' + "|".join(map(re.escape, _LEVEL_KEYS)) + r')"\s*:\s*(?:"(?P<word>\w+)"|(?P<number>\d{1,3})\b)'
)
_ANSI = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")


class _Search(Protocol):
    def contains(self, text: str) -> bool: ...


_ANY_LEVEL: _Search = re2.compile(
    r"(?i:trac|trc|debu|dbg|dbug|inf|notice|success|warn|wrn|err|eror|severe|fail|crit|fata|ftl|pani|pnc|emerg|alert)"
    r"|LOG:|<\d{1,3}>|(?:^|[\[ (\dm:\t|])[DIWEFC](?:\d| \d| [\w./-]+:\d|, |\]|:[a-z]+:)"
    r"|(?i:level|severity|lvl|PRIORITY|@l)"
)
_SERIOUS: _Search = re2.compile(
    r"(?i:err|eror|severe|fail|crit|fata|ftl|pani|pnc|emerg|alert|abort)|<\d{1,3}>"
    r"|(?:^|[\[ (\dm:\t|])[EFC](?:\d| \d| [\w./-]+:\d|, |\]|:[a-z]+:)"
    r"|\"(?i:[\w.]*level|level\w*|severity\w*|lvl|PRIORITY|@l)\"\s*:\s*\"?(?:\d|[EFC]\")"
)
"""Whether a line may state any level, and whether it may state ERROR or worse: most lines need no more than this."""
_MAX_SEARCHED = 4 * _HEAD_CHARS


def stated_level(message: str) -> Level | None:
    """The level that a logger wrote into the message; None if it states none."""
    return _read(message) if _may_state(_ANY_LEVEL, message) else None


def level_of(line: LogLine) -> Level | None:
    """The platform's level, else the one that the message states."""
    return line.level if line.level is not None else stated_level(line.message)


def reaches(minimum: Level) -> Callable[[LogLine], bool]:
    """Return a test of whether a line's level, from the platform or stated, is at least `minimum`."""
    prefilter = _SERIOUS if minimum >= Level.ERROR else _ANY_LEVEL

    def test(line: LogLine) -> bool:
        level = line.level
        if level is None:
            level = _read(line.message) if _may_state(prefilter, line.message) else None
        return level is not None and level >= minimum

    return test


def _may_state(prefilter: _Search, message: str) -> bool:
    try:
        return prefilter.contains(message[:_MAX_SEARCHED])
    except UnicodeEncodeError:  # a lone surrogate, from bytes that were not UTF-8
        return True


def _read(message: str) -> Level | None:
    head = message[:_MAX_SEARCHED]
    if "\x1b" in head:
        message, head = _ANSI.sub("", message), _ANSI.sub("", head)
    start = _JSON_START.match(head)
    if start is not None:
        return _json_level(message, start.end(), head)
    return _header_level(head[:_HEAD_CHARS])


class _End(enum.Enum):
    """What has been read of a line without finding its level."""

    HEADER = enum.auto()
    """The message begins."""
    LINE = enum.auto()
    """The line states none."""


class _Header:
    """What the items of a header read so far say about the items that may follow."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._has_time = False
        self._after_word = False
        """The last item was a plain word: prose may have begun."""
        self._pairs = 0
        self._pair_level: Level | None = None

    def read(self, item: re.Match[str]) -> Level | _End | None:
        """Return the level that an item states, the end of the header, or None to read on."""
        kind = item.lastgroup or ""
        text = item[kind]
        if kind == "separator":
            self._after_word = self._after_word and text.isspace()
            if text[-1] != "-" or not self._text[item.end() : item.end() + 1].islower():
                return None
            return _End.HEADER if _OPTION.search(text) else None
        if kind in _STATES_LEVEL:
            level = _LEVELS[text.lower()]
            if kind == "upper" and level >= Level.ERROR and _NO_LEVEL.match(self._text, item.end()):
                return _End.LINE
            return _End.HEADER if kind == "lower" and self._after_word else level
        match kind:
            case "priority":
                return _SYSLOG[int(text) & 7] if int(text) < 192 else _End.HEADER
            case "bracket":
                self._has_time = self._has_time or _CLOCK.search(text) is not None
                return _bracket_level(text)
            case "value":
                return self._read_pair(item["key"].lower(), text)
            case "time":
                self._has_time = self._has_time or (len(text) > _MAX_RANK_CHARS and text.count(".") != _DOTS_OF_ADDRESS)
            case "name":
                return self._read_name(text, item.end())
        return None

    def _read_pair(self, key: str, value: str) -> Level | None:
        """A level counts only beside other pairs: `loglevel=ERROR` alone is a setting."""
        self._pairs += 1
        if key in _LOGFMT_KEYS and self._pair_level is None:
            self._pair_level = _LEVELS.get(value.strip('"').lower())
        return self._pair_level if self._pairs > 1 else None

    def _read_name(self, word: str, end: int) -> _End | None:
        has_time = self._has_time and not self._after_word
        if not _may_be_logger(word, self._text, end, has_time=has_time):
            return _End.HEADER
        is_prose = word.isalpha() and not self._text.startswith(":", end)
        self._after_word = is_prose and (self._has_time or _POD.fullmatch(self._text, 0, end) is None)
        return None


def _header_level(head: str) -> Level | None:
    """Read the items of a header until one states a level or the message begins."""
    common = _COMMON.match(head)
    if common is not None:
        return _LEVELS[common["level"].lower()]
    header, position = _Header(head), 0
    for _ in range(_MAX_ITEMS):
        item = _ITEM.match(head, position)
        if item is None or item.end() == position:
            break
        position = item.end()
        found = header.read(item)
        if found is _End.LINE:
            return None
        if found is _End.HEADER:
            break
        if found is not None:
            return found
    launcher = _LAUNCHER.match(head)
    message = head[launcher.end() :] if launcher else head
    if _ELSEWHERE.search(message):
        return Level.ERROR
    shouted = _SHOUTED.match(message)
    return None if shouted is None else _LEVELS[(shouted["level"] or shouted["bracket"]).lower()]


_STATES_LEVEL = frozenset({"upper", "short", "angle", "lower", "tabbed", "nccl", "glog", "ruby", "letter", "channel"})
_LOGFMT_KEYS = frozenset({"level", "lvl", "severity", "levelname", "log.level"})


def _may_be_logger(word: str, head: str, end: int, *, has_time: bool) -> bool:
    """Whether a word is a thread, host, program, file or logger rather than prose or the name of a value."""
    if not word.isalpha() and not (word.replace("_", "").isalpha() and head.startswith(":", end)):
        return True
    if word.lower() in _NOT_A_LOGGER:
        return False
    separated = head[end : end + 3]
    if separated.startswith(":"):
        return word in _PROGRAMS or has_time
    if separated in (" - ", " | ") or separated[:2] == " |" or _POD.fullmatch(head, 0, end):
        return True
    return has_time and (not word.istitle() or word.isupper())


def _bracket_level(text: str) -> Level | None:
    word = text.strip()
    if word.isalpha():
        return _LEVELS.get(word.lower()) if len(word) > 1 or word.isupper() else None
    found = _MODULE_AND_LEVEL.fullmatch(word)
    if found is not None:
        return _LEVELS.get(found["level"])
    found = _LETTER_IN_BRACKET.match(word)
    if found is not None:
        return _LEVELS[(found["level"] or found["ray"]).lower()]
    found = _LEVEL_FIRST.match(word) or (_LEVEL_LAST.search(word) if word[:1].isdigit() or ":" in word else None)
    return None if found is None else _LEVELS[found["level"].lower()]


def _json_level(message: str, start: int, head: str) -> Level | None:
    """The level in a JSON object, or in its text where the object states none."""
    before = _header_level(head[:start]) if start else None
    if before is not None:
        return before
    try:
        fields = msgspec.json.decode(message[message.index("{", min(start, len(message))) :])
        return _level_of_fields(fields) if isinstance(fields, dict) else None
    except (msgspec.DecodeError, RecursionError, ValueError):  # cut off, or nested without end
        found = _JSON_LEVEL.search(head)
        if found is None:
            return None
        is_log = any(f'"{key}"' in head for key in _TEXT_KEYS)
        return _level_of_value(found["key"], found["word"] or found["number"], is_log=is_log)


def _level_of_fields(fields: dict[str, object]) -> Level | None:
    text = next((text for key in _TEXT_KEYS if isinstance(text := fields.get(key), str)), None)
    is_log = text is not None or "pid" in fields or "hostname" in fields
    for key in _LEVEL_KEYS:
        level = _level_of_value(key, fields.get(key), is_log=is_log)
        if level is not None:
            return level
    for key in ("record", "log"):
        inner = fields.get(key)
        if isinstance(inner, dict) and (level := _level_of_fields(inner)) is not None:
            return level
    return stated_level(text) if text else None


def _level_of_value(key: str, value: object, *, is_log: bool = False) -> Level | None:
    """The level of a JSON field: a word, a number on the logger's scale, or an object with a name.

    Args:
        key: the field.
        value: its value.
        is_log: the object has a text or a process. Without one, a number is a metric or a priority rather than a level.
    """
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) < 4):
            return _LEVELS.get(value.strip().lower())
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    if "umber" in key:  # OpenTelemetry: 1-4 trace, 17-20 error, 21-24 fatal
        return _OPENTELEMETRY[min((value - 1) // 4, 5)] if value else None
    if key == "levelno":
        return _PYTHON.get(value)
    if not is_log:
        return None
    return _SYSLOG[value] if value < len(_SYSLOG) else _BUNYAN.get(value)


_OPENTELEMETRY = (Level.DEBUG, Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR, Level.CRITICAL)
_BUNYAN = {10: Level.DEBUG, 20: Level.DEBUG, 30: Level.INFO, 40: Level.WARNING, 50: Level.ERROR, 60: Level.CRITICAL}
"""bunyan and pino."""
_PYTHON = {int(level): level for level in Level}
