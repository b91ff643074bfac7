"""How channels and people want to be notified."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, select

from bot.domain.destinations import Webhook
from bot.domain.notify import NotifySettings, OwnerContact
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.incidents import replan_reminders
from bot.store.schema import notify_settings, people


class Preferences:
    """The settings of all channels and people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def webhooks(self) -> tuple[Webhook, ...]:
        """The webhooks that a channel can choose."""
        return self._database.webhooks

    async def of_channel(self, channel: str) -> NotifySettings:
        """Return a channel's settings; the defaults if it has none."""
        statement = select(notify_settings.c.value).where(notify_settings.c.channel == channel)
        async with self._database.read() as connection:
            value = await connection.scalar(statement)
        return NotifySettings() if value is None else from_json(value, NotifySettings)

    async def change_channel(
        self, channel: str, change: Callable[[NotifySettings], NotifySettings], user: str, now: datetime
    ) -> NotifySettings:
        """Change a channel's settings and return them; its reminders are planned again."""
        statement = select(notify_settings.c.value).where(notify_settings.c.channel == channel).with_for_update()
        async with self._database.write() as connection:
            value = await connection.scalar(statement)
            settings = change(NotifySettings() if value is None else from_json(value, NotifySettings))
            row = {"channel": channel, "value": to_json(settings), "updated_by": user, "updated_at": now}
            await connection.execute(self._database.upsert(notify_settings, "value", "updated_by", "updated_at"), row)
            await replan_reminders(connection, channel, now)
        return settings

    async def contact_of(self, user: str) -> OwnerContact | None:
        """Return how a person wants to be notified of the own jobs; None: as the channel chooses."""
        async with self._database.read() as connection:
            contact = await connection.scalar(select(people.c.owner_contact).where(people.c.user == user))
        return None if contact is None else OwnerContact(contact)

    async def set_contact(self, user: str, contact: OwnerContact | None) -> None:
        """Set how a person wants to be notified of the own jobs; None: as the channel chooses."""
        async with self._database.write() as connection:
            if contact is None:
                await connection.execute(delete(people).where(people.c.user == user))
            else:
                row = {"user": user, "owner_contact": contact.value}
                await connection.execute(self._database.upsert(people, "owner_contact"), row)
