"""`rules`: every rule as this installation sets it. `rules test`: the alerts that would have fired in a job's past.

For a test, `job_history.py` reads the past, `bot.providers.observe` observes it and `bot.rules.replay` evaluates rules.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.commands.handlers.job_history import MAX_LINES, MetricHistory, RecordedJob, log_history
from bot.commands.handlers.job_lifetime import clip_window
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand, RulesAnswer, RuleShown
from bot.domain.durations import datetime_from_ns, ns_from_datetime, spoken_duration
from bot.domain.gaps import Gap, GapReason
from bot.domain.jobs import Job, JobRef
from bot.domain.lifetimes import lifetime_of
from bot.domain.observations import POLL_INTERVAL, Observation
from bot.domain.rule_expressions import join_rules
from bot.domain.subscriptions import RuleSettings
from bot.errors import ProviderError, UsageError
from bot.providers.base import Provider
from bot.providers.observe import ObservationRequest, metrics_start, observe
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_job, redact_observation
from bot.rules.catalog import rules_of
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.replay import Replay
from bot.rules.settings import format_parameters, format_settings, overlay, parse_settings

DEFAULT_SPAN = timedelta(hours=24)
MAX_POLLS = 1500
"""Polls in one window; a long window is polled less often than the watcher polls a running job."""
AFTER_END = timedelta(minutes=2)
"""How long after its end the job is still polled."""
_TIMEOUT = timedelta(days=1)
"""Of one observation: no lease runs out here, and every request has its own deadline."""


def rules_answer(settings: RuleSettings) -> RulesAnswer:
    """List the rules in the order of the catalogue."""
    shown = []
    for rule in rules_of(settings):
        meanings = {one.name: one.help for one in rule.parameters}
        parameters = (
            ()
            if rule.is_own
            else tuple((name, value, meanings[name]) for name, value in format_parameters(rule, settings))
        )
        shown.append(RuleShown(rule.name, rule.help, rule.severity, rule.name not in settings.off, parameters))
    return RulesAnswer(tuple(shown))


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """The signatures and settings that a test begins with."""

    config: DiagnosisConfig
    basis: str = "the default settings"
    """A description of the settings."""


def channel_settings(own: RuleSettings | None, config: DiagnosisConfig) -> ReplaySettings:
    """Return the settings of a channel that watches the job; without, the defaults."""
    if own is None:
        return ReplaySettings(config, "the default settings, because this channel does not watch the job")
    what = ", ".join(f"`{one}`" for one in format_settings(own)) or "the defaults"
    return ReplaySettings(replace(config, defaults=overlay(config.defaults, own)), f"this channel's settings ({what})")


async def replay(
    provider: Provider,
    ref: JobRef,
    command: ReplayCommand,
    tested: ReplaySettings,
    redactor: Redactor,
    now: datetime,
    *,
    max_lines: int = MAX_LINES,
) -> ReplayAnswer:
    """Report the alerts that a subscription made at the start of the window would have received.

    The settings of the command change the tested ones.

    Raises:
        UsageError: a setting is invalid, or the job was not running in the window.
        ProviderError: the job or its log cannot be read.
    """
    settings = change_settings(tested.config.defaults, command.settings)
    job = redact_job(await provider.get_job(ref), redactor)
    start, end, notes = _window(command.window, job, now)
    rules = Replay(settings, tested.config.scanner)
    async with log_history(provider, job.ref, start, end, now, max_lines) as log:
        recorded = RecordedJob(provider.name, job, log, MetricHistory(provider, job.ref, end), at=start)
        past = _Past(recorded, start, end, rules.local.metrics_window)
        async with contextlib.aclosing(past.observations()) as observations:
            async for observation in observations:
                rules.observe(await asyncio.to_thread(redact_observation, observation, redactor))
    typed = join_rules(command.settings)
    pinned = replace(
        command, ref=str(job.ref), settings=typed, window=Window(None, ns_from_datetime(start), ns_from_datetime(end))
    )
    return ReplayAnswer(
        job=job,
        pinned=pinned,
        start=start,
        end=past.end,
        step=past.step,
        alerts=rules.alerts(),
        quiet=rules.quiet(),
        read=log.read,
        gaps=redact_gaps(past.gaps(), redactor),
        notes=(*notes, *rules.notes(), *past.notes(), *_onward(pinned, past)),
        basis=tested.basis + "".join(f" + `{one}`" for one in typed),
    )


def change_settings(settings: RuleSettings, words: Sequence[str]) -> RuleSettings:
    """Lay settings that were typed over others; the minimum severity stays unless it is typed."""
    typed = parse_settings(words, settings)
    has_severity = any(word.startswith("severity=") for word in words)
    return overlay(settings, typed if has_severity else replace(typed, min_severity=settings.min_severity))


def _window(window: Window, job: Job, now: datetime) -> tuple[datetime, datetime, tuple[str, ...]]:
    """Return the part of the window in which the job existed, and what was cut; without a window, its last day."""
    lifetime = lifetime_of(job, now)
    window, notes = clip_window(window, lifetime, now)
    over = job.ended_at + AFTER_END if job.ended_at is not None else now
    end = min(now, over, datetime_from_ns(window.end_ns) if window.end_ns is not None else now)
    start_ns = window.begin_ns(now)
    start = datetime_from_ns(start_ns) if start_ns is not None else end - DEFAULT_SPAN
    created_at = lifetime.created_at
    start = max(start, created_at) if created_at is not None else start
    if start >= end:
        when = f"It ended at {job.ended_at:%Y-%m-%d %H:%M} UTC." if job.ended_at else "It started later."
        raise UsageError(f"{job.ref} was not running in that time range. {when} Use `--start` and `--end`.")
    return start, end, notes


@dataclass(slots=True)
class _Past:
    """A job's past, observed at regular steps."""

    recorded: RecordedJob
    start: datetime
    end: datetime
    metrics_window: timedelta | None

    @property
    def step(self) -> timedelta:
        """Time between two polls, in whole seconds: the watcher's own interval or more."""
        return max(POLL_INTERVAL, timedelta(seconds=(self.end - self.start).total_seconds() // MAX_POLLS + 1))

    async def observations(self) -> AsyncGenerator[Observation, None]:
        """Observe from the start of the window to its end, or to where its log could be read."""
        step, at, log = self.step, self.start, self.recorded.log
        window = None if self.metrics_window is None else max(self.metrics_window, step)
        read_at: datetime | None = None
        while True:
            request = ObservationRequest(
                self.recorded.job.ref,
                logs_from_ns=None,
                fatal_log_errors=(ProviderError,),
                metrics_from=metrics_start(window, read_at, at),
                timeout=_TIMEOUT,
            )
            self.recorded.at = read_at = at
            observation = await observe(self.recorded, request, at)
            yield observation
            if observation.more:
                continue
            if log.cut_at is not None and at >= log.cut_at:
                self.end = at
            if at >= self.end:
                return
            at = min(at + step, self.end)

    def gaps(self) -> tuple[Gap, ...]:
        """What could not be read although the platform offers it."""
        gaps = (*self.recorded.log.gaps, *self.recorded.metrics.gaps())
        return tuple(gap for gap in gaps if gap.reason is not GapReason.NOT_SUPPORTED)

    def notes(self) -> list[str]:
        """How this differs from what the watcher would have seen, in sentences."""
        notes = [
            "Assumes that the job was running from its start to its end: the platform keeps no history of its state."
        ]
        if self.step > POLL_INTERVAL:
            notes.append(f"Polled every {spoken_duration(self.step)}, less often than the watcher does.")
        log = self.recorded.log
        if log.is_too_long:
            notes.append(f"Only the first {log.max_lines:,} lines were read; narrow the window for the rest.")
        return notes


def _onward(pinned: ReplayCommand, past: _Past) -> tuple[str, ...]:
    """How to test the rest of a window whose log was not read to its end, because the command was stopped."""
    log = past.recorded.log
    if log.cut_at is None or not any(gap.reason is GapReason.STOPPED for gap in log.gaps):
        return ()
    rest = replace(pinned, window=replace(pinned.window, start_ns=ns_from_datetime(past.end)))
    return (f"To test the rest, use `{format_command(rest)}`.",)
