"""The root messages of incidents and digests: the receipts that replies and edits need."""

from collections.abc import Collection

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Receipt
from bot.store.codec import to_json
from bot.store.schema import digests, incidents

_DIGEST_ID = "dig-"


async def find_roots(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str | None]:
    """Return the receipts of the root messages of incidents and digests, as JSON, by id."""
    found: dict[str, str | None] = {}
    for table in (incidents, digests):
        wanted = [one for one in ids if _table_of(one) is table]
        if wanted:
            rows = await connection.execute(select(table.c.id, table.c.root).where(table.c.id.in_(wanted)))
            found |= {row.id: row.root for row in rows}
    return found


async def set_root(connection: AsyncConnection, thread_id: str | None, receipt: Receipt) -> None:
    """Record the root message of an incident or a digest."""
    if thread_id is not None:
        table = _table_of(thread_id)
        await connection.execute(update(table).where(table.c.id == thread_id).values(root=to_json(receipt)))


async def forget_root(connection: AsyncConnection, thread_id: str | None, gone: Receipt) -> None:
    """Forget a root message that was deleted."""
    if thread_id is not None:
        table = _table_of(thread_id)
        is_gone = table.c.root == to_json(gone)
        await connection.execute(update(table).where(table.c.id == thread_id, is_gone).values(root=None))


def _table_of(thread_id: str) -> Table:
    return digests if thread_id.startswith(_DIGEST_ID) else incidents
