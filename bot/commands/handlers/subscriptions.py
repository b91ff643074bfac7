"""Commands about what a channel keeps: watch, unwatch, list, silence.

They write to the store; what comes of it is decided in `bot.watcher` and `bot.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.answers import Asker
from bot.commands.handlers.rules import rules_answer
from bot.commands.subcommands.subscriptions import (
    ListAnswer,
    SilenceAnswer,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchAnswer,
    UnwatchCommand,
    WatchAnswer,
    WatchCommand,
    Watched,
)
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import Matcher, RuleSettings
from bot.errors import ConfigError, UsageError
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job
from bot.rules.catalog import RULES, rule_named
from bot.rules.settings import overlay, parse_settings

if TYPE_CHECKING:
    from bot.providers.registry import Registry
    from bot.store.store import Store
    from bot.store.subscriptions import Listed


@dataclass(frozen=True, slots=True)
class Channel:
    """Where something is watched, and by whom it is asked."""

    id: str
    user: str
    team: str | None
    store: Store


def require_channel(store: Store | None, asker: Asker) -> Channel:
    """The asker's channel.

    Raises:
        UsageError: this was typed where there is none.
    """
    if store is None or asker.channel is None:
        raise UsageError("Alerts go to a Slack channel; type this in the channel that should get them.")
    return Channel(asker.channel, asker.user, asker.team, store)


async def watch(
    registry: Registry,
    channel: Channel,
    command: WatchCommand,
    redactor: Redactor,
    now: datetime,
    defaults: RuleSettings,
) -> WatchAnswer:
    """Subscribe the channel, or change its settings; `defaults` are the installation's."""
    settings = parse_settings(command.settings, defaults)
    provider, ref = registry.resolve(command.ref)
    job = redact_job(await provider.get_job(ref), redactor)
    if job.state.is_terminal:
        text = f"{job.ref} is over ({job.state}), so there is nothing to watch. `logs {job.ref}` shows its last lines."
        raise UsageError(text)
    before = [one.subscription for one in await channel.store.subscriptions.list(channel.id)]
    subscription, created = await channel.store.subscriptions.add(
        channel.id, channel.team, job.ref, channel.user, settings, now
    )
    effective = overlay(defaults, subscription.settings)
    is_news = not any(one.job == job.ref and one.settings == settings for one in before)
    return WatchAnswer(subscription, job, created, rules_answer(effective).rules, is_news=is_news)


async def unwatch(registry: Registry, channel: Channel, command: UnwatchCommand) -> UnwatchAnswer:
    """End subscriptions of the channel; also of jobs whose platform is gone."""
    store = channel.store
    if command.ref is None:
        return UnwatchAnswer(await store.subscriptions.remove_all(channel.id))
    watched = [listed.subscription.job for listed in await store.subscriptions.list(channel.id)]
    job = _named(registry, command.ref, watched)
    if job is None or not await store.subscriptions.remove(channel.id, job):
        known = ", ".join(f"`{one}`" for one in watched[:5]) + (" …" if len(watched) > 5 else "")
        raise UsageError(f"This channel does not watch `{command.ref}`; it watches {known or 'nothing'}.")
    return UnwatchAnswer((job,))


async def list_watched(channel: Channel, redactor: Redactor, now: datetime) -> ListAnswer:
    """What the channel watches and has muted."""
    listed = await channel.store.subscriptions.list(channel.id)
    silences = await channel.store.silences.active(channel.id, now)
    return ListAnswer(tuple(_watched(one, redactor) for one in listed), silences, now)


async def silence(registry: Registry, channel: Channel, command: SilenceCommand, now: datetime) -> SilenceAnswer:
    """Mute the channel's alerts that fit, for a while."""
    matchers: list[Matcher] = []
    is_watched = True
    if command.ref is not None:
        watched = [listed.subscription.job for listed in await channel.store.subscriptions.list(channel.id)]
        job = _named(registry, command.ref, watched)
        if job is None:
            job = registry.resolve(command.ref)[1]
        is_watched = job in watched
        matchers.append(Matcher("job", str(job)))
    if command.rule is not None:
        if rule_named(command.rule) is None:
            known = ", ".join(f"`{rule.name}`" for rule in RULES)
            raise UsageError(f"There is no rule `{command.rule}`; there are {known}.")
        matchers.append(Matcher("rule", command.rule))
    if command.severity is not None:
        matchers.append(Matcher("severity", command.severity.value))
    made = await channel.store.silences.add(
        channel.id, matchers, channel.user, now + command.duration, now, reason=command.reason
    )
    return SilenceAnswer(made, is_watched=is_watched)


async def unsilence(channel: Channel, command: UnsilenceCommand, now: datetime) -> SilenceAnswer:
    """End a mute of this channel now."""
    ended = await channel.store.silences.end(command.silence_id, now, channel=channel.id)
    if ended is None:
        raise UsageError(f"There is no silence {command.silence_id} in this channel; `list` shows those there are.")
    return SilenceAnswer(ended, ended=True)


def _watched(listed: Listed, redactor: Redactor) -> Watched:
    job = None if listed.job is None else redact_job(listed.job, redactor)
    return Watched(listed.subscription, job, listed.seen_at, listed.firing)


def _named(registry: Registry, typed: str, watched: list[JobRef]) -> JobRef | None:
    """Which of the watched jobs is meant: by its whole reference, its page, or the last part of its id."""
    ref: JobRef | None = None
    for job in watched:
        if str(job) == typed:
            return job
    try:
        ref = registry.resolve(typed)[1]
    except (ConfigError, UsageError) as problem:
        if not watched:
            raise
        fitting = [job for job in watched if job.id.rpartition("/")[2] == typed]
        if len(fitting) != 1:
            raise problem from None
        return fitting[0]
    near = [job for job in watched if job == ref]
    near = near or [job for job in watched if job.provider == ref.provider and job.id.endswith(f"/{ref.id}")]
    return near[0] if len(near) == 1 else None
