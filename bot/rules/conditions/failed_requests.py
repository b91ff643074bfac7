"""Condition: a deployment fails too many of its requests, by the platform's own counts.

The counts of the window are kept between polls, because polls overlap and are shorter than the window. The newest
sample is not counted: its step has not ended yet.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from bot.domain.alerts import Clear, Evidence, Finding, Unknown, Verdict
from bot.domain.durations import spoken_duration
from bot.domain.metrics import REQUESTS, REQUESTS_FAILED, SERVING_METRICS
from bot.rules.metrics.samples import STALE_AFTER, MetricState, metric_condition, series_of
from bot.rules.rule import Context

LEAST_REQUESTS = 20
"""Requests in the window below which a share says nothing."""
MAX_STEP = timedelta(minutes=5)
"""A step is not longer; more time between two samples was not measured."""
WORSE = 2.0
"""The alert is worded again when the share has grown by this factor."""


class Counted(NamedTuple):
    """The requests of one step. A NamedTuple because it is stored as an array."""

    at: datetime
    failed: float
    total: float


class RequestsState(MetricState, frozen=True, omit_defaults=True):
    """What this rule keeps between polls."""

    steps: tuple[Counted, ...] = ()
    """Those of the window, oldest first."""
    since: datetime | None = None
    """Since when too many requests fail."""
    share: float = 0.0
    """The share as last notified."""


@metric_condition(RequestsState)
def failed_requests(context: Context, state: RequestsState) -> tuple[Verdict, RequestsState]:
    """Holds while the share of requests answered with 5xx in `window` is above `threshold`, until below `recovery`."""
    if not any(one.name in SERVING_METRICS for one in context.observation.series):
        return (Unknown() if state.steps else Clear()), state
    now, window = context.observation.at, context.span("window")
    steps = _recent((*state.steps, *_steps(context, state.steps)), window)
    if not steps or now - steps[-1].at > STALE_AFTER + window:
        return Unknown(), state
    failed, total = math.fsum(step.failed for step in steps), math.fsum(step.total for step in steps)
    share = failed / total if total >= LEAST_REQUESTS else 0.0
    threshold = context.ratio("threshold")
    limit = threshold if state.since is None else min(threshold, context.ratio("recovery"))
    if share < limit or share == 0:
        return Clear(), RequestsState(steps=steps)
    is_worse = state.since is None or share >= WORSE * state.share
    after = RequestsState(
        steps=steps,
        since=state.since or next(step.at for step in steps if step.failed),
        share=share if is_worse else state.share,
    )
    return Finding(_evidence(context, after)), after


def _steps(context: Context, known: Sequence[Counted]) -> Iterator[Counted]:
    """The requests of the steps that have ended and were not counted yet."""
    last_at = known[-1].at if known else None
    failures: Mapping[datetime | None, float] = {
        at: value for one in series_of(context, REQUESTS_FAILED) for value, at, _ in one.points
    }
    for one in series_of(context, REQUESTS):
        for point, following in pairwise(one.points):
            if point.at is None or following.at is None or (last_at is not None and point.at <= last_at):
                continue
            seconds = min(following.at - point.at, MAX_STEP).total_seconds()
            yield Counted(point.at, failures.get(point.at, 0.0) * seconds, point.value * seconds)


def _recent(steps: Sequence[Counted], window: timedelta) -> tuple[Counted, ...]:
    """The steps of the window, which ends with the newest one."""
    return tuple(step for step in steps if steps[-1].at - step.at < window)


def _evidence(context: Context, state: RequestsState) -> Evidence:
    window = spoken_duration(context.span("window"))
    return Evidence(
        summary=f"{state.share:.0%} of the requests in {window} were answered with 5xx.",
        facts=(("Resolves at", f"{context.ratio('recovery'):.0%}"),),
        hint="Read the errors in the log of each replica. Look for memory, a full queue and a new version.",
        first_at=state.since,
    )
