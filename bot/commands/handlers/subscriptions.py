"""`watch`, `unwatch`, `list` and `silence`: what a Slack channel keeps in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.commands.answers import Asker
from bot.commands.handlers.patterns import PatternHandlers
from bot.commands.parsing.formatting import matcher_words
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.patterns import UnwatchPatternCommand, WatchPatternCommand
from bot.commands.subcommands.subscriptions import (
    ChannelAnswer,
    ChannelCommand,
    ConfirmAnswer,
    ListAnswer,
    ListCommand,
    RestoreAnswer,
    SilenceAnswer,
    SilenceCommand,
    UndoUnwatchCommand,
    UnsilenceCommand,
    UnwatchAnswer,
    UnwatchCommand,
    WatchAnswer,
    WatchCommand,
)
from bot.domain.durations import format_duration, spoken_duration
from bot.domain.job_matching import KnownJob, Matcher, format_matchers, job_labels, matches_all
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import PatternSubscription, RemovedWatching, Silence, Subscription, Watched
from bot.domain.wording import plural
from bot.errors import UsageError
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job
from bot.rules.catalog import RULES, rule_named
from bot.rules.diagnosis_config import DiagnosisConfig
from bot.rules.expected_alerts import expected_alerts
from bot.rules.muting import mute, stop_watching
from bot.rules.settings import overlay, parse_settings
from bot.store.store import Store

_LONG_SILENCE = timedelta(days=30)
"""A longer one needs a confirmation: it is often a slip, and forgotten before it ends."""

_MANY = 10
"""More jobs are unwatched after a confirmation."""


@dataclass(frozen=True, slots=True)
class ChannelHandlers:
    """Answers the commands about what the asker's channel watches and silences."""

    registry: Registry
    store: Store
    redactor: Redactor
    config: Callable[[], DiagnosisConfig]
    asker: Asker
    now: datetime
    poll_interval: timedelta

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
            case WatchPatternCommand():
                self._require_no_secret([*format_matchers(command.matchers), *command.settings])
                defaults = self.config().defaults
                settings = parse_settings(command.settings, defaults)
                return await self._patterns.watch(command, settings, expected_alerts(overlay(defaults, settings)))
            case UnwatchPatternCommand():
                return await self._unwatch_pattern(command)
            case UndoUnwatchCommand():
                return await self._undo_unwatch(command)
            case ListCommand():
                return await self._list()
            case SilenceCommand():
                return await self._silence(command)
            case UnsilenceCommand():
                return await self._unsilence(command)
            case _:
                assert_never(command)

    @property
    def _patterns(self) -> PatternHandlers:
        return PatternHandlers(self.registry, self.store, self.redactor, self.asker, self.poll_interval, self.now)

    async def _list(self) -> ListAnswer:
        """What the channel watches: patterns, jobs, and what is silenced."""
        watched = [self._redact(one) for one in await self._watched()]
        silences = await self.store.silences.active(self.asker.channel, self.now)
        patterns = tuple(
            replace(one, watched=len(self._patterns.select(one.matchers, watched)))
            for one in await self.store.patterns.list(self.asker.channel)
        )
        states = await self.store.listings.states() if patterns else {}
        problems = {name: state.problem for name, state in states.items() if state.problem}
        digest = await self.store.boards.of_channel(self.asker.channel)
        return ListAnswer(tuple(watched), silences, self.now, patterns, problems, digest)

    async def _watch(self, command: WatchCommand) -> WatchAnswer:
        """Subscribe the channel, or change its settings."""
        asker, defaults = self.asker, self.config().defaults
        self._require_no_secret(command.settings)
        settings = parse_settings(command.settings, defaults)
        provider, ref = self.registry.resolve(command.ref)
        job = redact_job(await provider.get_job(ref), self.redactor)
        if job.state.is_terminal:
            raise UsageError(f"`{job.ref}` has already ended ({job.state}); nothing to watch. See `logs {job.ref}`.")
        before = {one.subscription.job: one.subscription.settings for one in await self._watched()}
        add = self.store.subscriptions.add
        subscription, created = await add(asker.channel, asker.team, job.ref, asker.user, settings, self.now)
        if created:
            await self._forget_undo(job.ref)
        expected = expected_alerts(overlay(defaults, subscription.settings))
        return WatchAnswer(subscription, job, created, expected, has_changed=before.get(job.ref) != settings)

    async def _forget_undo(self, job: JobRef) -> None:
        """Remove the Undo button of a job that is watched again."""
        latest = await self.store.incidents.find_latest(self.asker.channel, job)
        if latest is None or latest.unwatched is None:
            return
        done = replace(latest.unwatched, undo="")
        await self.store.incidents.change(
            latest.id, lambda one: replace(one, unwatched=done), "watched again", self.now
        )

    async def _unwatch(self, command: UnwatchCommand) -> UnwatchAnswer | ConfirmAnswer:
        """End subscriptions of the channel, also those of jobs on platforms that were removed."""
        watched = await self._watched_jobs()
        if command.ref is None:
            return await self._unwatch_all(command)
        job = self._find(command.ref, watched)
        if job is None:
            known = ", ".join(f"`{one}`" for one in watched[:5]) + (" …" if len(watched) > 5 else "")
            raise UsageError(f"This channel does not watch `{command.ref}`. It watches {known or 'nothing'}.")
        return await self._end(lambda one: one.job == job)

    async def _unwatch_all(self, command: UnwatchCommand) -> UnwatchAnswer | ConfirmAnswer:
        watched, patterns = await self._watched(), await self.store.patterns.list(self.asker.channel)
        if (watched or patterns) and not command.is_confirmed:
            what = f" and {plural(len(patterns), 'pattern')}" if patterns else ""
            question = f"Stop watching {plural(len(watched), 'job')}{what} in this channel?"
            return ConfirmAnswer(question, "Stop watching all", "unwatch --all --yes")
        ended = await self._end(lambda _: True, patterns)
        return replace(ended, pattern=", ".join(one.text for one in patterns))

    async def _unwatch_pattern(self, command: UnwatchPatternCommand) -> UnwatchAnswer | ConfirmAnswer:
        """End a pattern with its jobs; or, if the channel has no such pattern, the subscriptions that match."""
        matchers = self._patterns.own(command.matchers)
        pattern, watched = await self._patterns.find(matchers), await self._watched()
        if pattern is None:
            ending = [one.subscription for one in self._patterns.select(matchers, watched)]
        else:
            ending = [one.subscription for one in await self._watched() if one.subscription.pattern == pattern.id]
        text = matcher_words(matchers)
        if pattern is None and not ending:
            raise UsageError(f"This channel watches no job that matches `{text}`. `list` shows what it watches.")
        if len(ending) > _MANY and not command.is_confirmed:
            question = f"Stop watching {plural(len(ending), 'job')} that match `{text}` in this channel?"
            return ConfirmAnswer(question, "Stop watching", f"unwatch {text} --yes")
        if pattern is None:
            others = await self.store.patterns.list(self.asker.channel)
            note = "New jobs still join the channel's patterns; `list` shows them." if others else ""
            jobs = {one.job for one in ending}
            return replace(await self._end(lambda one: one.job in jobs), pattern=text, notes=(note,) if note else ())
        return replace(await self._end(lambda one: one.pattern == pattern.id, [pattern]), pattern=text)

    async def _end(
        self, is_meant: Callable[[Subscription], bool], patterns: Sequence[PatternSubscription] = ()
    ) -> UnwatchAnswer:
        """End patterns, subscriptions and their open incidents, after a record of them that an undo reads."""
        removed = [one.subscription for one in await self._watched() if is_meant(one.subscription)]
        if not removed and not patterns:
            return UnwatchAnswer((), self.asker.user)
        ended = tuple([await self.store.patterns.joined(one) for one in patterns])
        record = RemovedWatching(tuple(removed), ended)
        number = await self.store.removed_subscriptions.add(self.asker.channel, record, self.now)
        for one in patterns:  # first, so that no job joins meanwhile
            await self.store.patterns.hand_over(one)
            await self.store.patterns.remove(one.id)
        ending = [one.subscription.job for one in await self._watched() if is_meant(one.subscription)]
        undo, shown_on = f"unwatch undo {number}", list[str]()
        # One transaction per job: one that locks several watches could deadlock with a settling poll.
        for job in ending:
            shown_on += await self._end_one(job, undo)
        return UnwatchAnswer(tuple(ending), self.asker.user, undo, tuple(shown_on))

    async def _end_one(self, job: JobRef, undo: str) -> list[str]:
        """End a subscription and its open incidents; return their ids."""
        incidents, user = self.store.incidents, self.asker.user
        still_open = await incidents.list_open(self.asker.channel, job)
        await self.store.subscriptions.remove(self.asker.channel, job)
        for one in still_open:
            await incidents.change(
                one.id, lambda incident: stop_watching(incident, user, self.now, undo), f"unwatched:{user}", self.now
            )
        return [one.id for one in still_open]

    async def _undo_unwatch(self, command: UndoUnwatchCommand) -> RestoreAnswer:
        """Subscribe the channel again as before; what it watches again meanwhile keeps its newer settings."""
        removed = await self.store.removed_subscriptions.find(command.number, self.asker.channel)
        if not removed.subscriptions and not removed.patterns:
            raise UsageError(f"There is no `unwatch` {command.number} to undo in this channel: undone already, or old.")
        for pattern in removed.patterns:
            await self.store.patterns.restore(pattern, self.now)
        for one in removed.subscriptions:
            await self.store.subscriptions.restore(one, self.now)
            await self._forget_undo(one.job)
        # Last, so that an undo that a restart interrupts can be repeated.
        await self.store.removed_subscriptions.forget(command.number, self.asker.channel)
        texts = tuple(one.pattern.text for one in removed.patterns)
        return RestoreAnswer(tuple(one.job for one in removed.subscriptions), self.asker.user, texts)

    def _require_no_secret(self, settings: Sequence[str]) -> None:
        """Refuse settings that hold a secret, as everyone in the channel can read them.

        Raises:
            UsageError: names the setting, without the secret.
        """
        for setting in settings:
            shown, hidden = self.redactor.redact(setting)
            if hidden:
                raise UsageError(f"`{shown}` contains a secret, which the channel could read. Leave the secret out.")

    async def _silence(self, command: SilenceCommand) -> SilenceAnswer | ConfirmAnswer:
        self._require_no_secret(format_matchers(command.matchers))
        command = replace(command, matchers=self._patterns.own(command.matchers))
        command = replace(command, reason=self.redactor.redact(command.reason)[0])
        asker, watched = self.asker, await self._watched()
        matchers = self._job_matchers(command, [one.subscription.job for one in watched])
        is_watched = not matchers or any(_is_named(one, matchers) for one in watched)
        if command.rule is not None:
            rule = rule_named(command.rule)
            if rule is None:
                known = ", ".join(one.name for one in RULES)
                raise UsageError(f"Unknown rule `{command.rule}`. Rules: {known}.")
            matchers.append(Matcher("rule", rule.name))
        if command.severity is not None:
            matchers.append(Matcher("severity", command.severity.value))
        if (not matchers or command.duration > _LONG_SILENCE) and not command.is_confirmed:
            return _confirm_silence(command, matchers, len(watched))
        ends_at, add = self.now + command.duration, self.store.silences.add
        created = await add(asker.channel, matchers, asker.user, ends_at, self.now, reason=command.reason)
        return SilenceAnswer(created, by=asker.user, shown_on=await self._show(created), is_watched=is_watched)

    def _job_matchers(self, command: SilenceCommand, watched: list[JobRef]) -> list[Matcher]:
        """The matchers of a silence that name jobs."""
        if command.ref is not None:
            job = self._find(command.ref, watched) or self.registry.resolve(command.ref)[1]
            return [Matcher("job", str(job)), *command.matchers]
        self._patterns.require_platform(command.matchers, [job.provider for job in watched])
        return list(command.matchers)

    async def _unsilence(self, command: UnsilenceCommand) -> SilenceAnswer:
        ended = await self.store.silences.end(command.silence_id, self.now, channel=self.asker.channel)
        if ended is None:
            raise UsageError(f"This channel has no silence {command.silence_id}. `list` shows the numbers.")
        return SilenceAnswer(ended, ended=True, by=self.asker.user, shown_on=await self._show(ended))

    async def _show(self, changed: Silence) -> tuple[str, ...]:
        """Edit the open incidents that a silence mutes, or muted until now; return their ids."""
        silences = await self.store.silences.active(self.asker.channel, self.now)
        shown_on = []
        for one in await self.store.incidents.list_open(self.asker.channel):
            if mute(one, silences, self.now).muted != one.muted:
                key = f"silence {changed.id}"
                await self.store.incidents.change(
                    one.id, lambda incident: mute(incident, silences, self.now), key, self.now
                )
                shown_on.append(one.id)
        return tuple(shown_on)

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


def _is_named(watched: Watched, matchers: Sequence[Matcher]) -> bool:
    """Whether a job fits; one that was not polled yet may have any name and owner."""
    labels = job_labels(watched.job or KnownJob(watched.subscription.job))
    return matches_all((one for one in matchers if watched.job or one.label == "job"), labels)


def _confirm_silence(command: SilenceCommand, matchers: Sequence[Matcher], watched: int) -> ConfirmAnswer:
    """Ask before a silence that mutes everything, or for long."""
    named = ", ".join(f"{'not ' if one.is_negated else ''}{one.label} `{one.value}`" for one in matchers)
    what = f"alerts for {named}" if named else f"all alerts in this channel ({plural(watched, 'job')})"
    words = ["silence", format_duration(command.duration).replace(" ", "")]
    words += [matcher_words([one for one in matchers if one.label in ("job", "name", "owner")])]
    options = {
        "--rule": command.rule,
        "--severity": command.severity,
        "--reason": command.reason,
    }
    words += [f"{name} {quote(str(value))}" for name, value in options.items() if value]
    return ConfirmAnswer(
        f"Silence {what} for {spoken_duration(command.duration)}?",
        "Silence" if named else "Silence all",
        " ".join([*filter(None, words), "--yes"]),
    )
