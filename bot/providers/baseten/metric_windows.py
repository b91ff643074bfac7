"""Requests for metrics: the windows that one request each may cover, and what is remembered between them."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.durations import NS_PER_MS, ns_from_datetime
from bot.domain.jobs import Job, JobRef
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest
from bot.providers.baseten.api import LONGEST_WINDOW

_MOST_WINDOWS = 26
"""Requests for one window: half a year."""
_MOST_REMEMBERED = 10_000
_Value = TypeVar("_Value")


def window_millis(query: MetricQuery) -> dict[str, int]:
    """Return the request parameters of the window; a side that is left to the platform has none."""
    bounds = (("start_epoch_millis", query.start), ("end_epoch_millis", query.end))
    return {key: ns_from_datetime(at) // NS_PER_MS for key, at in bounds if at is not None}


async def split_window(
    query: MetricQuery, get_job: Callable[[JobRef], Awaitable[Job]], now: datetime
) -> list[MetricQuery]:
    """Return queries with windows that the platform accepts, newest first; a long window begins with the job.

    Raises:
        BadRequest: the window needs too many requests.
    """
    start, end = query.start, query.end
    if start is None or (end or now) - start <= LONGEST_WINDOW:
        return [query]
    end = min(end or now, now)
    created_at = (await get_job(query.job)).created_at
    start = min(max(start, created_at), end) if created_at is not None else start
    if end - start > _MOST_WINDOWS * LONGEST_WINDOW:
        days = (_MOST_WINDOWS * LONGEST_WINDOW).days
        text = f"Metrics of {(end - start).days} days were requested. Use a range of at most {days} days."
        raise BadRequest(text, provider=query.job.provider)
    return [replace(query, start=begin, end=finish) for begin, finish in split_newest_first(start, end)]


def split_newest_first(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows that one request each may cover. Bounds are inclusive, so no two share a millisecond."""
    while end - start > LONGEST_WINDOW:
        yield end - LONGEST_WINDOW, end
        end -= LONGEST_WINDOW + timedelta(milliseconds=1)
    yield start, end


def remember(known: dict[str, _Value], key: str, value: _Value) -> None:
    """Keep a value, and drop the oldest one when there are too many."""
    known[key] = value
    if len(known) > _MOST_REMEMBERED:
        del known[next(iter(known))]


class PercentMetrics:
    """Remembers by job the metrics that arrived in percent, which only busy GPUs show."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def of(self, job_id: str) -> frozenset[str]:
        """Return the names of the job's metrics in percent."""
        return self._names.get(job_id, frozenset())

    def remember(self, job_id: str, series: Iterable[MetricSeries]) -> None:
        """Remember what `validate_series` has recognised."""
        known = self.of(job_id)
        if found := {one.name for one in series if one.in_percent}.difference(known):
            remember(self._names, job_id, known.union(found))
