"""Diagnose a job's log poll by poll: each poll continues from the stored state of the one before. Pure.

The state is stored with the watch, so a restart continues too. `bot.diagnosis.state` describes its version.
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
    scanner: PageScanner, state: object, observation: Observation, now: datetime
) -> tuple[Diagnosis | None, Mapping[str, object] | None]:
    """Diagnose the lines of an observation.

    Args:
        scanner: the compiled catalogue.
        state: the state after the previous poll, None before the first.
        observation: the poll's result.
        now: the time to detect a hang by.

    Returns:
        The diagnosis, None while the log cannot be read; and the state for the next poll.
    """
    known = state if isinstance(state, Mapping) else None
    diagnoser = Diagnoser(scanner)
    if known is not None:
        diagnoser.load(known)
    diagnosis = read_on(diagnoser, observation, now)
    if diagnosis is None:
        return None, known
    return diagnosis, diagnoser.dump() if observation.lines or known is None else known


def read_on(diagnoser: Diagnoser, observation: Observation, now: datetime) -> Diagnosis | None:
    """Feed the lines of an observation to a job's diagnoser.

    Returns:
        The diagnosis so far; None while the log cannot be read.
    """
    gap = observation.gap(Part.LOGS)
    if gap is not None and gap.reason is not GapReason.UNREACHABLE_LINES and not observation.lines:
        return None
    diagnoser.feed_many((line.message, line.rank, line.replica, line.timestamp_ns) for line in observation.lines)
    job = observation.job
    running = gap is None and job is not None and job.state is JobState.RUNNING
    return diagnoser.report(ns_from_datetime(now), running=running)
