"""Check that the database can be reached, has our schema, is intact and can be written to."""

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.domain.checks import CheckResult
from bot.errors import StoreUnavailable
from bot.store.engine import Database
from bot.store.faults import CorruptDatabase, describe_fault, fault_of
from bot.store.schema import SCHEMA_VERSION, heartbeats

_SCHEMA, _WRITABLE = "Database schema", "Database writable"
_TEST_ROW, _TEST_AT = "write test", datetime(2000, 1, 1, tzinfo=UTC)
_TEST_BYTES = 256 * 1024
"""SQLite's files grow by less between two checks of a running bot."""
_QUICK_BYTES = 256 * 1024 * 1024
"""Larger files are not checked for corruption, which reads all of them."""


async def check_database(database: Database, *, with_integrity: bool) -> list[CheckResult]:
    """Check a database; stop at the first problem. Creates nothing but a temporary file beside a SQLite file."""
    if database.is_missing:
        found = f"{database.description} does not exist yet; it will be created at the first start"
        return [CheckResult("Database", True, found), check_version(None)]
    try:
        version = await read_version(database)
        if with_integrity:
            await _check_integrity(database)
    except StoreUnavailable as error:
        fault = describe_fault(error)
        return [CheckResult("Database", False, f"{database.description}: {fault.found}", fault.remedy)]
    results = [CheckResult("Database", True, database.description), check_version(version)]
    return [*results, await _check_writable(database)] if version == SCHEMA_VERSION else results


async def read_version(database: Database) -> str | None:
    """Return the Alembic revision, None in a database without one.

    Raises:
        StoreUnavailable: it cannot be read.
    """
    async with database.read() as connection:
        return await connection.run_sync(_version)


def check_version(version: str | None) -> CheckResult:
    """Compare the database's schema with ours."""
    if version == SCHEMA_VERSION:
        return CheckResult(_SCHEMA, True, f"version {version}")
    if version is None:
        return CheckResult(_SCHEMA, True, "no tables yet; `trainwatch serve` or `trainwatch db upgrade` creates them")
    if version < SCHEMA_VERSION:
        found = f"version {version} is older than this trainwatch's {SCHEMA_VERSION}"
        return CheckResult(_SCHEMA, False, found, "Run `trainwatch db upgrade`.")
    found = f"version {version} is newer than this trainwatch's {SCHEMA_VERSION}"
    return CheckResult(_SCHEMA, False, found, "Install the trainwatch version that wrote it, or a newer one.")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


async def _check_integrity(database: Database) -> None:
    """Look for corrupt pages in a SQLite file; PostgreSQL checks its pages itself.

    Raises:
        StoreUnavailable: the file is corrupt.
    """
    if database.file is None or await asyncio.to_thread(_size, database.file) > _QUICK_BYTES:
        return
    async with database.read() as connection:
        found = await connection.scalar(text("PRAGMA quick_check(1)"))
    if found != "ok":
        raise StoreUnavailable from CorruptDatabase(str(found).strip().split("\n")[-1])


async def _check_writable(database: Database) -> CheckResult:
    """Write and delete a row. Free pages in a SQLite file would hide a full disk, so write a file beside it too."""
    try:
        async with database.write() as connection:
            await connection.execute(database.upsert(heartbeats, "at"), {"name": _TEST_ROW, "at": _TEST_AT})
        async with database.write() as connection:
            await connection.execute(heartbeats.delete().where(heartbeats.c.name == _TEST_ROW))
        if database.file is not None:
            await asyncio.to_thread(_write_file, database.file.parent)
    except StoreUnavailable as error:
        fault = describe_fault(error)
    except OSError as error:
        fault = fault_of(error)
    else:
        return CheckResult(_WRITABLE, True, "yes")
    return CheckResult(_WRITABLE, False, fault.found, fault.remedy)


def _write_file(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_TEST_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
