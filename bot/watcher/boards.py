"""Plan the digests of runs. `bot.rules.boards` plans, `bot.store.boards` writes, and `deliver.py` sends."""

import logging
from zoneinfo import ZoneInfoNotFoundError

import msgspec

from bot.domain.boards import BoardKind, BoardRow, StoredBoard
from bot.domain.durations import Clock
from bot.domain.jobs import Job, JobRef, JobState
from bot.rules.boards import EDIT_EVERY, BoardPlan, plan_board
from bot.store.store import Store

log = logging.getLogger(__name__)


class BoardJob:
    """Plans the digests of runs that are due."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def tick(self) -> int:
        """Plan what is due; return the number of digests planned."""
        now, planned = self._clock(), 0
        for stored in await self._store.boards.list_due(now):
            try:
                plan = plan_board(stored, await self._rows(stored), now)
            except (msgspec.MsgspecError, ZoneInfoNotFoundError):  # one digest must not stop the others
                log.exception("digest of runs cannot be planned", extra={"digest": stored.id})
                plan = BoardPlan(stored.shown, now + EDIT_EVERY)
            planned += await self._store.boards.save(stored, plan.shown, plan.next_at, plan.delivery, now)
        return planned

    async def _rows(self, stored: StoredBoard) -> tuple[BoardRow, ...]:
        if stored.settings.kind is BoardKind.STARTS:
            return await self._store.boards.started_together(stored.id)
        watched = await self._store.subscriptions.list(stored.channel)
        return tuple(BoardRow(one.job or _unpolled(one.subscription.job), one.firing) for one in watched)

    async def stop(self) -> None:
        """Do nothing: each plan is written at once."""


def _unpolled(job: JobRef) -> Job:
    return Job(job, JobState.UNKNOWN, "")
