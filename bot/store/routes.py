"""Add the events of webhooks to the deliveries that caused them, in the transaction that decided these."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, Severity
from bot.domain.destinations import Webhook, plan_events, routes_of, routing_channel
from bot.domain.notify import NotifySettings
from bot.store.codec import from_json
from bot.store.schema import notify_settings

Rows = Sequence[tuple[int, Delivery]]
"""Deliveries, each with its watch's id."""


async def add_events(
    connection: AsyncConnection, new: Iterable[tuple[int, Delivery]], webhooks: Sequence[Webhook]
) -> Rows:
    """Return the deliveries with the events that follow from them; without webhooks, asks the database nothing."""
    rows = list(new)
    if not webhooks or not rows:
        return rows
    chosen = await _choices(connection, {routing_channel(delivery) for _, delivery in rows})
    for watch_id, delivery in tuple(rows):
        routes = routes_of(webhooks, chosen.get(routing_channel(delivery), {}))
        rows += [(watch_id, event) for event in plan_events(delivery, routes)]
    return rows


async def _choices(connection: AsyncConnection, channels: set[str]) -> Mapping[str, Mapping[str, Severity | None]]:
    statement = select(notify_settings.c.channel, notify_settings.c.value).where(
        notify_settings.c.channel.in_(channels)
    )
    rows = await connection.execute(statement)
    return {row.channel: from_json(row.value, NotifySettings).webhooks for row in rows}
