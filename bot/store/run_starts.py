"""Let runs that start together share one message, in the transaction that decides theirs (docs/runs.md)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind
from bot.domain.boards import BoardKind, BoardSettings
from bot.store.boards import open_board
from bot.store.engine import Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, is_queued
from bot.store.runs import touch_runs
from bot.store.schema import boards, deliveries, runs

OWN_MESSAGES = 10
"""Runs of a channel that get separate messages within the window; if there are more, those that wait share one."""
_WINDOW = timedelta(minutes=1)
_JOIN_WITHIN = timedelta(minutes=10)
"""How long after the first of them others join."""
_SHOW_AFTER = timedelta(seconds=3)
_SHARED = BoardSettings(BoardKind.STARTS)


async def join_starts(database: Database, connection: AsyncConnection, new: Iterable[Delivery], now: datetime) -> None:
    """Add the rows of new messages about runs; those that are too many share one. Call it before adding messages."""
    about_runs = [one for one in new if one.notification.run is not None]
    if not about_runs:
        return
    await touch_runs(database, connection, about_runs, now)
    started = {one.channel for one in about_runs if one.notification.kind is DeliveryKind.ROOT}
    for channel in sorted(started):
        recent = and_(runs.c.channel == channel, runs.c.created_at > now - _WINDOW, runs.c.board_id.is_(None))
        count = await connection.scalar(select(func.count()).select_from(runs).where(recent))
        if (count or 0) > OWN_MESSAGES:
            of_run = deliveries.c.incident_id == runs.c.id
            is_posting = exists().where(of_run, (deliveries.c.attempts > 0))
            waiting = select(runs.c.id).where(recent, runs.c.root.is_(None), ~is_posting)
            waiting = waiting.with_for_update(skip_locked=True, of=runs)
            await _share(database, connection, channel, list(await connection.scalars(waiting)), now)


async def _share(
    database: Database, connection: AsyncConnection, channel: str, waiting: list[str], now: datetime
) -> None:
    if not waiting:
        return
    await database.lock(connection, f"starts in {channel}")  # of two processes, the second joins what the first opens
    is_open = and_(
        boards.c.channel == channel, boards.c.kind == BoardKind.STARTS, boards.c.opened_at > now - _JOIN_WITHIN
    )
    board_id = await connection.scalar(select(boards.c.id).where(is_open).order_by(boards.c.opened_at.desc()).limit(1))
    if board_id is None:
        board_id = await open_board(database, connection, channel, _SHARED, now, now + _SHOW_AFTER)
    await connection.execute(update(runs).where(runs.c.id.in_(waiting)).values(board_id=board_id))
    unsent = and_(deliveries.c.incident_id.in_(waiting), is_queued())
    folded = {"state": DeliveryState.FOLDED, "reason": f"shown by {board_id}", "notification": NO_PAYLOAD}
    await connection.execute(update(deliveries).where(unsent).values(folded))
