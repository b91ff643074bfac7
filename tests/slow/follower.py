"""A process that follows one job like the watcher and writes each line to a file: claim, observe, write, settle.

It truncates the file to the last settled length, so that the file matches the cursor in the database. Usage:
`python -m tests.slow.follower DATABASE_URL FILE SECONDS`, with the platform set by `BASETEN_*`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.durations import ns_from_datetime
from bot.domain.watches import PollResult
from bot.providers.observe import ObservationRequest, observe
from bot.providers.registry import build_registry
from bot.store.store import open_store

LEASE = timedelta(seconds=3)
EVERY = timedelta(seconds=1)


async def follow(database_url: str, file: Path, seconds: float) -> None:
    """Follow for some seconds, or until killed."""
    store = await open_store(database_url)
    registry = build_registry(os.environ)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = datetime.now(UTC)
        for watch in await store.watches.claim_due(now, lease=LEASE):
            since = ns_from_datetime(watch.created_at - timedelta(minutes=15))
            request = ObservationRequest(watch.job, since, watch.cursor)
            seen = await observe(registry.get(watch.job.provider), request, now)
            settled = watch.memory.get("settled")
            rows = "".join(json.dumps([line.timestamp_ns, line.message, line.source]) + "\n" for line in seen.lines)
            with file.open("r+b") as out:
                out.truncate(settled if isinstance(settled, int) else 0)
                out.seek(0, os.SEEK_END)
                out.write(rows.encode())
                size = out.tell()
            due = now if seen.more else now + EVERY
            memory = {"settled": size}
            await store.watches.settle([PollResult(watch.id, watch.token, due, cursor=seen.cursor, memory=memory)], now)
        await asyncio.sleep(0.05)
    await registry.aclose()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
