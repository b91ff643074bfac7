"""Choose the decisive line of a failure: its own, or one before it that gives the reason.

What only reports that something failed, or fails because something else has, never outranks a line that says why. That
line was logged before it, by the same process or another one, and the run has made no progress since.
"""

import re
from collections.abc import Iterable, Sequence

from bot.diagnosis.failures.candidates import Candidate, repeats_end
from bot.diagnosis.failures.category_evidence import FailureText, weigh_category
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.failures.life_signs import LifeKind, read_life_sign
from bot.diagnosis.failures.noise import is_dump, is_handled, is_hypothetical, is_quotation
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.subjects import is_complaint, is_progress, names_subject
from bot.diagnosis.failures.vague_lines import find_reason, is_vague
from bot.diagnosis.failures.windows import Place, WindowLine, is_own, read_lines_before
from bot.diagnosis.harmless_lines import is_harmless
from bot.diagnosis.precedence import Precedence
from bot.domain.levels import stated_level
from bot.domain.logs import Level

NEAR_LINES = 8
"""An error line within this number of lines before the exception, without progress between them, belongs to it."""
FAR_LINES = 16
"""A line that is not logged as an error explains one within this number of lines after it."""
HEADER_CHARS = 80
"""Number of characters among which a logger writes the level."""
MAX_STEPS = 2
"""Number of progress lines after a fault that buffered output may contain; more show that the run goes on."""
_SURVIVED = (LifeKind.ANSWERED, LifeKind.PASSED, LifeKind.TRIAL, LifeKind.JUDGED)
_BAR = re.compile(r"\d+%\|")
_INFORMATION = re.compile(r"\bINFO\b")
_REFUSAL = re.compile(r"(?i)\b(?:401|403|429)\b|denied|forbidden|unauthori[sz]ed|no space left")
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
    if is_vague(event.text) and (reason := _first_error(before[-NEAR_LINES:])) is not None:
        candidate.read_reason(reason.text)
        return reason
    if is_whole and (reason := find_earlier_reason(candidate, before, event, place)) is not None:
        candidate.explain_by(reason.text, reason.number, reason.source.label)
        return reason
    if not candidate.names or names_subject(candidate.names, event.text):
        return event
    for line in reversed(before[-NEAR_LINES:]):
        if is_progress(line.text) or line_kind(line.text) in (LineKind.HEADER, LineKind.FRAME):
            break  # the run continued after what came before, or it belongs to another failure
        if names_subject(candidate.names, line.text) and is_complaint(line.shown) and not is_vague(line.text):
            return event if repeats_end(line.shown, event.text) else line
    return event


def find_earlier_reason(
    candidate: Candidate, before: Sequence[WindowLine], event: WindowLine, place: Place
) -> WindowLine | None:
    """The line before an event that says why it failed; None if the event does."""
    own = grade(event.text)
    is_known = candidate.name != "python_exception" and candidate.precedence is Precedence.ROOT
    if candidate.is_note or (is_known and (own is not Grade.OUTCOME or candidate.category == "hang")):
        return None
    if own is Grade.OUTCOME:
        return _best(read_lines_before(place), Grade.REASON if is_known else own, place)
    return _best(before[-NEAR_LINES:][::-1], own, place)


def _best(lines: Iterable[WindowLine], own: Grade, place: Place) -> WindowLine | None:
    """The line that explains an event best; of those that do so equally well, the first."""
    best, weight, steps, rows = None, (0, False), 0, 0
    for line in lines:
        kind = line_kind(line.text)
        if steps > MAX_STEPS or kind is LineKind.CAUSE or _is_survival(line.text):
            break
        if kind is LineKind.OTHER:
            found = 0 if _BAR.search(line.text) else _weigh(line, own, rows, has_steps=place.has_steps)
            if found and (found, is_own(line.source, place.source)) >= weight:
                best, weight = line, (found, is_own(line.source, place.source))
            elif not found:
                steps += is_progress(line.text)
            rows += 1
    return best


def _weigh(line: WindowLine, own: Grade, rows: int, *, has_steps: bool) -> int:
    """How well a line explains what comes `rows` rows after it; 0 if it does not."""
    level, found = stated_level(line.shown), grade(line.text)
    is_error = level is not None and level >= Level.ERROR
    if found <= own or _is_mention(line.text):
        return 0
    is_information = level in (Level.DEBUG, Level.INFO) or _INFORMATION.search(line.shown[:HEADER_CHARS]) is not None
    if not is_error:
        least = Grade.ORIGIN if own is not Grade.OUTCOME or is_information else Grade.REASON
        if found < least or rows > FAR_LINES or not _CONCRETE.search(line.text):
            return 0
        if own is not Grade.OUTCOME and not has_steps and level is not Level.WARNING and not _REFUSAL.search(line.text):
            return 0  # programs print much before the first step
    if own is not Grade.OUTCOME and weigh_category(FailureText(line.text)).category == "scheduler":
        return 0  # what delayed the start did not make the program fail
    return 2 if found is Grade.ORIGIN or (is_error and found is Grade.REASON) else 1


def _is_survival(text: str) -> bool:
    sign = read_life_sign(text)
    return sign is not None and sign.kind in _SURVIVED


def _is_mention(text: str) -> bool:
    is_noise = is_quotation(text) or is_dump(text) or is_hypothetical(text, len(text))
    return is_noise or is_harmless(text) or is_handled(text, 0)


def _first_error(before: Sequence[WindowLine]) -> WindowLine | None:
    """The first error line of those that end with a vague one."""

    def is_end(index: int) -> bool:
        text = before[index].text
        return is_progress(text) or line_kind(text) in (LineKind.HEADER, LineKind.FRAME, LineKind.CAUSE)

    found = find_reason([one.text for one in before], lambda index: is_complaint(before[index].shown), is_end)
    return None if found is None else before[found]
