"""Deliver messages: claim what is due in the outbox, send it, mark it.

`tick` never waits for a channel: each has a separate task, so that a slow or failing channel delays no other one.
A channel's deliveries are claimed when it accepts them, so that a page waits for nothing less urgent.
`decide.py` decided what is sent; the Notifier (`bot.slack.notifier`) renders and posts it.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from bot.domain.alerts import DeliveryKind, Notification, Receipt
from bot.domain.durations import Clock
from bot.errors import DeliveryError, WaitsFor
from bot.store.claimed_deliveries import ClaimedDelivery
from bot.store.store import Store
from bot.watcher.delivery_metrics import record_failed, record_sent
from bot.watcher.outage import Outage, OutageSettings
from bot.watcher.pacing import ChannelRateLimiter
from bot.watcher.reconcile import FollowUps, PostFinder, Reconciler, ReconcileSettings, delete_copy

log = logging.getLogger(__name__)
_EDITS = "edits"
_FOLLOW_UPS = (DeliveryKind.REPLY, DeliveryKind.EDIT, DeliveryKind.PICTURE)
_SENDING_SHARE = 0.8
"""How much of the lease sending may take; the rest is for marking."""
_LONGEST_REST_S = 1.0
"""How long a turn or a search is waited for before the outbox is read again."""


class Notifier(PostFinder, Protocol):
    """Sends notifications to channels."""

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Post the notification, reply to `root` or edit `root`, depending on its kind. Tries once.

        Raises:
            DeliveryError: it did not arrive, or it is unknown whether it did; `permanent` says whether a retry can
                help.
        """

    async def ping(self) -> None:
        """Return if Slack answers.

        Raises:
            DeliveryError: it does not.
        """


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How messages are delivered."""

    lease: timedelta = timedelta(seconds=90)
    send_timeout_s: float = 20.0
    channels: int = 50
    """Channels with a task at the same time."""
    interval_s: float = 1.0
    """Sustained time between messages to one channel (documented: Slack accepts about one per second and channel)."""
    burst: int = 4
    """Messages to one channel that need not wait."""
    edit_interval_s: float = 0.2
    """Sustained time between edits in all channels; longer after a rate limit (documented: at least 50 a minute)."""
    edit_burst: int = 20
    first_retry: timedelta = timedelta(seconds=1)
    longest_retry: timedelta = timedelta(minutes=5)
    local_channels: frozenset[str] = frozenset()
    """Channels whose messages do not leave this process, so that they do not show whether Slack is reachable."""
    look_after: timedelta = timedelta(seconds=3)
    """How long after an attempt with an unknown outcome to look for its message, because Slack may accept it late."""
    give_up_after: timedelta = timedelta(days=3)
    """Long enough for a weekend with a revoked token."""
    unlisted_tries: int = 5
    """Tries for a reply, an edit or a picture that is refused for an unknown reason: later messages may wait for it."""
    unlisted_root_tries: int = 20
    """The same for root messages and notes: about half an hour."""
    crashes: int = 5
    """A delivery that crashes our own code this often is given up, because it is a bug."""
    grace_s: float = 5.0
    """How long a stop waits for messages being sent."""
    outage: OutageSettings = field(default_factory=OutageSettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)

    @property
    def longest_send_s(self) -> float:
        """How long to wait for an answer: never until the lease ends, or another process might send the message too."""
        return min(self.send_timeout_s, self.lease.total_seconds() * _SENDING_SHARE)


class Deliverer:
    """Sends what is due in the outbox."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        clock: Clock,
        settings: DeliverySettings | None = None,
        jitter: Callable[[], float] = random.random,
        follow_ups: FollowUps | None = None,
        accepts: Callable[[str], bool] = lambda _channel: True,
    ) -> None:
        # `follow_ups` returns what to send because a notification arrived, such as a direct message. It must not raise.
        # `accepts` says which channels are delivered to; another Deliverer sends to the others.
        self._outbox, self._notifier, self._clock = store.deliveries, notifier, clock
        self._settings = settings or DeliverySettings()
        self._jitter, self._follow_ups, self._accepts = jitter, follow_ups, accepts
        self._rate_limiter = ChannelRateLimiter(self._settings.interval_s, self._settings.burst)
        self._edit_limiter = ChannelRateLimiter(
            self._settings.edit_interval_s, self._settings.edit_burst, slower=2.0, slowest=6.0
        )
        self._outage = Outage(notifier.ping, self._settings.outage)
        self._reconciler = Reconciler(store.deliveries, notifier, clock, self._settings.reconcile, follow_ups)
        self._full: set[str] = set()
        """Channels with a backlog that accepted no message when the outbox was last read."""
        self._accepting: set[str] = set()
        """Channels whose last message arrived."""
        self._sending: dict[asyncio.Task[None], str] = {}
        self._stopping = False

    async def tick(self) -> bool:
        """Start what is due. Returns whether anything was started or is being sent."""
        if await self._outage.check():
            await self._release(WaitsFor.SLACK)
        until_s = _loop_s() + self._settings.lease.total_seconds()
        claimed = await self._claim()
        for channel, batch in groupby(sorted(claimed, key=lambda one: one.channel), key=lambda one: one.channel):
            self._sending[asyncio.create_task(self._send_in_order(channel, list(batch), until_s))] = channel
        is_looking = self._outage.room() != 0 and await self._reconciler.tick()
        if not self._sending:
            return await self._wait_for_turn() or is_looking
        done, _ = await asyncio.wait(self._sending, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._sending[task]
            task.result()
        return True

    async def _wait_for_turn(self) -> bool:
        """Wait until a channel with a backlog accepts a message, or a search ends; return whether there is any."""
        turns_s = [wait_s for one in self._full if (wait_s := self._rate_limiter.wait_s(one)) > 0]
        look_ups = self._reconciler.tasks
        timeout_s = min([_LONGEST_REST_S, *turns_s])
        if look_ups:
            await asyncio.wait(look_ups, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        elif turns_s:
            await asyncio.sleep(timeout_s)
        return bool(look_ups or turns_s)

    def resume_channel(self, channel: str) -> None:
        """Send to a channel again before its pause has passed."""
        self._rate_limiter.resume(channel)

    async def stop(self) -> None:
        """Wait up to `grace_s` for messages being sent; release the rest for other processes."""
        self._stopping = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._settings.grace_s)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._reconciler.stop()
        self._sending.clear()
        self._stopping = False

    async def _claim(self) -> list[ClaimedDelivery]:
        free, allowed = self._settings.channels - len(self._sending), self._outage.room()
        limit = free if allowed is None else min(free, allowed)
        if limit <= 0:
            return []
        busy = frozenset(self._sending.values())
        self._full.clear()
        return await self._outbox.claim(
            self._clock(),
            lease=self._settings.lease,
            limit=limit,
            room=lambda one: 0 if one in busy or not self._accepts(one) else self._room(one),
            with_edits=self._edit_limiter.room(_EDITS) > 0,
            least_tried_first=allowed is not None,
        )

    def _room(self, channel: str) -> int:
        """How many messages a channel with a backlog accepts now; none to a local one that would end an outage."""
        if channel in self._settings.local_channels and self._outage.room() is not None:
            return 0
        room = self._rate_limiter.room(channel)
        if room <= 0:
            self._full.add(channel)
        return room

    async def _send_in_order(self, channel: str, batch: Sequence[ClaimedDelivery], until_s: float) -> None:
        """Send what fits into the lease, which ends at `until_s` of the event loop's clock; postpone the rest."""
        for delivery in batch:
            is_late = _loop_s() + self._settings.longest_send_s > until_s
            is_held = delivery is not batch[0] and (is_late or self._outage.room() is not None)
            if self._stopping or is_held or self._rate_limiter.is_paused(channel):
                await self._outbox.postpone(delivery.id, delivery.token, self._clock())
                continue
            self._rate_limiter.record(channel)
            if delivery.notification.kind is DeliveryKind.EDIT:
                self._edit_limiter.record(_EDITS)
            try:
                await self._deliver(delivery)
            except Exception:  # an outage of the store or a bug: the lease expires, and others continue
                log.exception("delivery not marked", extra={"delivery": delivery.id, "channel": channel})

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        """Send one delivery and mark the result."""
        is_remote = delivery.channel not in self._settings.local_channels
        if is_remote:
            self._outage.start(delivery.id)
        try:
            receipt = await self._send(delivery)
        except DeliveryError as error:
            self._outage.fail(delivery.id, unreachable=error.unreachable and is_remote)
            await self._mark_failed(delivery, error)
        else:
            await self._mark_sent(delivery, receipt)

    async def _send(self, delivery: ClaimedDelivery) -> Receipt:
        try:
            async with asyncio.timeout(self._settings.longest_send_s):
                return await self._notifier.send(
                    delivery.notification,
                    channel=delivery.channel,
                    root=delivery.root,
                    delivery_id=delivery.delivery_id,
                )
        except DeliveryError:
            raise
        except TimeoutError as error:
            raise DeliveryError(
                "The channel did not answer in time.",
                reason="timeout",
                permanent=False,
                outcome_unknown=True,
                unreachable=True,
                waits_for=WaitsFor.SLACK,
            ) from error
        except Exception as error:  # one delivery must not stop the others
            log.exception("delivery crashed", extra={"delivery": delivery.id, "attempts": delivery.attempts})
            raise DeliveryError(
                "Internal error while sending; see the trainwatch log.",
                reason=f"bug: {type(error).__name__}",
                permanent=delivery.attempts >= self._settings.crashes,
            ) from error

    async def _mark_sent(self, delivery: ClaimedDelivery, receipt: Receipt) -> None:
        is_back = delivery.channel not in self._settings.local_channels and self._outage.succeed(delivery.id)
        follow_ups = await self._follow_ups(delivery.notification, receipt, delivery.root) if self._follow_ups else ()
        notification = delivery.notification
        edit = notification if notification.kind is DeliveryKind.EDIT else None
        is_first = await self._outbox.mark_sent(delivery.id, delivery.token, receipt, self._clock(), follow_ups, edit)
        record_sent(delivery, self._clock())
        if not is_first and delivery.notification.kind is not DeliveryKind.EDIT:
            log.warning("another process sent this message first", extra={"delivery": delivery.id})
            await delete_copy(self._notifier, receipt)
        if is_back:
            await self._release(WaitsFor.SLACK)
        if delivery.channel not in self._accepting:
            self._accepting.add(delivery.channel)
            await self._release(WaitsFor.CHANNEL, delivery.channel)

    async def _release(self, waits_for: WaitsFor, channel: str | None = None) -> None:
        """Make deliveries due whose reason for waiting has ended."""
        released = await self._outbox.retry_now(self._clock(), channel=channel, waits_for=waits_for)
        if released:
            self._rate_limiter.resume(channel)
            log.info("waiting messages released", extra={"messages": released, "waited_for": waits_for.value})

    async def _mark_failed(self, delivery: ClaimedDelivery, error: DeliveryError) -> None:
        now = self._clock()
        fields: dict[str, object] = {"delivery": delivery.id, "channel": delivery.channel, "reason": error.reason}
        if error.root_gone and delivery.root is not None:
            log.warning("the incident's message was deleted; posting it again", extra=fields)
            await self._outbox.replace_root(delivery.id, delivery.token, delivery.root, now)
            return
        if error.permanent or self._is_exhausted(delivery, error, now):
            reason = error.reason if error.permanent else f"gave up after {delivery.attempts} attempts: {error.reason}"
            record_failed(delivery, error, is_dead=True)
            log.error("delivery dead", extra={"kind": delivery.notification.kind.value, **fields})
            await self._outbox.mark_dead(delivery.id, delivery.token, f"{reason} ({error.public})")
            return
        record_failed(delivery, error, is_dead=False)
        self._slow_down(delivery, error)
        is_unknown = error.outcome_unknown
        wait = retry_delay(self._settings, delivery.attempts, error.retry_after, self._jitter())
        if is_unknown and delivery.notification.kind is not DeliveryKind.EDIT:
            wait = self._settings.look_after
        fields |= {"attempts": delivery.attempts, "retry_in_s": wait.total_seconds()}
        log.warning("delivery failed", extra=fields)
        text = f"{error.reason}: {error.public}"
        await self._outbox.mark_failed(
            delivery.id, delivery.token, text, now + wait, is_unknown=is_unknown, waits_for=error.waits_for
        )

    def _slow_down(self, delivery: ClaimedDelivery, error: DeliveryError) -> None:
        """Pause the channel, or the edits of all channels, as Slack asks."""
        if error.waits_for is WaitsFor.CHANNEL:
            self._accepting.discard(delivery.channel)
        if error.retry_after is None:
            return
        wait_s = error.retry_after.total_seconds()
        if not error.is_rate_limited:
            self._rate_limiter.pause(delivery.channel, wait_s)
        elif delivery.notification.kind is DeliveryKind.EDIT:
            self._edit_limiter.slow_down(_EDITS, wait_s)
        else:
            self._rate_limiter.slow_down(delivery.channel, wait_s)

    def _is_exhausted(self, delivery: ClaimedDelivery, error: DeliveryError, now: datetime) -> bool:
        """Whether it was retried for too long, or too often after an unknown error."""
        is_follow_up = delivery.notification.kind in _FOLLOW_UPS
        tries = self._settings.unlisted_tries if is_follow_up else self._settings.unlisted_root_tries
        too_often = error.unlisted and delivery.attempts >= tries
        return too_often or now - delivery.created_at > self._settings.give_up_after


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


def retry_delay(settings: DeliverySettings, attempts: int, retry_after: timedelta | None, jitter: float) -> timedelta:
    """Compute the wait after failure number `attempts`: what the channel asked for, else doubling with full jitter."""
    if retry_after is not None:
        return retry_after + max(settings.first_retry, retry_after / 30) * jitter
    return min(settings.longest_retry, settings.first_retry * (1 << min(attempts, 20))) * jitter
