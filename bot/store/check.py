"""Is the database there, of our version, and writable? Each answer says what to do (`trainwatch check`)."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from bot.domain.checks import CheckResult
from bot.errors import StoreUnavailable
from bot.store.engine import Database
from bot.store.schema import SCHEMA_VERSION, heartbeats

_SUBJECT = "Database"
_SCHEMA = "Database schema"


async def check_database(database: Database) -> list[CheckResult]:
    """Look at the database; stops at the first thing that is wrong, for the rest would follow from it."""
    try:
        async with database.read() as connection:
            version = await connection.run_sync(_version)
    except StoreUnavailable as error:
        remedy = "Check DATABASE_URL, that the server runs, and that the file's directory exists and may be written."
        return [CheckResult(_SUBJECT, False, f"{database.description} cannot be reached: {_cause(error)}", remedy)]
    found = [CheckResult(_SUBJECT, True, database.description), _check_version(version)]
    if version == SCHEMA_VERSION:
        found.append(await _check_writable(database))
    return found


def _version(connection: Connection) -> str | None:
    """The revision Alembic left, None in a database that has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _check_version(version: str | None) -> CheckResult:
    if version == SCHEMA_VERSION:
        return CheckResult(_SCHEMA, True, f"version {version}")
    if version is None:
        return CheckResult(_SCHEMA, True, "none yet: `trainwatch serve` or `trainwatch db upgrade` makes the tables")
    if version < SCHEMA_VERSION:
        found = f"version {version} is older than this trainwatch's {SCHEMA_VERSION}"
        return CheckResult(_SCHEMA, False, found, "Run `trainwatch db upgrade`.")
    found = f"version {version} is newer than this trainwatch's {SCHEMA_VERSION}"
    return CheckResult(_SCHEMA, False, found, "Install the trainwatch that wrote it, or a newer one.")


async def _check_writable(database: Database) -> CheckResult:
    try:
        async with database.write() as connection:
            await connection.execute(heartbeats.delete().where(heartbeats.c.name == "no loop has this name"))
    except StoreUnavailable as error:
        remedy = "Give trainwatch's user the right to write: to the file and its directory, or to the tables."
        return CheckResult("Database writable", False, f"cannot be written: {_cause(error)}", remedy)
    return CheckResult("Database writable", True, "yes")


def _cause(error: StoreUnavailable) -> str:
    """The driver's own words, first line; they name hosts and files, never the password."""
    cause = error.__cause__
    words = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return words.split("\n", maxsplit=1)[0]
