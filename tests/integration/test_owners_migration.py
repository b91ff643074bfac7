"""Version 0003 on a database of version 0002 with data, and back; on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from bot.domain.ownership import Acknowledgement
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.migrate import alembic_config, upgrade
from bot.store.store import open_store
from tests.integration.store.building import incident
from tests.support.postgres import fresh_database, postgres_server

__all__ = ["postgres_server"]

NOW = datetime(2026, 3, 13, 10, 0, tzinfo=UTC)
TAKEN_AT = NOW + timedelta(minutes=7)
INSERT_INCIDENT = text(
    "INSERT INTO incidents (id, watch_id, channel, opened_at, resolved_at, value) "
    "VALUES (:id, 1, 'C1', :opened_at, :resolved_at, :value)"
)
INSERT_DELIVERY = text(
    "INSERT INTO deliveries (watch_id, dedupe_key, channel, kind, incident_id, state, reason, due_at, attempts, "
    "notification, created_at) VALUES (1, :key, 'C1', 'edit', 'taken', 'sent', 'changed', :now, 1, '', :now)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
    else:
        with fresh_database(request.getfixturevalue("postgres_server")) as fresh:
            yield fresh


def stored(name: str, *, acknowledged_by: str | None = None, resolved: bool = False) -> dict[str, object]:
    """A row as version 0002 wrote it."""
    about = incident(NOW, id=name, resolved=resolved)
    value = json.loads(to_json(replace(about, job=replace(about.job, name="naïve \N{GRINNING FACE}"))))
    for field in ("acknowledgement", "closing", "muted", "progress"):
        del value[field]
    value["alerts"][0]["acknowledged_by"] = acknowledged_by
    return {
        "id": name,
        "opened_at": NOW,
        "resolved_at": NOW if resolved else None,
        "value": json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    }


async def fill(url: str) -> None:
    rows = [
        stored("taken", acknowledged_by="U7"),
        stored("free"),
        stored("over", acknowledged_by="U7", resolved=True),
    ]
    database = Database(url)
    async with database.write() as connection:
        for row in rows:
            times = {name: _bound(url, row[name]) for name in ("opened_at", "resolved_at")}
            await connection.execute(INSERT_INCIDENT, {**row, **times})
        key = f"taken:acknowledged:U7:{TAKEN_AT.isoformat()}"
        await connection.execute(INSERT_DELIVERY, {"key": key, "now": _bound(url, NOW)})
    await database.aclose()


def _bound(url: str, at: object) -> object:
    """SQLite has no type for times; the tables store naive UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if url.startswith("sqlite") and isinstance(at, datetime) else at


async def test_acknowledgements_move_to_the_incident_and_back(url: str) -> None:
    await asyncio.to_thread(command.upgrade, alembic_config(url), "0002")
    await fill(url)

    await upgrade(url)

    store = await open_store(url)
    found = {name: await store.incidents.find(name) for name in ("taken", "free", "over")}
    due = [one.incident.id for one in await store.reminders.list_due(NOW)]
    await store.aclose()
    taken, free, over = found["taken"], found["free"], found["over"]
    assert taken is not None
    assert free is not None
    assert over is not None
    assert taken.acknowledgement == Acknowledgement("U7", TAKEN_AT)
    assert (taken.job.name, taken.is_open) == ("naïve \N{GRINNING FACE}", True)
    assert (free.acknowledgement, free.is_open) == (None, True)
    assert over.acknowledgement is None
    assert due == ["free"]

    await asyncio.to_thread(command.downgrade, alembic_config(url), "0002")
    database = Database(url)
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT id, value FROM incidents"))).all()
    await database.aclose()
    acknowledged = {row.id: json.loads(row.value)["alerts"][0].get("acknowledged_by") for row in rows}
    assert acknowledged == {"taken": "U7", "free": None, "over": None}
    await upgrade(url)


async def test_an_acknowledgement_whose_message_was_purged_has_the_time_of_the_incident(url: str) -> None:
    await asyncio.to_thread(command.upgrade, alembic_config(url), "0002")
    await fill(url)
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM deliveries"))
    await database.aclose()

    await upgrade(url)

    store = await open_store(url)
    taken = await store.incidents.find("taken")
    await store.aclose()
    assert taken is not None
    assert taken.acknowledgement == Acknowledgement("U7", NOW)
