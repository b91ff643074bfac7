"""Digests of runs: those that channels chose, and those of runs that started together.

A plan is written only if nothing changed meanwhile, so of several processes that plan a digest one succeeds.
"""

from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, stable_id
from bot.domain.boards import BoardKind, BoardRow, BoardSettings, StoredBoard
from bot.domain.runs import RunReport
from bot.store.claims import new_token
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, Database
from bot.store.outbox import add_deliveries
from bot.store.schema import boards, runs

_NO_WATCH = 0
_is_chosen = and_(boards.c.kind != BoardKind.STARTS, boards.c.closed_at.is_(None))


class Boards:
    """The digests of runs of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def choose(self, channel: str, settings: BoardSettings | None, now: datetime) -> None:
        """Set a channel's digest, which begins a new message; None ends it."""
        ends = update(boards).where(boards.c.channel == channel, _is_chosen)
        async with self._database.write() as connection:
            await connection.execute(ends.values(closed_at=now, due_at=now, changes=boards.c.changes + 1))
            if settings is not None:
                due_at = settings.next_at(now) if settings.kind is BoardKind.DAILY else now
                await open_board(self._database, connection, channel, settings, now, due_at)

    async def of_channel(self, channel: str) -> BoardSettings | None:
        """Return the digest that a channel chose; None: none."""
        async with self._database.read() as connection:
            value = await connection.scalar(select(boards.c.settings).where(boards.c.channel == channel, _is_chosen))
        return None if value is None else from_json(value, BoardSettings)

    async def list_due(self, now: datetime, *, limit: int = 20) -> list[StoredBoard]:
        """Return the digests to plan, longest overdue first."""
        statement = select(boards).where(boards.c.due_at <= now).order_by(boards.c.due_at).limit(limit)
        async with self._database.read() as connection:
            return [_stored(row) for row in (await connection.execute(statement)).all()]

    async def started_together(self, board_id: str) -> tuple[BoardRow, ...]:
        """Return the runs of a digest of starts that the channel follows, as they were last reported."""
        statement = select(runs.c.value).where(runs.c.board_id == board_id, runs.c.value.is_not(None))
        async with self._database.read() as connection:
            reports = [from_json(value, RunReport) for value in await connection.scalars(statement)]
        followed = (one for one in reports if not one.is_left)
        return tuple(BoardRow(one.job, sum(problem.is_firing for problem in one.problems)) for one in followed)

    async def save(
        self, stored: StoredBoard, shown: str, next_at: datetime | None, delivery: Delivery | None, now: datetime
    ) -> bool:
        """Write a plan; return False if the digest changed or another process was faster."""
        is_unchanged = and_(boards.c.id == stored.id, boards.c.changes == stored.changes)
        values = {"shown": shown, "due_at": next_at, "changes": boards.c.changes + 1}
        async with self._database.write() as connection:
            if not (await connection.execute(update(boards).where(is_unchanged).values(values))).rowcount:
                return False
            if delivery is not None:
                await add_deliveries(self._database, connection, [(_NO_WATCH, delivery)], now)
        return True


async def open_board(
    database: Database,
    connection: AsyncConnection,
    channel: str,
    settings: BoardSettings,
    now: datetime,
    due_at: datetime,
) -> str:
    """Add a digest of runs and return its id."""
    board_id = stable_id("brd", f"{channel}|{now.isoformat()}|{new_token()}")
    row = {
        "id": board_id,
        "channel": channel,
        "kind": settings.kind.value,
        "settings": to_json(settings),
        "opened_at": now,
        "due_at": due_at,
    }
    await connection.execute(database.insert(boards).values(row).on_conflict_do_nothing())
    return board_id


def _stored(row: AnyRow) -> StoredBoard:
    return StoredBoard(
        id=row.id,
        channel=row.channel,
        settings=from_json(row.settings, BoardSettings),
        due_at=row.due_at,
        shown=row.shown,
        changes=row.changes,
        has_ended=row.closed_at is not None,
    )
