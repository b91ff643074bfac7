"""A process that polls and settles as fast as it can, to run beside others and to be killed.

    python -m tests.integration.store.worker DATABASE_URL ROUNDS

Each poll increments a counter in its watch's memory and adds one delivery, so that the two can be compared. A watch is
polled ROUNDS times. The ids of the settled watches are printed, one line per batch.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from bot.domain.watches import ClaimedWatch, PollResult
from bot.store.store import open_store
from tests.integration.store.building import delivery

NEVER = timedelta(days=365)


def polled(watch: ClaimedWatch, rounds: int, now: datetime) -> PollResult:
    count = int(str(watch.memory.get("polls", 0))) + 1
    return PollResult(
        watch_id=watch.id,
        token=watch.token,
        next_due_at=now if count < rounds else now + NEVER,
        memory={"polls": count},
        deliveries=[delivery(f"{watch.id}:{count}")],
    )


async def work(url: str, rounds: int, lease: timedelta = timedelta(seconds=1)) -> None:
    store = await open_store(url)
    idle = 0
    while idle < 3:
        now = datetime.now(UTC)
        claimed = await store.watches.claim_due(now, lease=lease, limit=20)
        idle = 0 if claimed else idle + 1
        settled = await store.watches.settle([polled(watch, rounds, now) for watch in claimed], now)
        if settled:
            sys.stdout.write(" ".join(map(str, sorted(settled))) + "\n")
            sys.stdout.flush()
        else:
            await asyncio.sleep(0.02)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
