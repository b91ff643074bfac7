"""Deliver messages: claim what is due in the outbox, send it, mark it. A crash between send and mark repeats a message.

`tick` never waits for a channel: each has a separate task, so that a slow or failing channel delays no other one.
`decide.py` decided what is sent; the Notifier (`bot.slack.notifier`) renders and posts it.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.domain.durations import Clock
from bot.errors import DeliveryError
from bot.store.deliveries import ClaimedDelivery
from bot.store.store import Store

log = logging.getLogger(__name__)
FollowUps = Callable[[Notification, Receipt], Awaitable[Sequence[Delivery]]]


class Notifier(Protocol):
    """Sends notifications to channels."""

    async def send(self, notification: Notification, *, channel: str, root: Receipt | None) -> Receipt:
        """Post the notification, reply to `root` or edit `root`, depending on its kind. Tries once.

        Raises:
            DeliveryError: it did not arrive; `permanent` says whether a retry can help.
        """


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How messages are delivered. `burst` messages to one channel must fit into the lease, timeouts included."""

    lease: timedelta = timedelta(seconds=90)
    send_timeout_s: float = 20.0
    channels: int = 50
    """Channels with a task at the same time."""
    interval_s: float = 1.0
    """Sustained time between messages to one channel (documented: Slack accepts about one per second and channel)."""
    burst: int = 4
    """Messages to one channel that need not wait."""
    first_retry: timedelta = timedelta(seconds=1)
    longest_retry: timedelta = timedelta(minutes=5)
    give_up_after: timedelta = timedelta(days=3)
    """Long enough for a weekend with a revoked token."""
    unlisted_tries: int = 5
    """Tries for a reply or an edit that is refused for an unknown reason, because later messages wait for it."""
    unlisted_root_tries: int = 20
    """The same for root messages and notes: about half an hour."""
    crashes: int = 5
    """A delivery that crashes our own code this often is given up, because it is a bug."""
    grace_s: float = 5.0
    """How long a stop waits for messages being sent."""


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
    ) -> None:
        # `follow_ups` returns what to send because a notification arrived, such as a direct message. It must not raise.
        self._outbox, self._notifier, self._clock = store.deliveries, notifier, clock
        self._settings = settings or DeliverySettings()
        self._jitter, self._follow_ups = jitter, follow_ups
        self._rate_limiter = ChannelRateLimiter(self._settings.interval_s, self._settings.burst)
        self._sending: dict[asyncio.Task[None], str] = {}
        self._stopping = False

    async def tick(self) -> bool:
        """Start what is due. Returns whether anything was started or is being sent."""
        free = self._settings.channels - len(self._sending)
        claimed = await self._claim(free) if free > 0 else []
        for channel, batch in groupby(sorted(claimed, key=lambda one: one.channel), key=lambda one: one.channel):
            self._sending[asyncio.create_task(self._send_in_order(channel, list(batch)))] = channel
        if not self._sending:
            return False
        done, _ = await asyncio.wait(self._sending, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._sending[task]
            task.result()
        return True

    def resume_channel(self, channel: str) -> None:
        """Send to a channel again before its `Retry-After` has passed."""
        self._rate_limiter.resume(channel)

    async def stop(self) -> None:
        """Wait up to `grace_s` for messages being sent; release the rest for other processes."""
        self._stopping = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._settings.grace_s)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()
        self._stopping = False

    async def _claim(self, free: int) -> list[ClaimedDelivery]:
        return await self._outbox.claim(
            self._clock(),
            lease=self._settings.lease,
            limit=free,
            per_channel=self._settings.burst,
            busy={*self._sending.values(), *self._rate_limiter.paused()},
        )

    async def _send_in_order(self, channel: str, batch: Sequence[ClaimedDelivery]) -> None:
        for delivery in batch:
            if not self._stopping:
                await asyncio.sleep(self._rate_limiter.wait_s(channel))
            if self._stopping or self._rate_limiter.is_paused(channel):
                await self._outbox.postpone(delivery.id, delivery.token, self._clock())
                continue
            self._rate_limiter.record(channel)
            try:
                await self._deliver(delivery)
            except Exception:  # an outage of the store or a bug: the lease expires, and others continue
                log.exception("delivery not marked", extra={"delivery": delivery.id, "channel": channel})

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        """Send one delivery and mark the result."""
        try:
            async with asyncio.timeout(self._settings.send_timeout_s):
                receipt = await self._notifier.send(delivery.notification, channel=delivery.channel, root=delivery.root)
        except DeliveryError as error:
            await self._mark_failed(delivery, error)
        except TimeoutError:
            late = DeliveryError("The channel did not answer in time.", reason="timeout", permanent=False)
            await self._mark_failed(delivery, late)
        except Exception as error:  # one delivery must not stop the others
            log.exception("delivery crashed", extra={"delivery": delivery.id, "attempts": delivery.attempts})
            bug = DeliveryError(
                "Internal error while sending; see the trainwatch log.",
                reason=f"bug: {type(error).__name__}",
                permanent=delivery.attempts >= self._settings.crashes,
            )
            await self._mark_failed(delivery, bug)
        else:
            follow_ups = await self._follow_ups(delivery.notification, receipt) if self._follow_ups else ()
            if not await self._outbox.mark_sent(delivery.id, delivery.token, receipt, self._clock(), follow_ups):
                log.warning("delivery outlasted its lease and may be sent twice", extra={"delivery": delivery.id})

    async def _mark_failed(self, delivery: ClaimedDelivery, error: DeliveryError) -> None:
        now = self._clock()
        fields: dict[str, object] = {"delivery": delivery.id, "channel": delivery.channel, "reason": error.reason}
        if error.root_gone and delivery.root is not None:
            log.warning("the incident's message was deleted; posting it again", extra=fields)
            await self._outbox.replace_root(delivery.id, delivery.token, delivery.root, now)
            return
        if error.permanent or self._is_exhausted(delivery, error, now):
            reason = error.reason if error.permanent else f"gave up after {delivery.attempts} attempts: {error.reason}"
            log.error("delivery dead", extra={"kind": delivery.notification.kind.value, **fields})
            await self._outbox.mark_dead(delivery.id, delivery.token, f"{reason} ({error.public})")
            return
        if error.retry_after is not None:
            self._rate_limiter.pause(delivery.channel, error.retry_after.total_seconds())
        wait = retry_delay(self._settings, delivery.attempts, error.retry_after, self._jitter())
        fields |= {"attempts": delivery.attempts, "retry_in_s": wait.total_seconds()}
        log.warning("delivery failed", extra=fields)
        await self._outbox.mark_failed(delivery.id, delivery.token, f"{error.reason}: {error.public}", now + wait)

    def _is_exhausted(self, delivery: ClaimedDelivery, error: DeliveryError, now: datetime) -> bool:
        """Whether it was retried for too long, or too often after an unknown error."""
        is_follow_up = delivery.notification.kind in (DeliveryKind.REPLY, DeliveryKind.EDIT)
        tries = self._settings.unlisted_tries if is_follow_up else self._settings.unlisted_root_tries
        too_often = error.unlisted and delivery.attempts >= tries
        return too_often or now - delivery.created_at > self._settings.give_up_after


