"""Commands with patterns, typed in a channel, on a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.patterns import WatchPatternAnswer
from bot.commands.subcommands.rules import RulesAnswer
from bot.commands.subcommands.subscriptions import (
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.jobs import JobState
from bot.errors import NotSupported, Unavailable, UsageError
from bot.redaction.redactor import Redactor
from bot.store.store import Store
from bot.watcher.listing import JobLister, ListingSettings
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider, registry_of

ADA = Asker("U1", "C1", "T1", email="ada@acme.example")


class PatternHarness:
    """A channel, two platforms, and the loop that lists them."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, ManualClock(NOW)
        self.mem = FakeProvider(jobs={})
        self.other = FakeProvider(jobs={}, name="other")
        registry, redactor = registry_of(self.mem, self.other), Redactor(["s3cret"])
        self.runner = ChannelRunner(CommandRunner(registry, self.clock, redactor), store)
        self.settings = ListingSettings()
        self.lister = JobLister(registry, store, self.clock, redactor, self.settings)

    def add(self, *ids: str, state: JobState = JobState.RUNNING, user: str | None = "ada@acme.example") -> None:
        for id in ids:
            self.mem.jobs[id] = replace(self.mem.add_job(id, state, name=id.partition("/")[2]), user=user)

    async def run(self, text: str, asker: Asker = ADA) -> Answer:
        resolved = await self.runner.resolve(parse(text), asker)
        return resolved if isinstance(resolved, ErrorAnswer) else await self.runner.run(resolved.command, asker)

    async def watch(self, text: str, asker: Asker = ADA) -> WatchPatternAnswer:
        answer = await self.run(f"watch {text}", asker)
        assert isinstance(answer, WatchPatternAnswer), answer
        return answer

    async def error(self, text: str, asker: Asker = ADA) -> str:
        try:
            answer = await self.run(text, asker)
        except UsageError as problem:
            return problem.public
        assert isinstance(answer, ErrorAnswer), answer
        return answer.public

    async def list_jobs(self) -> None:
        """Let the loop list the platforms again."""
        self.clock.advance(self.settings.interval)
        while await self.lister.tick():
            pass

    async def watched(self, channel: str = "C1") -> set[str]:
        return {one.subscription.job.id for one in await self.store.subscriptions.list(channel)}


@pytest.fixture
def harness(store: Store) -> PatternHarness:
    return PatternHarness(store)


async def test_running_jobs_are_watched_now_and_new_ones_later(harness: PatternHarness) -> None:
    harness.add("p/one", "p/two", "q/three")
    harness.add("p/done", state=JobState.SUCCEEDED)

    answer = await harness.watch("mem:p/* log_errors=off announce=off limit=7 --exclude name~two")
    assert (answer.is_new, answer.pattern.watched, answer.pattern.limit) == (True, 1, 7)
    assert "errors" not in answer.expected
    assert answer.cost.polling == (8, 12)

    harness.add("p/four", "p/two-again", "q/five")
    await harness.list_jobs()
    assert await harness.watched() == {"p/one", "p/four"}


async def test_many_jobs_are_watched_after_a_confirmation_that_shows_the_cost(harness: PatternHarness) -> None:
    harness.add(*(f"p/{number}" for number in range(40)))

    asked = await harness.run('watch mem:p/* "name~* *" hang=off --exclude "name~a b"')
    assert isinstance(asked, WatchPatternAnswer)
    asked = await harness.run("watch mem:* hang=off limit=30 announce=off --exclude mem:p/0")
    assert isinstance(asked, ConfirmAnswer)
    assert asked.question == (
        "Watch 30, its limit, of the 39 jobs that match `mem:* --exclude mem:p/0` now, and new ones as they start? "
        "About 10 requests a minute to list jobs and 240 to 360 to poll them."
    )
    assert await harness.watched() == set()

    made = await harness.run(asked.command)
    assert isinstance(made, WatchPatternAnswer)
    assert (made.pattern.watched, made.pattern.skipped, made.pattern.announce) == (30, 9, False)
    assert made.pattern.settings.off == ("hang",)


async def test_own_jobs_are_those_of_the_address_in_slack(harness: PatternHarness) -> None:
    harness.add("p/mine")
    harness.add("p/bens", user="ben@acme.example")

    answer = await harness.watch("mem:* owner=me")
    assert answer.pattern.text == "mem:* owner=ada@acme.example"
    assert await harness.watched() == {"p/mine"}

    assert "users:read.email" in await harness.error("watch mem:* owner=me", replace(ADA, email=None))
    assert "users:read.email" in await harness.error("unwatch owner=me", replace(ADA, email=None))


