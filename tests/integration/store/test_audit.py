"""The audit trail and the keys of what was handled, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.domain.audit import AuditEntry, AuditKind, AuditResult
from bot.store.audit import AuditQuery
from bot.store.store import KEEP_AUDIT_FOR, Store

HOUR = timedelta(hours=1)


def entry(at: datetime, text: str = "status a:1", user: str = "U0ADA") -> AuditEntry:
    return AuditEntry(AuditKind.COMMAND, user, "C1", "T1", text, at)


async def test_an_entry_is_finished_with_its_result(store: Store, now: datetime) -> None:
    number = await store.audit.add(entry(now))
    (started,) = (await store.audit.page(AuditQuery())).entries
    assert AuditResult.STARTED is started.result
    await store.audit.finish(number, AuditResult.REFUSED, "needs the role operate", "a:1")
    (refused,) = (await store.audit.page(AuditQuery())).entries
    assert (AuditResult.REFUSED, "needs the role operate", "a:1") == (refused.result, refused.detail, refused.job)


async def test_entries_are_filtered_and_paged_newest_first(store: Store, now: datetime) -> None:
    for number in range(7):
        user = "U0ADA" if number % 2 else "U0BEN"
        await store.audit.finish(
            await store.audit.add(entry(now + number * HOUR, f"c{number}", user)), AuditResult.DONE, job="a:1"
        )
    first = await store.audit.page(AuditQuery(limit=3))
    assert (["c6", "c5", "c4"], 7) == ([one.text for one in first.entries], first.total)
    older = await store.audit.page(AuditQuery(limit=3, before=first.entries[-1].id))
    assert (["c3", "c2", "c1"], 4) == ([one.text for one in older.entries], older.total)
    filtered = await store.audit.page(AuditQuery(user="U0ADA", job="a:1", since=now + 2 * HOUR))
    assert ["c5", "c3"] == [one.text for one in filtered.entries]
    assert 0 == (await store.audit.page(AuditQuery(job="a:2"))).total


async def test_hostile_and_long_text_is_stored(store: Store, now: datetime) -> None:
    await store.audit.add(entry(now, "\x00" + "x" * 5000, "U" * 500))
    (stored,) = (await store.audit.page(AuditQuery())).entries
    assert (1000, 100) == (len(stored.text), len(stored.user))


async def test_entries_are_purged_by_age(store: Store, now: datetime) -> None:
    await store.audit.add(entry(now))
    assert 0 == await store.purge_expired(now + KEEP_AUDIT_FOR - HOUR)
    assert 1 == await store.purge_expired(now + 8 * HOUR, audit_kept_for=HOUR)


async def test_a_key_is_new_once_also_for_two_processes_at_once(store: Store, now: datetime) -> None:
    added = await asyncio.gather(*(store.seen.add("v0=abc", now + HOUR) for _ in range(5)))
    assert 1 == sum(added)
    assert await store.seen.add("v0=def", now + HOUR)


async def test_a_key_is_forgotten_when_it_expires(store: Store, now: datetime) -> None:
    await store.seen.add("v0=abc", now + HOUR)
    await store.purge_expired(now + 2 * HOUR)
    assert await store.seen.add("v0=abc", now + 3 * HOUR)
