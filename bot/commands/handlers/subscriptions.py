"""`watch`, `unwatch`, `list` and `silence`: what a Slack channel keeps in the store."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from bot.commands.answers import Asker
from bot.commands.handlers.rules import rules_answer
from bot.commands.subcommands.subscriptions import (
    ChannelAnswer,
    ChannelCommand,
    ListAnswer,
    ListCommand,
    SilenceAnswer,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchAnswer,
    UnwatchCommand,
    WatchAnswer,
    WatchCommand,
)
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import Matcher, Watched
from bot.errors import UsageError
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job
from bot.rules.catalog import RULES, rule_named
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.settings import overlay, parse_settings
from bot.store.store import Store


@dataclass(frozen=True, slots=True)
class ChannelHandlers:
    """Answers the commands about what the asker's channel watches and silences."""

    registry: Registry
    store: Store
    redactor: Redactor
    config: Callable[[], DiagnosisConfig]
    asker: Asker
    now: datetime

    async def answer(self, command: ChannelCommand) -> ChannelAnswer:
        """Run the command.

        Raises:
            UsageError: a setting is invalid; the job has ended or is not watched; a rule or silence does not exist.
            ProviderError: the job cannot be read.
        """
        match command:
            case WatchCommand():
                return await self._watch(command)
            case UnwatchCommand():
                return await self._unwatch(command)
            case ListCommand():
                watched = [self._redact(one) for one in await self._watched()]
                silences = await self.store.silences.active(self.asker.channel, self.now)
                return ListAnswer(tuple(watched), silences, self.now)
            case SilenceCommand():
                return await self._silence(command)
            case UnsilenceCommand():
                return await self._unsilence(command)
            case _:
                assert_never(command)

    async def _watch(self, command: WatchCommand) -> WatchAnswer:
        """Subscribe the channel, or change its settings."""
        asker, defaults = self.asker, self.config().defaults
        settings = parse_settings(command.settings, defaults)
        provider, ref = self.registry.resolve(command.ref)
        job = redact_job(await provider.get_job(ref), self.redactor)
        if job.state.is_terminal:
            raise UsageError(f"`{job.ref}` has already ended ({job.state}); nothing to watch. See `logs {job.ref}`.")
        before = {one.subscription.job: one.subscription.settings for one in await self._watched()}
        add = self.store.subscriptions.add
        subscription, created = await add(asker.channel, asker.team, job.ref, asker.user, settings, self.now)
        rules = rules_answer(overlay(defaults, subscription.settings)).rules
        return WatchAnswer(subscription, job, created, rules, has_changed=before.get(job.ref) != settings)

    async def _unwatch(self, command: UnwatchCommand) -> UnwatchAnswer:
        """End subscriptions of the channel, also those of jobs whose platform is no longer set up."""
        subscriptions, channel = self.store.subscriptions, self.asker.channel
        if command.ref is None:
            return UnwatchAnswer(await subscriptions.remove_all(channel))
        watched = await self._watched_jobs()
        job = self._find(command.ref, watched)
        if job is None or not await subscriptions.remove(channel, job):
            known = ", ".join(f"`{one}`" for one in watched[:5]) + (" …" if len(watched) > 5 else "")
            raise UsageError(f"This channel does not watch `{command.ref}`. It watches {known or 'nothing'}.")
        return UnwatchAnswer((job,))

    async def _silence(self, command: SilenceCommand) -> SilenceAnswer:
        asker, matchers, is_watched = self.asker, list[Matcher](), True
        if command.ref is not None:
            watched = await self._watched_jobs()
            job = self._find(command.ref, watched) or self.registry.resolve(command.ref)[1]
            is_watched = job in watched
            matchers.append(Matcher("job", str(job)))
        if command.rule is not None:
            if rule_named(command.rule) is None:
                known = ", ".join(rule.name for rule in RULES)
                raise UsageError(f"Unknown rule `{command.rule}`. Rules: {known}.")
            matchers.append(Matcher("rule", command.rule))
        if command.severity is not None:
            matchers.append(Matcher("severity", command.severity.value))
        ends_at, add = self.now + command.duration, self.store.silences.add
        created = await add(asker.channel, matchers, asker.user, ends_at, self.now, reason=command.reason)
        return SilenceAnswer(created, is_watched=is_watched)

    async def _unsilence(self, command: UnsilenceCommand) -> SilenceAnswer:
        ended = await self.store.silences.end(command.silence_id, self.now, channel=self.asker.channel)
        if ended is None:
            raise UsageError(f"This channel has no silence {command.silence_id}. `list` shows the numbers.")
        return SilenceAnswer(ended, ended=True)

    async def _watched(self) -> tuple[Watched, ...]:
        return await self.store.subscriptions.list(self.asker.channel)

    async def _watched_jobs(self) -> list[JobRef]:
        return [one.subscription.job for one in await self._watched()]

    def _redact(self, watched: Watched) -> Watched:
        return watched if watched.job is None else replace(watched, job=redact_job(watched.job, self.redactor))

    def _find(self, typed: str, watched: list[JobRef]) -> JobRef | None:
        """The watched job of a reference, which may be a short one."""
        for job in watched:
            if str(job) == typed:
                return job
        ref = self.registry.resolve(typed)[1]
        near = [job for job in watched if job == ref]
        near = near or [job for job in watched if job.provider == ref.provider and job.id.endswith(f"/{ref.id}")]
        return near[0] if len(near) == 1 else None