async def test_a_platform_that_names_no_owners_is_an_error_or_a_note(harness: PatternHarness) -> None:
    harness.add("p/one", user=None)
    text = "mem does not report who started a job, so `owner=` matches nothing there."
    assert await harness.error("watch mem:* owner=me") == text

    harness.other.jobs["x/1"] = replace(harness.other.add_job("x/1"), user="ada")
    assert (await harness.watch("owner=me")).notes == (text,)


async def test_a_platform_that_cannot_list_is_an_error_or_a_note(harness: PatternHarness) -> None:
    harness.mem.list_error = Unavailable("HTTP 503.", provider="mem")
    assert await harness.error("watch mem:*") == "The jobs of mem cannot be listed: HTTP 503."
    assert (await harness.watch("name~llama")).notes == ("mem cannot be listed now: HTTP 503. Its jobs join later.",)
    harness.mem.list_error = NotSupported("mem has no list of jobs.", provider="mem")
    assert "mem has no list of jobs." in await harness.error("watch mem:*")
    assert "Unknown platform `men`" in await harness.error("watch men:*")


async def test_an_unwatched_job_stays_unwatched_and_an_explicit_watch_wins(harness: PatternHarness) -> None:
    harness.add("p/one", "p/two")
    await harness.watch("mem:*")
    await harness.watch("name~*")
    assert isinstance(await harness.run("unwatch mem:p/one"), UnwatchAnswer)
    assert isinstance(await harness.run("watch mem:p/two hang=off"), WatchAnswer)
    await harness.list_jobs()

    (left,) = await harness.store.subscriptions.list("C1")
    assert (left.subscription.job.id, left.subscription.pattern) == ("p/two", None)
    await harness.run("unwatch mem:*")
    assert await harness.watched() == {"p/two"}


async def test_ended_jobs_leave_and_do_not_join_again(harness: PatternHarness) -> None:
    harness.add("p/one")
    await harness.watch("mem:*")
    for claimed in await harness.store.watches.claim_due(NOW, lease=timedelta(minutes=1)):
        await harness.store.subscriptions.remove("C1", claimed.job)
    await harness.list_jobs()

    assert await harness.watched() == set()


async def test_a_pattern_ends_with_its_jobs_and_can_be_undone(harness: PatternHarness) -> None:
    harness.add("p/one", "p/two", "q/three")
    before = await harness.watch("mem:p/* hang=off announce=off limit=9 --exclude 'name~a b'")
    await harness.watch("mem:*")

    ended = await harness.run("unwatch mem:p/* --exclude 'name~a b'")
    assert isinstance(ended, UnwatchAnswer)
    assert (ended.jobs, await harness.watched()) == ((), {"p/one", "p/two", "q/three"})

    await harness.run("unwatch mem:*")
    assert await harness.watched() == set()
    again = await harness.run(ended.undo)
    assert isinstance(again, RestoreAnswer)
    (pattern,) = await harness.store.patterns.list("C1")
    assert replace(pattern, watched=0) == replace(before.pattern, watched=0)
    assert (pattern.settings.off, pattern.announce, pattern.limit, pattern.watched) == (("hang",), False, 9, 2)
    await harness.list_jobs()
    assert await harness.watched() == {"p/one", "p/two"}


async def test_unwatching_everything_is_undone_with_its_patterns(harness: PatternHarness) -> None:
    harness.add("p/one", "q/two")
    before = await harness.watch("mem:p/* hang=off announce=off")
    await harness.run("watch mem:q/two")
    ended = await harness.run("unwatch --all --yes")
    assert isinstance(ended, UnwatchAnswer)
    assert (await harness.watched(), await harness.store.patterns.list("C1")) == (set(), ())

    await harness.run(ended.undo)
    assert await harness.store.patterns.list("C1") == (before.pattern,)
    owners = {one.subscription.job.id: one.subscription.pattern for one in await harness.store.subscriptions.list("C1")}
    assert owners == {"p/one": before.pattern.id, "q/two": None}
    harness.add("p/new")
    await harness.list_jobs()
    assert await harness.watched() == {"p/one", "q/two", "p/new"}


