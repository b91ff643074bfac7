"""Choose the log lines shown with a failure: the decisive line, what led to it, and what follows.

The decisive line is the one a person needs: the exception, or the ERROR line shortly before it that names what the
hint refers to. An excerpt has lines of one process only. Progress lines and most frames are cut, with their number.
"""

import re
from collections.abc import Sequence
from typing import Literal

from bot.diagnosis.failures.candidates import ECHO, LINES_AFTER, Candidate
from bot.diagnosis.failures.decisive_lines import LISTED, choose_decisive
from bot.diagnosis.failures.epilogues import is_epilogue
from bot.diagnosis.failures.frames import LineKind, cut_row, is_rule, line_kind, reduce_traceback, traceback_start
from bot.diagnosis.failures.noise import is_in_warning, is_quotation
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.subjects import is_complaint, is_progress, names_subject, subject_start, without_bar
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.vague_lines import counts_errors, heads_stack, is_vague, lists_guesses
from bot.diagnosis.failures.windows import (
    SEARCHED_LINES,
    Place,
    WindowLine,
    is_own,
    own_lines_before,
    text_before,
)
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.reading.prefixes import LineSource, split_prefix
from bot.domain.levels import stated_level
from bot.domain.logs import Level
from bot.domain.regex import compile_pattern

CONTEXT_LINES = 3
"""Number of lines shown before a traceback or a decisive line."""
MAX_HIDDEN = 8
"""After this number of progress lines, the run goes on and what follows belongs to it."""
MAX_DETAILS = 8
"""Number of rows from the decisive one among which details do not count as lines after it."""
_DETAIL = re.compile(
    r"\s+[\w ]{1,40}: \S{1,60}$|\W{0,3}(?i:rank|worker|replica)[ #]{0,4}\d{1,5} ?[:=] *[-\d.]\S{0,40}$"
)
"""An indented detail of the exception above it, such as the pid and the address of Ray's dead actor; a rank's value."""
MAX_HEADING = 5
"""Number of words of an exception that only announces what is below it."""
ROW_CHARS, DECISIVE_CHARS = 160, 480
"""Maximum number of characters of a row, and of the decisive row and the exception."""


_UNFINISHED = re.compile(
    r"(?P<indented>^.*\bvalidation errors? for \S+\s*$)|(?P<node>^.*Graph execution error:\s*$)"
    r"|(?P<next>^.*Exception encountered when calling .*\(\)\.\s*$|^.*following (?:error|reason)[^:]*:\s*$"
    r"|^Error in .*: *$|\bJob was held\.$|\bpanicked at \S+:\d+:\d+:\s*$"
    r"|^terminate called after throwing an instance of .*$"
    r"|^(?:\w+\.)*\w+(?:Error|Exception):(?: .{0,120}(?<!\bno )\berror\W*|\s*)$)"
    r"|(?P<details>^.*(?:\bof RPC that terminated with:|[A-Z]\w+(?:Exception|Error): \(\w+\))\s*$)"
    r"|(?P<short>^\S+: (?:\S+ ){0,6}['\"]?[a-z]\w*['\"]?:+\s*$)"
)
"""A message whose reason is on a later line; where, by its group."""
_REASON = {
    "details": re.compile(r"^\s*(?:details = \"|HTTP response body: |Message: |Details: |DETAIL: ).*\w{3}.*\w{3}"),
    "indented": re.compile(r"[\[(]type=|^\s+\S+ .*\S|^(?:\w+\.)*\w+(?:Error|Exception): \S"),
    "next": re.compile(r"\S.*\w"),
    "error": re.compile(r"^(?!\s*ray::\S+ \(pid=)"),
    "more": re.compile(r""),
    "node": re.compile(r"^(?!Node: |Detected at node |<stack traces|\s)."),
}
_HEADING = re.compile(r"(?i)\W*(?:\w+ )?(?:error (?:message|details?|description)|root cause|reason|details?)\W*")
"""Begins the message of a library or a device below an exception that only states that a call failed."""
_STATED = re.compile(r"\b(?:Reason|Cause): \w+ \w+ \w")
"""A reason that is announced as such."""
_CRASH = re.compile(r"Fatal Python error: |\bAborted\b|\bcore dumped\b|\bSIG[A-Z]{3,4} received\b")
"""How a process ends that aborts for a reason it has stated."""
_CORE = re.compile(r"\bAborted\b.{0,4}(?:\(core dumped\)|$)")
"""What the shell prints of such a process."""
_TERMINATE = "terminate called"
ABOVE_TERMINATE = 2
"""Number of lines above it in which a C++ program logs the error for which it ends; not all print it again below."""
_CELL = compile_pattern(rb"(?m)^(?:Cell In\[\d+\], line|File <ipython-input|<ipython-input|-+> \d+ |In \[\d+\]:)")
_SERVER = compile_pattern(
    rb"HTTP/[\d.]+\"? [2-5]\d\d\b|[( ]status[=:] ?[2-5]\d\d\b"
    rb"|\bgeneration throughput: |\bgen throughput |API server|Uvicorn running"
    rb"|text_generation_(?:launcher|router)|\(APIServer pid=|\(EngineCore|Started HTTPService"
)


