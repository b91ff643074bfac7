"""Find out whether attempts with an unknown outcome posted their message, so that none is posted twice.

A message carries its delivery id in its metadata. What is found is marked sent, with that receipt; what is not found is
sent. Where the history cannot be read, the message is sent, and a copy may exist. A message that was sent after such an
attempt is verified once more later, because Slack may accept an attempt late; copies are deleted.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Protocol

from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.domain.durations import Clock
from bot.domain.posts import FoundPosts, WantedPost
from bot.domain.priorities import DeliveryPriority, priority_of
from bot.errors import BotError, DeliveryError, LookUpUnavailable
from bot.rules.escalation import is_channel
from bot.store.claimed_deliveries import ClaimedDelivery, SentDelivery
from bot.store.deliveries import Deliveries

log = logging.getLogger(__name__)
LATEST_ACCEPTANCE = timedelta(seconds=45)
"""How long after a message was posted Slack may still accept an earlier attempt to post it."""
FollowUps = Callable[[Notification, Receipt, Receipt | None], Awaitable[Sequence[Delivery]]]
"""Returns what follows a notification that arrived, from its receipt and that of its incident's root."""


class PostFinder(Protocol):
    """Looks for posted messages, and deletes copies."""

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages of one channel; `is_urgent` if a message waits for the result.

        Raises:
            LookUpUnavailable: the channel's history cannot be read.
            DeliveryError: the history cannot be read now.
        """

    async def delete(self, receipt: Receipt) -> None:
        """Delete a message of trainwatch.

        Raises:
            DeliveryError: it was not deleted.
        """


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """How look-ups are made."""

    enabled: bool = True
    """False: another Deliverer makes them."""
    lease: timedelta = timedelta(seconds=30)
    timeout_s: float = 25.0
    """Shorter than the lease."""
    retry: timedelta = timedelta(seconds=3)
    every_s: float = 0.5
    """How often to ask the store for attempts with an unknown outcome."""
    patience: timedelta = timedelta(seconds=30)
    """How long a message waits until Slack allows to read the history; then it is sent."""
    reply_patience: timedelta = timedelta(minutes=5)
    """The same for a reply that is not urgent."""


class Reconciler:
    """Settles attempts with an unknown outcome, channel by channel."""

    def __init__(
        self,
        outbox: Deliveries,
        finder: PostFinder,
        clock: Clock,
        settings: ReconcileSettings | None = None,
        follow_ups: FollowUps | None = None,
    ) -> None:
        self._outbox, self._finder, self._clock = outbox, finder, clock
        self._settings, self._follow_ups = settings or ReconcileSettings(), follow_ups
        self.tasks: set[asyncio.Task[None]] = set()
        """The look-ups in progress."""
        self._settling: dict[asyncio.Task[None], str] = {}
        """The channels whose unknown outcomes are being settled."""
        self._next_s = 0.0

    async def tick(self) -> bool:
        """Start the look-ups that are due; return whether there were any."""
        now_s = asyncio.get_running_loop().time()
        if not self._settings.enabled or now_s < self._next_s:
            return False
        self._next_s = now_s + self._settings.every_s
        now, lease, busy = self._clock(), self._settings.lease, frozenset(self._settling.values())
        unknown = await self._outbox.attempts.claim(now, lease=lease, busy=busy)
        for channel, claimed in groupby(sorted(unknown, key=_channel), key=_channel):
            task = self._start(self._settle(channel, list(claimed)))
            self._settling[task] = channel
            task.add_done_callback(self._settling.pop)
        sent = await self._outbox.attempts.claim_sent(now, lease=lease)
        for channel, copied in groupby(sorted(sent, key=_channel), key=_channel):
            self._start(self._verify(channel, list(copied)))
        return bool(unknown or sent)

    async def stop(self) -> None:
        """Abandon the look-ups; other processes repeat them when their leases end."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_logged(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: work.close())  # a task that is cancelled before it starts awaits nothing
        return task

    async def _settle(self, channel: str, claimed: Sequence[ClaimedDelivery]) -> None:
        """Settle root messages and notes first: a thread may wait longer for its own look-up."""
        outside = [one for one in claimed if one.notification.kind is not DeliveryKind.REPLY]
        inside = [one for one in claimed if one.notification.kind is DeliveryKind.REPLY]
        for group in (outside, *(list(thread) for _, thread in groupby(inside, key=lambda one: one.root))):
            if group:
                await self._settle_group(channel, group)

    async def _settle_group(self, channel: str, claimed: Sequence[ClaimedDelivery]) -> None:
        wanted = [_wanted(one) for one in claimed]
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                found = await self._finder.find(channel, wanted, is_urgent=True)
        except LookUpUnavailable as error:
            log.info("sending without reading the history", extra={"channel": channel, "reason": error.public})
            found = {}
        except (DeliveryError, TimeoutError) as error:
            await self._postpone(claimed, error)
            return
        for one in claimed:
            receipts = found.get(one.delivery_id, ())
            if receipts:
                await self._mark_found(one, receipts)
            else:
                await self._outbox.attempts.mark_absent(one, self._clock())

    async def _mark_found(self, delivery: ClaimedDelivery, receipts: Sequence[Receipt]) -> None:
        log.info("message found; not sent again", extra={"delivery": delivery.id, "channel": delivery.channel})
        notification, now = delivery.notification, self._clock()
        follow_ups = await self._follow_ups(notification, receipts[0], delivery.root) if self._follow_ups else ()
        if await self._outbox.mark_sent(delivery.id, delivery.token, receipts[0], now, follow_ups):
            await self._delete(
                receipts[1:]
            )  # else one of them may be what the sender recorded; they are verified later

    async def _postpone(self, claimed: Sequence[ClaimedDelivery], error: Exception) -> None:
        wait = (error.retry_after if isinstance(error, DeliveryError) else None) or self._settings.retry
        reason = error.reason if isinstance(error, DeliveryError) else "timeout"
        fields = {"channel": claimed[0].channel, "reason": reason, "retry_in_s": wait.total_seconds()}
        log.warning("history not read", extra=fields)
        now = self._clock()
        for one in claimed:
            is_late = isinstance(error, DeliveryError) and error.is_rate_limited and self._is_late(one, now + wait)
            if is_late:
                await self._outbox.attempts.mark_absent(one, now)
            else:
                await self._outbox.attempts.postpone(one, now + wait)

    def _is_late(self, delivery: ClaimedDelivery, at: datetime) -> bool:
        """Whether a message would wait too long if its look-up had to wait until then."""
        is_reply = priority_of(delivery.notification) is DeliveryPriority.REPLY
        patience = self._settings.reply_patience if is_reply else self._settings.patience
        return at - (delivery.unsure_since or delivery.created_at) > patience

    async def _verify(self, channel: str, sent: Sequence[SentDelivery]) -> None:
        """Verify thread by thread, so that a rate limit loses no progress."""
        threads: defaultdict[Receipt | None, list[SentDelivery]] = defaultdict(list)
        for one in sent:
            threads[one.root].append(one)
        for thread in threads.values():
            await self._verify_thread(channel, thread)

    async def _verify_thread(self, channel: str, sent: Sequence[SentDelivery]) -> None:
        ids = [one.id for one in sent]
        wanted = [WantedPost(one.delivery_id, one.unsure_since, one.root, _settled_at(one)) for one in sent]
        try:
            found = await self._finder.find(channel, wanted, is_urgent=False)
        except LookUpUnavailable:
            await self._outbox.attempts.mark_verified(ids, is_single=False)
            return
        except DeliveryError as error:
            wait = error.retry_after or 10 * self._settings.retry
            await self._outbox.attempts.verify_later(ids, self._clock() + wait)
            return
        left = []
        for one in sent:
            copies = [copy for copy in found.get(one.delivery_id, ()) if copy.ts != one.receipt.ts]
            if not await self._delete(copies):
                left.append(one.id)
        await self._outbox.attempts.mark_verified([one for one in ids if one not in left], is_single=True)
        if left:
            await self._outbox.attempts.verify_later(left, self._clock() + 10 * self._settings.retry)

    async def _delete(self, copies: Sequence[Receipt]) -> bool:
        """Delete copies; return False if one remains that may be deleted later."""
        return all([await delete_copy(self._finder, copy) for copy in copies])


