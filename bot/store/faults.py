"""Explain why a database cannot be used, in terms that a person can act on.

Sources: https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

import errno
import sqlite3
from dataclasses import dataclass

from bot.errors import StoreUnavailable


class CorruptDatabase(Exception):
    """SQLite's own check found damage."""


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

_FILES = {
    errno.ENOSPC: DatabaseFault("the disk is full", _FREE_SPACE),
    errno.EDQUOT: DatabaseFault("the disk quota is used up", _FREE_SPACE),
    errno.EFBIG: DatabaseFault("files may not grow any more", "Raise the file size limit of trainwatch's user."),
    errno.EROFS: DatabaseFault("the disk is read-only", _WRITE_ACCESS),
    errno.EACCES: DatabaseFault("not writable", _WRITE_ACCESS),
    errno.EPERM: DatabaseFault("not writable", _WRITE_ACCESS),
}
_CONNECTION = (
    ("password authentication failed", "28P01"),
    ("no pg_hba.conf entry", "28000"),
    ("starting up", "57P03"),
    ("shutting down", "57P01"),
    ("too many", "53300"),
    ("remaining connection slots", "53300"),
    ("does not exist", "3D000"),
)
"""Errors while connecting have no SQLSTATE in psycopg, only the server's text (observed with 3.3, 2026-11-29)."""
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
    """Explain an error of a driver or of a file. The text may name hosts and files, never the password."""
    if isinstance(cause, TimeoutError):
        return DatabaseFault("busy: it did not answer in time", _RETRY)
    text = str(cause or "").strip().split("\n", maxsplit=1)[0] or type(cause).__name__
    known = _known_fault(cause, text)
    if known is None:
        return DatabaseFault(f"cannot be reached: {text}", _REACH)
    return DatabaseFault(f"{known.found} ({text})", known.remedy)


def _known_fault(cause: object, text: str) -> DatabaseFault | None:
    if isinstance(cause, CorruptDatabase):
        return _SQLITE[sqlite3.SQLITE_CORRUPT]
    if isinstance(cause, OSError):
        return _FILES.get(cause.errno or 0)
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int) and (code & 0xFF) in _SQLITE:
        return _SQLITE[code & 0xFF]
    if text.startswith("no such table"):
        return DatabaseFault("tables are missing", _UPGRADE)
    state = str(getattr(cause, "sqlstate", None) or "")
    if not state and isinstance(cause, Exception) and type(cause).__module__.startswith("psycopg"):
        state = next((state for part, state in _CONNECTION if part in text), "")
    return next((fault for prefix, fault in _POSTGRESQL if state.startswith(prefix)), None)
