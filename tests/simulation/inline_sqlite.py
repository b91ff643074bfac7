"""SQLite without a thread: each statement runs on the event loop, so that one seed gives one course of events.

The driver (aiosqlite) is replaced, not the store: its statements, transactions and pool are the real ones. A database
in memory with a shared cache outlives the connections of one simulated process, like a file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi

from tests.simulation.incarnation import check_alive, current_process

URL = "sqlite:///file::memory:?cache=shared&uri=true"
_Job = tuple["asyncio.Future[Any]", Callable[[], Any]]


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def __aenter__(self) -> _Cursor:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> _Cursor:
        check_alive()
        self._cursor.execute(statement, parameters)
        return self

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> _Cursor:
        check_alive()
        self._cursor.executemany(statement, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid


class _Queue:
    """aiosqlite's queue of work for its thread, as SQLAlchemy uses it; this one runs the work at once."""

    def put_nowait(self, job: _Job) -> None:
        future, function = job
        future.set_result(function())


class InlineConnection:
    """One connection, with the methods that SQLAlchemy calls on aiosqlite's."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._thread = SimpleNamespace(daemon=True)
        self._tx = _Queue()
        self._conn: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        self._connection: sqlite3.Connection | None = self._conn
        self._changes = 0

    def __await__(self) -> Any:
        return self
        yield

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    def cursor(self) -> _Cursor:
        return _Cursor(self._conn.cursor())

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        self._conn.create_function(*arguments, **options)

    async def rollback(self) -> None:
        if self._conn.in_transaction:
            self._conn.rollback()
        self._changes = self._conn.total_changes

    async def commit(self) -> None:
        process, writes = current_process.get(), self._conn.total_changes > self._changes
        if process is not None and writes:
            process.count_commit(after=False)
        self._conn.commit()
        self._changes = self._conn.total_changes
        if process is not None and writes:
            process.count_commit(after=True)

    async def close(self) -> None:
        self._connection = None
        self._conn.close()

    def stop(self) -> None:
        self._conn.close()


class InlineDriver:
    """Stands in for the aiosqlite module. What a process is and when it dies is up to `incarnation.py`."""

    Connection = InlineConnection
    DatabaseError, Error = sqlite3.DatabaseError, sqlite3.Error
    IntegrityError, NotSupportedError = sqlite3.IntegrityError, sqlite3.NotSupportedError
    OperationalError, ProgrammingError = sqlite3.OperationalError, sqlite3.ProgrammingError
    sqlite_version, sqlite_version_info = sqlite3.sqlite_version, sqlite3.sqlite_version_info

    def connect(self, *arguments: Any, **options: Any) -> InlineConnection:
        check_alive()
        return InlineConnection(*arguments, **options)


def inline_driver() -> AsyncAdapt_aiosqlite_dbapi:
    """The DBAPI for `create_async_engine(module=...)`."""
    return AsyncAdapt_aiosqlite_dbapi(InlineDriver(), sqlite3)  # type: ignore[arg-type]
