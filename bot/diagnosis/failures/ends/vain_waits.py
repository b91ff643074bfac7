"""Find the wait for a peer with which a log ends: it was tried again for a minute or more, and nothing answered."""

import re
from collections.abc import Sequence

from bot.diagnosis.failures.ends.last_words import EndRow

MIN_WAIT_S = 60.0
"""Time after which a peer that starts at the same moment should have answered."""
LAST_ROWS = 2
"""Number of the last statements among which the wait is."""
_WAITS = re.compile(
    r"(?i)\b(?:fail|failed|fails|failing|unable|cannot|can't|could not|couldn't) (?:to )?"
    r"(?:connect|reach|join|contact|resolve)\w*"
    r"|\bnot (?:reachable|connected|answering|ready|responding)|\bunreachable\b|\bconnection (?:refused|timed out)\b"
    r"|\bno (?:answer|response|reply) from\b|\b(?:still |keeps? )?waiting for\b|\btimed out\b.{0,40}\bconnect\w*"
)
_FAILS = re.compile(r"(?i)\b(?:fail|unable|cannot|can't|could|refused|timed out|unreachable)")
_AGAIN = re.compile(
    r"(?i)\bre-?tr(?:y|ying|ies|ied)\b|\btry(?:ing)? again\b|\bstill\b|\bagain\b|\bkeeps? (?:trying|waiting)\b"
)
_PEER = re.compile(
    r"(?i)\b(?:host|hosts|rank|ranks|peers?|workers?|nodes?|master|leader|head|server|store|coordinator|scheduler"
    r"|rendezvous|address|endpoint|replicas?|members?|ring|etcd|client|process(?:es)?|ps\d*)\b|\b[\w.-]+:\d{2,5}\b"
)
_TIME = re.compile(
    r"(?i)\b(?:after|for|since|elapsed|waited|within)\W{1,3}(?:already |more than |over )?"
    r"(\d{1,9}(?:\.\d+)?) ?(ms|milliseconds?|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b"
)
_FOR_WORK = re.compile(
    r"(?i)\bwaiting for (?:\w+ ){0,2}"
    r"(?:requests?|jobs?|tasks?|work|messages?|clients?|connections?|input|events?|data|users?)\b"
)
"""What a server waits for that has nothing to do."""
_SECONDS = {"m": 60.0, "s": 1.0, "h": 3600.0}


def find_vain_wait(rows: Sequence[EndRow]) -> int | None:
    """Return the index of the wait with which the log of a program that has not worked yet ends; None without.

    Args:
        rows: the end of the log, from its start or its last line of progress on.
    """
    statements = [index for index, row in enumerate(rows) if not row.is_detail]
    for index in statements[-LAST_ROWS:]:
        row = rows[index]
        is_wait = _WAITS.search(row.text) and _AGAIN.search(row.text) and _PEER.search(row.text)
        is_idle = _FOR_WORK.search(row.text) is not None
        is_idle |= _FAILS.search(row.text) is None and any(one.goes_on for one in rows[:index])
        if is_wait and row.is_plain and not is_idle and _wait_s(row.text) >= MIN_WAIT_S:
            later = (rows[after] for after in statements if after > index)
            return index if all(_is_of_wait(one) for one in later) else None
    return None


def _is_of_wait(row: EndRow) -> bool:
    """Is a line after it another wait, or the stack of the attempt?"""
    return _WAITS.search(row.text) is not None or row.text.startswith(("Exception raised from", "frame #"))


def _wait_s(text: str) -> float:
    """The longest time that a line states to have waited."""
    found = ((float(time[1]), time[2].lower()) for time in _TIME.finditer(text))
    return max((number * _seconds(unit) for number, unit in found), default=0.0)


def _seconds(unit: str) -> float:
    if unit.startswith("mil") or unit == "ms":
        return 0.001
    return _SECONDS[unit[0]]
