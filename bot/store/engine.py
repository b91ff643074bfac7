"""Connections and transactions, for SQLite and PostgreSQL alike.

Transactions are short and contain no network call: read, close, do the slow work, then open another one and write.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Select, Table, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.domain.destinations import Webhook
from bot.errors import ConfigError, StoreUnavailable
from bot.store.write_gate import WriteGate

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns have the names of its table."""
AnySelect = Select[*tuple[Any, ...]]

BUSY_TIMEOUT_S = 20.0
"""How long SQLite waits for the transaction of another process."""
TRANSACTION_TIMEOUT_S = 30.0
"""Deadline of a transaction, so that a database that hangs causes an error."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_FORMS = "`sqlite:///trainwatch.db` or `postgresql://user:password@host:5432/name`"


def parse_database_url(text: str) -> URL:
    """Parse DATABASE_URL and set the driver.

    Raises:
        ConfigError: the URL is invalid or names an unsupported database. Never quotes the URL, which has a password.
    """
    try:
        url = make_url(_encode_at_signs(text.strip()))
    except (ArgumentError, ValueError):
        raise ConfigError(f"DATABASE_URL is not a valid URL. Use {_FORMS}.") from None
    driver = _DRIVERS.get(url.drivername.lower())
    if driver is None:
        raise ConfigError(
            f"DATABASE_URL names `{url.drivername}`, but trainwatch supports SQLite and PostgreSQL. Use {_FORMS}."
        )
    if driver.startswith("sqlite") and (url.database in (None, "", ":memory:") or "mode=memory" in text):
        raise ConfigError(
            f"DATABASE_URL names an in-memory database, which would lose all data at a restart. Use {_FORMS}."
        )
    return url.set(drivername=driver)


def _encode_at_signs(text: str) -> str:
    """Encode each @ of the user and the password: the server begins after the last @.

    Raises:
        ConfigError: an @ follows a question mark, so the last one may belong to the password or to the options.
    """
    scheme, separator, rest = text.partition("://")
    if rest.count("@") < 2 or rest.startswith("/"):
        return text
    if "@" in rest.partition("?")[2]:
        raise ConfigError("DATABASE_URL has an @ after a question mark. Write @ as %40 in password and options.")
    user_info, _, server = rest.rpartition("@")
    return f"{scheme}{separator}{user_info.replace('@', '%40')}@{server}"


def describe_database(url: URL) -> str:
    """Describe a database without its password: `SQLite at trainwatch.db`, `PostgreSQL at db.example/trainwatch`."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite at {url.database}"
    return f"PostgreSQL at {url.host or url.query.get('host', 'the local socket')}/{url.database or ''}"


