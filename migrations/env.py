"""Alembic's environment: migrate the database at the caller's URL in one transaction, one process at a time.

The caller is `bot.store.migrate`, or a developer who changed `bot.store.schema`:
`alembic -x url=sqlite+aiosqlite:///scratch.db upgrade head`, then `… revision --autogenerate --rev-id 0002 -m "why"`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, TypeDecorator, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bot.store.schema import metadata

_LOCK_KEY = 0x747261696E  # an arbitrary number, the same for every trainwatch on a PostgreSQL server


async def _migrate() -> None:
    url = make_url(context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True)["url"])
    if url.get_backend_name() == "sqlite":
        # Without foreign keys: rebuilding a table deletes its old rows, and a cascade would delete their dependents.
        engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": 60, "isolation_level": None})
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    else:
        engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_run)


def _run(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=is_sqlite,
        render_item=_render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


def _render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Render our column types as their database types, because migrations must not change with our code."""
    return f"sa.{item.impl!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


if context.is_offline_mode():
    raise CommandError("Migrations need a database connection; --sql is not supported.")
asyncio.run(_migrate())
