"""Correct due times that a wrong clock has put too far into the future."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Table, and_, true, update

from bot.store.engine import Database
from bot.store.outbox import DeliveryState
from bot.store.schema import deliveries, digests, incidents, watches


@dataclass(frozen=True, slots=True)
class CorrectedDueTimes:
    """How many due times were corrected."""

    polls: int
    deliveries: int

    def __bool__(self) -> bool:
        return self.polls + self.deliveries > 0


class DueTimes:
    """When jobs are polled and messages sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def correct(
        self, now: datetime, *, furthest_poll: timedelta, furthest_delivery: timedelta
    ) -> CorrectedDueTimes:
        """Make everything due now that is due later than any wait or lease allows."""
        await self._verify_soon(now, now + furthest_delivery)
        return CorrectedDueTimes(
            await self._set_due(watches, true(), now, watches.c.due_at > now + furthest_poll),
            await self._set_due(deliveries, _IS_QUEUED, now, deliveries.c.due_at > now + furthest_delivery),
        )

    async def make_due(self, now: datetime, lease: timedelta) -> CorrectedDueTimes:
        """Make everything due now that is not claimed, end every claim within a lease, and plan everything again.

        For a clock that was set back: until it has caught up, due times of the clock before say nothing.
        """
        await self._verify_soon(now, now)
        counts = [0, 0]
        for index, (table, wanted) in enumerate(((watches, true()), (deliveries, _IS_QUEUED))):
            is_claimed: ColumnElement[bool] = table.c.claim_token.is_not(None)
            latest = now + lease
            counts[index] += await self._set_due(table, wanted, now, and_(~is_claimed, table.c.due_at > now))
            counts[index] += await self._set_due(table, wanted, latest, and_(is_claimed, table.c.due_at > latest))
        for column in (digests.c.due_at, incidents.c.remind_at):
            async with self._database.write() as connection:
                await connection.execute(update(column.table).where(column > now).values({column.name: now}))
        return CorrectedDueTimes(*counts)

    async def _verify_soon(self, now: datetime, latest: datetime) -> None:
        """Look now for copies of messages that would be looked for after `latest`."""
        async with self._database.write() as connection:
            late = update(deliveries).where(deliveries.c.verify_at > latest)
            await connection.execute(late.values(verify_at=now))

    async def _set_due(
        self, table: Table, wanted: ColumnElement[bool], due_at: datetime, is_wrong: ColumnElement[bool]
    ) -> int:
        async with self._database.write() as connection:
            corrected = await connection.execute(update(table).where(wanted, is_wrong).values(due_at=due_at))
        return corrected.rowcount


_state: Column[str] = deliveries.c.state
_IS_QUEUED = _state == DeliveryState.QUEUED
