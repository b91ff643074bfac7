"""Find the success that a run had reached before a failure of its end."""

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.completion import ends_process, has_completed
from bot.diagnosis.failures.frames import traceback_start
from bot.diagnosis.failures.series import NextRun
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.windows import Place, own_lines_before
from bot.diagnosis.precedence import Precedence

INFERRED = "inferred"
"""The success of a run that completed in other words than those of a signature."""


def find_prior_success(
    candidate: Candidate,
    raised: RaisedException | None,
    place: Place,
    own_run: NextRun | None,
    reported: str,
) -> str:
    """Return the success that counts for a failure.

    Of what fails only because the process ends, any success before it is hard.

    Args:
        candidate: the failure.
        raised: its exception.
        place: where it is in the log.
        own_run: where in the log its own run began; None if a failure before it is open.
        reported: the success that the run had reported before: none, soft or hard.
    """
    is_weak = candidate.precedence is Precedence.WEAK and candidate.category == "code"
    is_exit = (
        is_weak or candidate.precedence > Precedence.STOP or (reported and candidate.precedence is Precedence.STOP)
    )
    text = place.line if raised is None else f"{raised.kind}: {raised.message}"
    is_end = ends_process(text, _announcement(place, raised))
    if reported == "hard" or not (is_exit or is_end):
        return reported
    if not reported:
        if own_run is None:
            return ""
        texts = own_run.own_texts(place.texts_before(), place.cursor.line)
        if not has_completed(texts, has_trained=place.has_steps):
            return ""
    return "hard" if is_end else reported or INFERRED


def _announcement(place: Place, raised: RaisedException | None) -> str:
    """The line that announces a traceback; that of the failure without one."""
    lines = [line.text for line in own_lines_before(place, has_traceback=True)] if raised is not None else []
    start = traceback_start(lines)
    return lines[start - 1] if lines and start > 0 else place.line
