"""`trainwatch watch` and `logs --follow`: print lines as they arrive, with state changes and alerts between them.

The observer is the same as the watcher's (`bot.providers.observe`): it also catches late lines, and each line once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.commands.handlers.job_lifetime import clip_command
from bot.commands.handlers.log_filter import LineFilter
from bot.commands.handlers.log_stream import build_query, stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.alerts import Alert, Change, Evidence
from bot.domain.durations import Clock, ns_from_datetime, spoken_duration
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogFilter, LogLine, Order
from bot.domain.observations import POLL_INTERVAL, Observation
from bot.errors import AuthFailed, BadRequest, JobNotFound, NotSupported
from bot.providers.base import Provider
from bot.providers.observe import MAX_LINES, PAGE_LINES, ObservationRequest, metrics_start, observe
from bot.redaction.line_redactor import LineRedactor, hidden_lines
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_job, redact_observation
from bot.rules.catalog import rule_named
from bot.rules.diagnosis_wording import summary_in_utc
from bot.rules.evaluate import LocalAlerts
from bot.terminal.log_lines import LineFormatter
from bot.terminal.output import Output

READ_EVERY = timedelta(seconds=2)
"""How often the log is read; status and metrics are read every `POLL_INTERVAL`."""
DRAIN = timedelta(seconds=15)
"""How long the log is still read after the job's end."""
_MAX_WAIT = timedelta(minutes=1)
_JOB_FAILED = "job_failed"
_FATAL = (AuthFailed, JobNotFound, NotSupported, BadRequest)


@dataclass(frozen=True, slots=True)
class FollowContext:
    """Output, redactor and time source of a follow."""

    output: Output
    redactor: Redactor
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def follow(
    provider: Provider, ref: JobRef, command: LogsCommand, context: FollowContext, alerts: LocalAlerts | None = None
) -> Job:
    """Print the selected lines, and alerts between them, until the job has ended and its last lines have arrived.

    Returns:
        The job as it ended.

    Raises:
        ProviderError: the job cannot be followed. Temporary errors are retried instead.
    """
    job = redact_job(await provider.get_job(ref), context.redactor)
    command, cuts = clip_command(command, job, context.clock())
    for cut in cuts:
        context.output.note(cut)
    request = ObservationRequest(
        ref,
        logs_from_ns=await _start_ns(provider, ref, command, context.clock()),
        # Rules need all lines, not only those that the command selects.
        filter=command.filter if alerts is None else LogFilter(),
        max_lines=PAGE_LINES,
        fatal_log_errors=_FATAL,
    )
    return await _Following(provider, job, command, context, alerts, request).run()


async def _start_ns(provider: Provider, ref: JobRef, command: LogsCommand, now: datetime) -> int | None:
    """The time of the first line to print: the Nth newest line, or the start of the time range."""
    query = build_query(ref, replace(command, take=Order.DESC), now)
    if command.limit is None:
        return query.start_ns
    left, start_ns = command.limit, None
    stream = stream_lines(provider, query)
    try:
        async for batch in stream:
            start_ns = batch.lines[:left][-1].timestamp_ns if batch.lines else start_ns
            left -= len(batch.lines)
            if left <= 0:
                return start_ns
    finally:
        await stream.aclose()
    return query.start_ns


