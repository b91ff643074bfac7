"""Who has App Home open, what each person chose to see there, and which process refreshes it.

Slack tells the app when App Home is opened, not when it is closed, so a home counts as open for a while after its last
use. A process claims homes by moving their `refresh_at`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from bot.domain.dashboard import HomeFilter, OpenHome
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, Database
from bot.store.schema import homes

_CLAIM_AT_ONCE = 1000


class Homes:
    """The App Homes of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def use(
        self,
        user: str,
        now: datetime,
        *,
        channel: str | None = None,
        change: Callable[[HomeFilter], HomeFilter] | None = None,
    ) -> tuple[OpenHome, bool]:
        """Record that a person opened or used App Home, and change what the person chose to see.

        Args:
            user: the person.
            now: when.
            channel: the direct message with the app, if it is known.
            change: of what to see; None: nothing.

        Returns:
            The home, and whether the person used it for the first time.
        """
        first = {"user": user, "channel": channel, "value": to_json(HomeFilter()), "opened_at": now, "refresh_at": now}
        insert = self._database.insert(homes).values(first).on_conflict_do_nothing(index_elements=[homes.c.user])
        async with self._database.write() as connection:
            is_new = (await connection.scalar(insert.returning(homes.c.user))) is not None
            statement = select(homes).where(homes.c.user == user).with_for_update()
            home = _read_home((await connection.execute(statement)).one())
            chosen = change(home.chosen) if change is not None else home.chosen
            values = {"channel": channel or home.channel, "value": to_json(chosen), "opened_at": now}
            used = update(homes).where(homes.c.user == user).values(values).returning(*homes.c)
            return _read_home((await connection.execute(used)).one()), is_new

    async def direct_message_of(self, user: str) -> str | None:
        """Return the direct message of a person with the app, as far as it is known."""
        async with self._database.read() as connection:
            channel: str | None = await connection.scalar(select(homes.c.channel).where(homes.c.user == user))
        return channel

    async def is_known(self, user: str) -> bool:
        """Return whether a person has ever used App Home."""
        async with self._database.read() as connection:
            return await connection.scalar(select(homes.c.user).where(homes.c.user == user)) is not None

    async def claim_due(self, now: datetime, opened_since: datetime, lease: timedelta) -> tuple[OpenHome, ...]:
        """Return the homes to refresh that were used since a time; each is claimed until the lease ends."""
        is_due = select(homes.c.user).where(homes.c.opened_at > opened_since, homes.c.refresh_at <= now)
        async with self._database.read() as connection:
            if (await connection.scalar(is_due.limit(1))) is None:
                return ()
        claimed = is_due.limit(_CLAIM_AT_ONCE).with_for_update(skip_locked=True)
        statement = update(homes).where(homes.c.user.in_(claimed)).values(refresh_at=now + lease).returning(*homes.c)
        async with self._database.write() as connection:
            rows = (await connection.execute(statement)).all()
        return tuple(map(_read_home, rows))

    async def set_shown(self, shown: Mapping[str, str]) -> None:
        """Record what the homes of people show."""
        await self._update([{"b_user": user, "shown": one} for user, one in shown.items()])

    async def release(self, users: Iterable[str], now: datetime) -> None:
        """Have homes refreshed by anybody at once."""
        await self._update([{"b_user": user, "refresh_at": now} for user in users])

    async def _update(self, rows: Sequence[Mapping[str, object]]) -> None:
        if not rows:
            return
        columns: dict[str, object] = {name: bindparam(name) for name in rows[0] if name != "b_user"}
        statement = update(homes).where(homes.c.user == bindparam("b_user")).values(columns)
        async with self._database.write() as connection:
            await connection.execute(statement, list(rows))


def _read_home(row: AnyRow) -> OpenHome:
    return OpenHome(row.user, row.channel, from_json(row.value, HomeFilter), row.opened_at, row.shown)