def center_excerpt(candidate: Candidate, place: Place, raised: RaisedException | None, *, is_decisive: bool) -> None:
    """Choose the rows up to an event: its line and what led to it.

    Args:
        candidate: receives the rows.
        place: of the event.
        raised: the exception that the event is, if any.
        is_decisive: False for an exception that only completes the excerpt of an error line before it.
    """
    has_traceback = raised is not None and raised.has_traceback
    before = own_lines_before(place, has_traceback=has_traceback)
    start = traceback_start([line.text for line in before]) if has_traceback else len(before)
    event = WindowLine(place.line.strip(), split_prefix(place.line).text, place.cursor.line + 1)
    awaited = _awaited(event.text, is_exception=candidate.name == "python_exception")
    if event.text.startswith(_TERMINATE) and any(map(_states_error, before[-ABOVE_TERMINATE:])):
        awaited = ""
    best = (
        choose_decisive(candidate, before[:start], event, place, is_whole=not awaited)
        if is_decisive
        else _decisive_so_far(candidate)
    )
    rows = _context(before[:start], best)
    if best is not event and best.number not in {row.number for row in rows}:
        rows = [best, *_between(best.number, [*rows, *before[start:], event][0].number), *rows]
    if raised is not None and raised.has_traceback:
        block = before[start:]
        reduced = reduce_traceback([_cut(line.shown) for line in block], [line.text for line in block], raised)
        rows += [WindowLine(row, row, 0) for row in reduced]
    rows.append(event)
    root = len(rows) - 1 if best is event else [row.number for row in rows].index(best.number)
    candidate.excerpt = [
        _shown(candidate, row, is_whole=index in (root, len(rows) - 1)) for index, row in enumerate(rows)
    ]
    candidate.root_index, candidate.decisive_line = root, best.number
    candidate.has_subject = names_subject(candidate.names, best.shown)
    candidate.has_exception = has_traceback
    candidate.awaits_reason = awaited if best is event else ""
    if best is event and not awaited and candidate.precedence <= Precedence.WEAK and is_vague(event.text):
        found = grade(event.text)
        awaits_error = not has_traceback and found < Grade.ORIGIN
        candidate.awaits_reason = "error" if awaits_error else "more" if found is Grade.OUTCOME else ""
    context = text_before(place.cursor, place.tail)
    candidate.is_in_server = _SERVER.contains(context)
    candidate.is_in_cell = _CELL.contains(context)
    level = stated_level(best.shown)
    candidate.is_warning = level is not None and level < Level.ERROR and not has_traceback
    candidate.exception = event.text[:ROW_CHARS] if raised is not None else ""
    candidate.message_below, candidate.awaits_message = "", bool(awaited) and raised is not None
    is_printed = raised is not None and raised.is_indented
    candidate.is_logged = is_printed or (has_traceback and _is_logged(place.line, before[:start]))
    candidate.is_in_warning = has_traceback and is_in_warning([line.text for line in before[:start]])
    (candidate.source_name, candidate.source_rank), candidate.has_rank_prefix = place.source, place.has_rank_prefix
    candidate.excerpt_end, candidate.hidden_lines = place.offset + place.cursor.end, 0
    candidate.missing_lines = LINES_AFTER


