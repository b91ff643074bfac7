"""A store on each database, empty for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from tests.support.postgres import empty_tables, fresh_database, postgres_server

__all__ = ["postgres_server"]

NOW = datetime(2026, 3, 13, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        asyncio.run(upgrade(url))
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with our schema and no rows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "trainwatch.db")
        yield f"sqlite:///{tmp_path / 'trainwatch.db'}"
    else:
        url = request.getfixturevalue("postgres_template")
        yield url
        empty_tables(url)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = await open_store(database_url)
    yield store
    await store.aclose()


@pytest.fixture
def now() -> datetime:
    return NOW