def retry_delay(settings: DeliverySettings, attempts: int, retry_after: timedelta | None, jitter: float) -> timedelta:
    """Compute the wait after failure number `attempts`: what the channel asked for, else doubling with full jitter."""
    if retry_after is not None:
        return retry_after + max(settings.first_retry, retry_after / 30) * jitter
    return min(settings.longest_retry, settings.first_retry * (1 << min(attempts, 20))) * jitter


class ChannelRateLimiter:
    """Limits the message rate of each channel, with bursts (GCRA), and pauses a channel after a `Retry-After`.

    Times are those of the event loop, so that changes of the system clock do not matter.
    """

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval_s, self._tolerance_s = interval_s, interval_s * (burst - 1)
        self._next_s: dict[str, float] = {}
        """When each channel's next message would be due at the sustained rate."""
        self._paused_until_s: dict[str, float] = {}

    def wait_s(self, channel: str) -> float:
        """How long the next message to a channel must wait."""
        return max(0.0, self._next_s.get(channel, 0.0) - self._tolerance_s - _loop_s())

    def record(self, channel: str) -> None:
        """Record that a message is sent now."""
        now_s = _loop_s()
        self._next_s = {name: next_s for name, next_s in self._next_s.items() if next_s > now_s}
        self._next_s[channel] = max(self._next_s.get(channel, 0.0), now_s) + self._interval_s

    def pause(self, channel: str, wait_s: float) -> None:
        """Pause a channel for `wait_s`."""
        self._paused_until_s[channel] = _loop_s() + wait_s

    def resume(self, channel: str) -> None:
        """End the pause of a channel."""
        self._paused_until_s.pop(channel, None)

    def is_paused(self, channel: str) -> bool:
        """Whether a channel is paused now."""
        return self._paused_until_s.get(channel, 0.0) > _loop_s()

    def paused(self) -> frozenset[str]:
        """Return the channels that are paused now."""
        now_s = _loop_s()
        self._paused_until_s = {name: end_s for name, end_s in self._paused_until_s.items() if end_s > now_s}
        return frozenset(self._paused_until_s)


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
