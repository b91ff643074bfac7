"""Subscriptions that people ended, kept for a while so that ending them can be undone exactly."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select

from bot.domain.subscriptions import RemovedWatching, Subscription
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.schema import removed_subscriptions


class RemovedSubscriptions:
    """What each `unwatch` removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, channel: str, removed: RemovedWatching, now: datetime) -> int:
        """Record what an `unwatch` removes from a channel and return its number."""
        values = {"channel": channel, "value": to_json(removed), "removed_at": now}
        statement = removed_subscriptions.insert().values(values).returning(removed_subscriptions.c.id)
        async with self._database.write() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def find(self, number: int, channel: str) -> RemovedWatching:
        """Return what an `unwatch` removed from a channel; nothing once it was undone."""
        statement = select(removed_subscriptions.c.value).where(_is(number, channel))
        async with self._database.read() as connection:
            value = await connection.scalar(statement)
        return _read(value)

    async def forget(self, number: int, channel: str) -> None:
        """Delete the record of an `unwatch` that was undone."""
        async with self._database.write() as connection:
            await connection.execute(delete(removed_subscriptions).where(_is(number, channel)))


def _read(value: str | None) -> RemovedWatching:
    if value is None:
        return RemovedWatching()
    if value.startswith("["):  # written before patterns were recorded
        return RemovedWatching(from_json(value, tuple[Subscription, ...]))
    return from_json(value, RemovedWatching)


def _is(number: int, channel: str) -> ColumnElement[bool]:
    return and_(removed_subscriptions.c.id == number, removed_subscriptions.c.channel == channel)
