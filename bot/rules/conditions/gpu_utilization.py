"""Condition: GPUs are idle. Judged GPU by GPU and node by node, and never from missing samples.

Each GPU is a small state machine that is fed the samples since the last poll: since when it is low, and whether it has
been low for the hold time. The hold is here and not in the lifecycle, because two GPUs that are low in turn are not one
GPU that is low for fifteen minutes. GPUs of a deployment count only while requests are in flight: without any, they
have nothing to do. `causes.py` guesses why they are low.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.alerts import Clear, Evidence, Finding, Unknown, Verdict
from bot.domain.durations import spoken_duration
from bot.domain.metrics import GPU_UTILIZATION, REQUESTS_IN_FLIGHT, SERVING_METRICS, MetricPoint
from bot.domain.trace_charts import utilization_chart
from bot.domain.wording import times
from bot.rules.metrics.causes import GUESSES, MAY_BE_DATA, Cause, guess_cause
from bot.rules.metrics.log_warnings import TEXT_CHARS, LogWarnings, quote_warnings, read_warnings
from bot.rules.metrics.samples import (
    FORGET_AFTER,
    STALE_AFTER,
    MetricState,
    first_sample,
    first_since,
    gpu_name,
    metric_condition,
    name_list,
    series_of,
)
from bot.rules.rule import Context

MAX_SAMPLE_GAP = timedelta(minutes=5)
"""A longer time between two samples does not count as low: nothing measured what the GPU did."""
MAX_SMOOTHING = timedelta(minutes=1)
"""A peak counts by the average of the time before it, at most this long, so that a GPU that works for five seconds of
every minute is low; less for a short hold time."""


ONE_REQUEST = 0.5
"""Requests in flight, on average of a step, below which a deployment has none."""


class GpuState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of one GPU."""

    last_at: datetime | None = None
    """Time of the newest sample."""
    low_since: datetime | None = None
    low: bool = False
    """Whether it has been low for the hold time."""


class GuessedCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The guess for one set of low GPUs."""

    gpus: list[str] = msgspec.field(name="of")
    cause: str = msgspec.field(name="is")
    """A Cause; text, because another version may have stored it."""
    newest_line: str = ""
    """The newest line of the log by then."""


class UtilizationState(MetricState, frozen=True, omit_defaults=True):
    """What this rule keeps between polls."""

    active: bool = False
    """Whether any GPU ever worked."""
    gpus: dict[str, GpuState] = msgspec.field(default_factory=dict)
    guess: GuessedCause | None = msgspec.field(name="cause", default=None)
    warnings: LogWarnings = LogWarnings()
    """In the log since the first GPU is low."""


@dataclass(frozen=True, slots=True)
class _Limits:
    threshold: float
    recovery: float
    hold: timedelta

    @property
    def smoothing(self) -> timedelta:
        return min(MAX_SMOOTHING, self.hold / 15)


@metric_condition(UtilizationState)
def low_gpu_utilization(context: Context, state: UtilizationState) -> tuple[Verdict, UtilizationState]:
    """Holds while any GPU's utilization was below `threshold` for `for`, until it reaches `recovery`."""
    now = context.observation.at
    series = series_of(context, GPU_UTILIZATION)
    first_at = first_sample(state, (one.points for one in series))
    if not series or first_at is None or _is_unknown_traffic(context):
        return Unknown(), state
    threshold = context.ratio("threshold")
    limits = _Limits(threshold, max(threshold, context.ratio("recovery")), context.span("for"))
    gpus = {name: gpu for name, gpu in state.gpus.items() if gpu.last_at and now - gpu.last_at < FORGET_AFTER}
    begin, idle_at = first_at + context.span("warmup"), _idle_times(context)
    for one in series:
        name = gpu_name(one)
        gpus[name] = _advance(gpus.get(name, GpuState()), one.points, limits, begin, idle_at)
    active = state.active or any(point.value >= limits.recovery for one in series for point in one.points)
    fresh = {name for name, gpu in gpus.items() if gpu.last_at and now - gpu.last_at < STALE_AFTER}
    low = {name: gpu.low_since for name, gpu in gpus.items() if gpu.low and gpu.low_since}
    judged = {name: since for name, since in low.items() if name in fresh}
    warnings = _warnings(context, state, gpus)
    if not judged:
        unchanged = UtilizationState(first_at, active, gpus, warnings=warnings)
        return (Unknown() if low or not fresh else Clear()), unchanged
    guess = state.guess
    # One guess for each set of GPUs, so that the message does not change at every poll.
    if guess is None or guess.gpus != sorted(judged) or guess.cause not in GUESSES:
        cause = guess_cause(context.observation.series, judged, sorted(fresh), was_active=active)
        lines = context.observation.lines
        newest = plain_message(lines[-1].message, TEXT_CHARS) if lines else (guess.newest_line if guess else "")
        guess = GuessedCause(sorted(judged), cause, newest)
    after = UtilizationState(first_at, active, gpus, guess, warnings)
    chart = utilization_chart(context.trace, min(judged.values()), now, threshold)
    return Finding(replace(_evidence(judged, len(fresh), limits, guess, warnings), chart=chart)), after


