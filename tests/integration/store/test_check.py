"""`trainwatch check` on the database: problems and their fixes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.checks import CheckResult
from bot.store.engine import Database
from bot.store.schema import SCHEMA_VERSION
from bot.store.store import Store, open_store


async def set_version(url: str, version: str) -> None:
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    await database.aclose()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_good_database_passes(store: Store) -> None:
    found = await store.check()

    assert [(one.subject, one.ok, one.remedy) for one in found] == [
        ("Database", True, None),
        ("Database schema", True, None),
        ("Database writable", True, None),
    ]


async def test_an_empty_database_passes_before_the_first_start(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    for found in (f"SQLite at {file} does not exist yet; it will be created at the first start", f"SQLite at {file}"):
        store = await open_store(f"sqlite:///{file}")
        assert await store.check() == [
            CheckResult("Database", True, found),
            CheckResult(
                "Database schema", True, "no tables yet; `trainwatch serve` or `trainwatch db upgrade` creates them"
            ),
        ]
        assert not await store.has_run()
        await store.aclose()
        if "not exist" in found:
            assert files_in(tmp_path) == []
            file.touch()


@pytest.mark.parametrize(
    ("version", "found", "remedy"),
    [
        ("0000", f"version 0000 is older than this trainwatch's {SCHEMA_VERSION}", "Run `trainwatch db upgrade`."),
        (
            "0099",
            f"version 0099 is newer than this trainwatch's {SCHEMA_VERSION}",
            "Install the trainwatch version that wrote it, or a newer one.",
        ),
    ],
)
async def test_another_schema_version_has_a_remedy(
    store: Store, database_url: str, version: str, found: str, remedy: str
) -> None:
    await set_version(database_url, version)
    try:
        assert (await store.check())[1:] == [CheckResult("Database schema", False, found, remedy)]
    finally:
        await set_version(database_url, SCHEMA_VERSION)


async def test_an_unreachable_database_is_named_without_its_password() -> None:
    store = await open_store("postgresql://bot:hunter2@127.0.0.1:1/trainwatch")

    (found,) = await store.check()

    assert not found.ok
    assert "PostgreSQL at 127.0.0.1/trainwatch: cannot be reached" in found.found
    assert "hunter2" not in found.found + str(found.remedy)
    assert "DATABASE_URL" in str(found.remedy)
    await store.aclose()


async def test_a_read_only_database_is_reported(sqlite_template: Path) -> None:
    store = await open_store(f"sqlite:///file:{sqlite_template}?mode=ro&immutable=1&uri=true")

    found = (await store.check())[-1]

    assert (found.subject, found.ok) == ("Database writable", False)
    assert "readonly" in found.found
    await store.aclose()
