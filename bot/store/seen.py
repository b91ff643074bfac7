"""Remember what was handled before, for all processes and across restarts: signatures of requests, mentions."""

from datetime import datetime

from bot.store.engine import Database
from bot.store.schema import seen_keys


class SeenKeys:
    """Keys of what was handled, each until it expires."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: str, expires_at: datetime) -> bool:
        """Remember a key; return False if it is remembered already."""
        insert = self._database.insert(seen_keys).values(key=key, expires_at=expires_at)
        statement = insert.on_conflict_do_nothing(index_elements=[seen_keys.c.key]).returning(seen_keys.c.key)
        async with self._database.write() as connection:
            return await connection.scalar(statement) is not None
