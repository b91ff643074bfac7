"""Check that the database can be reached, has our schema and is writable (`trainwatch check`)."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from bot.domain.checks import CheckResult
from bot.errors import StoreUnavailable
from bot.store.engine import Database
from bot.store.schema import SCHEMA_VERSION, heartbeats

_SUBJECT = "Database"
_SCHEMA = "Database schema"


async def check_database(database: Database) -> list[CheckResult]:
    """Check the database; stop at the first problem, because the others would follow from it."""
    try:
        async with database.read() as connection:
            version = await connection.run_sync(_version)
    except StoreUnavailable as error:
        remedy = "Check DATABASE_URL, and that the server runs or the directory of the file exists and is writable."
        return [CheckResult(_SUBJECT, False, f"{database.description} cannot be reached: {_cause(error)}", remedy)]
    found = [CheckResult(_SUBJECT, True, database.description), _check_version(version)]
    if version == SCHEMA_VERSION:
        found.append(await _check_writable(database))
    return found


def _version(connection: Connection) -> str | None:
    """Return the Alembic revision, None in a database without one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _check_version(version: str | None) -> CheckResult:
    if version == SCHEMA_VERSION:
        return CheckResult(_SCHEMA, True, f"version {version}")
    if version is None:
        return CheckResult(_SCHEMA, True, "no tables yet; `trainwatch serve` or `trainwatch db upgrade` creates them")
    if version < SCHEMA_VERSION:
        found = f"version {version} is older than this trainwatch's {SCHEMA_VERSION}"
        return CheckResult(_SCHEMA, False, found, "Run `trainwatch db upgrade`.")
    found = f"version {version} is newer than this trainwatch's {SCHEMA_VERSION}"
    return CheckResult(_SCHEMA, False, found, "Install the trainwatch version that wrote it, or a newer one.")


async def _check_writable(database: Database) -> CheckResult:
    try:
        async with database.write() as connection:
            await connection.execute(heartbeats.delete().where(heartbeats.c.name == "not a loop"))
    except StoreUnavailable as error:
        remedy = "Give trainwatch's user write access: to the file and its directory, or to the tables."
        return CheckResult("Database writable", False, f"not writable: {_cause(error)}", remedy)
    return CheckResult("Database writable", True, "yes")


def _cause(error: StoreUnavailable) -> str:
    """Return the first line of the driver's message; it may name hosts and files, never the password."""
    cause = error.__cause__
    message = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return message.split("\n", maxsplit=1)[0]
