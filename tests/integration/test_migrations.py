"""The schema's steps: up, no drift from the tables in the code, down; on both databases, from checkout and wheel."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import inspect

from bot.errors import ConfigError, StoreUnavailable
from bot.store.engine import Database
from bot.store.migrate import alembic_config, upgrade
from bot.store.schema import SCHEMA_VERSION, metadata
from tests.support.postgres import fresh_database, postgres_server

__all__ = ["postgres_server"]

ROOT = Path(__file__).parents[2]
TABLES = {table.name for table in metadata.sorted_tables}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
    else:
        with fresh_database(request.getfixturevalue("postgres_server")) as url:
            yield url


async def tables(url: str) -> set[str]:
    database = Database(url)
    async with database.read() as connection:
        found = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    await database.aclose()
    return found - {"alembic_version"}


def test_the_code_has_the_newest_schema_version() -> None:
    scripts = ScriptDirectory.from_config(alembic_config("sqlite:///x.db"))

    assert scripts.get_heads() == [SCHEMA_VERSION]


def test_versions_are_ascending_numbers() -> None:
    """`trainwatch check` tells an older schema from a newer one by comparing them."""
    scripts = ScriptDirectory.from_config(alembic_config("sqlite:///x.db"))
    versions = [one.revision for one in scripts.walk_revisions()]

    assert versions == sorted(versions, reverse=True)
    assert all(len(version) == 4 and version.isdigit() for version in versions)


async def test_upgrade_creates_the_tables_and_downgrade_removes_them(empty_url: str) -> None:
    await upgrade(empty_url)
    assert await tables(empty_url) == TABLES

    await asyncio.to_thread(command.check, alembic_config(empty_url))  # raises on drift

    await asyncio.to_thread(command.downgrade, alembic_config(empty_url), "base")
    assert await tables(empty_url) == set()


async def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    await upgrade(empty_url)
    await upgrade(empty_url)

    assert await tables(empty_url) == TABLES


async def test_concurrent_upgrades_succeed(empty_url: str) -> None:
    script = f"import asyncio; from bot.store.migrate import upgrade; asyncio.run(upgrade({empty_url!r}))"
    together = [await asyncio.create_subprocess_exec(sys.executable, "-c", script) for _ in range(3)]

    assert [await one.wait() for one in together] == [0, 0, 0]
    assert await tables(empty_url) == TABLES


async def test_the_directory_of_a_new_file_is_created(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'data' / 'of 100%' / 'x.db'}"

    await upgrade(url)

    assert await tables(url) == TABLES


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    await upgrade(url)
    database = Database(url)
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    await database.aclose()

    with pytest.raises(StoreUnavailable, match="0099"):
        await upgrade(url)


async def test_an_unreachable_database_is_reported_without_its_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await upgrade("postgresql://bot:hunter2@127.0.0.1:1/trainwatch")

    assert "PostgreSQL at 127.0.0.1/trainwatch" in caught.value.public
    assert "hunter2" not in caught.value.public


async def test_an_unsupported_database_is_refused() -> None:
    with pytest.raises(ConfigError):
        await upgrade("mysql://db/x")


def test_migrations_cannot_be_exported_as_sql(tmp_path: Path) -> None:
    """A script would skip the lock that keeps two upgrades apart."""
    with pytest.raises(CommandError, match="--sql"):
        command.upgrade(alembic_config(f"sqlite:///{tmp_path / 'x.db'}"), "head", sql=True)


def test_migrations_run_from_an_installed_wheel(tmp_path: Path) -> None:
    """The build itself is proved with the whole program; here, that an installed package finds its steps."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert settings["force-include"]["migrations"] == "bot/_migrations"
    hidden = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "bot", tmp_path / "site" / "bot", ignore=hidden)
    shutil.copytree(ROOT / "migrations", tmp_path / "site" / "bot" / "_migrations", ignore=hidden)
    script = (
        "import asyncio, bot.store.migrate as migrate\n"
        f"assert migrate.__file__.startswith({str(tmp_path)!r}), migrate.__file__\n"
        f"asyncio.run(migrate.upgrade('sqlite:///{tmp_path}/x.db'))\n"
    )

    subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "site", check=True)

    assert asyncio.run(tables(f"sqlite:///{tmp_path}/x.db")) == TABLES
