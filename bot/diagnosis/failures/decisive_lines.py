"""Choose the decisive line of a failure: its own, or one before it that gives the reason.

What only reports that something failed, or fails because something else has, never outranks a line that says why. That
line was logged before it, by the same process or another one, and the run has made no progress since.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.diagnosis.failures.candidates import SHOWN_EXCEPTION, Candidate
from bot.diagnosis.failures.category_evidence import FailureText, weigh_category
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.failures.life_signs import LifeKind, read_life_sign
from bot.diagnosis.failures.noise import is_dump, is_handled, is_hypothetical, is_quotation
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.report_rows import is_report_row
from bot.diagnosis.failures.stated_ranks import find_rank
from bot.diagnosis.failures.stops import ENDED_FROM_OUTSIDE
from bot.diagnosis.failures.subjects import is_complaint, is_progress, names_subject, repeats_end
from bot.diagnosis.failures.tracebacks import NOTEBOOK_HEADER
from bot.diagnosis.failures.vague_lines import find_reason, is_vague
from bot.diagnosis.failures.windows import Place, WindowLine, is_own, read_lines_before, text_before
from bot.diagnosis.harmless_lines import is_harmless
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.prefixes import LineSource
from bot.domain.levels import stated_level
from bot.domain.logs import Level

NEAR_LINES = 8
"""An error line within this number of lines before the exception, without progress between them, belongs to it."""
FAR_LINES = 16
"""A line that is not logged as an error explains one within this number of lines after it."""
HEADER_CHARS = 80
"""Number of characters among which a logger writes the level."""
MIN_REPEATED = 12
"""Number of characters of a message that is the same statement in two lines."""
_FIELD = ("Exception: ", "exception: ", "Error: ", "error: ", "Cause: ", "cause: ")
"""How a line of a worker's report of its exception starts."""
MAX_STEPS = 2
"""Number of progress lines after a fault that buffered output may contain; more show that the run goes on."""
_SURVIVED = (LifeKind.ANSWERED, LifeKind.PASSED, LifeKind.TRIAL, LifeKind.JUDGED)
_PROCESS = re.compile(
    r"(?i)\b(?:rank|worker|proc|process|trainer|node|host|client|task|image|instance|card|machine|actor|replica|pod"
    r"|algo|server|device|gpu)[ _:#=-]{0,3}(\d{1,5})\b|^[\[(<]?[prm]?(\d{1,4})[\])>:]? "
)
PROCESS_CHARS = 100
"""Number of characters at the start of a line among which a process is named."""
_BAR = re.compile(r"\d+%\|")
_INFORMATION = re.compile(r"\bINFO\b")
_STARTS_AS_ERROR = re.compile(r"[\w:./-]{0,40}\b(?:[Ee]rror|ERROR|[Ff]atal|FATAL) ?: ")
_MISSING_FILE = re.compile(r"FileNotFoundError|\b(?i:no such file)\b")
"""What fails because the file could not be fetched or written before, too."""
_REFUSAL = re.compile(r"(?i)\b(?:401|403|429)\b|denied|forbidden|unauthori[sz]ed|no space left")
_NO_ERROR = re.compile(r"\s*(?:[\w.-]+ ?[:=] ?\S*|If .*|Failures:|<NO_OTHER_FAILURES>|\S+ FAILED)")
"""A line of a dump of settings, such as `abort_on_error: True`, advice, or a heading of a launcher's table."""
_FALLBACK = re.compile(r"(?i)\bfall(?:s|ing)? ?back\b")
"""What a warning about something that is missing offers instead."""
_ADVICE = re.compile(
    r"(?i)\bmay be a bottleneck\b|\bconsider (?:increasing|decreasing|setting|using|enabling|passing)\b"
    r"|\b(?:to improve|for (?:better|faster|optimal|best)) (?:performance|speed|throughput)"
)
"""What libraries advise for speed."""
_OF_NOTEBOOK = tuple(space + b"Traceback (most recent" for space in (b"  ", b"\t", b"\\t"))
"""Before other headers of tracebacks, there is at most one space."""
LISTED = re.compile(r"\[missing ranks?: [\d, ]+\]\s*$")
"""A row of a list whose heading states what happened, as Horovod prints for each tensor."""
_CONCRETE = re.compile(r"\d|['\"`/]|\w[._]\w")


