"""Find the messages that were refused: those given up, and those that wait until a person fixes the reason."""

from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select

from bot.domain.destinations import posting_channel
from bot.domain.undelivered import Undelivered
from bot.store.engine import Database
from bot.store.outbox import DeliveryState
from bot.store.schema import deliveries

SHOWN_FOR = timedelta(days=7)
"""How long a message that was given up is reported."""
_WAITED = timedelta(minutes=1)
"""A retry that takes less is not worth a report."""
_LIMIT = 100


class UndeliveredMessages:
    """The refused messages of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, now: datetime) -> tuple[Undelivered, ...]:
        """Return the refused messages, grouped by channel and reason, newest first."""
        is_waiting = deliveries.c.state == DeliveryState.QUEUED
        reason = case((is_waiting, deliveries.c.last_error), else_=deliveries.c.reason)
        is_dead = and_(deliveries.c.state == DeliveryState.DEAD, deliveries.c.created_at > now - SHOWN_FOR)
        is_refused = and_(is_waiting, deliveries.c.last_error.is_not(None), deliveries.c.created_at < now - _WAITED)
        columns = (deliveries.c.channel, reason.label("why"), is_waiting.label("is_waiting"))
        statement = (
            select(*columns, func.count().label("messages"), func.min(deliveries.c.created_at).label("since"))
            .where(or_(is_dead, is_refused))
            .group_by("channel", "why", "is_waiting")
            .order_by(func.max(deliveries.c.created_at).desc())
            .limit(_LIMIT)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return tuple(
            Undelivered(posting_channel(row.channel), row.why, row.messages, row.since, bool(row.is_waiting))
            for row in rows
        )