def _warnings(context: Context, state: UtilizationState, gpus: Mapping[str, GpuState]) -> LogWarnings:
    """The warnings in the log since the first GPU is low, for long enough or not yet."""
    since = min((gpu.low_since for gpu in gpus.values() if gpu.low_since), default=None)
    return LogWarnings() if since is None else read_warnings(state.warnings, context.observation.lines, since)


def _idle_times(context: Context) -> frozenset[datetime]:
    """The times of samples at which a deployment had no request in flight; empty for a job that serves none."""
    series = series_of(context, REQUESTS_IN_FLIGHT)
    return frozenset(at for one in series for value, at, _ in one.points if at is not None and value < ONE_REQUEST)


def _is_unknown_traffic(context: Context) -> bool:
    """Whether this is a deployment of which the platform does not say whether it has requests in flight."""
    names = {one.name for one in context.observation.series}
    return not names.isdisjoint(SERVING_METRICS) and not series_of(context, REQUESTS_IN_FLIGHT)


def _advance(
    gpu: GpuState, points: Sequence[MetricPoint], limits: _Limits, begin: datetime, idle_at: Container[datetime]
) -> GpuState:
    last_at, low_since, low = gpu.last_at, gpu.low_since, gpu.low
    for index in range(0 if last_at is None else first_since(points, last_at), len(points)):
        value, at, _ = points[index]
        if at is None or not math.isfinite(value) or (last_at is not None and at <= last_at):
            continue
        if at in idle_at:
            low, low_since = False, None
        elif low:
            low = _mean_before(points, index, limits.smoothing) < limits.recovery
            low_since = low_since if low else None
        elif at < begin:
            low_since = None
        elif low_since is None or last_at is None or at - last_at > MAX_SAMPLE_GAP:
            low_since = at if value < limits.threshold else None
        elif value >= limits.threshold and _mean_before(points, index, limits.smoothing, low_since) >= limits.threshold:
            low_since = None
        else:
            low = at - low_since >= limits.hold
        last_at = at
    return GpuState(last_at, low_since, low)


def _mean_before(
    points: Sequence[MetricPoint], index: int, smoothing: timedelta, since: datetime | None = None
) -> float:
    """Mean of a sample and of those less than `smoothing` before it, none before `since`."""
    value, newest, _ = points[index]
    assert newest is not None
    values = [value]
    for value, at, _ in reversed(points[:index]):
        if at is None or not math.isfinite(value):
            continue
        if newest - at >= smoothing or (since is not None and at < since):
            break
        values.append(value)
    return math.fsum(values) / len(values)


def _evidence(
    low: Mapping[str, datetime], fresh: int, limits: _Limits, guessed: GuessedCause, warnings: LogWarnings
) -> Evidence:
    waits, others, cause = warnings.waits, warnings.others, Cause(guessed.cause)
    if waits.count and cause in MAY_BE_DATA:
        cause = Cause.DATA_WAITS
    guess = GUESSES[cause]
    seen = f"the log has {quote_warnings(waits)}" if cause is Cause.DATA_WAITS else guess.why
    summary = f"{len(low)} of {fresh} GPUs below {limits.threshold:.0%} for {spoken_duration(limits.hold)} or longer."
    if waits.count:
        summary = f"{len(low)} of {fresh} GPUs below {limits.threshold:.0%}; {waits.text}{times(waits.count)}"
    facts = [("Low", name_list(low)), ("Likely cause", f"{guess.likely} ({seen})")]
    if waits.count and cause is not Cause.DATA_WAITS:
        facts.append(("Waits for data", quote_warnings(waits)))
    if guessed.newest_line and not waits.count:
        facts.append(("Newest log line", guessed.newest_line))
    if others.count:
        facts.append(("Other warnings", quote_warnings(others)))
    return Evidence(
        summary=summary,
        facts=(*facts, ("Resolves at", f"{limits.recovery:.0%}")),
        hint=guess.hint if cause is Cause.DATA_WAITS else f"{guess.hint} (This is a guess.)",
        count=len(low),
        first_at=min(low.values()),
    )
