"""Recognise by its end that a run failed, in any language or framework, where no known failure explains it.

A run has failed if its log ends with a fatal statement or an exit status that is not zero, and neither work of the run
nor a success follows. The failure is the first line of that end which says what happened, not those that only report
that something did.
"""

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from bot.diagnosis.failures.candidates import FAILED_END, TITLE_CHARS
from bot.diagnosis.failures.category_evidence import FailureText, weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.category_of_excerpt import with_weighed_category
from bot.diagnosis.failures.completion import ends_process, has_completed
from bot.diagnosis.failures.ends.job_tables import MAY_BE_TABLE, lines_of_tables
from bot.diagnosis.failures.ends.language_ends import marks_uncaught
from bot.diagnosis.failures.ends.last_complaints import find_last_complaint, states_lack
from bot.diagnosis.failures.ends.last_words import LOOKS_BAD, EndRow, read_rows, states_survival
from bot.diagnosis.failures.ends.plain_ends import MAY_END, states_plain_end, states_trouble
from bot.diagnosis.failures.ends.start_errors import find_start_error
from bot.diagnosis.failures.ends.vain_waits import find_vain_wait
from bot.diagnosis.failures.epilogues import is_epilogue, is_sidecar
from bot.diagnosis.failures.failure_events import ReadPosition, parse_event
from bot.diagnosis.failures.life_signs import LifeKind
from bot.diagnosis.failures.quotations import Quotation
from bot.diagnosis.failures.reasons import Grade
from bot.diagnosis.failures.status_trees import is_in_good_tree
from bot.diagnosis.failures.subjects import is_progress
from bot.diagnosis.failures.surroundings import Surroundings
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.reading.prefixes import parse_timestamp
from bot.diagnosis.reading.sourced_lines import read_sourced_line
from bot.domain.alerts import Severity
from bot.domain.logs import Level

