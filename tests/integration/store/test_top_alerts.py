"""The alerts beside the jobs of `trainwatch top`, read from the database of the bot."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from bot.domain.alerts import Severity
from bot.store.store import Store
from bot.terminal.top.alerts import connect_alerts
from bot.terminal.top.board import JobAlert
from tests.integration.store.building import JOB, add_to_outbox, incident


async def test_firing_alerts_of_all_channels_are_read(store: Store, database_url: str, now: datetime) -> None:
    await add_to_outbox(store, now, about=incident(now))
    async with connect_alerts(database_url) as read:
        assert read is not None
        assert await read(now) == {JOB: (JobAlert(Severity.WARN, "Errors", now),)}


async def test_ended_alerts_are_not(store: Store, database_url: str, now: datetime) -> None:
    await add_to_outbox(store, now, about=incident(now, resolved=True))
    async with connect_alerts(database_url) as read:
        assert read is not None
        assert await read(now) == {}


def test_without_a_database_nothing_is_read_or_created(tmp_path: Path) -> None:
    async def connect() -> bool:
        async with connect_alerts(f"sqlite:///{tmp_path / 'none.db'}") as read:
            return read is not None

    assert not asyncio.run(connect())
    assert list(tmp_path.iterdir()) == []
