"""Commands that look at a platform: metrics, status, jobs.

Logs are in `log_pages.py`, what a channel keeps in `watching.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.handlers.log_stream import require_begun
from bot.commands.handlers.logs import read_page
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.jobs import (
    JobsAnswer,
    JobsCommand,
    MetricsAnswer,
    MetricsCommand,
    ProviderJobs,
    StatusAnswer,
)
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine
from bot.domain.metrics import (
    GPU_MEMORY,
    GPU_UTILIZATION,
    MetricQuery,
    MetricSummary,
    missing_metrics,
    summarize,
)
from bot.errors import ConfigError, NotSupported, ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job

if TYPE_CHECKING:
    from bot.providers.registry import Registry

DEFAULT_SPAN = timedelta(hours=1)
"""Window of `metrics` when none is named."""
STATUS_SPAN = timedelta(minutes=15)
STATUS_LINES = 5


async def read_metrics(
    provider: Provider, ref: JobRef, command: MetricsCommand, redactor: Redactor, now: datetime
) -> MetricsAnswer:
    """Figures over the window; of a job that has ended, over its last hour unless a window is named.

    Raises:
        ProviderError: the platform failed; having no metrics is a gap of the answer.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    start, end = metrics_window(command.window, job, now)
    pinned = replace(command, ref=str(job.ref), window=Window(None, ns_from_datetime(start), ns_from_datetime(end)))
    answer = MetricsAnswer(job, start, end, (), pinned=format_command(pinned))
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=start, end=end))
    except NotSupported as problem:
        return replace(answer, gaps=(gap_of(problem, Part.METRICS),))
    summaries = tuple(summary for one in series if (summary := summarize(one)) is not None)
    return replace(answer, summaries=summaries, missing=missing_metrics(series))


def metrics_window(window: Window, job: Job, now: datetime) -> tuple[datetime, datetime]:
    """The window as moments; what is not named ends now, or with the job, and is an hour long.

    Raises:
        UsageError: it has not begun.
    """
    require_begun(window, now)
    end = datetime_from_ns(window.end_ns) if window.end_ns is not None else now
    if window.since is not None:
        return now - window.since, end
    if window.start_ns is not None:
        start = datetime_from_ns(window.start_ns)
        return start, max(start, end)
    if window.end_ns is None and job.ended_at is not None:
        end = min(job.ended_at, now)
    return end - DEFAULT_SPAN, end


async def read_status(provider: Provider, ref: JobRef, redactor: Redactor, now: datetime) -> StatusAnswer:
    """Its state, newest lines and GPUs; what cannot be read besides the state is a gap.

    Raises:
        ProviderError: the state cannot be read.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    (lines, log_gaps), (summaries, metric_gaps) = await asyncio.gather(
        _last_lines(provider, job.ref, redactor, now), _gpus(provider, job, now)
    )
    # A platform without logs or metrics is nothing to report here: it has never had them.
    gaps = tuple(gap for gap in (*log_gaps, *metric_gaps) if gap.reason is not GapReason.NOT_SUPPORTED)
    return StatusAnswer(job, now, lines, summaries, gaps)


async def list_jobs(registry: Registry, command: JobsCommand, redactor: Redactor) -> JobsAnswer:
    """The newest jobs of each platform, all asked at once; one that fails says why and stops no other.

    Raises:
        ConfigError: the platform that was named, or every one, is not set up.
        UsageError: there is no such platform.
    """
    providers = _wanted(registry, command.provider)
    return JobsAnswer(tuple(await asyncio.gather(*(_jobs_of(one, command.limit, redactor) for one in providers))))


def _wanted(registry: Registry, name: str | None) -> Sequence[Provider]:
    """Those that are set up, or the one that is named, set up or not."""
    if name is None and not registry.names:
        reasons = " ".join(dict.fromkeys(problem.public for problem in registry.problems.values()))
        raise ConfigError(f"No platform is set up. {reasons}".strip())
    return [registry.get(one) for one in (registry.names if name is None else (name,))]


async def _jobs_of(provider: Provider, limit: int, redactor: Redactor) -> ProviderJobs:
    try:
        jobs = await provider.list_jobs(limit=limit)
    except ProviderError as problem:
        said = redactor.redact(problem.public)[0]
        return ProviderJobs(provider.name, problem=said, lists=not isinstance(problem, NotSupported))
    return ProviderJobs(provider.name, tuple(redact_job(job, redactor) for job in jobs[:limit]))


async def _last_lines(
    provider: Provider, ref: JobRef, redactor: Redactor, now: datetime
) -> tuple[tuple[LogLine, ...], tuple[Gap, ...]]:
    command = LogsCommand(str(ref), limit=STATUS_LINES)
    try:
        answer = await read_page(provider, ref, command, redactor, now)
    except ProviderError as problem:
        return (), (gap_of(problem, Part.LOGS),)
    return answer.lines[-STATUS_LINES:], answer.gaps


async def _gpus(provider: Provider, job: Job, now: datetime) -> tuple[tuple[MetricSummary, ...], tuple[Gap, ...]]:
    end = min(job.ended_at, now) if job.ended_at is not None else now
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=end - STATUS_SPAN, end=end))
    except ProviderError as problem:
        return (), (gap_of(problem, Part.METRICS),)
    wanted = [one for one in series if one.name in (GPU_UTILIZATION, GPU_MEMORY)]
    return tuple(summary for one in wanted if (summary := summarize(one)) is not None), ()