MAX_LINES_AFTER = 24
"""Maximum number of lines after the last words: stack traces, advice and what scripts print when they end."""
MAX_WORK_AFTER = 3
"""Maximum number of lines after them that a program logged as information."""
MIN_FRAMES = 3
"""Number of frames that make up a stack."""
MAX_ROWS = 120
"""Number of lines at the end of the log that are read."""
MAX_END = 60
"""Number of lines before the last words among which the first line of the failure is searched."""
NEAR_LINES = 6
"""Number of lines before an exit status among which its reason is searched, if none has a fatal word."""
TROUBLE_LINES = 3
"""The same for a reason in plain words, which may be logged as information."""
FAR_ROWS, DETAIL_ROWS = 16, 6
"""Number of rows before and after an error without a reason among which that is searched."""
_IGNORED = re.compile(r"(?i)\W{0,4}ignor(?:ing|ed)\W*$")
"""What Ansible and others write below a failure that they go on after."""
_FIELD = re.compile(r"^\"\w+\": ?\"(.*?)\W*$")
"""A field of the record of a job, alone on its line, with a text."""
ROW_CHARS, CONTEXT_ROWS = 300, 3
PROSE_ROWS = 3
"""Number of the last lines among which prose counts in which a program gives up."""
_HINT = (
    "Read the marked line and the lines around it: no known failure matches them."
    " They are the last words of the program and of what ran it. https://docs.python.org/3/library/exceptions.html"
)
_EXIT_HINT = (
    "Read the program's own log or output file: this log only has its exit status."
    " Its last lines are what it printed before that. https://docs.python.org/3/library/sys.html#sys.exit"
)


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a log, from its last line of progress on, as far as it is kept."""

    text: bytes
    lines: int
    """Number of lines of the whole log."""
    is_cut: bool
    """May its first line lack its start?"""
    quotation: Quotation
    """The newest model output in the log."""
    has_trained: bool
    """Had the run logged progress?"""
    is_harmless: Callable[[str], bool] = lambda _: False
    """Is the message of a line known not to be a failure?"""
    may_go_on: bool = False
    """Does the program still run? Then an error that it logged at its start does not prove that it failed."""
    before: bytes = b""
    """The text before it."""

    def rows(self, count: int) -> list[EndRow]:
        """Its last `count` lines, without model output and empty lines."""
        raws = self.text.removesuffix(b"\n").split(b"\n")
        first = max(int(self.is_cut), len(raws) - count)
        before = [*self.before.split(b"\n"), *raws[:first]]
        rows = read_rows(raws[first:], self.lines - len(raws) + first + 1, before)
        rows = [row for row in rows if not self._is_quoted(row)]
        return rows[: last_index(rows, lambda row: not is_sidecar(row.raw, row.text)) + 1]

    def with_before(self) -> "LogEnd":
        """The same with the text before it."""
        return replace(self, text=self.before + self.text, before=b"")

    def may_fail(self) -> bool:
        """May one of its lines be last words?"""
        return LOOKS_BAD.search(self.text) is not None

    def own_rows(self, rows: Sequence[EndRow], last: int) -> list[EndRow]:
        """Those of the rows after one, the last words, which are of the same program or of what runs it again."""
        surroundings = Surroundings()
        raws = [raw.decode("utf-8", "replace") for raw in self.before.split(b"\n")]
        known = [read_sourced_line(raw) for raw in (*raws, *(row.raw for row in rows[: last + 1]))]
        surroundings.learn(known, ())
        return [row for row in rows[last + 1 :] if _is_own(row, surroundings)]

    def _is_quoted(self, row: EndRow) -> bool:
        quotation, line = self.quotation, row.number - 1
        return quotation.contains(line, has_timestamp=False) and parse_timestamp(row.raw) is None


def find_failed_end(end: LogEnd, judged: Container[int] = ()) -> Failure | None:
    """Report the failure that the end of a log states.

    Args:
        end: of the log.
        judged: numbers of lines that are known not to be worth a page.
    """
    rows = end.rows(MAX_ROWS) if end.may_fail() or MAY_END.search(end.text) else []
    if MAY_BE_TABLE.search(end.text) is not None:
        in_tables = lines_of_tables(rows)
        rows = [row for row in rows if row.number not in in_tables]
    own = rows[: last_index(rows, lambda row: not is_epilogue(row.text)) + 1]
    found = _find_in_rows(end, own, judged) if len(own) < len(rows) else None
    return found or _find_in_rows(end, rows, judged) or _find_complaint(end, own, judged)


def last_index(rows: Sequence[EndRow], test: Callable[[EndRow], bool]) -> int:
    """The index of the last row that passes a test; -1 if none does."""
    return next((index for index in reversed(range(len(rows))) if test(rows[index])), -1)


def _find_in_rows(end: LogEnd, rows: Sequence[EndRow], judged: Container[int]) -> Failure | None:
    last = next((index for index in reversed(range(len(rows))) if _is_last_word(rows, index, judged)), None)
    if last is not None:
        root = _root(rows, last)
        is_failure = _are_last_words(end, rows, last) and not _ends_completed_run(end, rows, root)
        return _failure(end, rows, root, last) if is_failure else None
    if (last := _plain_end(rows)) is not None:
        root = rows[last] if states_trouble(rows[last].text) else _root(rows, last)
        return _failure(end, rows, root, last) if _are_last_words(end, rows, last) else None
    last = None if end.has_trained or end.may_go_on else find_start_error(rows, MAX_WORK_AFTER, judged, end.is_harmless)
    if last is None:
        return None
    why = "The log ends shortly after it, and the program had not yet worked."
    return replace(_failure(end, rows, rows[last], last), signs=("weak",), why=why)


def _find_complaint(end: LogEnd, rows: Sequence[EndRow], judged: Container[int]) -> Failure | None:
    """Report the complaint with which a log ends whose program does not run any more."""
    if end.may_go_on:
        return None
    last, why = find_last_complaint(rows, judged, end), "The log ends with it."
    if last is None and not end.has_trained:
        last, why = find_vain_wait(rows), "The log ends while it waits, after a minute or more."
    return None if last is None else replace(_failure(end, rows, rows[last], last), signs=("weak",), why=why)


def _are_last_words(end: LogEnd, rows: Sequence[EndRow], last: int) -> bool:
    """Does neither a program nor what ran it go on after its last words?"""
    if rows[last].is_exit and len(rows) - 1 - last > MAX_LINES_AFTER:
        return False
    return _ends_log(end.own_rows(rows, last), rows[last])


def _failure(end: LogEnd, rows: Sequence[EndRow], root: EndRow, last: int) -> Failure:
    message = root.text.strip()
    shown = [row for row in rows if abs(row.number - root.number) <= CONTEXT_ROWS]
    label = parse_event(message, root.number, root.label, None, ReadPosition(), None).label
    context = " ".join(row.raw.strip() for row in rows[rows.index(root) : last + 1])
    statement = FailureText(context if root.is_exit else message, has_trained=end.has_trained)
    category = weigh_category(statement).category
    unknown, stated = _EXIT_HINT if root.is_exit else _HINT, _FIELD.sub(r"\1", message)
    failure = Failure(
        severity=Severity.PAGE, category=category, signature=FAILED_END,
        title=f"The run failed: {cut_around(stated, 0, TITLE_CHARS)}", hint=HINTS.get(category, unknown),
        line=root.number, ranks=() if label is None else (label,),
        excerpt=tuple(cut_around(row.raw.rstrip(), 0, ROW_CHARS) for row in shown), root_index=shown.index(root),
        signs=("trace" if root.is_exit else "weak", "exit"), fingerprint=failure_fingerprint(FAILED_END, "", message),
        why="The log ends with it, and no work of the run and no success follow.", precedence=Precedence.ABORT,
    )  # fmt: skip
    return failure if root.is_exit else with_weighed_category(failure, statement, "code")


def _ends_completed_run(end: LogEnd, rows: Sequence[EndRow], root: EndRow) -> bool:
    """Does a failure only concern the end of a process whose run had completed?"""
    if not (root.is_exit or ends_process(root.text, root.text)):
        return False
    before = [read_sourced_line(raw.decode("utf-8", "replace")).text for raw in end.before.split(b"\n")]
    return has_completed([*before, *(row.text for row in rows[: rows.index(root)])], has_trained=end.has_trained)


def _is_own(row: EndRow, surroundings: Surroundings) -> bool:
    line = read_sourced_line(row.raw)
    is_verdict = surroundings.has_tests and row.kind in (LifeKind.PASSED, LifeKind.JUDGED)
    is_verdict |= _IGNORED.match(row.text) is not None
    return row.restarts or row.is_bare_exit or is_verdict or surroundings.is_own(line)


def _is_last_word(rows: Sequence[EndRow], index: int, judged: Container[int]) -> bool:
    row = rows[index]
    if row.number in judged or not (row.is_exit or row.is_fatal or _has_stack(rows, index)):
        return False
    if row.is_aside and any(not (one.is_aside or one.is_detail) for one in rows[index + 1 :]):
        return False  # a program went on that had only asked a tool
    return not is_in_good_tree(row.text, lambda: (one.text for one in reversed(rows[:index])))


def _has_stack(rows: Sequence[EndRow], index: int) -> bool:
    """Does an error with the stack of native code follow, which is printed where nothing catches it?"""
    below = rows[index + 1 : index + 1 + MIN_FRAMES]
    return rows[index].is_error and len(below) == MIN_FRAMES and all(row.is_frame for row in below)


def _plain_end(rows: Sequence[EndRow]) -> int | None:
    """Index of the last of the rows, if it states in prose that the program gives up."""
    last = range(max(0, len(rows) - PROSE_ROWS), len(rows))
    return next(
        (index for index in reversed(last) if rows[index].is_plain and states_plain_end(rows[index].text)), None
    )


def _ends_log(after: Sequence[EndRow], last: EndRow) -> bool:
    """Does nothing after the last words show that the program, or what ran it, goes on?"""
    statements = [row for row in after if not row.is_detail]
    work = [row for row in statements if row.level is not None and row.level < Level.WARNING]
    is_end = len(after) <= MAX_LINES_AFTER and len(work) <= MAX_WORK_AFTER
    return is_end and not any(row.goes_on or (row.is_finished and not last.is_exit) for row in statements)


def _root(rows: Sequence[EndRow], last: int) -> EndRow:
    """The first line of the end that says what happened."""
    first = max(0, last - MAX_END)
    first = next((index + 1 for index in reversed(range(first, last)) if rows[index].goes_on), first)
    errors = [index for index in range(first, last + 1) if rows[index].is_error]
    errors = [index for index in errors if not states_survival(rows[index].text)] or errors
    specific = [rows[index] for index in errors if not rows[index].is_generic]
    chosen = _clearest(specific)
    if (reason := _reason_beside(rows, first, last, chosen)) is not None:
        return reason
    if chosen is not None:
        return _below_heading(rows, chosen)
    if errors and rows[errors[0]].text.rstrip().endswith(":") and errors[0] + 1 < len(rows):
        return rows[errors[0] + 1]  # a heading such as `Fatal error:`
    if warned := [row for row in rows[first:last] if row.level is Level.WARNING and row.warns]:
        return warned[0]
    end = rows[errors[0]] if errors else _first_exit(rows, last)
    found = _complaint_before(rows, first, last) or _trouble_before(rows, first, last)
    return found or (_row_above(rows, first, last) if marks_uncaught(end.text) else end)


def _first_exit(rows: Sequence[EndRow], last: int) -> EndRow:
    """The first of the reports of an exit in consecutive rows: each one passes on what the one before it states."""
    while last and rows[last - 1].is_exit:
        last -= 1
    return rows[last]


def _row_above(rows: Sequence[EndRow], first: int, last: int) -> EndRow:
    """The row above those that only mark an error; the last one if there is none."""
    above = (row for row in reversed(rows[first:last]) if not (marks_uncaught(row.text) or row.is_detail))
    return next(above, rows[last])


def _below_heading(rows: Sequence[EndRow], heading: EndRow) -> EndRow:
    """The first row of the list that a row such as `cannot start because:` begins; the row itself if it begins none."""
    following = rows[rows.index(heading) + 1 :][:1]
    is_heading = heading.text.rstrip().endswith(":") and bool(following) and following[0].is_detail
    says_more = is_heading and following[0].grade > Grade.OUTCOME and not following[0].is_value
    return following[0] if says_more else heading


def _clearest(rows: Sequence[EndRow]) -> EndRow | None:
    """The first of the rows that say most."""
    return max(rows, key=lambda row: min(row.grade, Grade.REASON), default=None)


def _reason_beside(rows: Sequence[EndRow], first: int, last: int, chosen: EndRow | None) -> EndRow | None:
    """The row near an error that says why it happened, if that does not: not logged as information, or below it."""
    end = last if chosen is None else rows.index(chosen)
    known = Grade.OUTCOME if chosen is None else chosen.grade
    before = [row for row in rows[max(first, end - FAR_ROWS) : end] if row.level is None or row.level >= Level.WARNING]
    if known >= Grade.REASON:
        reasons = [row for row in before if row.grade > known and row.states_reason and row.complains]
    else:
        reasons = [row for row in [*before, *rows[end + 1 : end + DETAIL_ROWS]] if row.states_reason]
    return max(reasons, key=lambda row: row.grade, default=None)


def _trouble_before(rows: Sequence[EndRow], first: int, last: int) -> EndRow | None:
    """The statement just before an exit, if it says in plain words what went wrong."""
    for row in reversed(rows[max(first, last - TROUBLE_LINES) : last]):
        if row.is_exit or row.is_detail or row.counts_none or (is_progress(row.text) and not row.states_reason):
            continue
        return row if row.states_reason or states_trouble(row.text) or states_lack(row.text) else None
    return None


def _complaint_before(rows: Sequence[EndRow], first: int, last: int) -> EndRow | None:
    """The first of the complaints in a row before an exit, or else the nearest one."""
    found = None
    for row in reversed(rows[max(first, last - NEAR_LINES) : last]):
        if row.complains and not (row.is_ended_by_others or (row.is_detail and found is not None)):
            found = row
        elif found is not None and not (row.is_exit or row.is_detail):
            break
    return found
