"""Explain why a database cannot be used, in terms that a person can act on.

Sources: https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

import sqlite3
from dataclasses import dataclass

from bot.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class DatabaseFault:
    """What is wrong with the database, and what to do."""

    found: str
    remedy: str


_FREE_SPACE = "Free space on the disk of the database, or enlarge it. trainwatch continues by itself."
_CORRUPT = (
    "Stop trainwatch and keep a copy of the file. Restore a backup, or recover the rows: "
    "sqlite3 OLD.db .recover | sqlite3 NEW.db"
)
_WRITE_ACCESS = "Give trainwatch's user write access: to the file and its directory, or to the tables."
_REACH = "Check DATABASE_URL, and that the server runs or the directory of the file exists and is writable."
_RETRY = "Try again. If it stays busy, end the process that holds it."
_UPGRADE = "Run `trainwatch db upgrade`."

_SQLITE = {
    sqlite3.SQLITE_FULL: DatabaseFault("the disk is full", _FREE_SPACE),
    sqlite3.SQLITE_CORRUPT: DatabaseFault("the file is corrupt", _CORRUPT),
    sqlite3.SQLITE_NOTADB: DatabaseFault("the file is not a database", _CORRUPT),
    sqlite3.SQLITE_READONLY: DatabaseFault("not writable", _WRITE_ACCESS),
    sqlite3.SQLITE_BUSY: DatabaseFault("busy: another process holds it", _RETRY),
    sqlite3.SQLITE_LOCKED: DatabaseFault("busy: another process holds it", _RETRY),
    sqlite3.SQLITE_IOERR: DatabaseFault(
        "the disk reports an error", "Check the disk of the database: its free space, its quota and its health."
    ),
}
"""By SQLite's primary result code. SQLITE_CANTOPEN keeps the driver's text."""

_POSTGRESQL = (
    ("53100", DatabaseFault("the server's disk is full", _FREE_SPACE)),
    ("533", DatabaseFault("the server has no free connection", "Raise max_connections, or end other clients.")),
    ("53", DatabaseFault("the server is out of resources", "Check the memory and the disk of the server.")),
    ("25006", DatabaseFault("the server is read-only", "Point DATABASE_URL at the primary server.")),
    ("28", DatabaseFault("the server refused the user or password", "Check the user and password in DATABASE_URL.")),
    ("3D000", DatabaseFault("the server has no database of this name", "Create it, or correct DATABASE_URL.")),
    ("42501", DatabaseFault("not writable", _WRITE_ACCESS)),
    ("42P01", DatabaseFault("tables are missing", _UPGRADE)),
    ("57P", DatabaseFault("the server is shutting down or starting", "Wait, or start the server.")),
    ("XX001", DatabaseFault("the server reports corrupt data", "Restore a backup; see the server's log.")),
)
"""By the beginning of PostgreSQL's SQLSTATE; the first match counts."""


def describe_fault(error: StoreUnavailable) -> DatabaseFault:
    """Explain an error of a database that could not be used."""
    cause = error.__cause__
    return fault_of(getattr(cause, "orig", None) or cause)


def fault_of(cause: object) -> DatabaseFault:
    """Explain an error of a driver. The text may name hosts and files, never the password."""
    if isinstance(cause, TimeoutError):
        return DatabaseFault("busy: it did not answer in time", _RETRY)
    code = getattr(cause, "sqlite_errorcode", None)
    text = str(cause or "").strip().split("\n", maxsplit=1)[0] or type(cause).__name__
    if isinstance(code, int) and (known := _SQLITE.get(code & 0xFF)):
        return DatabaseFault(f"{known.found} ({text})", known.remedy)
    if text.startswith("no such table"):
        return DatabaseFault(f"tables are missing ({text})", _UPGRADE)
    state = str(getattr(cause, "sqlstate", None) or "")
    for prefix, fault in _POSTGRESQL:
        if state.startswith(prefix):
            return DatabaseFault(f"{fault.found} ({text})", fault.remedy)
    return DatabaseFault(f"cannot be reached: {text}", _REACH)
