"""A channel's queue: pages first, then warnings, notes, edits and replies; an incident keeps its order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from bot.domain.alerts import Delivery, DeliveryKind, Incident, NotifyReason, Receipt, Severity
from bot.domain.priorities import DeliveryPriority, priority_of
from bot.store.outbox import OVERTAKEN
from bot.store.store import Store
from tests.integration.store.building import LEASE, add_to_outbox, delivery, incident

ROOT, REPLY, EDIT, NOTE, DIRECT = (
    DeliveryKind.ROOT,
    DeliveryKind.REPLY,
    DeliveryKind.EDIT,
    DeliveryKind.NOTE,
    DeliveryKind.DIRECT,
)
PAGE, WARN, INFO = Severity.PAGE, Severity.WARN, Severity.INFO


def of(severity: Severity, now: datetime, id: str) -> Incident:
    about = incident(now, id=id)
    return replace(about, alerts=(replace(about.alerts[0], severity=severity),))


def change(one: Delivery, **fields: object) -> Delivery:
    return replace(one, notification=replace(one.notification, **fields))  # type: ignore[arg-type]


async def claim_texts(store: Store, now: datetime) -> list[str | None]:
    return [one.notification.text for one in await store.deliveries.claim(now, lease=LEASE)]


@pytest.mark.parametrize(
    ("kind", "severity", "fields", "expected"),
    [
        (ROOT, PAGE, {}, DeliveryPriority.PAGE),
        (ROOT, WARN, {}, DeliveryPriority.WARNING),
        (ROOT, INFO, {}, DeliveryPriority.NOTE),
        (NOTE, PAGE, {}, DeliveryPriority.NOTE),
        (NOTE, WARN, {"mention": PAGE}, DeliveryPriority.PAGE),
        (EDIT, PAGE, {}, DeliveryPriority.EDIT),
        (REPLY, PAGE, {}, DeliveryPriority.REPLY),
        (REPLY, PAGE, {"broadcast": True}, DeliveryPriority.PAGE),
        (REPLY, WARN, {"broadcast": True}, DeliveryPriority.WARNING),
        (REPLY, WARN, {"mention": PAGE}, DeliveryPriority.PAGE),
        (REPLY, WARN, {"reason": NotifyReason.REMINDER}, DeliveryPriority.PAGE),
        (DIRECT, PAGE, {}, DeliveryPriority.PAGE),
        (DIRECT, WARN, {}, DeliveryPriority.WARNING),
    ],
)
def test_the_priority_of_a_notification(
    now: datetime, kind: DeliveryKind, severity: Severity, fields: dict[str, object], expected: DeliveryPriority
) -> None:
    made = change(delivery("x", kind, about=of(severity, now, "inc-1")), **fields)

    assert priority_of(made.notification) is expected


async def test_the_most_urgent_goes_first(store: Store, now: datetime) -> None:
    shown = of(WARN, now, "inc-1")
    await add_to_outbox(store, now, delivery("old root", ROOT, about=shown), about=shown)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_sent(root.id, root.token, _receipt(), now)
    news = [
        delivery("reply", REPLY, about=shown),
        delivery("edit", EDIT, about=shown),
        delivery("note"),
        delivery("warning", ROOT, about=of(WARN, now, "inc-2")),
        delivery("page", ROOT, about=of(PAGE, now, "inc-3")),
    ]
    await add_to_outbox(store, now + LEASE, *news)

    assert await claim_texts(store, now + LEASE) == ["page", "warning", "note", "edit", "reply"]


async def test_a_page_pulls_what_its_incident_sends_before_it(store: Store, now: datetime) -> None:
    shown = of(WARN, now, "inc-1")
    await add_to_outbox(store, now, delivery("old root", ROOT, about=shown), about=shown)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_sent(root.id, root.token, _receipt(), now)
    news = [
        delivery("other warning", ROOT, about=of(WARN, now, "inc-2")),
        delivery("reply 1", REPLY, about=shown),
        change(delivery("page", REPLY, about=shown), mention=PAGE),
        delivery("reply 2", REPLY, about=shown),
    ]
    await add_to_outbox(store, now + LEASE, *news)

    room = {"C1": 1}.__getitem__
    sent = []
    for _ in range(4):
        (one,) = await store.deliveries.claim(now + LEASE, lease=LEASE, room=room)
        await store.deliveries.mark_sent(one.id, one.token, _receipt(), now)
        sent.append(one.notification.text)
    assert sent == ["reply 1", "page", "other warning", "reply 2"]


async def test_a_page_overtakes_many_replies_of_its_incident(store: Store, now: datetime) -> None:
    shown = of(WARN, now, "inc-1")
    await add_to_outbox(store, now, delivery("root", ROOT, about=shown), about=shown)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_sent(root.id, root.token, _receipt(), now)
    replies = [delivery(f"reply {number}", REPLY, about=shown) for number in range(OVERTAKEN + 1)]
    pages = [change(delivery(name, REPLY, about=shown), mention=PAGE) for name in ("page 1", "page 2")]
    await add_to_outbox(store, now + LEASE, *replies, *pages)

    sent = []
    for _ in range(4):
        (one,) = await store.deliveries.claim(now + LEASE, lease=LEASE, room={"C1": 1}.__getitem__)
        await store.deliveries.mark_sent(one.id, one.token, _receipt(), now)
        sent.append(one.notification.text)
    assert sent == ["page 1", "page 2", "reply 0", "reply 1"]


async def test_only_edits_wait_while_edits_are_limited(store: Store, now: datetime) -> None:
    shown = of(WARN, now, "inc-1")
    await add_to_outbox(store, now, delivery("old root", ROOT, about=shown), about=shown)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_sent(root.id, root.token, _receipt(), now)
    await add_to_outbox(store, now, delivery("edit", EDIT, about=shown), delivery("reply", REPLY, about=shown))

    limited = await store.deliveries.claim(now, lease=LEASE, with_edits=False)

    assert [one.notification.text for one in limited] == ["reply"]
    assert await claim_texts(store, now) == ["edit"]


async def test_one_delivery_becomes_the_root_and_the_others_wait(store: Store, now: datetime) -> None:
    """As after the root message was deleted, and a reply became the new root."""
    shown = of(WARN, now, "inc-1")
    kinds = {"root": ROOT, "reply": REPLY, "edit": EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=shown) for key, kind in kinds.items()), about=shown)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_dead(root.id, root.token, "refused")

    (first,) = await store.deliveries.claim(now, lease=LEASE)
    assert (first.notification.text, first.notification.kind) == ("reply", ROOT)
    assert await store.deliveries.claim(now, lease=LEASE) == []
    await store.deliveries.mark_sent(first.id, first.token, _receipt(), now)
    assert await claim_texts(store, now) == ["edit"]


def _receipt() -> Receipt:
    return Receipt("C1", "1.0")
