"""What the log endpoints of training jobs and of deployments have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import Level, LogPage, LogQuery
from bot.providers.paging.time_windows import Endpoint, FetchWindow, TimeWindow, read_page_by_time

_LEVELS = {Level.ERROR: "ERROR", Level.WARNING: "WARNING", Level.INFO: "INFO", Level.DEBUG: "DEBUG"}
_BEFORE_CREATION = timedelta(minutes=1)
_ASSUMED_AGE = timedelta(days=30)


def log_endpoint() -> Endpoint:
    """Return the bounds of Baseten's log endpoints.

    Source: https://docs.baseten.co/reference/training-api/get-training-job-logs (read 2026-11-20). Documented: at most
    1,000 lines, the window at most 7 days. Observed in an older client: "2 hours", "maximum time delta allowed".
    """
    return Endpoint(longest=timedelta(days=7), fallback=timedelta(hours=2))


def level_word(level: Level | None) -> str | None:
    """Return Baseten's word for the highest level it knows at or below this one."""
    return next((word for known, word in _LEVELS.items() if level is not None and level >= known), None)


def stricter_level_words(level: Level | None) -> list[str]:
    """Return Baseten's words for the levels above this one."""
    return [word for known, word in _LEVELS.items() if known > (level or 0)]


def window_fields(window: TimeWindow) -> dict[str, int | str]:
    """Return the request parameters of a window."""
    return {
        "start_epoch_millis": window.start_ms,
        "end_epoch_millis": window.end_ms,
        "direction": window.order.value,
        "limit": window.limit,
    }


async def read_log_page(
    query: LogQuery,
    endpoint: Endpoint,
    fetches: Sequence[FetchWindow],
    get_job: Callable[[JobRef], Awaitable[Job]],
    now: datetime,
) -> LogPage:
    """Read one page of a log; without a start in the query, from the creation of its job.

    Without a start in the request the platform returns only the last half hour.

    Args:
        query: what to read.
        endpoint: the bounds of the endpoint.
        fetches: send one request, for the query and for each narrower one.
        get_job: asks for the job, when its creation time is needed.
        now: the current time.
    """
    start_ns = query.start_ns or 0
    if query.start_ns is None and query.cursor is None:
        created_at = (await get_job(query.job)).created_at or now - _ASSUMED_AGE
        start_ns = ns_from_datetime(created_at - _BEFORE_CREATION)
    fetch, *narrower = fetches
    now_ns = ns_from_datetime(now)
    return await read_page_by_time(query, endpoint, fetch, start_ns=start_ns, now_ns=now_ns, narrower=narrower)
