"""The root messages of incidents, digests and runs: the receipts that replies and edits need."""

from collections.abc import Collection
from functools import cache

from sqlalchemy import Select, Table, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Receipt
from bot.store.codec import to_json
from bot.store.schema import boards, digests, incidents, runs

_TABLES = {"dig": digests, "run": runs, "brd": boards}
"""By the prefix of their ids; any other is an incident's."""


async def find_roots(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str | None]:
    """Return the receipts of the root messages of incidents, digests and runs, as JSON, by id."""
    found: dict[str, str | None] = {}
    for table in (incidents, *_TABLES.values()):
        wanted = [one for one in ids if table_of(one) is table]
        if wanted:
            rows = await connection.execute(_roots_in(table), {"ids": wanted})
            found |= {row.id: row.root for row in rows}
    return found


@cache
def _roots_in(table: Table) -> Select[str, str | None]:
    return select(table.c.id, table.c.root).where(table.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _set_root_in(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("thread"))


async def set_root(connection: AsyncConnection, thread_id: str | None, receipt: Receipt) -> None:
    """Record the root message of an incident, a digest or a run."""
    if thread_id is not None:
        table = table_of(thread_id)
        await connection.execute(_set_root_in(table), {"thread": thread_id, "root": to_json(receipt)})


async def forget_root(connection: AsyncConnection, thread_id: str | None, gone: Receipt) -> None:
    """Forget a root message that was deleted."""
    if thread_id is not None:
        table = table_of(thread_id)
        is_gone = table.c.root == to_json(gone)
        await connection.execute(update(table).where(table.c.id == thread_id, is_gone).values(root=None))


def table_of(thread_id: str) -> Table:
    """Return the table whose row has the root message of a thread."""
    return _TABLES.get(thread_id.partition("-")[0], incidents)
