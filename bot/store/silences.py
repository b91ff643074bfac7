"""Silences of each channel. `bot.domain.subscriptions.covers` matches them with alerts."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, select, update

from bot.domain.alerts import Receipt
from bot.domain.job_matching import Matcher
from bot.domain.subscriptions import Silence
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, AnySelect, Database
from bot.store.incidents import replan_reminders
from bot.store.schema import silences


class Silences:
    """The silences of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        channel: str,
        matchers: Sequence[Matcher],
        user: str,
        ends_at: datetime,
        now: datetime,
        *,
        reason: str = "",
    ) -> Silence:
        """Silence alerts that match every matcher in a channel, from now until `ends_at`."""
        text = to_json(tuple(matchers))
        statement = silences.insert().values(
            channel=channel, matchers=text, created_by=user, created_at=now, ends_at=ends_at, reason=reason
        )
        async with self._database.write() as connection:
            return read_silence((await connection.execute(statement.returning(*silences.c))).one())

    async def end(self, silence_id: int, now: datetime, *, channel: str | None = None) -> Silence | None:
        """End a silence now and return it; None when no silence with this id is active (in `channel`)."""
        statement = update(silences).where(silences.c.id == silence_id, silences.c.ends_at > now)
        if channel is not None:
            statement = statement.where(silences.c.channel == channel)
        async with self._database.write() as connection:
            row = (await connection.execute(statement.values(ends_at=now).returning(*silences.c))).one_or_none()
            if row is not None:
                await replan_reminders(connection, row.channel, now)
        return None if row is None else read_silence(row)

    async def set_message(self, silence_id: int, message: Receipt) -> None:
        """Record the message that announced a silence."""
        statement = update(silences).where(silences.c.id == silence_id).values(message=to_json(message))
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def active(self, channel: str, now: datetime) -> tuple[Silence, ...]:
        """Return a channel's active silences, oldest first."""
        async with self._database.read() as connection:
            rows = (
                await connection.execute(active_silences().where(silences.c.channel == channel), {"now": now})
            ).all()
        return tuple(read_silence(row) for row in rows)


@cache
def active_silences() -> AnySelect:
    """Select the silences of all channels that are active at `now`, for `read_silence`."""
    return select(silences).where(silences.c.ends_at > bindparam("now")).order_by(silences.c.id)


def read_silence(row: AnyRow) -> Silence:
    """Read a silence from a row of the table."""
    return Silence(
        id=row.id,
        channel=row.channel,
        matchers=from_json(row.matchers, tuple[Matcher, ...]),
        created_by=row.created_by,
        created_at=row.created_at,
        ends_at=row.ends_at,
        reason=row.reason,
        message=None if row.message is None else from_json(row.message, Receipt),
    )