def append_line(candidate: Candidate, source: LineSource, line: WindowLine) -> None:
    """Add a line after the event if it is of the same process; a new traceback ends the excerpt.

    An error line that names what the hint refers to becomes the decisive line, if none before it does.
    """
    own = LineSource(candidate.source_name, candidate.source_rank)
    is_of_other = not is_own(source, own) or (candidate.has_rank_prefix and source.rank is None)
    if candidate.missing_lines <= 0 or is_of_other or not line.shown or is_rule(line.text):
        return
    if candidate.awaits_message:
        candidate.message_below, candidate.awaits_message = line.text[:ROW_CHARS], False
    if candidate.awaits_reason == "node":
        if _REASON["node"].match(line.text) is None or candidate.missing_lines <= 0:
            candidate.hidden_lines += 1
            return
        candidate.excerpt += [cut_row(candidate.hidden_lines, "line")] if candidate.hidden_lines else []
        candidate.awaits_reason, candidate.hidden_lines = "next", 0
    if line_kind(line.text) in (LineKind.HEADER, LineKind.FRAME, LineKind.CAUSE, LineKind.NATIVE):
        candidate.missing_lines = 0
        return
    if is_progress(line.text):
        candidate.hidden_lines += 1
        candidate.missing_lines *= candidate.hidden_lines < MAX_HIDDEN
        return
    if candidate.hidden_lines:
        candidate.excerpt.append(cut_row(candidate.hidden_lines, "progress line"))
        candidate.hidden_lines = 0
    if is_epilogue(line.text):
        candidate.excerpt.append(_shown(candidate, line, is_whole=False))
        candidate.missing_lines -= 1
        return
    if _begins_reason(candidate, line.text):
        candidate.awaits_reason = "next"
        candidate.excerpt.append(_shown(candidate, line, is_whole=False))
        return
    if candidate.awaits_reason:
        _take_reason(candidate, line)
    is_detail = candidate.has_exception and candidate.names == "amount"  # the exception says more than a table below it
    is_named = (
        not is_detail
        and not candidate.has_subject
        and names_subject(candidate.names, line.text)
        and is_complaint(line.shown)
        and not is_vague(line.text)
        and _says_more(line, candidate)
    )
    if is_named:
        candidate.root_index, candidate.decisive_line = len(candidate.excerpt), line.number
        candidate.has_subject = True
    candidate.excerpt.append(_shown(candidate, line, is_whole=is_named))
    is_detail = len(candidate.excerpt) - candidate.root_index <= MAX_DETAILS and (
        candidate.awaits_reason in ("error", "more", "details") or _DETAIL.match(line.text) is not None
    )
    candidate.missing_lines -= not is_detail


def _take_reason(candidate: Candidate, line: WindowLine) -> None:
    """Let a line be the decisive one if it is the reason that the message ends before."""
    awaited, found = candidate.awaits_reason, grade(line.text)
    if awaited == "next" and heads_stack(line.text):
        candidate.awaits_reason = ""
        return
    if awaited == "details":
        if _REASON["details"].search(line.text):
            candidate.root_index, candidate.decisive_line = len(candidate.excerpt), line.number
            candidate.awaits_reason = ""
            candidate.state_details(line.text)
        return
    if (
        (not awaited or not (_REASON[awaited].search(line.text) or found >= Grade.REASON))
        or (awaited == "error" and (_CRASH.search(line.text) or is_vague(line.text) or not is_complaint(line.shown)))
        or (awaited == "more" and ((found < Grade.REASON and not _STATED.search(line.text)) or is_quotation(line.text)))
        or (awaited == "indented" and line.text.endswith(":"))
        or (awaited == "next" and (counts_errors(line.text) or _CORE.search(line.text)))
    ):
        return
    candidate.root_index, candidate.decisive_line = len(candidate.excerpt), line.number
    is_whole = awaited in ("error", "more") or found >= Grade.REASON
    candidate.awaits_reason = "" if is_whole else "more"
    candidate.read_reason(line.text)


def _states_error(line: WindowLine) -> bool:
    """Is a line logged as an error, and does it say more than that something failed?"""
    return (stated_level(line.shown) or Level.INFO) >= Level.ERROR and grade(line.text) >= Grade.FAULT


