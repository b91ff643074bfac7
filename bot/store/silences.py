"""Mutes: who muted what in which channel until when. Whether one covers an alert: `bot.domain.subscriptions.covers`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from bot.domain.subscriptions import Matcher, Silence
from bot.store.codec import decode, encode
from bot.store.engine import AnyRow, AnySelect, Database
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
        """Mute what all the matchers name in a channel, from now until `ends_at`."""
        statement = (
            silences.insert()
            .values(
                channel=channel,
                matchers=encode(tuple(matchers)),
                created_by=user,
                created_at=now,
                ends_at=ends_at,
                reason=reason,
            )
            .returning(*silences.c)
        )
        async with self._database.write() as connection:
            return read_silence((await connection.execute(statement)).one())

    async def end(self, silence_id: int, now: datetime, *, channel: str | None = None) -> Silence | None:
        """End a silence now; the silence as it is then, None when none with this id is active (in `channel`)."""
        statement = update(silences).where(silences.c.id == silence_id, silences.c.ends_at > now)
        if channel is not None:
            statement = statement.where(silences.c.channel == channel)
        async with self._database.write() as connection:
            row = (await connection.execute(statement.values(ends_at=now).returning(*silences.c))).one_or_none()
        return None if row is None else read_silence(row)

    async def active(self, channel: str, now: datetime) -> tuple[Silence, ...]:
        """A channel's silences that have not ended, oldest first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(active_silences(now).where(silences.c.channel == channel))).all()
        return tuple(read_silence(row) for row in rows)


def active_silences(now: datetime) -> AnySelect:
    """The rows of `read_silence` that have not ended, of all channels."""
    return select(silences).where(silences.c.ends_at > now).order_by(silences.c.id)


def read_silence(row: AnyRow) -> Silence:
    """A silence from a row of the table."""
    return Silence(
        id=row.id,
        channel=row.channel,
        matchers=decode(row.matchers, tuple[Matcher, ...]),
        created_by=row.created_by,
        created_at=row.created_at,
        ends_at=row.ends_at,
        reason=row.reason,
    )