@dataclass(slots=True)
class _Following:
    provider: Provider
    job: Job
    command: LogsCommand
    context: FollowContext
    alerts: LocalAlerts | None
    request: ObservationRequest
    lines: list[LogLine] = field(default_factory=list)
    """Lines since the last rule evaluation, unfiltered."""
    gaps: list[Gap] = field(default_factory=list)
    measured_at: datetime | None = None
    """Time of the last metrics."""
    fails: int = 0
    """Consecutive polls that could not read the log."""
    noted: set[str] = field(default_factory=set)
    """Gaps of pages that were read, which may repeat with every poll."""
    held: list[str] = field(default_factory=list)
    """The alert that the job failed: it follows those that say why, and their lines may arrive after the status."""
    line_filter: LineFilter = field(init=False)
    formatter: LineFormatter = field(init=False)
    hider: LineRedactor = field(init=False)

    def __post_init__(self) -> None:
        self.hider = LineRedactor(self.context.redactor)
        self.line_filter = LineFilter(self.command.filter)
        self.formatter = LineFormatter(self.context.output.line_format(json=self.command.json), self.command.filter)

    async def run(self) -> Job:
        context, more = self.context, True
        self._show_state()
        evaluated_at, ended_at = context.clock(), self.job.ended_at
        while True:
            now = context.clock()
            with_status = len(self.lines) > MAX_LINES or (not more and now - evaluated_at >= POLL_INTERVAL)
            observation = await self._observe(now, with_status=with_status)
            self._show(observation)
            more = observation.more
            if self.job.state.is_terminal and ended_at is None:
                ended_at = now
            is_done = self.job.state.is_terminal and not more and not self.fails and now - (ended_at or now) >= DRAIN
            if with_status or is_done:
                evaluated_at = now
                self._evaluate(observation)
            if is_done:
                self._note_alerts(self.held)
                context.output.note(f"{self.job.ref} has ended: {self.job.state} ({self.job.vendor_status}).")
                return self.job
            if not more:
                await context.sleep(min(READ_EVERY * (1 << min(self.fails, 10)), _MAX_WAIT).total_seconds())

    async def _observe(self, now: datetime, *, with_status: bool) -> Observation:
        window = self.alerts.metrics_window if self.alerts is not None else None
        metrics_from = metrics_start(window, self.measured_at, now)
        request = replace(self.request, with_status=with_status, metrics_from=metrics_from)
        observation = await observe(self.provider, request, now)
        self.request = replace(self.request, cursor=observation.cursor)
        if not observation.more and not observation.log_failed:
            self.request = replace(self.request, resume_from_ns=ns_from_datetime(now - self.request.overlap))
        if with_status and observation.metrics_error is None:
            self.measured_at = now
        return observation

    def _show(self, observation: Observation) -> None:
        """Print new lines and state changes. An outage of the platform is noted at its start and end."""
        output, redactor = self.context.output, self.context.redactor
        error = observation.log_error if observation.log_failed else None
        if error is not None:
            self.fails += 1
            if self.fails == 1:
                output.note(f"{redactor.redact(error.public)[0]} Retrying; no lines will be skipped.")
        elif self.fails:
            self.fails = 0
            output.note(f"{self.provider.name} is available again.")
        self._note_gaps(observation, is_away=error is not None)
        if self.alerts is not None:
            self.lines += observation.lines
            self.gaps += observation.gaps
        shown = self.line_filter.apply(observation.lines).lines
        if self.command.redact:
            safe, _ = self.hider.redact_lines(observation.lines)
            shown = hidden_lines(shown, observation.lines, safe)
        if shown:
            output.write(self.formatter.text(shown))
        if observation.job is not None:
            before, self.job = self.job, redact_job(observation.job, redactor)
            if (before.state, before.vendor_status) != (self.job.state, self.job.vendor_status):
                self._show_state()

    def _note_gaps(self, observation: Observation, *, is_away: bool) -> None:
        """Print each gap once, but lines that cannot be read or have a wrong time every time."""
        output = self.context.output
        for gap in redact_gaps(observation.gaps, self.context.redactor):
            if gap.is_partial:
                output.note(gap.public)
            elif gap.part is Part.LOGS and not is_away and gap.public not in self.noted:
                self.noted.add(gap.public)
                output.note(gap.public)
            elif gap.reason is GapReason.INVALID_SAMPLES and gap.reason not in self.noted:
                self.noted.add(gap.reason)  # each poll has its own count: the first one is enough
                output.note(gap.public)

    def _show_state(self) -> None:
        job = self.job
        until = job.ended_at or self.context.clock()
        age = f", for {spoken_duration(until - job.started_at)}" if job.started_at else ""
        self.context.output.note(f"── {job.name or job.ref}: {job.state} ({job.vendor_status}){age}")

    def _evaluate(self, observation: Observation) -> None:
        """Evaluate the rules on everything since the last evaluation, and print alerts."""
        if self.alerts is None:
            return
        merged = replace(observation, job=self.job, lines=tuple(self.lines), gaps=tuple(self.gaps))
        self.lines.clear()
        self.gaps.clear()
        for alert, transition in self.alerts.evaluate(redact_observation(merged, self.context.redactor)):
            is_severe = alert.severity.rank >= self.alerts.min_severity.rank
            if is_severe and (transition.change is not Change.UPDATED or transition.notify):
                text = _alert_text(alert, transition.change, transition.evidence)
                if alert.rule == _JOB_FAILED and self.job.state.is_terminal:
                    self.held.append(text)
                else:
                    self._note_alerts([text])

    def _note_alerts(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.context.output.note(text)


def _alert_text(alert: Alert, change: Change, evidence: Evidence | None) -> str:
    rule = rule_named(alert.rule)
    title = (evidence.title if evidence else None) or (rule.title if rule else alert.rule)
    summary = f" {summary_in_utc(evidence)}" if evidence and evidence.summary.rstrip(".") != title else ""
    hint = f"\n   Try: {evidence.hint}" if evidence and evidence.hint and change is Change.FIRED else ""
    match change:
        case Change.RESOLVED:
            return f"── resolved: {title}"
        case Change.UPDATED:
            return f"── {alert.severity} (update): {title}.{summary}"
        case Change.FIRED:
            return f"── {alert.severity}: {title}.{summary}{hint}"