def _begins_reason(candidate: Candidate, text: str) -> bool:
    """Does a line below an exception that gives no reason begin a section with it?"""
    if candidate.awaits_reason or not candidate.has_exception or not _HEADING.fullmatch(text):
        return False
    return grade(candidate.excerpt[candidate.root_index]) < Grade.REASON


def _says_more(line: WindowLine, candidate: Candidate) -> bool:
    """May a row replace the decisive one? If that states a reason, only another error with one may."""
    if candidate.root_index >= len(candidate.excerpt) or ECHO.search(line.text) or LISTED.search(line.text):
        return False
    known, found = (min(grade(text), Grade.REASON) for text in (candidate.excerpt[candidate.root_index], line.text))
    if found is Grade.REASON is known:
        return (stated_level(line.shown) or Level.INFO) >= Level.ERROR
    return found >= known


def _awaited(text: str, *, is_exception: bool = False) -> Literal["", "next", "indented", "node", "details"]:
    """Where is the reason, if the message ends before it?"""
    found = _UNFINISHED.search(text)
    if (is_exception and grade(text) >= Grade.REASON) or lists_guesses(text):
        return ""
    if found is None:
        return "next" if is_exception and text.endswith(":") and len(text.split()) <= MAX_HEADING else ""
    if found.lastgroup == "node":
        return "node"
    if found.lastgroup == "details":
        return "details"
    if found.lastgroup == "next":
        return "next"
    return "indented"


def _is_logged(line: str, before: Sequence[WindowLine]) -> bool:
    """Did a logger write the exception, or announce its traceback on the line before it?"""
    levels = (stated_level(text) for text in (line, *(one.shown for one in before[-1:])))
    return any(level is not None and level >= Level.WARNING for level in levels)


def _decisive_so_far(candidate: Candidate) -> WindowLine:
    row = candidate.excerpt[candidate.root_index]
    return WindowLine(row, row, candidate.decisive_line)


def _context(before: Sequence[WindowLine], needed: WindowLine) -> list[WindowLine]:
    """The lines before an event, with what is cut between them; back to an earlier traceback at most.

    Before the newest progress, only warnings and errors are shown.
    """
    near = before[-SEARCHED_LINES:]
    chosen: list[int] = []
    count, has_progress = 0, False
    for index in reversed(range(len(near))):
        line = near[index]
        if line_kind(line.text) in (LineKind.HEADER, LineKind.FRAME):
            while chosen and line_kind(near[chosen[-1]].text) is LineKind.CODE:
                chosen.pop()
            break
        if line_kind(line.text) is LineKind.NATIVE or (count >= CONTEXT_LINES and line.number != needed.number):
            continue
        if is_progress(line.text):
            has_progress = True
        elif line.number == needed.number or (
            count < CONTEXT_LINES and (not has_progress or is_complaint(line.shown, Level.WARNING))
        ):
            chosen.append(index)
            count += 1
    rows: list[WindowLine] = []
    end = len(near)
    for index in chosen:
        rows = [near[index], *_gaps(near[index + 1 : end]), *rows]
        end = index
    return rows


def _gaps(lines: Sequence[WindowLine]) -> list[WindowLine]:
    frames = sum(line_kind(line.text) is LineKind.NATIVE for line in lines)
    progress = sum(is_progress(line.text) for line in lines)
    counted = ((frames, "frame"), (progress, "progress line"), (len(lines) - frames - progress, "line"))
    return [WindowLine(cut_row(count, what), "", 0) for count, what in counted if count]


def _between(first: int, second: int) -> list[WindowLine]:
    count = second - first - 1
    return [WindowLine(cut_row(count, "line"), "", 0)] if count > 0 else []


def _shown(candidate: Candidate, row: WindowLine, *, is_whole: bool) -> str:
    """Cut a row; of the decisive row and the exception, more is shown, up to what the hint refers to."""
    if not is_whole:
        return _cut(row.shown)
    text = without_bar(row.shown)
    return cut_around(text, subject_start(candidate.names, text), DECISIVE_CHARS)


def _cut(text: str) -> str:
    return cut_around(text, 0, ROW_CHARS)
