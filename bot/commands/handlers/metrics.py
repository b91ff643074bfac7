"""`metrics`: the metrics of one job over a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.commands.handlers.log_stream import require_started
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import MetricsAnswer, MetricsCommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.metrics import MetricQuery, missing_metrics, summarize
from bot.errors import NotSupported
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job

DEFAULT_SPAN = timedelta(hours=1)
"""Length of the window when none is given."""


async def read_metrics(
    provider: Provider, ref: JobRef, command: MetricsCommand, redactor: Redactor, now: datetime
) -> MetricsAnswer:
    """Read the metrics of the window; without one, of the last hour, or of the last hour before the job ended.

    Raises:
        UsageError: the window starts in the future.
        ProviderError: the platform failed. A platform without metrics is a gap in the answer.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    start, end = _window(command.window, job, now)
    pinned = replace(command, ref=str(job.ref), window=Window(None, ns_from_datetime(start), ns_from_datetime(end)))
    answer = MetricsAnswer(job, start, end, (), pinned)
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=start, end=end))
    except NotSupported as problem:
        return replace(answer, gaps=(gap_of(problem, Part.METRICS),))
    summaries = tuple(summary for one in series if (summary := summarize(one)) is not None)
    return replace(answer, summaries=summaries, missing=missing_metrics(series))


def _window(window: Window, job: Job, now: datetime) -> tuple[datetime, datetime]:
    """Return the start and end of the window; where it names none, it ends now or with the job."""
    require_started(window, now)
    end = datetime_from_ns(window.end_ns) if window.end_ns is not None else now
    if window.since is not None:
        return now - window.since, end
    if window.start_ns is not None:
        start = datetime_from_ns(window.start_ns)
        return start, max(start, end)
    if window.end_ns is None and job.ended_at is not None:
        end = min(job.ended_at, now)
    return end - DEFAULT_SPAN, end
