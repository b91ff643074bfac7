"""`trainwatch check --health`: check that the running bot is alive. Imports little, for container health checks.

`trainwatch check`, which finds setup problems, is in `bot.check`.
"""

from datetime import datetime

from bot.domain.checks import (
    DELIVERY_LOOP,
    DIGEST_LOOP,
    HEARTBEAT_STALE,
    ON_TIME,
    POLL_LOOP,
    REMINDER_LOOP,
    CheckResult,
)
from bot.domain.durations import format_ago, spoken_duration
from bot.errors import StoreUnavailable
from bot.store.store import open_store

_START = "Start the bot: trainwatch serve. Check that DATABASE_URL is that of the bot."
_RETRY = "Try again. If it stays busy, end the process that holds it."
LOOPS = (POLL_LOOP, DELIVERY_LOOP, REMINDER_LOOP, DIGEST_LOOP)


async def check_health(database_url: str, now: datetime) -> list[CheckResult]:
    """Check the heartbeats of the background loops.

    The backlog is reported but never fails the check: a restart does not help when a platform or Slack is slow.
    """
    store = await open_store(database_url)
    try:
        if not await store.has_run():
            return [CheckResult("Bot", False, "it has never run with this database", _START)]
        heartbeats = {name: await store.last_heartbeat(name) for name in LOOPS}
        overdue, backlog = await store.watches.overdue(now), await store.deliveries.backlog(now)
    except StoreUnavailable:
        problems = [one for one in await store.check() if not one.ok]
        return problems or [CheckResult("Database", False, "busy: it did not answer in time", _RETRY)]
    finally:
        await store.aclose()
    lateness = f"{spoken_duration(overdue)} late" if overdue >= ON_TIME else "on time"
    unsent = f"{backlog.count} not sent, the oldest waiting {spoken_duration(backlog.oldest)}"
    return [
        *(_check_heartbeat(name, at, now) for name, at in heartbeats.items()),
        CheckResult("polls", True, lateness),
        CheckResult("messages", True, unsent if backlog.count else "all sent"),
    ]


def _check_heartbeat(name: str, at: datetime | None, now: datetime) -> CheckResult:
    if at is None:
        return CheckResult(f"{name} loop", False, "never ran", _START)
    alive = now - at < HEARTBEAT_STALE
    found = f"last heartbeat {format_ago(at, now)}"
    return CheckResult(f"{name} loop", alive, found, None if alive else "Restart the bot.")
