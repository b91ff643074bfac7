"""Processes with a bug each, as a check that the invariants find them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.watches import PollResult
from bot.errors import DeliveryError
from bot.slack.notifier import SlackNotifier
from bot.steady_clock import SteadyClock
from bot.store.claimed_deliveries import ClaimedDelivery, delivery_id
from bot.store.deliveries import Deliveries
from bot.store.engine import Database
from bot.store.schema import deliveries, watches
from bot.store.store import Store
from bot.store.watches import Watches
from bot.watcher.deliver import Deliverer
from tests.simulation.process import SimulatedProcess
from tests.simulation.slack import SimulatedClient


class MarksBeforeSending(SimulatedProcess):
    """Marks a message as sent, and then sends it."""

    def deliverer(self, clock: SteadyClock) -> Deliverer:
        return self.create_deliverer(_EagerDeliverer, clock)


class _EagerDeliverer(Deliverer):
    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        await self._outbox.mark_sent(delivery.id, delivery.token, Receipt(delivery.channel, "0"), self._clock())
        await super()._deliver(delivery)


class CrashesAtFirst(SimulatedProcess):
    """Crashes at the first attempt of each message; the next one hides it."""

    def deliverer(self, clock: SteadyClock) -> Deliverer:
        return self.create_deliverer(_CrashingDeliverer, clock)


class _CrashingDeliverer(Deliverer):
    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        if delivery.attempts == 1:
            raise RuntimeError("planted")
        await super()._deliver(delivery)


class SendsBeforeCommitting(SimulatedProcess):
    """Posts the root messages of a poll, and then saves the new alerts with those messages marked as sent."""

    def store(self) -> Store:
        store = copy.copy(self.world.store)
        notifier = SlackNotifier(SimulatedClient(self.world.slack))
        store.watches = _SendingWatches(self.world.database, notifier, store.deliveries)
        return store


class _SendingWatches(Watches):
    def __init__(self, database: Database, notifier: SlackNotifier, outbox: Deliveries) -> None:
        super().__init__(database)
        self._notifier, self._outbox = notifier, outbox

    async def settle(
        self, results: Sequence[PollResult], now: datetime, grouping: Grouping = STANDARD
    ) -> frozenset[int]:
        roots = [
            (result.watch_id, one)
            for result in results
            for one in result.deliveries
            if one.notification.kind is DeliveryKind.ROOT and one.suppressed_by is None
        ]
        posted = [(watch_id, one.dedupe_key, await self._post(watch_id, one)) for watch_id, one in roots]
        held = await super().settle(results, now, grouping)
        for watch_id, key, receipt in posted:
            if receipt is not None and watch_id in held:
                await self._outbox.mark_sent(await self._row_id(watch_id, key), "", receipt, now)
        return held

    async def _post(self, watch_id: int, delivery: Delivery) -> Receipt | None:
        name = delivery_id(watch_id, delivery.dedupe_key)
        try:
            return await self._notifier.send(
                delivery.notification, channel=delivery.channel, root=None, delivery_id=name
            )
        except DeliveryError:
            return None

    async def _row_id(self, watch_id: int, dedupe_key: str) -> int:
        mine = (deliveries.c.watch_id == watch_id, deliveries.c.dedupe_key == dedupe_key)
        async with self._database.read() as connection:
            return int(await connection.scalar(select(deliveries.c.id).where(*mine)) or 0)


class NeverRepeatsEdits(SimulatedProcess):
    """Does not show the newest state again after an edit whose outcome is unknown, so an older one may overtake it."""

    def store(self) -> Store:
        store = copy.copy(self.world.store)
        store.deliveries = _ForgetfulOutbox(self.world.database)
        return store


class _ForgetfulOutbox(Deliveries):
    async def mark_sent(
        self,
        delivery_id: int,
        token: str,
        receipt: Receipt,
        now: datetime,
        follow_ups: Sequence[Delivery] = (),
        edit: Notification | None = None,
    ) -> bool:
        return await super().mark_sent(delivery_id, token, receipt, now, follow_ups)


class HoldsClaims(SimulatedProcess):
    """Claims deliveries for a day, so nobody sends what a killed process was about to send."""

    delivery_lease = timedelta(days=1)


class IgnoresClaims(SimulatedProcess):
    """Saves the result of a poll although another process has polled the job since."""

    def store(self) -> Store:
        store = copy.copy(self.world.store)
        store.watches = _UnfencedWatches(self.world.database)
        return store


class _UnfencedWatches(Watches):
    async def settle(
        self, results: Sequence[PollResult], now: datetime, grouping: Grouping = STANDARD
    ) -> frozenset[int]:
        async with self._database.write() as connection:
            for one in results:
                statement = update(watches).where(watches.c.id == one.watch_id).values(claim_token=one.token)
                await connection.execute(statement)
        return await super().settle(results, now, grouping)
