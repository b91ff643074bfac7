"""The audit trail: every command, click and refusal, until it is purged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.audit import AuditEntry, AuditKind, AuditResult
from bot.store.codec import clean_text
from bot.store.engine import AnyRow, Database
from bot.store.group_commit import GroupCommit
from bot.store.schema import audit

_MAX_TEXT = 1000
_MAX_ID = 100


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries to list."""

    user: str | None = None
    job: str | None = None
    """A part of the reference."""
    channel: str | None = None
    since: datetime | None = None
    before: int | None = None
    """Only entries with a smaller number: the next page."""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first."""

    entries: tuple[AuditEntry, ...]
    total: int
    """How many there are, on all pages from this one on."""


class AuditTrail:
    """The entries of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._additions, self._results = GroupCommit(database, _add), GroupCommit(database, _finish)

    async def add(self, entry: AuditEntry) -> int:
        """Add an entry and return its number."""
        return await self._additions.run(entry)

    async def finish(self, number: int, result: AuditResult, detail: str = "", job: str = "") -> None:
        """Set what came of an entry."""
        texts = {"new_detail": detail[:_MAX_TEXT], "new_job": job[:_MAX_TEXT]}
        await self._results.run({"number": number, "new_result": result, **texts})

    async def page(self, query: AuditQuery) -> AuditPage:
        """Return the newest entries that match, and how many match."""
        conditions = [audit.c.id < query.before] if query.before is not None else []
        conditions += [audit.c.user == query.user] if query.user is not None else []
        conditions += [audit.c.job.contains(query.job, autoescape=True)] if query.job is not None else []
        conditions += [audit.c.channel == query.channel] if query.channel is not None else []
        conditions += [audit.c.at >= query.since] if query.since is not None else []
        newest = select(audit).where(*conditions).order_by(audit.c.id.desc()).limit(query.limit)
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(audit).where(*conditions))
            rows = (await connection.execute(newest)).all()
        return AuditPage(tuple(_read(row) for row in rows), total or 0)


async def _add(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> Sequence[int]:
    rows = [
        {
            "at": entry.at,
            "kind": entry.kind,
            "user": clean_text(entry.user)[:_MAX_ID],
            "channel": clean_text(entry.channel)[:_MAX_ID],
            "team": clean_text(entry.team)[:_MAX_ID],
            "text": entry.text[:_MAX_TEXT],
            "job": entry.job[:_MAX_TEXT],
            "result": entry.result,
            "detail": entry.detail[:_MAX_TEXT],
        }
        for entry in entries
    ]
    statement = audit.insert().returning(audit.c.id, sort_by_parameter_order=True)
    return (await connection.scalars(statement, rows)).all()


async def _finish(connection: AsyncConnection, items: Sequence[dict[str, object]]) -> Sequence[None]:
    changes: dict[str, BindParameter[str]] = {name: bindparam(f"new_{name}") for name in ("result", "detail", "job")}
    await connection.execute(update(audit).where(audit.c.id == bindparam("number")).values(**changes), list(items))
    return [None] * len(items)


def _read(row: AnyRow) -> AuditEntry:
    return AuditEntry(
        kind=AuditKind(row.kind),
        user=row.user,
        channel=row.channel,
        team=row.team,
        text=row.text,
        at=row.at,
        job=row.job,
        result=AuditResult(row.result),
        detail=row.detail,
        id=row.id,
    )