class Database:
    """One database, and transactions on it."""

    def __init__(
        self,
        url: str,
        *,
        transaction_timeout_s: float | None = TRANSACTION_TIMEOUT_S,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        engine: AsyncEngine | None = None,
    ) -> None:
        # An `engine` is shared with other Databases; None: a new one.
        parsed = parse_database_url(url)
        self.webhooks: tuple[Webhook, ...] = ()
        """Webhooks that get events besides Slack's messages."""
        self.description = describe_database(parsed)
        """For people; has no password."""
        self._transaction_timeout_s = transaction_timeout_s
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._file = Path(parsed.database) if self._is_sqlite and parsed.database else None
        if engine is None:
            engine = _sqlite_engine(parsed, busy_timeout_s) if self._is_sqlite else _postgresql_engine(parsed)
        self._engine = engine
        # SQLite has one writer and waits for it by polling; within a process a queue is fairer, between them the gate.
        self._writer: AbstractAsyncContextManager[object] = asyncio.Lock() if self._is_sqlite else nullcontext()
        self._gate = None if self.file is None else WriteGate(self.file.parent)

    @property
    def is_missing(self) -> bool:
        """Whether this is a SQLite file that does not exist yet, in a folder that does: connecting would create it."""
        file = self._file
        return file is not None and not file.name.startswith("file:") and not file.exists() and file.parent.is_dir()

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL and for a file that is named by a URI."""
        return None if self._file is None or self._file.name.startswith("file:") else self._file

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT with ON CONFLICT, which SQLAlchemy offers per database."""
        return _insert(table, is_sqlite=self._is_sqlite)

    def upsert(self, table: Table, *columns: str) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that overwrites these columns when a row with the same primary key exists."""
        return _upsert(table, columns, is_sqlite=self._is_sqlite)

    def insert_new(self, table: Table, *key: str) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that skips a row if one with the same unique key exists."""
        return _insert_new(table, key, is_sqlite=self._is_sqlite)

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """Wait for transactions that locked the same name; SQLite has one writer anyway."""
        if not self._is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads.

        Raises:
            StoreUnavailable: busy, unreachable, or without our tables.
        """
        async with _transaction(self._engine, self._transaction_timeout_s) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write; commit it at the end, roll it back on any exception.

        Raises:
            StoreUnavailable: busy, unreachable, or without our tables; nothing was written.
            DBAPIError: the values do not fit the tables; nothing was written.
        """
        engine = self._engine.execution_options(**{_WRITES: True})
        async with self._writer, self._turn() as leave, _transaction(engine, self._transaction_timeout_s) as connection:
            leave()  # it has the write lock
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Callable[[], None]]:
        """Wait for this process' turn to ask for SQLite's write lock. Yields what ends the turn."""
        if self._gate is None:
            yield lambda: None
            return
        await self._gate.enter()
        try:
            yield self._gate.leave
        finally:
            self._gate.leave()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        if self._gate is not None:
            self._gate.close()


def _insert(table: Table, *, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if is_sqlite else postgresql.insert(table)


@cache
def _insert_new(table: Table, key: tuple[str, ...], *, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:
    return _insert(table, is_sqlite=is_sqlite).on_conflict_do_nothing(index_elements=list(key))


@cache
def _upsert(table: Table, columns: tuple[str, ...], *, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:
    insert = _insert(table, is_sqlite=is_sqlite)
    changes = {name: insert.excluded[name] for name in columns}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)


@asynccontextmanager
async def _transaction(engine: AsyncEngine, timeout_s: float | None) -> AsyncIterator[AsyncConnection]:
    try:
        async with asyncio.timeout(timeout_s), engine.begin() as connection:
            yield connection
    except (IntegrityError, DataError):
        raise  # values that our tables refuse are a bug, not an outage
    except (DBAPIError, PoolTimeout, TimeoutError) as error:
        if isinstance(error, DBAPIError) and _is_too_large(error):
            raise
        raise StoreUnavailable from error


def _is_too_large(error: DBAPIError) -> bool:
    """Whether PostgreSQL refuses a value for its size (class 54, "program limit exceeded").

    Its driver reports that like a failed connection. Source:
    https://www.postgresql.org/docs/current/errcodes-appendix.html (documented) and psycopg 3.2 (observed, 2026-11-21).
    """
    return str(getattr(error.orig, "sqlstate", None) or "").startswith("54")


_WRITES = "trainwatch_writes"


def _postgresql_engine(url: URL) -> AsyncEngine:
    return create_async_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})


def _sqlite_engine(url: URL, busy_timeout_s: float) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": busy_timeout_s})

    @event.listens_for(engine.sync_engine, "do_connect")
    def _probe(_dialect: Dialect, _entry: ConnectionPoolEntry, arguments: Any, options: Any) -> None:
        # When a file cannot be opened, aiosqlite's thread prints to stderr, so open it here first.
        sqlite3.connect(*arguments, **options).close()

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin a transaction only before the first write, and a transaction that has read cannot
        # become a writer if another wrote meanwhile. So the driver begins none, and `_begin` chooses the kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # Stored in the file, so needed once; if a writer blocks it, the next connection sets it.
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine.sync_engine, "invalidate")
    def _roll_back(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _error: BaseException | None) -> None:
        # A statement that was cancelled ends in the connection's thread, and keeps SQLite's lock: a closed connection
        # lives on until its statements are collected as garbage (observed with aiosqlite 0.22, 2026-11-30).
        with suppress(sqlite3.Error):
            connection.rollback()

    return engine
