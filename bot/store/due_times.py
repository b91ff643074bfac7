"""Correct due times that a wrong clock has put too far into the future."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, RowMapping, Table, and_, or_, select, true, update

from bot.domain.alerts import DeliveryKind
from bot.domain.boards import BoardKind
from bot.store.clocks import ProcessClock, write_clock
from bot.store.deliveries import AGAIN, UNSURE_EDIT_FOR, VERIFY_AFTER
from bot.store.engine import Database
from bot.store.outbox import DeliveryState
from bot.store.schema import boards, deliveries, digests, incidents, listings, watches


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
        await self._verify_by(now + furthest_delivery, now)
        return CorrectedDueTimes(
            await self._set_due(watches, true(), now, watches.c.due_at > now + furthest_poll),
            await self._set_due(deliveries, _IS_QUEUED, now, deliveries.c.due_at > now + furthest_delivery),
        )

    async def make_due(self, now: datetime, lease: timedelta) -> CorrectedDueTimes:
        """Make everything due now that is not claimed, end every claim within a lease, and plan everything again.

        For a clock that was set back: until it has caught up, due times of the clock before say nothing.
        """
        counts = [0, 0]
        for index, (table, wanted) in enumerate(((watches, true()), (deliveries, and_(_IS_QUEUED, ~_IS_REPEATED)))):
            is_claimed: ColumnElement[bool] = table.c.claim_token.is_not(None)
            latest = now + lease
            counts[index] += await self._set_due(table, wanted, now, and_(~is_claimed, table.c.due_at > now))
            counts[index] += await self._set_due(table, wanted, latest, and_(is_claimed, table.c.due_at > latest))
        await self._verify_by(now + VERIFY_AFTER, now)
        later = now + VERIFY_AFTER
        await self._set_due(deliveries, and_(_IS_QUEUED, _IS_REPEATED), later, deliveries.c.due_at > later)
        for column in (digests.c.due_at, incidents.c.remind_at):
            async with self._database.write() as connection:
                await connection.execute(update(column.table).where(column > now).values({column.name: now}))
        await self._set_due(listings, listings.c.claim_token.is_(None), now, listings.c.due_at > now)
        at_time_of_day = boards.c.kind == BoardKind.DAILY
        await self._set_due(boards, ~at_time_of_day, now, boards.c.due_at > now)
        await self._set_due(boards, at_time_of_day, now, boards.c.due_at > now + _DAY)
        return CorrectedDueTimes(*counts)

    async def move_attempts(
        self, by: timedelta, now: datetime, *, with_leases: bool, clock: ProcessClock | None = None
    ) -> None:
        """Move the times of attempts when the clock is set `by` this difference, to `now`.

        A verification must not come early, because Slack may accept an attempt late. A message is looked for since its
        attempt: after a step back by twice the difference, because it is unknown how long nobody ran. An edit with an
        unknown outcome stays as recent as it was, and what repeats a later edit still waits until Slack cannot accept
        that one any more. `with_leases` keeps the leases of messages that are being sent. `clock` is written with them:
        a process that starts after this one was killed must not use the time before with the attempts of this one.
        """
        is_attempted = or_(deliveries.c.attempt_at.is_not(None), deliveries.c.unsure_since.is_not(None))
        is_claimed = deliveries.c.claim_token.is_not(None)
        is_waiting = and_(_IS_QUEUED, or_(is_attempted, is_claimed, _IS_REPEATED))
        is_unsettled = or_(deliveries.c.verify_at.is_not(None), is_waiting)
        is_recent = deliveries.c.unsure_since > now - by - UNSURE_EDIT_FOR
        moving = select(deliveries).where(or_(is_unsettled, and_(_IS_EDIT, is_recent))).with_for_update()
        async with self._database.write() as connection:
            if clock is not None:
                await write_clock(self._database, connection, clock)
            for row in (await connection.execute(moving)).mappings().all():
                moved = _moved(row, by, now, with_leases=with_leases)
                await connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(moved))

    async def _verify_by(self, latest: datetime, now: datetime) -> None:
        """Verify after the usual wait what a wrong clock planned for later, never at once: Slack may accept late."""
        late = update(deliveries).where(deliveries.c.verify_at > latest)
        async with self._database.write() as connection:
            await connection.execute(late.values(verify_at=now + VERIFY_AFTER))

    async def _set_due(
        self, table: Table, wanted: ColumnElement[bool], due_at: datetime, is_wrong: ColumnElement[bool]
    ) -> int:
        async with self._database.write() as connection:
            corrected = await connection.execute(update(table).where(wanted, is_wrong).values(due_at=due_at))
        return corrected.rowcount


def _moved(row: RowMapping, by: timedelta, now: datetime, *, with_leases: bool) -> dict[str, datetime | None]:
    is_edit, is_claimed = row["kind"] == DeliveryKind.EDIT, row["claim_token"] is not None
    is_repeat = row["dedupe_key"].endswith(AGAIN) and not is_claimed
    since, forward = by if is_edit else min(2 * by, timedelta(0)), max(by, timedelta(0))
    moves = {"attempt_at": since, "unsure_since": since, "verify_at": by}
    if is_repeat or (is_claimed and with_leases):
        moves["due_at"] = forward
    moved: dict[str, datetime | None] = {
        name: None if row[name] is None else row[name] + move for name, move in moves.items()
    }
    if is_edit and is_claimed and not with_leases:  # its sender does not run; the edit may arrive nevertheless
        moved["unsure_since"] = moved["unsure_since"] or now
    return moved


_DAY = timedelta(days=1, hours=1)
"""The longest time to a daily digest, on a day on which clocks are set back."""
_state: Column[str] = deliveries.c.state
_IS_QUEUED = _state == DeliveryState.QUEUED
_IS_REPEATED = deliveries.c.dedupe_key.endswith(AGAIN, autoescape=True)
_kind: Column[str] = deliveries.c.kind
_IS_EDIT = _kind == DeliveryKind.EDIT
