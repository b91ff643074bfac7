"""`watch`, `unwatch` and `rules` with a pattern: what a channel's patterns select, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands.answers import Asker
from bot.commands.handlers.jobs import list_jobs
from bot.commands.handlers.turns import take_turns
from bot.commands.parsing.formatting import matcher_words
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.jobs import ProviderJobs
from bot.commands.subcommands.patterns import PatternCost, WatchPatternAnswer, WatchPatternCommand
from bot.commands.subcommands.subscriptions import ConfirmAnswer
from bot.domain.job_matching import (
    KnownJob,
    Matcher,
    can_join,
    job_labels,
    matches_all,
    names_me,
    owned_by,
    platform_of,
)
from bot.domain.listings import LISTINGS_PER_POLL, MAX_LISTED
from bot.domain.subscriptions import DEFAULT_PATTERN_LIMIT, PatternSubscription, RuleSettings, Watched
from bot.domain.wording import plural
from bot.errors import UsageError
from bot.providers.budget import requests_so_far
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor
from bot.store.store import Store

CONFIRM_FROM = 20
"""A pattern that more jobs match now needs a confirmation."""
_REQUESTS_PER_POLL = (2, 3)
"""Of one job: status and metrics, and one or more for the log."""
_LARGE_SHARE = 0.5
"""A pattern that takes more of a platform's rate needs a confirmation."""
NO_ADDRESS = (
    "Slack does not show trainwatch your e-mail address (scope `users:read.email`). Use `owner=you@example.com`."
)


@dataclass(frozen=True, slots=True)
class PatternHandlers:
    """Answers commands about patterns in the asker's channel."""

    registry: Registry
    store: Store
    redactor: Redactor
    asker: Asker
    poll_interval: timedelta
    now: datetime

    def own(self, matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
        """Put the asker's address in place of `owner=me`.

        Raises:
            UsageError: the address is not known.
        """
        if not names_me(matchers):
            return matchers
        if self.asker.email is None:
            raise UsageError(NO_ADDRESS)
        return owned_by(matchers, self.asker.email)

    def require_platform(self, matchers: Sequence[Matcher], known: Sequence[str] = ()) -> None:
        """Raise UsageError if the platform of the matchers is neither set up nor among `known`."""
        platform = platform_of(matchers)
        if platform is not None and platform not in (*self.registry.names, *known):
            names = ", ".join(f"`{name}`" for name in self.registry.names)
            raise UsageError(f"Unknown platform `{platform[:40]}`. Platforms: {names}.")

    async def find(self, matchers: tuple[Matcher, ...]) -> PatternSubscription | None:
        """Return the channel's pattern with these matchers."""
        patterns = await self.store.patterns.list(self.asker.channel)
        return next((one for one in patterns if one.matchers == matchers), None)

    async def watch(
        self, command: WatchPatternCommand, settings: RuleSettings, expected: str
    ) -> WatchPatternAnswer | ConfirmAnswer:
        """Subscribe the channel to a pattern, after a confirmation if it selects many jobs."""
        matchers = self.own(command.matchers)
        self.require_platform(matchers)
        requests_before = requests_so_far()
        listed = (await list_jobs(self.registry, platform_of(matchers), MAX_LISTED, self.redactor)).providers
        listing_requests = max(requests_so_far() - requests_before, 1)
        notes = _check_listed(matchers, listed)
        jobs = [KnownJob.of(job) async for job in take_turns(job for one in listed for job in one.jobs)]
        matching = [job async for job in take_turns(jobs) if can_join(job) and matches_all(matchers, job_labels(job))]
        before = await self.find(matchers)
        wanted = PatternSubscription(
            id=0,
            channel=self.asker.channel,
            matchers=matchers,
            created_by=self.asker.user,
            created_at=self.now,
            settings=settings,
            team=self.asker.team,
            announce=(before is None or before.announce) if command.announce is None else command.announce,
            limit=command.limit or (before.limit if before else DEFAULT_PATTERN_LIMIT),
        )
        cost = self._cost(matchers, min(len(matching), wanted.limit), listing_requests)
        is_large = cost.maximum is not None and cost.polling[1] > cost.maximum * _LARGE_SHARE
        is_asked = before is None or (len(matching) > before.limit and wanted.limit > before.limit)
        if is_asked and (len(matching) > CONFIRM_FROM or is_large) and not command.is_confirmed:
            return _confirm(wanted, command, len(matching), cost)
        added = await self.store.patterns.add(wanted, jobs, self.now)
        return WatchPatternAnswer(added.pattern, added.is_new, cost, expected, notes, len(matching))

    def select(self, matchers: tuple[Matcher, ...], watched: Sequence[Watched]) -> list[Watched]:
        """Return the watched jobs that match; the name and the owner are those of the last poll."""
        return [one for one in watched if matches_all(matchers, job_labels(one.job or KnownJob(one.subscription.job)))]

    def _cost(self, matchers: Sequence[Matcher], jobs: int, listing_requests: int) -> PatternCost:
        """Estimate the requests a minute."""
        polls = 60 / self.poll_interval.total_seconds()
        low, high = (round(jobs * polls * requests) for requests in _REQUESTS_PER_POLL)
        rate = self.registry.request_rates().get(platform_of(matchers) or "")
        return PatternCost(
            LISTINGS_PER_POLL * polls * listing_requests, (low, high), rate.max_per_minute if rate else None
        )


def pattern_target(pattern: PatternSubscription) -> str:
    """Return what `watch` takes before the rule settings to watch a pattern again: everything else about it."""
    words = [matcher_words(pattern.matchers)]
    words += [] if pattern.announce else ["announce=off"]
    words += [] if pattern.limit == DEFAULT_PATTERN_LIMIT else [f"limit={pattern.limit}"]
    return " ".join([*words, "--yes"])


def _confirm(
    wanted: PatternSubscription, command: WatchPatternCommand, matching: int, cost: PatternCost
) -> ConfirmAnswer:
    over = f", its limit, of the {matching:,} jobs" if matching > wanted.limit else ""
    count = f"{wanted.limit:,}{over}" if over else plural(matching, "job")
    words = [matcher_words(wanted.matchers), *map(quote, command.settings)]
    words += [] if command.announce is None else [f"announce={'on' if command.announce else 'off'}"]
    words += [] if command.limit is None else [f"limit={command.limit}"]
    question = f"Watch {count} that match `{wanted.text}` now, and new ones as they start? {cost}"
    return ConfirmAnswer(question, "Watch all", " ".join(["watch", *words, "--yes"]))


def _check_listed(matchers: Sequence[Matcher], listed: Sequence[ProviderJobs]) -> tuple[str, ...]:
    """Return what some of the platforms cannot do.

    Raises:
        UsageError: none of the platforms lists its jobs, or none reports who started a job and an owner is wanted.
    """
    failed = [one for one in listed if one.problem]
    if len(failed) == len(listed):
        raise UsageError(" ".join(f"The jobs of {one.provider} cannot be listed: {one.problem}" for one in failed))
    notes = [f"{one.provider} cannot be listed now: {one.problem} Its jobs join later." for one in failed if one.lists]
    if any(one.label == "owner" for one in matchers):
        listing = [one for one in listed if one.jobs]
        unowned = [one.provider for one in listing if not any(job.user for job in one.jobs)]
        text = "does not report who started a job, so `owner=` matches nothing there."
        if unowned and len(unowned) == len(listing):
            raise UsageError(" ".join(f"{name} {text}" for name in unowned))
        notes += [f"{name} {text}" for name in unowned]
    return tuple(notes)
