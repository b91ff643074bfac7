"""Is the running bot alive? For a container's health check, so it loads no more than the store.

Whether everything is set up right is another question, with another answer: `bot.check`.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.checks import DELIVERY_LOOP, HEARTBEAT_STALE, ON_TIME, POLL_LOOP, CheckResult
from bot.domain.durations import format_ago, format_duration
from bot.errors import StoreUnavailable
from bot.store.store import open_store

LOOPS = (POLL_LOOP, DELIVERY_LOOP)


async def check_health(database_url: str, now: datetime) -> list[CheckResult]:
    """What the loops' heartbeats say.

    What waits is told with it and fails nothing: a platform or Slack that is slow is no reason to restart.
    """
    store = await open_store(database_url)
    try:
        beats = {name: await store.last_heartbeat(name) for name in LOOPS}
        overdue, backlog = await store.watches.overdue(now), await store.deliveries.backlog(now)
    except StoreUnavailable as error:
        return [CheckResult("Database", False, error.public)]
    finally:
        await store.aclose()
    behind = f"{format_duration(overdue)} behind" if overdue >= ON_TIME else "on time"
    waiting = f"{backlog.count} not sent yet, the oldest for {format_duration(backlog.oldest)}"
    return [
        *(_beat(name, at, now) for name, at in beats.items()),
        CheckResult("polls", True, behind),
        CheckResult("messages", True, waiting if backlog.count else "all sent"),
    ]


def _beat(name: str, at: datetime | None, now: datetime) -> CheckResult:
    if at is None:
        return CheckResult(f"{name} loop", False, "never ran", "Start it: trainwatch serve")
    alive = now - at < HEARTBEAT_STALE
    return CheckResult(f"{name} loop", alive, f"last beat {format_ago(at, now)}", None if alive else "Restart the bot.")