async def delete_copy(finder: PostFinder, copy: Receipt) -> bool:
    """Delete a message that repeats another one; log the failure and return False if it may be deleted later."""
    fields: dict[str, object] = {"channel": copy.channel, "ts": copy.ts}
    try:
        await finder.delete(copy)
    except DeliveryError as error:
        log.warning("copy not deleted", extra={**fields, "reason": error.reason})
        return error.permanent
    log.info("copy deleted", extra=fields)
    return True


async def _logged(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except BotError as error:  # the claims end with their lease, and the look-up is repeated
        log.warning("outcome not settled", extra={"reason": error.public})
    except Exception:  # a bug must not stop the others
        log.exception("look-up crashed")


def _channel(delivery: ClaimedDelivery | SentDelivery) -> str:
    return delivery.channel


def _settled_at(sent: SentDelivery) -> datetime | None:
    """When Slack accepts no attempt any more, by its own clock: ours may have jumped since the search was planned."""
    try:
        return datetime.fromtimestamp(float(sent.receipt.ts), UTC) + LATEST_ACCEPTANCE
    except ValueError:
        return None


def _wanted(delivery: ClaimedDelivery) -> WantedPost:
    kind, since = delivery.notification.kind, delivery.unsure_since or delivery.created_at
    of_kind = {DeliveryKind.REPLY: delivery.root, DeliveryKind.PICTURE: delivery.notification.thread}
    root = of_kind.get(kind)
    is_direct = kind is DeliveryKind.DIRECT and not is_channel(delivery.channel)
    return WantedPost(delivery.delivery_id, since, root, is_direct=is_direct)
