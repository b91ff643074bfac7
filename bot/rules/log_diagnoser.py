"""What a job's log means so far: the new lines of one look, read on from where the last look ended. Pure.

The reading itself is in `bot.diagnosis`; its memory of a job is stored with the watch, so that a restart goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.observations import Observation


def read_log(
    reader: PageScanner, state: object, observation: Observation, now: datetime
) -> tuple[Diagnosis | None, Mapping[str, object] | None]:
    """Read on from a stored state.

    Args:
        reader: the compiled catalogue.
        state: what this returned at the last look, None at first.
        observation: its lines are read.
        now: what a hang is judged by.

    Returns:
        The diagnosis, None while the log cannot be read; and the state for the next look.
    """
    known = state if isinstance(state, Mapping) else None
    diagnoser = Diagnoser(reader)
    if known is not None:
        diagnoser.load(known)
    diagnosis = read_on(diagnoser, observation, now)
    if diagnosis is None:
        return None, known
    return diagnosis, diagnoser.dump() if observation.lines or known is None else known


def read_on(diagnoser: Diagnoser, observation: Observation, now: datetime) -> Diagnosis | None:
    """Feed a look's lines to the reader of this job's log.

    Returns:
        What the log means so far; None while it cannot be read.
    """
    gap = observation.gap(Part.LOGS)
    if gap is not None and gap.reason is not GapReason.UNREACHABLE_LINES and not observation.lines:
        return None
    diagnoser.feed_many((line.message, line.rank, line.replica, line.timestamp_ns) for line in observation.lines)
    job = observation.job
    running = gap is None and job is not None and job.state is JobState.RUNNING
    return diagnoser.report(ns_from_datetime(now), running=running)
