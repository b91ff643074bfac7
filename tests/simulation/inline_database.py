"""SQLite in memory, executed on the event loop: one seed gives one course of events, and a statement costs little.

Connections, threads and locks are replaced. The statements and the transactions around them are the store's own. All
simulated processes share the one connection, because none waits inside a transaction.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Any

from bot.store.engine import Database
from tests.simulation.incarnation import Incarnation, check_alive, current_process
from tests.simulation.prepared_statements import Rows, StatementRunner


class InlineConnection:
    """The methods of an AsyncConnection that the store calls."""

    def __init__(self, disk: sqlite3.Connection) -> None:
        self._statements = StatementRunner(disk)

    async def execute(self, *arguments: Any) -> Rows:
        check_alive()
        return self._statements.execute(*arguments)

    async def scalar(self, *arguments: Any) -> Any:
        check_alive()
        return self._statements.execute(*arguments).scalar()

    async def scalars(self, *arguments: Any) -> Rows:
        check_alive()
        return self._statements.execute(*arguments).scalars()


class InlineDatabase(Database):
    """The disk of every simulation. Compiled statements are kept from seed to seed."""

    def __init__(self) -> None:
        super().__init__("sqlite:///file:simulation")  # never opened
        self.disk = sqlite3.connect(":memory:", isolation_level=None, cached_statements=2000)
        """For backups, and to look at the rows."""
        self._connection = InlineConnection(self.disk)

    def read(self) -> _Reading:  # type: ignore[override]
        """Begin to read. No transaction is needed, because nobody writes meanwhile."""
        return _Reading(self._connection)

    def write(self) -> _Writing:  # type: ignore[override]
        """Open a transaction."""
        return _Writing(self._connection, self.disk)


class _Reading:
    def __init__(self, connection: InlineConnection) -> None:
        self._connection = connection

    async def __aenter__(self) -> InlineConnection:
        check_alive()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""


class _Writing(_Reading):
    """A transaction. A process that is set to die around a commit dies at its end."""

    def __init__(self, connection: InlineConnection, disk: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._disk = disk

    async def __aenter__(self) -> InlineConnection:
        check_alive()
        self._disk.execute("BEGIN")
        self._changes = self._disk.total_changes
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._disk.execute("ROLLBACK")
            return
        process = current_process.get() if self._disk.total_changes > self._changes else None
        try:
            _count_commit(process, after=False)
        except BaseException:
            self._disk.execute("ROLLBACK")
            raise
        self._disk.execute("COMMIT")
        _count_commit(process, after=True)


def _count_commit(process: Incarnation | None, *, after: bool) -> None:
    if process is not None:
        process.count_commit(after=after)
