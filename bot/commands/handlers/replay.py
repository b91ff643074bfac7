"""`rules test`: a job's past as the watcher would have seen it, look by look, and what its rules would have said.

History is read here: log lines as they stream by, metrics an hour or so at a time, so that memory does not grow with
the window. Judging it is `bot.rules.replay`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.commands.handlers.log_history import LOOK_LINES, MAX_LINES, LogHistory, log_history
from bot.commands.handlers.metric_history import MetricHistory
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand
from bot.commands.subcommands.window import Window
from bot.diagnosis.diagnoser import Diagnoser
from bot.domain.durations import datetime_from_ns, format_duration, ns_from_datetime
from bot.domain.gaps import GapReason
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.observations import Observation
from bot.errors import UsageError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job, redact_observation
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.evaluate import metrics_window
from bot.rules.log_diagnoser import read_on
from bot.rules.replay import Replay
from bot.rules.settings import overlay, parse_settings

DEFAULT_SPAN = timedelta(hours=24)
LOOK_EVERY = timedelta(seconds=15)
"""As the watcher looks at a running job, unless told; long windows are looked at more coarsely."""
MAX_LOOKS = 1500
AFTER_END = timedelta(minutes=2)
"""How long after its end the job is still looked at."""
NOT_REPLAYED = "no_data"


async def replay(
    provider: Provider,
    ref: JobRef,
    command: ReplayCommand,
    diagnosis_config: DiagnosisConfig,
    redactor: Redactor,
    now: datetime,
) -> ReplayAnswer:
    """Which alerts a subscription made at the window's beginning would have brought.

    Raises:
        UsageError: a setting is wrong, or the job did not live in the window.
        ProviderError: the job or its log cannot be read.
    """
    settings = overlay(diagnosis_config.defaults, parse_settings(command.settings, diagnosis_config.defaults))
    job = redact_job(await provider.get_job(ref), redactor)
    start, end = _window(command.window, job, now)
    rules = Replay(replace(settings, off=(*settings.off, NOT_REPLAYED)))
    metrics = MetricHistory(provider, job.ref, start, end, metrics_window(rules.wanted))
    diagnoser = Diagnoser(diagnosis_config.reader)
    async with log_history(provider, job.ref, start, end, now) as log:
        past = _Past(job, start, end, log, metrics)
        async with contextlib.aclosing(past.looks()) as looks:
            async for observation in looks:
                seen = await asyncio.to_thread(redact_observation, observation, redactor)
                rules.look(seen, read_on(diagnoser, seen, seen.at))
                await asyncio.sleep(0)  # others get their turn
    window = Window(None, ns_from_datetime(start), ns_from_datetime(end))
    return ReplayAnswer(
        job=job,
        start=start,
        end=past.end,
        step=past.step,
        alerts=rules.alerts(),
        quiet=rules.quiet(),
        read=log.read,
        gaps=tuple(gap for gap in (*log.gaps, *metrics.gaps) if gap.reason is not GapReason.NOT_SUPPORTED),
        notes=tuple(past.notes()),
        pinned=format_command(replace(command, ref=str(job.ref), window=window)),
    )


def _window(window: Window, job: Job, now: datetime) -> tuple[datetime, datetime]:
    """The part of the window in which the job lived; of a job that ended, its last day unless a window is named."""
    over = job.ended_at + AFTER_END if job.ended_at is not None else now
    end = min(now, over, datetime_from_ns(window.end_ns) if window.end_ns is not None else now)
    if window.since is not None:
        start = now - window.since
    elif window.start_ns is not None:
        start = datetime_from_ns(window.start_ns)
    else:
        start = end - DEFAULT_SPAN
    born = job.created_at or job.started_at
    start = max(start, born) if born is not None else start
    if start >= end:
        lived = f"It ended at {job.ended_at:%Y-%m-%d %H:%M} UTC" if job.ended_at else "It began later"
        raise UsageError(f"{job.ref} did not live in this window. {lived}; name another window by --start and --end.")
    return start, end


@dataclass(slots=True)
class _Past:
    """A job's history, handed out as the looks that a watcher would have taken."""

    job: Job
    start: datetime
    end: datetime
    log: LogHistory
    metrics: MetricHistory

    @property
    def step(self) -> timedelta:
        """How far apart the looks are: whole seconds, the watcher's own distance or more."""
        return max(LOOK_EVERY, timedelta(seconds=(self.end - self.start).total_seconds() // MAX_LOOKS + 1))

    async def looks(self) -> AsyncGenerator[Observation, None]:
        """From the window's beginning to its end, or to where its log could be read."""
        step, at, told = self.step, self.start, 0
        while True:
            series = await self.metrics.until(at)
            while True:
                lines = await self.log.until(at)
                standing = [gap for gap in self.log.gaps if gap.reason is GapReason.NOT_SUPPORTED]
                gaps = (*standing, *self.log.gaps[max(told, len(standing)) :], *self.metrics.gaps)
                told = len(self.log.gaps)
                yield Observation(self.job.ref, at, job_at(self.job, at), tuple(lines), series, gaps)
                if len(lines) < LOOK_LINES:
                    break
                series = ()
            if self.log.cut_at is not None and at >= self.log.cut_at:
                self.end = at
            if at >= self.end:
                return
            at = min(at + step, self.end)

    def notes(self) -> list[str]:
        """What makes this differ from what would have been, in sentences."""
        notes = ["The state between the job's start and end is not recorded; it is taken to have run."]
        if self.step > LOOK_EVERY:
            notes.append(f"It was looked at every {format_duration(self.step)}, more coarsely than the watcher does.")
        if self.log.is_too_long:
            notes.append(f"Only the first {MAX_LINES:,} lines were read; narrow the window for the rest.")
        return notes


def job_at(job: Job, at: datetime) -> Job:
    """The job as it probably was at an earlier moment: pending until it started, over since it ended."""
    ended_at = job.ended_at or (job.updated_at if job.state.is_terminal else None)
    if (ended_at is not None and at >= ended_at) or job.state.is_pending:
        return job
    is_pending = job.started_at is not None and at < job.started_at
    state = JobState.STARTING if is_pending else JobState.RUNNING
    return replace(job, state=state, vendor_status="not recorded", error=None, ended_at=None, updated_at=None)
