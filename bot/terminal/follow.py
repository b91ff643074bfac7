"""`trainwatch watch REF` and `logs --follow`: lines as they arrive, changes of the job between them, until it ends.

Late lines are waited for as in the watcher: the provider re-reads an overlap and gives each line once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.commands.handlers.log_filter import LineFilter
from bot.commands.handlers.log_stream import build_query, stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.alerts import Alert, Change, Evidence
from bot.domain.durations import format_duration
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogFilter, LogLine, LogQuery, Order
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.observations import Observation
from bot.errors import AuthFailed, BadRequest, JobNotFound, NotSupported, ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job, redact_observation
from bot.rules.catalog import rule_named
from bot.terminal.local_alerts import Alerting
from bot.terminal.log_lines import LineFormatter
from bot.terminal.output import Output

PAGE_LINES = 2_000
POLL_EVERY = timedelta(seconds=2)
LOOK_EVERY = timedelta(seconds=15)
"""How often the job's state and, for alerts, its metrics are read."""
LATE = timedelta(minutes=3)
"""How far back metrics are read again, for samples that come late."""
MOST_FRESH = 20_000
"""Lines kept for the rules between two looks, while a long log is caught up with."""
DRAIN = timedelta(seconds=15)
"""How long lines are still read after the job's end has been seen."""
_LONGEST_WAIT = timedelta(minutes=1)
_HOPELESS = (AuthFailed, JobNotFound, NotSupported, BadRequest)


@dataclass(frozen=True, slots=True)
class FollowContext:
    """What following needs besides the job: where to write and how time goes."""

    output: Output
    redactor: Redactor
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def follow(
    provider: Provider, ref: JobRef, command: LogsCommand, world: FollowContext, alerting: Alerting | None = None
) -> None:
    """Write lines until the job has ended and its last lines have come.

    Args:
        provider: where the job is.
        ref: the job.
        command: which lines.
        world: where to and when.
        alerting: the rules whose alerts are shown between the lines; None shows none.

    Raises:
        ProviderError: there is nothing to follow; a platform that is only away is waited for.
    """
    job = redact_job(await provider.get_job(ref), world.redactor)
    following = _Following(provider, job, command, world, alerting)
    following.say_state()
    query = replace(
        build_query(ref, command, world.clock()),
        start_ns=await _start(provider, ref, command, world.clock()),
        order=Order.ASC,
        limit=PAGE_LINES,
        follow=True,
    )
    await following.run(query)


async def _start(provider: Provider, ref: JobRef, command: LogsCommand, now: datetime) -> int | None:
    """Where to begin: with the newest so many lines, or with the window."""
    if command.limit is None:
        return build_query(ref, command, now).start_ns
    left, start_ns = command.limit, None
    stream = stream_lines(provider, ref, replace(command, take=Order.DESC), now)
    try:
        async for batch in stream:
            start_ns = batch.lines[:left][-1].timestamp_ns if batch.lines else start_ns
            left -= len(batch.lines)
            if left <= 0:
                return start_ns
    finally:
        await stream.aclose()
    return build_query(ref, command, now).start_ns