def choose_decisive(
    candidate: Candidate, before: Sequence[WindowLine], event: WindowLine, place: Place, *, is_whole: bool
) -> WindowLine:
    """The event, or an error line before it: one that gives its reason, or names what its hint refers to.

    Args:
        candidate: whose event it is.
        before: lines of the same process before it and its traceback, oldest first.
        event: its line.
        place: where it is in the log.
        is_whole: False if its message goes on in the next lines.
    """
    before = [line for line in before if not is_report_row(line.text)]
    if (first := _first_report(before[-NEAR_LINES:], event.text)) is not None:
        return first
    reason = _first_error(before[-NEAR_LINES:]) if is_vague(event.text) else None
    if reason is not None and (is_whole or (stated_level(reason.shown) or Level.INFO) >= Level.ERROR):
        candidate.read_reason(reason.text)
        return reason
    reason = find_earlier_reason(candidate, before, event, place)
    if reason is not None and (is_whole or _is_clear(reason, event)):
        rank = find_rank(reason.text) if reason.source.rank is None else reason.source.rank
        candidate.explain_by(reason.text, reason.number, rank)
        return reason
    if not candidate.names or names_subject(candidate.names, event.text):
        return event
    for line in reversed(before[-NEAR_LINES:]):
        if is_progress(line.text) or line_kind(line.text) in (LineKind.HEADER, LineKind.FRAME):
            break  # the run continued after what came before, or it belongs to another failure
        if candidate.names == "name" and stated_level(line.shown) is None and grade(event.text) >= Grade.REASON:
            continue  # a name in any other message is of something else
        if LISTED.search(line.text):
            continue
        if names_subject(candidate.names, line.text) and is_complaint(line.shown) and not is_vague(line.text):
            is_less = repeats_end(line.shown, event.text) or grade(line.text) < min(grade(event.text), Grade.REASON)
            return event if is_less else line
    return event


def _first_report(before: Sequence[WindowLine], text: str) -> WindowLine | None:
    """The line in which native code or a worker reported the same failure before the exception of its caller."""
    kind, _, message = text.partition(": ")
    if len(message) < MIN_REPEATED:
        return None
    for line in before:
        shown = SHOWN_EXCEPTION.search(line.text)
        is_shown = (
            shown is not None and shown["kind"] == kind.rpartition(".")[2] and message.startswith(shown["message"])
        )
        if is_shown and line.text.startswith(_FIELD):
            return line
        if (stated_level(line.shown) or Level.INFO) >= Level.CRITICAL and line.text.rstrip().endswith(message):
            return line
    return None


def find_earlier_reason(
    candidate: Candidate, before: Sequence[WindowLine], event: WindowLine, place: Place
) -> WindowLine | None:
    """The line before an event that says why it failed; None if the event does."""
    own = grade(event.text) if candidate.precedence < Precedence.ABORT else Grade.OUTCOME
    is_known = candidate.name != "python_exception" and candidate.precedence is Precedence.ROOT
    is_missing_file = candidate.names == "file" and _MISSING_FILE.search(event.text) is not None
    if candidate.is_note or (is_known and candidate.category == "hang") or candidate.name in ENDED_FROM_OUTSIDE:
        return None
    if is_known and own is not Grade.OUTCOME and not is_missing_file:
        return None
    search = _Search(own, find_process(place.line, place.source.label), is_known=is_known, has_steps=place.has_steps)
    if own is Grade.OUTCOME:
        return search.best(read_lines_before(place), place.source)
    newest = before[-NEAR_LINES:][::-1]
    if place.source.label is None:
        newest = _without_frames(place, event)[:NEAR_LINES]
    return search.best(newest, place.source)


