"""Diagnose a job's log poll by poll: each poll continues from the stored state of the one before. Pure.

The state is stored with the watch, so a restart continues too. `bot.diagnosis.state` describes its version.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.observations import Observation


def resume_diagnosis(
    scanner: PageScanner, state: object, observation: Observation
) -> tuple[Diagnosis | None, Mapping[str, object] | None]:
    """Diagnose the lines of an observation.

    Args:
        scanner: the compiled catalogue.
        state: the state after the previous poll, None before the first.
        observation: the poll's result; its time decides whether the job hangs.

    Returns:
        The diagnosis, None while the log cannot be read; and the state for the next poll.
    """
    known = state if isinstance(state, Mapping) else None
    diagnoser = Diagnoser(scanner)
    if known is not None:
        diagnoser.load(known)
    diagnosis = diagnose_observation(diagnoser, observation)
    if diagnosis is None:
        return None, known
    return diagnosis, diagnoser.dump() if observation.lines or known is None else known


def diagnose_observation(diagnoser: Diagnoser, observation: Observation) -> Diagnosis | None:
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
    return diagnoser.report(ns_from_datetime(observation.at), running=running)