@dataclass(slots=True)
class _Following:
    provider: Provider
    job: Job
    command: LogsCommand
    world: FollowContext
    alerting: Alerting | None
    fresh: list[LogLine] = field(default_factory=list)
    """Lines since the last look, unfiltered, for the rules."""
    gaps: list[Gap] = field(default_factory=list)
    measured_at: datetime | None = None
    """When metrics were last read; None: not yet."""
    fails: int = 0

    async def run(self, query: LogQuery) -> None:
        world = self.world
        writer = LineFormatter(world.output.line_format(json=self.command.json))
        line_filter = LineFilter(self.command.filter)
        # The rules want every line, whatever the person wants to see.
        query = query if self.alerting is None else replace(query, filter=LogFilter())
        looked_at, ended_at = world.clock(), self.job.ended_at
        while True:
            query, more = await self._read(query, line_filter, writer)
            now = world.clock()
            if len(self.fresh) > MOST_FRESH or (not more and now - looked_at >= LOOK_EVERY):
                await self._look(now)
                looked_at = now
            if self.job.state.is_terminal:
                ended_at = ended_at or now
                if not more and not self.fails and now - ended_at >= DRAIN:
                    await self._look(now)
                    world.output.note(f"{self.job.ref} has ended: {self.job.state} ({self.job.vendor_status}).")
                    return
            if not more:
                await world.sleep(self._wait().total_seconds())

    async def _read(self, query: LogQuery, line_filter: LineFilter, writer: LineFormatter) -> tuple[LogQuery, bool]:
        """One page to the output; a platform that is away is said once and tried again."""
        output = self.world.output
        try:
            page = await self.provider.query_logs(query)
        except _HOPELESS:
            raise
        except ProviderError as problem:
            self.fails += 1
            self.gaps.append(gap_of(problem, Part.LOGS))
            if self.fails == 1:
                output.note(f"{problem.public} Trying again; no line will be skipped.")
            return query, False
        if self.fails:
            self.fails = 0
            output.note(f"{self.provider.name} answers again.")
        for gap in page.gaps:
            output.note(gap.public)
        if self.alerting is not None:
            self.fresh += page.lines
            self.gaps += page.gaps
        shown = line_filter.apply(page.lines).lines
        if self.command.redact:
            shown, _ = self.world.redactor.redact_lines(shown)
        if shown:
            output.write(writer.text(shown))
        return replace(query, cursor=page.cursor or query.cursor), page.more

    def _wait(self) -> timedelta:
        return min(POLL_EVERY * (1 << min(self.fails, 10)), _LONGEST_WAIT)

    async def _look(self, now: datetime) -> None:
        """The state, and the rules on what came since the last look."""
        before = self.job.state, self.job.vendor_status
        try:
            self.job = redact_job(await self.provider.get_job(self.job.ref), self.world.redactor)
        except ProviderError as problem:
            self.gaps.append(gap_of(problem, Part.STATUS))
        if before != (self.job.state, self.job.vendor_status):
            self.say_state()
        if self.alerting is not None:
            await self._alert(self.alerting, now)
        self.fresh.clear()
        self.gaps.clear()

    async def _alert(self, alerting: Alerting, now: datetime) -> None:
        series = await self._metrics(alerting, now)
        observation = Observation(self.job.ref, now, self.job, tuple(self.fresh), series, tuple(self.gaps))
        for alert, transition in alerting.look(redact_observation(observation, self.world.redactor)):
            if transition.change is not Change.UPDATED or transition.news:
                self.world.output.note(_alert_text(alert, transition.change, transition.evidence))

    async def _metrics(self, alerting: Alerting, now: datetime) -> tuple[MetricSeries, ...]:
        if alerting.metrics_window is None:
            return ()
        since = (self.measured_at or now - alerting.metrics_window) - LATE
        query = MetricQuery(self.job.ref, start=since, end=now)
        try:
            series = tuple(await self.provider.query_metrics(query))
        except ProviderError as problem:
            self.gaps.append(gap_of(problem, Part.METRICS))
            return ()
        self.measured_at = now
        return series

    def say_state(self) -> None:
        """One line: what the job is doing now."""
        job = self.job
        age = f", for {format_duration(self.world.clock() - job.started_at)}" if job.started_at else ""
        self.world.output.note(f"── {job.name or job.ref}: {job.state} ({job.vendor_status}){age}")


def _alert_text(alert: Alert, change: Change, evidence: Evidence | None) -> str:
    rule = rule_named(alert.rule)
    title = (evidence.title if evidence else None) or (rule.title if rule else alert.rule)
    said = f" {evidence.summary}" if evidence and evidence.summary.rstrip(".") != title else ""
    hint = f"\n   Try: {evidence.hint}" if evidence and evidence.hint and change is Change.FIRED else ""
    match change:
        case Change.RESOLVED:
            return f"── resolved: {title}"
        case Change.UPDATED:
            return f"── {alert.severity} still: {title}.{said}"
        case Change.FIRED | Change.REPEATED:
            return f"── {alert.severity}: {title}.{said}{hint}"