def _without_frames(place: Place, event: WindowLine) -> list[WindowLine]:
    """The newest lines before an event without the frames of its traceback, which a notebook prints with code."""
    found: list[WindowLine] = []
    window = text_before(place.cursor, place.tail)
    is_in_notebook = any(header in window for header in _OF_NOTEBOOK)
    for line in read_lines_before(place):
        if len(found) >= NEAR_LINES and not is_in_notebook:
            break
        header = NOTEBOOK_HEADER.match(line.text)
        if header is not None and event.text.startswith(header.group("type")):
            found.clear()
        elif line_kind(line.text) is not LineKind.FRAME:
            found.append(line)
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    """What is known about an event whose reason is searched."""

    own: Grade
    who: str
    """The process that its line is about."""
    is_known: bool
    """Has it a signature?"""
    has_steps: bool
    """Had the run logged progress before it?"""

    def best(self, lines: Iterable[WindowLine], source: LineSource) -> WindowLine | None:
        """The line that explains the event best; of those that do so equally well, the first.

        Progress shows that the processes that log it got over what came before, but says nothing about others.

        Args:
            lines: before the event, newest first.
            source: of the event.
        """
        best, weight, steps, rows, is_above_header = None, (0, False), 0, 0, False
        for line in lines:
            kind, is_announcement = line_kind(line.text), is_above_header and _only_announces(line.text)
            is_above_header = kind is LineKind.HEADER
            if (kind is LineKind.CAUSE and self.own is not Grade.OUTCOME) or _is_survival(line.text):
                break
            if kind is not LineKind.OTHER:
                continue
            is_other = find_process(line.shown, line.source.label) not in ("", self.who)
            if steps > MAX_STEPS and not is_other:
                continue
            found = 0 if is_announcement or _BAR.search(line.text) else self._weigh(line, 0 if is_other else rows)
            if found and (found, is_own(line.source, source)) >= weight:
                best, weight = line, (found, is_own(line.source, source))
            elif not found:
                steps += is_progress(line.text)
            rows += 1
        return best

    def _weigh(self, line: WindowLine, rows: int) -> int:
        """How well a line explains what comes `rows` rows after it; 0 if it does not."""
        level, found = stated_level(line.shown), grade(line.text)
        is_error = (level is not None and level >= Level.ERROR) or _STARTS_AS_ERROR.match(line.text) is not None
        is_error |= level is Level.WARNING and SHOWN_EXCEPTION.search(line.text) is not None
        if found <= self.own or _is_mention(line.text) or not (is_error or self._may_explain(line, level, found, rows)):
            return 0
        if not is_error and _FALLBACK.search(line.text):
            return 0
        is_outcome = self.own is Grade.OUTCOME
        if not is_outcome and weigh_category(FailureText(line.text)).category == "scheduler":
            return 0  # what delayed the start did not make the program fail
        if is_handled(line.text, 0):
            return int(is_outcome)
        is_origin = found is Grade.ORIGIN and level is not Level.WARNING
        return 3 if is_origin else 2 if is_error and found is Grade.REASON else 1

    def _may_explain(self, line: WindowLine, level: Level | None, found: Grade, rows: int) -> bool:
        """May a line that is not logged as an error explain the event?"""
        is_information = (
            level in (Level.DEBUG, Level.INFO) or _INFORMATION.search(line.shown[:HEADER_CHARS]) is not None
        )
        least = Grade.REASON if self.own is Grade.OUTCOME and not (is_information or self.is_known) else Grade.ORIGIN
        if found < least or rows > FAR_LINES or not _CONCRETE.search(line.text):
            return False
        is_noisy = self.own is not Grade.OUTCOME and not self.has_steps  # programs print much before the first step
        return not is_noisy or level is Level.WARNING or _REFUSAL.search(line.text) is not None


def find_process(line: str, label: Label | None) -> str:
    """The process that a line is about, by its prefix or its first words, such as `rank 3`; "" if it names none."""
    if label is not None:
        return str(label)
    found = _PROCESS.search(line, 0, PROCESS_CHARS)
    return found.group(found.lastindex or 0) if found else ""


def _only_announces(text: str) -> bool:
    """Does a line above a traceback state neither a reason nor the exception?"""
    return grade(text) is Grade.FAULT and SHOWN_EXCEPTION.search(text) is None


def _is_survival(text: str) -> bool:
    sign = read_life_sign(text)
    return sign is not None and sign.kind in _SURVIVED


def _is_clear(reason: WindowLine, event: WindowLine) -> bool:
    """Does an error line shortly before an event say more than the message of that can?"""
    is_error = (stated_level(reason.shown) or Level.INFO) >= Level.ERROR
    return is_error and grade(reason.text) is Grade.ORIGIN and event.number - reason.number <= NEAR_LINES


def _is_mention(text: str) -> bool:
    is_noise = is_quotation(text) or is_dump(text) or is_hypothetical(text, min(len(text), HEADER_CHARS))
    return is_noise or is_harmless(text) or _ADVICE.search(text) is not None


def _first_error(before: Sequence[WindowLine]) -> WindowLine | None:
    """The first error line of those that end with a vague one."""

    def is_end(index: int) -> bool:
        text = before[index].text
        return is_progress(text) or line_kind(text) in (LineKind.HEADER, LineKind.FRAME, LineKind.CAUSE)

    def complains(index: int) -> bool:
        text = before[index].text
        is_statement = text.lstrip().startswith("raise ")
        return is_complaint(before[index].shown) and not is_statement and _NO_ERROR.fullmatch(text) is None

    found = find_reason([one.text for one in before], complains, is_end)
    return None if found is None else before[found]
