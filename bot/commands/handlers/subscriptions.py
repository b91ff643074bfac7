"""`watch`, `unwatch`, `list` and `silence`: what a Slack channel keeps in the store."""

from __future__ import annotations

from datetime import datetime

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
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job
from bot.rules.catalog import RULES, rule_named
from bot.rules.settings import overlay, parse_settings
from bot.store.store import Store
from bot.store.subscriptions import Listed


async def watch(
    registry: Registry,
    store: Store,
    asker: Asker,
    command: WatchCommand,
    redactor: Redactor,
    now: datetime,
    defaults: RuleSettings,
) -> WatchAnswer:
    """Subscribe the channel, or change its settings; `defaults` are those of the installation.

    Raises:
        UsageError: a setting is invalid, or the job has ended.
        ProviderError: the job cannot be read.
    """
    settings = parse_settings(command.settings, defaults)
    provider, ref = registry.resolve(command.ref)
    job = redact_job(await provider.get_job(ref), redactor)
    if job.state.is_terminal:
        raise UsageError(f"{job.ref} has ended ({job.state}). `logs {job.ref}` shows its last lines.")
    before = [one.subscription for one in await store.subscriptions.list(asker.channel)]
    subscription, created = await store.subscriptions.add(asker.channel, asker.team, job.ref, asker.user, settings, now)
    effective = overlay(defaults, subscription.settings)
    has_changed = not any(one.job == job.ref and one.settings == settings for one in before)
    return WatchAnswer(subscription, job, created, rules_answer(effective).rules, has_changed=has_changed)


async def unwatch(registry: Registry, store: Store, asker: Asker, command: UnwatchCommand) -> UnwatchAnswer:
    """End subscriptions of the channel, also those of jobs whose platform is no longer set up.

    Raises:
        UsageError: the channel does not watch this job.
    """
    if command.ref is None:
        return UnwatchAnswer(await store.subscriptions.remove_all(asker.channel))
    watched = await _watched_jobs(store, asker)
    job = _find_watched(registry, command.ref, watched)
    if job is None or not await store.subscriptions.remove(asker.channel, job):
        known = ", ".join(f"`{one}`" for one in watched[:5]) + (" …" if len(watched) > 5 else "")
        raise UsageError(f"This channel does not watch `{command.ref}`. It watches {known or 'nothing'}.")
    return UnwatchAnswer((job,))


async def list_watched(store: Store, asker: Asker, redactor: Redactor, now: datetime) -> ListAnswer:
    """List what the channel watches and has silenced."""
    listed = await store.subscriptions.list(asker.channel)
    silences = await store.silences.active(asker.channel, now)
    return ListAnswer(tuple(_watched(one, redactor) for one in listed), silences, now)


async def silence(
    registry: Registry, store: Store, asker: Asker, command: SilenceCommand, now: datetime
) -> SilenceAnswer:
    """Silence matching alerts in the channel for a while.

    Raises:
        UsageError: the job or the rule does not exist.
    """
    matchers: list[Matcher] = []
    is_watched = True
    if command.ref is not None:
        watched = await _watched_jobs(store, asker)
        job = _find_watched(registry, command.ref, watched) or registry.resolve(command.ref)[1]
        is_watched = job in watched
        matchers.append(Matcher("job", str(job)))
    if command.rule is not None:
        if rule_named(command.rule) is None:
            known = ", ".join(rule.name for rule in RULES)
            raise UsageError(f"Unknown rule `{command.rule}`. Rules: {known}.")
        matchers.append(Matcher("rule", command.rule))
    if command.severity is not None:
        matchers.append(Matcher("severity", command.severity.value))
    created = await store.silences.add(
        asker.channel, matchers, asker.user, now + command.duration, now, reason=command.reason
    )
    return SilenceAnswer(created, is_watched=is_watched)


async def unsilence(store: Store, asker: Asker, command: UnsilenceCommand, now: datetime) -> SilenceAnswer:
    """End a silence of the channel now.

    Raises:
        UsageError: the channel has no such silence.
    """
    ended = await store.silences.end(command.silence_id, now, channel=asker.channel)
    if ended is None:
        raise UsageError(f"This channel has no silence {command.silence_id}. `list` shows the numbers.")
    return SilenceAnswer(ended, ended=True)


def _watched(listed: Listed, redactor: Redactor) -> Watched:
    job = None if listed.job is None else redact_job(listed.job, redactor)
    return Watched(listed.subscription, job, listed.seen_at, listed.firing)


async def _watched_jobs(store: Store, asker: Asker) -> list[JobRef]:
    return [listed.subscription.job for listed in await store.subscriptions.list(asker.channel)]


def _find_watched(registry: Registry, typed: str, watched: list[JobRef]) -> JobRef | None:
    """The watched job that was typed: by its reference, its page, or the last part of its id."""
    for job in watched:
        if str(job) == typed:
            return job
    try:
        ref = registry.resolve(typed)[1]
    except (ConfigError, UsageError):
        matching = [job for job in watched if job.id.rpartition("/")[2] == typed]
        if len(matching) != 1:
            raise
        return matching[0]
    near = [job for job in watched if job == ref]
    near = near or [job for job in watched if job.provider == ref.provider and job.id.endswith(f"/{ref.id}")]
    return near[0] if len(near) == 1 else None
