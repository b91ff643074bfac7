"""`jobs`, `status` and `metrics`: what the platforms report about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.handlers.turns import take_turns
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.job_states import STATE_WORDS
from bot.commands.subcommands.jobs import (
    JobsAnswer,
    JobsCommand,
    MetricsAnswer,
    MetricsCommand,
    ProviderJobs,
    StatusAnswer,
)
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.job_matching import KnownJob, owner_keys
from bot.domain.jobs import Job, JobRef
from bot.domain.lifetimes import lifetime_of
from bot.domain.logs import Level, LogLine
from bot.domain.metric_validation import sample_gaps
from bot.domain.metrics import (
    GPU_MEMORY,
    GPU_UTILIZATION,
    SERVING_METRICS,
    MetricQuery,
    MetricSeries,
    MetricSummary,
    missing_metrics,
    summarize,
)
from bot.domain.progress import RunProgress
from bot.errors import ConfigError, NotSupported, ProviderError, UsageError
from bot.providers.base import DeclaresMetrics, Provider
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_job, redact_series

if TYPE_CHECKING:
    from bot.diagnosis.page_scanner import PageScanner
    from bot.domain.alerts import Evidence

METRICS_SPAN = timedelta(hours=1)
"""Length of the window when none is given."""
STATUS_SPAN = timedelta(minutes=15)
STATUS_METRICS = frozenset({GPU_UTILIZATION, GPU_MEMORY, *SERVING_METRICS})
LAST_LINES = 5
"""Number of lines that `status` shows."""
NOTABLE_LINES = 2
"""Number of errors or warnings shown before the last lines."""
SEARCHED_LINES = 200
"""Number of lines in which these are searched."""
END_LINES = 500
"""Number of lines at the end of a log from which `status` reads the progress and the cause of a failure."""


async def list_jobs(registry: Registry, platform: str | None, limit: int, redactor: Redactor) -> JobsAnswer:
    """List the newest jobs of one platform, or of each, concurrently. A platform that fails does not affect the others.

    Raises:
        ConfigError: the named platform, or every platform, is not set up.
        UsageError: the named platform does not exist.
    """
    names = registry.names if platform is None else (platform,)
    if not names:
        reasons = " ".join(dict.fromkeys(problem.public for problem in registry.problems.values()))
        raise ConfigError(f"No platform is set up. {reasons}".strip())
    providers = [registry.get(name) for name in names]
    return JobsAnswer(tuple(await asyncio.gather(*(_list(one, limit, redactor) for one in providers))))


async def find_jobs(
    registry: Registry,
    command: JobsCommand,
    redactor: Redactor,
    record: Callable[[Sequence[KnownJob]], Awaitable[None]],
) -> JobsAnswer:
    """List the newest jobs, and of those only the ones in a state or of a person; `record` gets all of them.

    Raises:
        ConfigError: as `list_jobs`.
        UsageError: as `list_jobs`; or the person's address is not known.
    """
    if command.mine and command.user is None:
        raise UsageError("Your e-mail address is not set. Set TRAINWATCH_USER, or use `jobs --user you@example.com`.")
    listed = await list_jobs(registry, command.provider, command.limit, redactor)
    await record([KnownJob.of(job) for one in listed.providers for job in one.jobs])
    return JobsAnswer(tuple(_filter(one, command) for one in listed.providers), command)


def _filter(listed: ProviderJobs, command: JobsCommand) -> ProviderJobs:
    states = STATE_WORDS[command.state] if command.state is not None else None
    jobs = [job for job in listed.jobs if states is None or job.state in states]
    has_users = not listed.jobs or any(job.user for job in listed.jobs)
    if command.user is not None:
        owners = owner_keys(command.user)
        jobs = [job for job in jobs if (job.user or "").lower() in owners]
    return replace(listed, jobs=tuple(jobs), read=len(listed.jobs), has_users=has_users)


async def _list(provider: Provider, limit: int, redactor: Redactor) -> ProviderJobs:
    try:
        jobs = await provider.list_jobs(limit=limit)
    except ProviderError as error:
        problem = redactor.redact(error.public)[0]
        return ProviderJobs(provider.name, problem=problem, lists=not isinstance(error, NotSupported))
    redacted = [redact_job(job, redactor) async for job in take_turns(jobs[:limit])]
    return ProviderJobs(provider.name, tuple(redacted))


async def read_status(
    provider: Provider, ref: JobRef, redactor: Redactor, now: datetime, scanner: Callable[[], PageScanner]
) -> StatusAnswer:
    """Read the state, the end of the log, and the metrics of GPUs and requests. What cannot be read is a gap.

    A failed job's cause is diagnosed from the end of its log. GPUs of a job that ended have no metrics worth a line.

    Raises:
        ProviderError: the state cannot be read.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    (lines, log_gaps), (summaries, metric_gaps) = await asyncio.gather(
        _read_last_lines(provider, job.ref, redactor, now), _read_usage(provider, job, redactor, now)
    )
    progress, cause, curves = _read_progress(job, lines, scanner)
    # A platform that never has logs or metrics is not worth a note.
    missing = {gap.part for gap in (*log_gaps, *metric_gaps) if gap.reason is GapReason.NOT_SUPPORTED}
    if isinstance(provider, DeclaresMetrics) and not provider.has_metrics(job.ref):
        missing.add(Part.METRICS)
    gaps = tuple(gap for gap in (*log_gaps, *metric_gaps) if gap.reason is not GapReason.NOT_SUPPORTED)
    return StatusAnswer(
        job,
        now,
        (*_notable(lines[-SEARCHED_LINES:-LAST_LINES]), *lines[-LAST_LINES:]),
        summaries,
        redact_gaps(gaps, redactor),
        missing=frozenset(missing),
        progress=progress,
        curves=curves,
        cause=cause,
        cause_lines=len(lines) if job.state.is_failure and not log_gaps else None,
    )


