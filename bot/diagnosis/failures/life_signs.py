"""Signs that a program works on after a failure: answered requests, an engine that generates, the next item.

An access log has a line for each request, so these lines are searched only while a failure waits for its outcome.
"""

import enum
import re
from typing import NamedTuple

from bot.diagnosis.failures.subjects import is_complaint
from bot.diagnosis.failures.trial_counts import goes_on_without_some
from bot.diagnosis.failures.verdicts import JUDGED, PASSED, SUITE_FAILED, SUITE_PASSED, VERDICT
from bot.domain.logs import Level

_ITEM = (
    r"(?i:\b(?:item|sample|task|request|job|episode|trajectory|batch|file|document|doc|prompt|rollout|chunk|trial"
    r"|record|example|image|video|page|url|question|message|query|problem|case|row|env|game|shard)s?"
    r" ?(?:#|:|=|id|no\.?|_)? ?\d)"
)
_REQUEST = r"(?:GET|POST|PUT) \"?/\S*?\"? (?:\d+\.\d[\d.:]* )?"
_STATUS_FIELD = r"\"status(?:_?code)?\": ?\"?[2-5]\d\d\b"
_TRIAL = r"(?i:\btrial [\w-]*\d (?:completed|finished|terminated|pruned)\b)"
_STUDY = r"(?i:\btrials?\b[^\n\r]{0,60}(?:[1-9]\d* (?:error|failed)|\b(?:error(?:ed)?|failed)[:=] ?[1-9]))"
_WARNING = r"warnings\.warn\(\w*[Ff]ail\w*,"
_JOB_DONE = (
    r"(?i:\b(?:prompt|request|query|job|task|inference|generation|prediction|invocation|workflow)\b[^\n]{0,40}"
    r"\b(?:executed|completed|finished|processed|served|done) (?:in|after) \d)"
)
_FULL_BAR = r"\b100%\|[^|\n]*\| \d+/\d+ \["
_READY = (
    r"(?i:\b(?:running on|running at|listening (?:on|at)|serving (?:on|at)|available at|go to)\b:? .{0,24}"
    r"(?:https?://|0\.0\.0\.0|\[::\]|localhost|127\.0\.0\.1|port \d))"
)
_LEFT_OUT = r"^(?i:skipp|ignor|dropp|exclud)ing (?!all\b|to\b)\S"
_CELL = r"\bIn \[\d{1,5}\]: |\b(?:Executing|Ending) Cell \d"
_BOOSTING = r"\[\d+\]\s+[a-z][\w' -]*:"
LIFE = (
    rf"HTTP/[\d.]+\\?\"? [1-5]\d\d\b|{_REQUEST}[2-5]\d\d\b|\| +[2-5]\d\d +\| |[( ]status[=:] ?[2-5]\d\d\b"
    rf"|{_STATUS_FIELD}|\bgeneration throughput: |\bgen throughput |: Success$|(?:^|[\s:])\++ [a-z]|{_TRIAL}|{_STUDY}"
    rf"|{_WARNING}|{_BOOSTING}|{_CELL}|{_JOB_DONE}|{_FULL_BAR}|{_READY}|(?i:\b(?:skipp|ignor|dropp|exclud)ing )"
    rf"|{VERDICT}|"
) + _ITEM
"""The filter for such lines, which may have prefixes."""
_STATUS = re.compile(
    rf"HTTP/[\d.]+\\?\"? (\d{{3}})\b|{_REQUEST}(\d{{3}})\b|\| +(\d{{3}}) +\| |[( ]status[=:] ?(\d{{3}})\b"
    r"|\"status(?:_?code)?\": ?\"?(\d{3})\b"
)
_PROBE = re.compile(r"/(?:health\w*|metrics|ping|ready\w*|live\w*|version|v1/models|v2/health/\w+|-/\w+)[\s\"?]")
"""Requests that a server answers whether its model works or not."""
_THROUGHPUT = re.compile(r"\bgen(?:eration)? throughput(?: \(token/s\))?: ([\d.]+)")
_NUMBERED = re.compile(r"(?<!/)" + _ITEM.removesuffix(")") + r"\d{0,11})")
_ROUND = re.compile(r"\[(\d{1,12})\]\s+[a-z][\w' -]*:")
"""A round of gradient boosting with its evaluation."""
_VERDICTS = re.compile(rf"(?P<unpassed>{SUITE_FAILED})|(?P<passed>{PASSED}|{SUITE_PASSED})|(?P<judged>{JUDGED})")
_CELL_NUMBER = re.compile(r"(?:In \[|(?:Executing|Ending) Cell )(\d{1,5})")
"""The next cell of a notebook."""
_NUMBER_AT_END = re.compile(r"\d+$")


