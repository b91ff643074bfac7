"""`trainwatch check --health`: check that the running bot is healthy. Imports little, for container health checks.

It asks the bot's own port (`bot.health.server`). If nothing answers there, because the port is switched off or the bot
runs elsewhere, it reads the database. `trainwatch check`, which finds setup problems, is in `bot.check`.
"""

import asyncio
import http.client
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.checks import (
    BOARD_LOOP,
    DELIVERY_LOOP,
    DIGEST_LOOP,
    HEARTBEAT_STALE,
    LISTING_LOOP,
    ON_TIME,
    POLL_LOOP,
    REMINDER_LOOP,
    CheckResult,
)
from bot.domain.durations import format_ago, spoken_duration
from bot.errors import StoreUnavailable
from bot.store.store import Store, open_store

_START = "Start the bot: trainwatch serve. Check that DATABASE_URL is that of the bot."
_RETRY = "Try again. If it stays busy, end the process that holds it."
LOOPS = (POLL_LOOP, DELIVERY_LOOP, REMINDER_LOOP, DIGEST_LOOP, BOARD_LOOP, LISTING_LOOP)
_CLOCK_TOLERANCE = timedelta(seconds=2)
_ANSWER_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class HealthAddress:
    """Where the bot serves /readyz; port 0: nowhere."""

    host: str
    port: int


async def check_health(
    database_url: str, now: datetime, address: HealthAddress, watch_s: float = 6.0
) -> list[CheckResult]:
    """Return what the running bot reports about itself, else what the database shows.

    `watch_s` is how long to wait for the next heartbeat where clocks cannot be compared.
    """
    if address.port and (results := await asyncio.to_thread(_ask_bot, address)) is not None:
        return results
    store = await open_store(database_url)
    try:
        if not await store.has_run():
            return [CheckResult("Bot", False, "it has never run with this database", _START)]
        problems = [one for one in await store.check(with_integrity=False) if not one.ok]
        return problems or await _check_stored(store, now, watch_s)
    except StoreUnavailable:
        problems = [one for one in await store.check(with_integrity=False) if not one.ok]
        return problems or [CheckResult("Database", False, "busy: it did not answer in time", _RETRY)]
    finally:
        await store.aclose()


def _ask_bot(address: HealthAddress) -> list[CheckResult] | None:
    """Return the bot's answer; None if something else or nothing answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - the bot's, not ours
    connection = http.client.HTTPConnection(host, address.port, timeout=_ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
        return [CheckResult(**one) for one in answer["checks"]]
    except TimeoutError:
        return [CheckResult("Bot", False, "it does not answer on its health port", "Restart the bot; see its log.")]
    except (OSError, http.client.HTTPException, ValueError, TypeError, LookupError):
        return None
    finally:
        connection.close()


async def _check_stored(store: Store, now: datetime, watch_s: float) -> list[CheckResult]:
    """Check the heartbeats of the background loops. A backlog is reported but is not a problem of the bot."""
    heartbeats = {name: await store.last_heartbeat(name) for name in LOOPS}
    moving: set[str] = set()
    if any(at is not None and at > now + _CLOCK_TOLERANCE for at in heartbeats.values()):
        # From the future, so the bot's clock differs from ours: only a new heartbeat shows that it runs.
        await asyncio.sleep(watch_s)
        later = {name: await store.last_heartbeat(name) for name in LOOPS}
        moving = {name for name in LOOPS if later[name] != heartbeats[name]}
    overdue, backlog = await store.watches.overdue(now), await store.deliveries.backlog(now)
    lateness = f"{spoken_duration(overdue)} late" if overdue >= ON_TIME else "on time"
    unsent = f"{backlog.count} not sent, the oldest waiting {spoken_duration(backlog.oldest)}"
    return [
        *(_check_heartbeat(name, at, now, is_moving=name in moving) for name, at in heartbeats.items()),
        CheckResult("polls", True, lateness),
        CheckResult("messages", True, unsent if backlog.count else "all sent"),
    ]


def _check_heartbeat(name: str, at: datetime | None, now: datetime, *, is_moving: bool) -> CheckResult:
    if at is None:
        return CheckResult(f"{name} loop", False, "never ran", _START)
    if is_moving:
        return CheckResult(f"{name} loop", True, "writes heartbeats; its clock differs from this machine's")
    if at > now + _CLOCK_TOLERANCE:
        found = "its last heartbeat is from the future, and no new one came"
        return CheckResult(f"{name} loop", False, found, "Restart the bot, and correct the clock.")
    is_alive = now - at < HEARTBEAT_STALE
    return CheckResult(
        f"{name} loop", is_alive, f"last heartbeat {format_ago(at, now)}", None if is_alive else "Restart the bot."
    )