async def test_a_pattern_unwatches_jobs_that_others_or_people_chose(harness: PatternHarness) -> None:
    harness.add(*(f"p/{number}" for number in range(12)))
    for number in range(12):
        await harness.run(f"watch mem:p/{number}")

    asked = await harness.run("unwatch mem:p/*")
    assert isinstance(asked, ConfirmAnswer)
    ended = await harness.run(asked.command)
    assert isinstance(ended, UnwatchAnswer)
    assert (len(ended.jobs), ended.pattern) == (12, "mem:p/*")
    assert "no job that matches `mem:p/*`" in await harness.error("unwatch mem:p/*")
    await harness.run(ended.undo)
    assert len(await harness.watched()) == 12


async def test_unwatching_everything_ends_patterns(harness: PatternHarness) -> None:
    harness.add("p/one")
    await harness.watch("mem:*")
    asked = await harness.run("unwatch --all")
    assert isinstance(asked, ConfirmAnswer)
    assert asked.question == "Stop watching 1 job and 1 pattern in this channel?"
    await harness.run(asked.command)
    harness.add("p/two")
    await harness.list_jobs()

    assert await harness.watched() == set()


async def test_lists_rules_and_silences_take_patterns(harness: PatternHarness) -> None:
    harness.add("p/one")
    await harness.watch("mem:p/* hang=off")
    harness.mem.list_error = Unavailable("HTTP 503.", provider="mem")
    await harness.list_jobs()

    listed = await harness.run("list")
    assert isinstance(listed, ListAnswer)
    assert [(one.text, one.watched) for one in listed.patterns] == [("mem:p/*", 1)]
    assert listed.problems == {"mem": "HTTP 503."}

    rules = await harness.run("rules mem:p/*")
    assert isinstance(rules, RulesAnswer)
    assert (rules.pattern, [rule.name for rule in rules.rules if not rule.is_on]) == ("mem:p/*", ["hang"])
    assert "no pattern `mem:q/*`" in await harness.error("rules mem:q/*")

    silenced = await harness.run("silence 2h mem:* owner=me name~one --exclude mem:q/*")
    assert isinstance(silenced, SilenceAnswer)
    assert [(one.label, one.is_negated) for one in silenced.silence.matchers] == [
        ("job", False),
        ("owner", False),
        ("name", False),
        ("job", True),
    ]
    assert silenced.is_watched


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("watch mem:p/one mem:*", "names one job"),
        ("watch mem:* announce=maybe", "announce=on"),
        ("watch mem:* limit=0", "from 1 to 5,000"),
        ("watch mem:* limit=9999999999999", "from 1 to 5,000"),
        ("watch *", "begins with the platform"),
        ("watch llama-*", "name~llama-*"),
        ("watch owner=", "owner=me"),
        ("watch mem:p/one --exclude mem:*", "needs a pattern"),
        ("watch mem:* hang=maybe", "Invalid value"),
        ("watch mem:* --exclude nonsense", "begins with the platform"),
        ("unwatch mem:* other", "Unexpected argument"),
        ("silence 2h mem:p/one mem:*", "names one job"),
        (f"watch name~{'x' * 600}", "too long"),
        ("watch name~s3cret", "contains a secret"),
    ],
)
async def test_mistakes_are_explained(harness: PatternHarness, text: str, problem: str) -> None:
    assert problem in await harness.error(text)


async def test_new_settings_keep_the_limit_and_the_announcements(harness: PatternHarness) -> None:
    harness.add(*(f"p/{number}" for number in range(30)))
    await harness.watch("mem:* announce=off limit=25 --yes")

    changed = await harness.watch("mem:* hang=off")
    assert (changed.is_new, changed.pattern.announce, changed.pattern.limit) == (False, False, 25)
    assert (changed.matching, changed.pattern.watched, changed.pattern.settings.off) == (30, 25, ("hang",))
    assert isinstance(await harness.run("watch mem:* limit=30"), ConfirmAnswer)
    assert (await harness.watch("mem:* limit=30 announce=on --yes")).pattern.announce
    assert len(await harness.watched()) == 30


async def test_an_overlapping_pattern_counts_the_jobs_that_are_watched_already(harness: PatternHarness) -> None:
    harness.add("p/one", "p/two")
    await harness.watch("mem:*")
    assert (await harness.watch("name~one")).matching == 1
    listed = await harness.run("list")
    assert isinstance(listed, ListAnswer)
    assert [one.watched for one in listed.patterns] == [2, 0], "a name is known from the first poll on"
