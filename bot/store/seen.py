"""Remember what was handled before, for all processes and across restarts: signatures of requests, mentions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine import Database
from bot.store.group_commit import GroupCommit
from bot.store.schema import seen_keys


class SeenKeys:
    """Keys of what was handled, each until it expires."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes = GroupCommit(database, self._add)

    async def add(self, key: str, expires_at: datetime) -> bool:
        """Remember a key; return False if it is remembered already."""
        return await self._writes.run((key, expires_at))

    async def _add(self, connection: AsyncConnection, items: Sequence[tuple[str, datetime]]) -> list[bool]:
        rows = [{"key": key[:200], "expires_at": expires_at} for key, expires_at in items]
        insert = self._database.insert(seen_keys).values(rows)
        statement = insert.on_conflict_do_nothing(index_elements=[seen_keys.c.key]).returning(seen_keys.c.key)
        added = set((await connection.scalars(statement)).all())
        results = []
        for row in rows:  # a key that comes twice at once is new for the first
            results.append(row["key"] in added)
            added.discard(row["key"])
        return results
