"""The audit trail: every command, click and refusal, until it is purged."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from bot.domain.audit import AuditEntry, AuditKind, AuditResult
from bot.store.engine import AnyRow, Database
from bot.store.schema import audit

_MAX_TEXT = 1000


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

    async def add(self, entry: AuditEntry) -> int:
        """Add an entry and return its number."""
        statement = audit.insert().values(
            at=entry.at,
            kind=entry.kind,
            user=entry.user[:100],
            channel=entry.channel[:100],
            team=entry.team[:100],
            text=entry.text[:_MAX_TEXT],
            job=entry.job[:_MAX_TEXT],
            result=entry.result,
            detail=entry.detail[:_MAX_TEXT],
        )
        async with self._database.write() as connection:
            number: int = (await connection.execute(statement.returning(audit.c.id))).scalar_one()
        return number

    async def finish(self, number: int, result: AuditResult, detail: str = "", job: str = "") -> None:
        """Set what came of an entry."""
        values = {"result": result, "detail": detail[:_MAX_TEXT], "job": job[:_MAX_TEXT]}
        async with self._database.write() as connection:
            await connection.execute(update(audit).where(audit.c.id == number).values(**values))

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
