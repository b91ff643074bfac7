"""What to say and show when a log has no known failure: how much was read, and its last errors and lines. Pure."""

from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.last_lines import LastLines
from bot.domain.alerts import ExcerptLine, Severity
from bot.domain.wording import plural

SHORT = 5
"""A log of up to this number of lines is too short for a diagnosis."""


def describe_nothing_found(lines: int, last: LastLines, *, is_part: bool = False) -> str:
    """Return `No known failure in 3,259 lines; 20 errors and 1 warning.`; say so if the log is empty or very short.

    Args:
        lines: the number of lines read.
        last: the last lines of the log.
        is_part: only a part of the log was read.
    """
    if not lines:
        return "No lines in this time range." if is_part else "The log is empty."
    counts = _describe_counts(last)
    found = f"No known failure in {plural(lines, 'line')}{f'; {counts}' if counts else ''}."
    return found if lines > SHORT else f"{found} The log is too short for a diagnosis."


def _describe_counts(last: LastLines) -> str:
    """Return `20 errors and 3 warnings`; "" if there are none or they are not counted."""
    counts = ((last.errors or 0, "error"), (last.warnings or 0, "warning"))
    return " and ".join(plural(count, word) for count, word in counts if count)


def explains_end(diagnosis: Diagnosis) -> bool:
    """Whether a failure was found that needs action."""
    return any(one.severity is Severity.PAGE for one in diagnosis.failures)


def lines_to_show(diagnosis: Diagnosis, *, has_ended: bool, lines: int) -> tuple[ExcerptLine, ...]:
    """Return the lines that may tell more, oldest first; none if the diagnosis has a failure that needs action.

    Args:
        diagnosis: of the log.
        has_ended: the run is dead or nothing is known about it: its last words count as well.
        lines: the number of lines read.
    """
    if explains_end(diagnosis):
        return ()
    last = diagnosis.last_lines
    wants_end = lines <= SHORT or (has_ended and not diagnosis.progress.finished)
    return last.ending if wants_end else last.notable


def title_of_lines(lines: tuple[ExcerptLine, ...], last: LastLines) -> str:
    """Return a title for lines that `lines_to_show` returned."""
    if lines == last.notable:
        return "Last errors and warnings"
    return "Last errors, warnings and lines" if last.notable else "Last lines"
