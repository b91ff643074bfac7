"""Recognise a failure in an old revision of a deployment, which an update has already replaced.

A rollout ends the pods of the revision before it. What fails in them then harms nobody, since the new one serves.
"""

import re

from bot.diagnosis.failures.windows import Place, text_before

_NAME = rb"([\w.-]{2,80})"
_RETIRED = re.compile(
    rb"(?i)\bscaled? down (?:(?:old )?replica ?set )?" + _NAME + rb" (?:from \d+ )?to 0\b"
    rb"|\bscaling (?:down )?"
    + _NAME
    + rb" (?:down )?to (?:0|zero)\b|\b"
    + _NAME
    + rb":? scaled (?:down )?to (?:0|zero)\b"
    rb"|\bold (?:revision|replica ?set|version|release) "
    + _NAME
    + rb"|\b(?:revision|version|release|replica ?set) "
    + _NAME
    + rb" (?:is |was )?(?:draining|drained|retired|superseded|being replaced)\b"
)
_CURRENT = re.compile(
    rb"(?i)(?:\b100 ?%|\ball)(?: of)?(?: the)? traffic(?: \w+){0,2}(?: to\b| ->| =>|:)+ (?:revision )?"
    + _NAME
    + rb"|\btraffic:? 100 ?%(?: to\b| ->| =>)+ (?:revision )?"
    + _NAME
    + rb"|\bnew (?:revision|version|release) "
    + _NAME
    + rb" (?:receives|takes|serves|is (?:ready|live))"
    rb"|\brevision " + _NAME + rb" (?:is |became )?ready\b"
)
_RAISED = re.compile(rb"(?i)\bscaled? up (?:replica ?set )?" + _NAME)
_NUMBERED = re.compile(r"(.{2,80}?)[-.]?(v?\d{1,9})")


def is_of_old_revision(place: Place, line: str) -> bool:
    """Does a line name a revision that the log before it reports as replaced?"""
    before = text_before(place.cursor, place.tail)
    if b"raffic" not in before and b"to 0" not in before and b"evision" not in before and b"zero" not in before:
        return False
    raised = {_name(found): found.start() for found in _RAISED.finditer(before)}
    for found in _RETIRED.finditer(before):
        name = _name(found)
        if raised.get(name, -1) < found.start() and _contains(line, name):
            return True
    current = [_name(found) for found in _CURRENT.finditer(before)][-1:]
    return any(_is_before(line, name) for name in current)


def _name(found: re.Match[bytes]) -> str:
    return next(group for group in found.groups() if group).decode("utf-8", "replace").rstrip(".-")


def _contains(line: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", line) is not None


def _is_before(line: str, current: str) -> bool:
    """Does the line name another revision with the same base name as the one that serves now?"""
    found = _NUMBERED.fullmatch(current)
    if found is None or _contains(line, current):
        return False
    base, number = found.groups()
    others = re.findall(rf"(?<![A-Za-z0-9]){re.escape(base)}[-.]?(v?\d{{1,9}})(?![A-Za-z0-9])", line)
    return any(len(other) == len(number) and other < number for other in others)