def _read_progress(
    job: Job, lines: Sequence[LogLine], scanner: Callable[[], PageScanner]
) -> tuple[RunProgress | None, Evidence | None, tuple[MetricSeries, ...]]:
    """Return what the end of the log says, for a failed job the cause, and else the curves."""
    if job.state.is_failure:
        from bot.commands.handlers.failed_job import diagnose_end  # noqa: PLC0415 - only failed jobs need the catalogue

        return *diagnose_end(job, lines, scanner()), ()
    if job.state.is_pending or not lines:
        return None, None, ()
    from bot.diagnosis.training.run_progress import recent_progress  # noqa: PLC0415 - `jobs` starts faster without it

    progress, curves = recent_progress(lines)
    return progress, None, curves


async def _read_last_lines(
    provider: Provider, ref: JobRef, redactor: Redactor, now: datetime
) -> tuple[tuple[LogLine, ...], tuple[Gap, ...]]:
    from bot.commands.handlers.logs import read_page  # noqa: PLC0415 - `jobs` starts faster without it

    try:
        answer = await read_page(provider, ref, LogsCommand(str(ref), limit=END_LINES), redactor, now)
    except ProviderError as problem:
        return (), (gap_of(problem, Part.LOGS),)
    return answer.lines, answer.gaps


def _notable(lines: Sequence[LogLine]) -> list[LogLine]:
    """The last errors, else the last warnings."""
    from bot.diagnosis.harmless_lines import is_harmless  # noqa: PLC0415 - `jobs` starts faster without them
    from bot.domain.levels import reaches  # noqa: PLC0415

    is_error, is_warning = reaches(Level.ERROR), reaches(Level.WARNING)
    serious = [line for line in lines if is_warning(line) and not is_harmless(line.message)]
    return ([line for line in serious if is_error(line)] or serious)[-NOTABLE_LINES:]


async def _read_usage(
    provider: Provider, job: Job, redactor: Redactor, now: datetime
) -> tuple[tuple[MetricSummary, ...], tuple[Gap, ...]]:
    if job.state.is_terminal:
        return (), ()
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=now - STATUS_SPAN, end=now))
    except ProviderError as problem:
        return (), (gap_of(problem, Part.METRICS),)
    chosen = redact_series((one for one in series if one.name in STATUS_METRICS), redactor)
    return tuple(summary for one in chosen if (summary := summarize(one)) is not None), sample_gaps(chosen)


async def read_metrics(
    provider: Provider, ref: JobRef, command: MetricsCommand, redactor: Redactor, now: datetime
) -> MetricsAnswer:
    """Read the metrics of the window; without one, of the last hour, or of the last hour before the job ended.

    Raises:
        UsageError: the window starts in the future.
        ProviderError: the platform failed. A platform without metrics is a gap in the answer.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    from bot.commands.handlers.job_lifetime import clip_window  # noqa: PLC0415 - `jobs` starts faster without it

    window, notes = clip_window(command.window, lifetime_of(job, now), now)
    start, end = _metrics_window(window, job, now)
    pinned = replace(command, ref=str(job.ref), window=Window(None, ns_from_datetime(start), ns_from_datetime(end)))
    answer = MetricsAnswer(job, start, end, (), pinned, at=now, notes=notes)
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=start, end=end))
    except NotSupported as problem:
        return replace(answer, gaps=redact_gaps([gap_of(problem, Part.METRICS)], redactor))
    redacted = redact_series(series, redactor)
    found = await asyncio.to_thread(lambda: [summarize(one) for one in redacted])  # a second for a thousand GPUs
    summaries = tuple(one for one in found if one is not None)
    gaps = redact_gaps(sample_gaps(redacted), redactor)
    return replace(answer, summaries=summaries, missing=missing_metrics(series), gaps=gaps)


def _metrics_window(window: Window, job: Job, now: datetime) -> tuple[datetime, datetime]:
    """Return the start and end of the window; where it names none, it ends now or with the job."""
    from bot.commands.handlers.log_stream import require_started  # noqa: PLC0415 - `jobs` starts faster without it

    require_started(window, now)
    end = datetime_from_ns(window.end_ns) if window.end_ns is not None else now
    start_ns = window.begin_ns(now)
    if start_ns is not None:
        start = datetime_from_ns(start_ns)
        return start, max(start, end)
    if window.end_ns is None and job.ended_at is not None:
        end = min(job.ended_at, now)
    return end - METRICS_SPAN, end