_LOADS = re.compile(r"(?i)load|fetch|download|captur|compil|warm|\binit|shard")
"""What a program does at a start, with progress bars."""


class LifeKind(enum.Enum):
    """What a line shows."""

    ANSWERED = enum.auto()
    """A request was answered, or an engine generated tokens."""
    JOB = enum.auto()
    """A job was served, in words or with a full progress bar."""
    LEFT_OUT = enum.auto()
    """The program leaves something out."""
    READY = enum.auto()
    """A server states its address."""
    TRIAL = enum.auto()
    """A trial of a study ended well."""
    STUDY = enum.auto()
    """A study counts trials that failed, and more that go well."""
    PASSED = enum.auto()
    """The test that logged the failure passed, or its whole suite did."""
    UNPASSED = enum.auto()
    """A suite of tests failed."""
    JUDGED = enum.auto()
    """A harness judged an item, such as a program that a model wrote."""
    WARNED = enum.auto()
    """The traceback before it was the text of a warning, so its exception was caught."""
    REFUSED = enum.auto()
    """A request was refused as wrong: the server works, its client does not."""
    FAILED = enum.auto()
    """A request failed in the server."""
    COMPLAINT = enum.auto()
    """The program reports that it could not handle one item."""
    ITEM = enum.auto()
    """The program handled an item."""
    COMMAND = enum.auto()
    """A shell script runs its next command."""


_FORMS = (
    (re.compile(_READY), LifeKind.READY),
    (re.compile(f"{_JOB_DONE}|{_FULL_BAR}"), LifeKind.JOB),
    (re.compile(r"^\+"), LifeKind.COMMAND),
    (re.compile(rf"^\s*{_WARNING}"), LifeKind.WARNED),
    (re.compile(_TRIAL), LifeKind.TRIAL),
    (re.compile(_LEFT_OUT), LifeKind.LEFT_OUT),
    (re.compile(r": Success$"), LifeKind.ANSWERED),
)
_KINDS = {"passed": LifeKind.PASSED, "unpassed": LifeKind.UNPASSED, "judged": LifeKind.JUDGED}


class LifeSign(NamedTuple):
    """One line that shows what a program does after a failure."""

    kind: LifeKind
    item: int | None = None
    """The number of the item."""


def is_throughput(text: str) -> bool:
    """Does a line of a serving engine state how many tokens it generates?"""
    return _THROUGHPUT.search(text) is not None


def is_request(text: str) -> bool:
    """Is it about a request, also one of a probe, that was answered?"""
    return _STATUS.search(text) is not None


def read_life_sign(text: str) -> LifeSign | None:
    """Read a line without its prefixes; None if it shows nothing."""
    if found := _STATUS.search(text):
        status = int(found.group(found.lastindex or 0))
        if status >= 500:
            return LifeSign(LifeKind.FAILED)
        if _PROBE.search(text) or status < 200:
            return None
        return LifeSign(LifeKind.REFUSED if status >= 400 else LifeKind.ANSWERED)
    if found := _THROUGHPUT.search(text):
        return LifeSign(LifeKind.ANSWERED) if float(found.group(1)) > 0 else None
    simple = next((kind for form, kind in _FORMS if form.search(text)), None)
    if simple is not None and not (simple is LifeKind.JOB and _LOADS.search(text)):
        return LifeSign(simple)
    if goes_on_without_some(text):
        return LifeSign(LifeKind.STUDY)
    if found := _VERDICTS.search(text):
        return LifeSign(_KINDS[found.lastgroup or ""])
    if found := _ROUND.match(text) or _CELL_NUMBER.match(text):
        return LifeSign(LifeKind.ITEM, int(found.group(1)))
    if found := _NUMBERED.search(text):
        number = _NUMBER_AT_END.search(found.group(0))
        kind = LifeKind.COMPLAINT if is_complaint(text, Level.WARNING) else LifeKind.ITEM
        return LifeSign(kind, int(number.group(0))) if number else None
    return None
