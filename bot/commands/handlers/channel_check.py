"""Check what the alerts of a channel depend on, apart from Slack: the database, the loops, platforms, subscriptions."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.commands.answers import Asker
from bot.commands.handlers.platform_check import check_platform
from bot.commands.subcommands.channel_check import ChannelCheckAnswer
from bot.domain.checks import DELIVERY_LOOP, HEARTBEAT_STALE, ON_TIME, POLL_LOOP, CheckResult, Fixer
from bot.domain.durations import format_ago, spoken_duration
from bot.domain.subscriptions import Silence, Watched
from bot.domain.wording import plural
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.store.store import Store

_LOOPS = {POLL_LOOP: "Polling", DELIVERY_LOOP: "Alert delivery"}
_UNSEEN = timedelta(minutes=10)
"""A watched job that was polled longer ago is reported."""


async def check_channel(
    registry: Registry, store: Store, redactor: Redactor, asker: Asker, now: datetime
) -> ChannelCheckAnswer:
    """Check everything; while the database is unavailable, only that and the platforms."""
    platforms = asyncio.gather(*(check_platform(registry, name) for name in registry.names))
    results = await store.check(with_integrity=False)
    if all(one.ok for one in results):
        results += [*await _check_loops(store, now), *await _check_subscriptions(store, asker, now)]
    results += await platforms
    if not registry.names:
        results.append(CheckResult("Platforms", False, "No platform is set up.", "Run `trainwatch check` in a shell."))
    return ChannelCheckAnswer(tuple(replace(one, found=redactor.redact(one.found)[0]) for one in results))


async def _check_loops(store: Store, now: datetime) -> list[CheckResult]:
    """Whether polling and delivery run, and keep up."""
    results = []
    for loop, subject in _LOOPS.items():
        at = await store.last_heartbeat(loop)
        is_late = at is None or now - at > HEARTBEAT_STALE
        found = "has not run yet" if at is None else f"last run {format_ago(at, now)}"
        remedy = "Read the log of `trainwatch serve`, then restart it." if is_late else None
        results.append(CheckResult(subject, not is_late, found, remedy))
    overdue, backlog = await store.watches.overdue(now), await store.deliveries.backlog(now)
    if overdue >= ON_TIME:
        found = f"{spoken_duration(overdue)} behind schedule, so alerts come late"
        results.append(CheckResult("Schedule", True, found, "See Capacity in `trainwatch help operations`."))
    if backlog.oldest >= ON_TIME:
        found = f"{plural(backlog.count, 'message')} not sent yet; oldest waited {spoken_duration(backlog.oldest)}"
        results.append(CheckResult("Outbox", True, found, "Read the log of `trainwatch serve`."))
    return results


async def _check_subscriptions(store: Store, asker: Asker, now: datetime) -> list[CheckResult]:
    """What the channel watches, what is silenced, and what did not arrive."""
    watched = await store.subscriptions.list(asker.channel)
    silences = await store.silences.active(asker.channel, now)
    results = [*_describe_watched(watched, now), *_describe_silences(silences, now)]
    for one in await store.undelivered.list(now):
        if one.channel == asker.channel:
            state = "wait" if one.is_waiting else "were given up"
            found = f"{plural(one.count, 'message')} {state}, the first from {format_ago(one.since, now)}: {one.reason}"
            results.append(CheckResult("Delivery to this channel", False, found, "Fix the reason.", Fixer.ANYONE))
    return results


def _describe_watched(watched: Sequence[Watched], now: datetime) -> Iterator[CheckResult]:
    if not watched:
        remedy = "Type `/train watch JOB`; `/train jobs` lists jobs."
        yield CheckResult("Subscriptions", True, "No job is watched here.", remedy, Fixer.ANYONE)
        return
    yield CheckResult("Subscriptions", True, f"watches {plural(len(watched), 'job')}")
    unseen = [one for one in watched if one.seen_at is not None and now - one.seen_at > _UNSEEN]
    if unseen:
        names = ", ".join(f"`{one.subscription.job}`" for one in unseen[:3]) + (" …" if len(unseen) > 3 else "")
        found = f"{plural(len(unseen), 'job')} not polled for more than {spoken_duration(_UNSEEN)}: {names}"
        yield CheckResult("Watched jobs", False, found, "Check the platform of these jobs below.")


def _describe_silences(silences: Sequence[Silence], now: datetime) -> Iterator[CheckResult]:
    everything = next((one for one in silences if not one.matchers), None)
    if everything is not None:
        found = f"All alerts here are silenced for another {spoken_duration(everything.ends_at - now)}."
        yield CheckResult("Silence", True, found, f"Type `/train silence end {everything.id}`.", Fixer.ANYONE)
