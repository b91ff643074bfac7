"""`status`: whether a job is alive, from its state, its newest log lines and its GPUs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.commands.handlers.logs import read_page
from bot.commands.subcommands.jobs import StatusAnswer
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricQuery, MetricSummary, summarize
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job

METRICS_SPAN = timedelta(minutes=15)
LAST_LINES = 5


async def read_status(provider: Provider, ref: JobRef, redactor: Redactor, now: datetime) -> StatusAnswer:
    """Read the state, the newest lines and the GPU metrics. Lines and metrics that cannot be read are gaps.

    Raises:
        ProviderError: the state cannot be read.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    (lines, log_gaps), (summaries, metric_gaps) = await asyncio.gather(
        _read_last_lines(provider, job.ref, redactor, now), _read_gpus(provider, job, now)
    )
    # A platform that never has logs or metrics is not worth a note.
    gaps = tuple(gap for gap in (*log_gaps, *metric_gaps) if gap.reason is not GapReason.NOT_SUPPORTED)
    return StatusAnswer(job, now, lines, summaries, gaps)


async def _read_last_lines(
    provider: Provider, ref: JobRef, redactor: Redactor, now: datetime
) -> tuple[tuple[LogLine, ...], tuple[Gap, ...]]:
    try:
        answer = await read_page(provider, ref, LogsCommand(str(ref), limit=LAST_LINES), redactor, now)
    except ProviderError as problem:
        return (), (gap_of(problem, Part.LOGS),)
    return answer.lines[-LAST_LINES:], answer.gaps


async def _read_gpus(provider: Provider, job: Job, now: datetime) -> tuple[tuple[MetricSummary, ...], tuple[Gap, ...]]:
    end = min(job.ended_at, now) if job.ended_at is not None else now
    try:
        series = await provider.query_metrics(MetricQuery(job.ref, start=end - METRICS_SPAN, end=end))
    except ProviderError as problem:
        return (), (gap_of(problem, Part.METRICS),)
    gpus = [one for one in series if one.name in (GPU_UTILIZATION, GPU_MEMORY)]
    return tuple(summary for one in gpus if (summary := summarize(one)) is not None), ()
