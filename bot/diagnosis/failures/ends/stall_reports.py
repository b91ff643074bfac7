"""Read reports of monitors that a process lives, but has printed nothing for long: watchdogs, sidecars, heartbeats."""

import re

from bot.diagnosis.failures.ends.failed_end import LogEnd
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.training.hang import HINT
from bot.domain.alerts import Severity
from bot.domain.regex import compile_pattern

LONG_S, VERY_LONG_S = 1800.0, 3600.0
"""Time without output that several reports in a row must state, or a single one."""
LAST_ROWS = 2
"""Number of the last lines of which one is the newest report."""
MAX_ROWS = 40
ROW_CHARS = 300
_TIME = (
    r"(?P<{0}>(?:\d{{1,3}} ?d(?:ays?)? ?)?(?:\d{{1,6}}(?:\.\d+)? ?h(?:(?:ou)?rs?)? ?)?"
    r"(?:\d{{1,6}}(?:\.\d+)? ?m(?:in(?:ute)?s?)? ?)?(?:\d{{1,7}}(?:\.\d+)? ?s(?:ec(?:ond)?s?)?)?)(?![\w.])"
)
_OUTPUT = r"(?:new )?(?:(?:log )?(?:output|lines?|activity|entr(?:y|ies))|progress|(?:training )?steps?|stdout|logs?)"
_SILENCE = re.compile(
    r"(?i)"
    rf"\b(?:log|output|stdout|stderr|progress|heartbeat file) (?:file )?(?:is |was |has been )?"
    rf"(?:age|idle|stale|silent|unchanged|quiet)\b(?: for| since)?\W{{0,3}}{_TIME.format('a')}"
    rf"|\bno {_OUTPUT}\b(?: \w+){{0,3}}? (?:for|in|within)(?: the last| the past)? {_TIME.format('b')}"
    rf"|\blast {_OUTPUT}\b(?: was| seen| written)?:? {_TIME.format('c')} ago\b"
    rf"|\bseconds since (?:the )?last {_OUTPUT}\W{{1,4}}(?P<d>\d{{1,7}}(?:\.\d+)?)\b"
    r"|\b\S{1,60}\.(?:log|out|err|txt) (?:is |was |has been )?(?:unchanged|stale|silent|not written|idle)(?: for)?"
    rf" {_TIME.format('e')}"
    rf"|\blast {_OUTPUT} (?:in|of|from) \S{{1,60}} is {_TIME.format('g')} old\b"
    rf"|\bnothing (?:was )?(?:logged|printed|written)(?: \w+)? for {_TIME.format('h')}"
    r"|\balive\b.{0,40}\bidle(?:_s|_sec\w*)?[=:] ?(?P<i>\d{1,7})\b"
    rf"|\bhas(?: not|n't) (?:logged|printed|written|produced)(?: \w+){{0,2}} (?:for|in) {_TIME.format('f')}"
)
_MAY_STATE_SILENCE = compile_pattern(
    (
        rf"(?i)\b(?:age|idle|stale|silent|unchanged|quiet|not written|(?:no|last) {_OUTPUT}"
        r"|nothing (?:was )?(?:logged|printed|written)|has(?: not|n't) (?:logged|printed|written|produced))"
    ).encode()
)
"""The filter for such lines."""
_SETTING = re.compile(
    r"(?i)\b(?:when|if|will|timeout|limit|threshold|grace|older|entries|max(?:imum)?|after|until|unless)\b"
)
_END = re.compile(
    r"(?i)\b(?:finished|completed?|done|saved|exited?|stopped|terminated|succeeded|killed|restart\w*"
    r"|download\w*|evaluat\w*"
    r"|compil\w*)\b"
)
"""What explains that nothing is printed."""
_PART = re.compile(r"(?i)(\d+(?:\.\d+)?) ?([dhms])")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def find_stall_report(end: LogEnd) -> Failure | None:
    """Report a run of which a monitor states, at the end of the log, that it has printed nothing for long."""
    if not _MAY_STATE_SILENCE.contains(end.text):
        return None
    rows = end.rows(MAX_ROWS)
    reports = [(row, time) for row in rows if (time := read_silence_s(row.text)) is not None]
    if not reports or reports[-1][0] not in rows[-LAST_ROWS:]:
        return None
    root, longest = reports[-1]
    enough = VERY_LONG_S if len(reports) == 1 or reports[-2][1] >= longest else LONG_S
    others = [row for row in rows if all(row is not report for report, _ in reports)]
    if longest < enough or any(_END.search(row.text) for row in others):
        return None
    shown = [row for row in rows if abs(row.number - root.number) <= 4]
    return Failure(
        severity=Severity.PAGE, category="hang", signature="no_progress",
        title=f"No output for {longest / 60:.0f} min, but the process lives", hint=HINT, line=root.number,
        excerpt=tuple(cut_around(row.raw.rstrip(), 0, ROW_CHARS) for row in shown), root_index=shown.index(root),
        signs=("measured",), fingerprint=failure_fingerprint("no_progress", "", ""), precedence=Precedence.ABORT,
        why="A monitor states it, and nothing follows.",
    )  # fmt: skip


def read_silence_s(text: str) -> float | None:
    """Return for how long a process has printed nothing, in seconds, if a line of a monitor states that."""
    found = _SILENCE.search(text)
    if found is None or _SETTING.search(text):
        return None
    if number := found.group("d") or found.group("i"):
        return float(number)
    stated = next((group for group in found.groups() if group), "")
    seconds = sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(stated))
    return seconds or None
