"""SQLite in memory, executed on the event loop: one seed gives one course of events, and a statement costs little.

SQLAlchemy's asyncio layer is replaced, with its threads, greenlets and pool. The statements and the transactions around
them are the store's own. All simulated processes share the one connection, because none waits inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, StaticPool, create_engine

from tests.simulation.incarnation import check_alive, current_process

URL = "sqlite:///file:simulation"
"""Never opened."""


class InlineConnection:
    """The methods of an AsyncConnection that the store calls."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, *arguments: Any) -> Any:
        check_alive()
        return self._connection.execute(*arguments)

    async def scalar(self, *arguments: Any) -> Any:
        check_alive()
        return self._connection.scalar(*arguments)

    async def scalars(self, *arguments: Any) -> Any:
        check_alive()
        return self._connection.scalars(*arguments)


class InlineEngine:
    """The methods of an AsyncEngine that the store calls. Compiled statements are kept from seed to seed."""

    def __init__(self) -> None:
        self.disk = sqlite3.connect(":memory:", isolation_level=None)
        """For backups, and to look at the rows."""
        engine = create_engine("sqlite://", creator=lambda: self.disk, poolclass=StaticPool)
        self._connection = InlineConnection(engine.connect())

    def execution_options(self, **_: object) -> InlineEngine:
        """Return an engine for other transactions, which begin in the same way here."""
        return self

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[InlineConnection]:
        """Open a transaction; a process that is set to die around a commit dies here."""
        check_alive()
        self.disk.execute("BEGIN")
        try:
            changes = self.disk.total_changes
            yield self._connection
            process = current_process.get() if self.disk.total_changes > changes else None
            if process is not None:
                process.count_commit(after=False)
        except BaseException:
            self.disk.execute("ROLLBACK")
            raise
        self.disk.execute("COMMIT")
        if process is not None:
            process.count_commit(after=True)

    async def dispose(self) -> None:
        """Do nothing: the next seed uses the same connection."""
