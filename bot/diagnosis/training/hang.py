"""Detect a hang: no new step for much longer than the run's own pace.

A hang logs no error: GPUs spin at 100 %, and other lines may still be written. So the rule is "no progress", never
"no lines".
"""

import re

from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.plain_message import cut_around
from bot.diagnosis.reading.prefixes import parse_timestamp
from bot.diagnosis.training.pace import SECOND, TrainingPace
from bot.diagnosis.training.progress import EXCERPT_LINE
from bot.domain.alerts import Severity

MIN_TIMEOUT_S = 300.0
MAX_TIMEOUT_S = 570.0
"""Just below the ten minutes after which NCCL's watchdog reports a timeout."""
TIMEOUT_GAPS = 5.0
"""The timeout in typical gaps between progress lines."""
LEARNED_GAPS = 8
"""Number of gaps after which the pace is known."""
UNLEARNED_TIMEOUT_S = 3600.0
MAX_OTHERS = 3
"""Number of lines after the last step that are shown: they may say what the run waits for."""
BUSY_TIMEOUT_S = 1800.0
"""The timeout during an evaluation, a checkpoint or a compilation."""
LOG_CLOCK_FACTOR = 2.0
"""Factor on the timeout if only the log's own timestamps are known, because a file may simply end."""

_BUSY = re.compile(
    r"(?i)\bsav(?:e|ed|ing)\b|checkpoint|evaluat|\bvalidati|\beval_start|compil|generating|warm(?:ing)?[ -]?up|loading"
)
_ELAPSED = re.compile(
    r"(?i)(?:running|alive|waiting|elapsed|up)\b[^\d\n]{0,16}(?:(\d{1,9})[- ]d?(?:ays?)?,? ?)?(\d{1,9}):(\d\d):(\d\d)"
)
_ENDED = re.compile(
    r"(?im)^\W*(?:.{0,60}\b)?(?:all done\b|training (?:is |has |was )?(?:done|completed?|finished|ended)\b"
    r"|ended \(code 0\)|(?:final )?model saved to\b|saved (?:the )?final model\b)"
)
"""The last lines of runs that are done, whatever state the platform shows."""
HINT = (
    "Take stack dumps of all ranks. Do it before the restart: run py-spy dump --pid ... and find the rank whose GPU"
    " differs from the others. https://github.com/benfred/py-spy"
)


def find_hang(pace: TrainingPace, now_ns: int | None, after: str) -> Failure | None:
    """Report a hang.

    Args:
        pace: the progress of the run.
        now_ns: the current time; None uses the last timestamp in `after`.
        after: the text after the last progress line, such as heartbeats, evaluation and checkpointing.
    """
    if not pace.has_trained or (pace.is_at_total and not pace.restarts) or _ENDED.search(after):
        return None
    if pace.clock == "naive":
        now_ns = None  # local time of an unknown zone: only compare it with the log's own timestamps
    timeout = _timeout_s(pace, after)
    if timeout is not None and now_ns is None:
        timeout *= LOG_CLOCK_FACTOR
    if timeout is not None and pace.is_at_total:
        timeout = max(timeout, BUSY_TIMEOUT_S)
    idle = _idle_s(pace, now_ns, after)
    if timeout is None or idle is None or idle < timeout:
        return None
    step = f" after step {pace.position.step:,}" if pace.position and pace.position.step is not None else ""
    others = [line for line in after.splitlines() if line.strip()]
    return Failure(
        severity=Severity.PAGE, category="hang", signature="no_progress",
        title=f"No new step for {_duration(idle)}{step} (normally every {_duration(pace.gap_s or 0.0)})", hint=HINT,
        line=pace.last_line, first_ns=pace.last_ns, last_ns=now_ns,
        excerpt=tuple(cut_around(line, 0, EXCERPT_LINE) for line in (pace.excerpt, *others[-MAX_OTHERS:])),
        signs=("measured",), fingerprint="no_progress",
        precedence=Precedence.ABORT,
        why="Other lines still arrive, but no new step." if others else "Nothing else was logged either.",
    )  # fmt: skip


def _timeout_s(pace: TrainingPace, after: str) -> float | None:
    """Return the time without progress that is still normal, in seconds; None if the pace is unknown."""
    gap = pace.gap_s
    if gap is None:
        return None
    if len(pace.gaps_s) < LEARNED_GAPS and pace.samples < LEARNED_GAPS and not pace.step_s:
        return max(UNLEARNED_TIMEOUT_S, 2 * TIMEOUT_GAPS * gap)
    timeout = max(MIN_TIMEOUT_S, min(TIMEOUT_GAPS * gap, MAX_TIMEOUT_S), 2 * gap)
    if pace.longest_s > MIN_TIMEOUT_S:
        timeout = max(timeout, 1.5 * pace.longest_s)
    if _BUSY.search(after):
        timeout = max(timeout, BUSY_TIMEOUT_S, 2 * gap)
    return timeout


def _idle_s(pace: TrainingPace, now_ns: int | None, after: str) -> float | None:
    if now_ns is None:
        times = (parse_timestamp(line) for line in reversed(after.splitlines()))
        now_ns = next((time.ns for time in times if time is not None and time.clock == pace.clock), None)
    if now_ns is not None and pace.last_ns is not None:
        return (now_ns - pace.last_ns) / SECOND
    elapsed = [_seconds(found) for found in _ELAPSED.finditer(after)]
    return elapsed[-1] - elapsed[0] if len(elapsed) > 1 else None


def _seconds(found: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
