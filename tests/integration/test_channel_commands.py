"""Commands typed in a channel, on a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.handlers.job_lookup import JobDirectory
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner, ResolvedCommand
from bot.commands.subcommands.jobs import JobsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import (
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.commands.subcommands.table import HelpAnswer
from bot.domain.alerts import Evidence, Incident, IncidentAlert, Severity
from bot.domain.job_matching import Matcher
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.errors import UsageError
from bot.redaction.redactor import Redactor
from bot.store.store import Store
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of

HERE, THERE = Asker("U1", "C1", "T1"), Asker("U2", "C2", "T1")
ENDED = JobRef("mem", "run/ended")
PROGRESS = RunProgress(step=2926, total_steps=50_000, step_s=4.0, checkpoint=Checkpoint(2500, NOW))


class CommandHarness:
    """Runs typed commands on three jobs of one fake provider."""

    def __init__(self, store: Store) -> None:
        second = JobRef("mem", "run/2")
        jobs = {
            REF.id: Job(REF, JobState.RUNNING, "RUNNING"),
            second.id: Job(second, JobState.QUEUED, "QUEUED"),
            ENDED.id: Job(ENDED, JobState.FAILED, "FAILED"),
        }
        registry, directory = registry_of(FakeProvider(jobs=jobs)), JobDirectory(store.known_jobs.save)
        runner = CommandRunner(registry, lambda: NOW, Redactor(), directory=directory)
        self.runner = ChannelRunner(runner, store)

    async def run(self, text: str, asker: Asker = HERE) -> Answer:
        resolved = await self.runner.resolve(parse(text), asker)
        return resolved if isinstance(resolved, ErrorAnswer) else await self.runner.run(resolved.command, asker)


@pytest.fixture
def commands(store: Store) -> CommandHarness:
    return CommandHarness(store)


@pytest.mark.parametrize("text", ["jobs failed", "status nothing-of-this-name"])
async def test_every_listing_fills_the_index_of_jobs(commands: CommandHarness, store: Store, text: str) -> None:
    await commands.run(text)

    assert {job.ref.id for job in await store.known_jobs.search("")} == {REF.id, "run/2", ENDED.id}


async def test_watching_twice_changes_the_settings(commands: CommandHarness) -> None:
    first = await commands.run("watch mem:run/1")
    second = await commands.run("watch https://mem.example/run/1 log_errors=off severity=warn")
    assert isinstance(first, WatchAnswer)
    assert isinstance(second, WatchAnswer)
    assert (first.created, second.created) == (True, False)
    assert first.subscription.id == second.subscription.id
    assert second.subscription.settings.off == ("log_errors",)
    assert ("errors" in first.expected, "errors" in second.expected) == (True, False)


async def test_watching_again_with_the_same_settings_changes_nothing(commands: CommandHarness) -> None:
    answers = [
        await commands.run(f"watch mem:run/1{settings}") for settings in ("", "", " log_errors=off", " log_errors=off")
    ]
    assert [isinstance(one, WatchAnswer) and one.has_changed for one in answers] == [True, False, True, False]


async def test_an_ended_job_cannot_be_watched(commands: CommandHarness) -> None:
    answer = await commands.run("watch mem:run/ended")
    assert isinstance(answer, ErrorAnswer)
    assert "has already ended (failed); nothing to watch" in answer.public


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("watch mem:run/9", "There is no job"),
        ("watch mem:run/1 low_gpu=off", "There is no rule `low_gpu`"),
        ("unwatch mem:run/2", "This channel does not watch `mem:run/2`. It watches nothing."),
        ("silence end 5", "This channel has no silence 5."),
        ("silence 1h --rule gpu", "Unknown rule `gpu`. Rules: job_failed"),
    ],
)
async def test_an_invalid_command_is_explained(commands: CommandHarness, text: str, problem: str) -> None:
    answer = await commands.run(text)
    assert isinstance(answer, ErrorAnswer)
    assert problem in answer.public


async def test_a_list_shows_this_channel_only(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1")
    await commands.run("watch mem:run/2", THERE)
    answer = await commands.run("list")
    assert isinstance(answer, ListAnswer)
    assert [str(one.subscription.job) for one in answer.watched] == ["mem:run/1"]


@pytest.mark.parametrize("typed", ["mem:run/1", "https://mem.example/run/1", "1"])
async def test_unwatching_by_any_reference_to_the_job(commands: CommandHarness, typed: str) -> None:
    await commands.run("watch mem:run/1")
    assert await commands.run(f"unwatch {typed}") == UnwatchAnswer((REF,), "U1", "unwatch undo 1")
    listed = await commands.run("list")
    assert isinstance(listed, ListAnswer)
    assert listed.watched == ()


async def test_unwatching_everything(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1")
    await commands.run("watch mem:run/2")
    asked = await commands.run("unwatch --all")
    assert asked == ConfirmAnswer("Stop watching 2 jobs in this channel?", "Stop watching all", "unwatch --all --yes")
    assert await commands.run("unwatch --all --yes") == UnwatchAnswer(
        (REF, JobRef("mem", "run/2")), "U1", "unwatch undo 1"
    )
    assert await commands.run("unwatch --all") == UnwatchAnswer((), "U1")


async def test_an_undo_that_a_restart_interrupts_can_be_repeated(commands: CommandHarness, store: Store) -> None:
    refs = [JobRef("mem", f"run/{number}") for number in range(30)]
    for ref in refs:
        await store.subscriptions.add("C1", "T1", ref, "U1", RuleSettings(), NOW)
    await commands.run("unwatch --all --yes")
    undoing = asyncio.create_task(commands.run("unwatch undo 1"))
    while not await store.subscriptions.list("C1"):
        pass
    undoing.cancel()
    await asyncio.gather(undoing, return_exceptions=True)
    assert len(await store.subscriptions.list("C1")) < len(refs)

    assert isinstance(await commands.run("unwatch undo 1"), RestoreAnswer)
    assert {one.subscription.job for one in await store.subscriptions.list("C1")} == set(refs)
    assert isinstance(await commands.run("unwatch undo 1"), ErrorAnswer)


async def test_a_job_of_a_removed_platform_can_be_unwatched(commands: CommandHarness, store: Store) -> None:
    await commands.run("watch mem:run/1")
    bare = ChannelRunner(CommandRunner(registry_of(), lambda: NOW, Redactor()), store)
    resolved = await bare.resolve(parse("unwatch mem:run/1"), HERE)
    assert isinstance(resolved, ResolvedCommand)
    assert await bare.run(resolved.command, HERE) == UnwatchAnswer((REF,), "U1", "unwatch undo 1")


async def test_a_name_means_a_job_of_this_channel_then_any_watched_job(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1")
    for text, asker in (("status 1", HERE), ("status 1", THERE), ("status run", HERE), ("status run", THERE)):
        answer = await commands.run(text, asker)
        assert isinstance(answer, StatusAnswer)
        assert answer.job.ref == REF
    await commands.run("watch mem:run/2", THERE)
    here = await commands.run("status run")
    assert isinstance(here, StatusAnswer)
    assert here.job.ref == REF
    elsewhere = await commands.run("status run", Asker("U2", "C3"))
    assert isinstance(elsewhere, ErrorAnswer)
    assert [str(one.ref) for one in elsewhere.suggestions] == ["mem:run/1", "mem:run/2", "mem:run/ended"]


@pytest.mark.parametrize(
    ("text", "asker", "expected"),
    [
        ("", HERE, "this channel's settings (`log_errors.quiet_after=20m`, `loss=off`, `severity=warn`)"),
        (
            " loss=on",
            HERE,
            "this channel's settings (`log_errors.quiet_after=20m`, `loss=off`, `severity=warn`) + `loss=on`",
        ),
        (" --defaults", HERE, "the default settings"),
        ("", THERE, "the default settings, because this channel does not watch the job"),
    ],
)
async def test_a_test_of_the_rules_names_the_settings_it_begins_with(
    commands: CommandHarness, text: str, asker: Asker, expected: str
) -> None:
    await commands.run("watch mem:run/1 log_errors.quiet_after=20m loss=off severity=warn")
    answer = await commands.run(f"rules test mem:run/1{text}", asker)
    assert isinstance(answer, ReplayAnswer)
    assert answer.basis == expected
    assert ("loss" in answer.quiet) == (asker is THERE or bool(text))


@pytest.mark.parametrize(("text", "expected"), [("", True), (" mem:run/1", True), (" mem:run/2", False)])
async def test_a_silence_tells_whether_its_job_is_watched(
    commands: CommandHarness, text: str, *, expected: bool
) -> None:
    await commands.run("watch mem:run/1")
    made = await commands.run(f"silence 2h{text} --yes")
    assert isinstance(made, SilenceAnswer)
    assert made.is_watched == expected


async def test_a_silence_is_created_listed_and_ended(commands: CommandHarness) -> None:
    made = await commands.run('silence 2h mem:run/1 --rule log_errors --severity warn --reason "new disks"')
    assert isinstance(made, SilenceAnswer)
    silence = made.silence
    assert silence.matchers == (Matcher("job", "mem:run/1"), Matcher("rule", "log_errors"), Matcher("severity", "warn"))
    assert (silence.ends_at - silence.created_at, silence.reason) == (timedelta(hours=2), "new disks")
    listed = await commands.run("list")
    assert isinstance(listed, ListAnswer)
    assert listed.silences == (silence,)
    elsewhere = await commands.run(f"silence end {silence.id}", THERE)
    assert isinstance(elsewhere, ErrorAnswer)
    ended = await commands.run(f"silence end {silence.id}")
    assert isinstance(ended, SilenceAnswer)
    assert ended.ended


@pytest.mark.parametrize(
    ("text", "matchers", "is_watched"),
    [
        ("mem:run/*", (Matcher("job", "mem:run/*", is_pattern=True),), True),
        ("mem:other/*", (Matcher("job", "mem:other/*", is_pattern=True),), False),
        ("--name 'RUN *'", (Matcher("name", "RUN *", is_pattern=True),), True),
        (
            "mem:* --name 'run ?' --severity warn",
            (
                Matcher("job", "mem:*", is_pattern=True),
                Matcher("name", "run ?", is_pattern=True),
                Matcher("severity", "warn"),
            ),
            True,
        ),
    ],
)
async def test_a_silence_names_jobs_by_pattern(
    commands: CommandHarness, text: str, matchers: tuple[Matcher, ...], *, is_watched: bool
) -> None:
    await commands.run("watch mem:run/1")
    made = await commands.run(f"silence 2h {text}")
    assert isinstance(made, SilenceAnswer)
    assert (made.silence.matchers, made.is_watched) == (matchers, is_watched)


@pytest.mark.parametrize("text", ["*", "run/*", "--name ''"])
async def test_a_pattern_without_a_platform_is_a_usage_error(commands: CommandHarness, text: str) -> None:
    with pytest.raises(UsageError):
        await commands.run(f"silence 2h {text}")


async def test_a_pattern_of_an_unknown_platform_is_an_error(commands: CommandHarness) -> None:
    answer = await commands.run("silence 2h nowhere:*")
    assert isinstance(answer, ErrorAnswer)
    assert answer.public == "Unknown platform `nowhere`. Platforms: `mem`."


async def test_a_long_silence_by_pattern_is_confirmed_as_typed(commands: CommandHarness) -> None:
    asked = await commands.run("silence 40d mem:run/* --name 'run ?'")
    assert isinstance(asked, ConfirmAnswer)
    made = await commands.run(asked.command)
    assert isinstance(made, SilenceAnswer)
    assert [one.value for one in made.silence.matchers] == ["mem:run/*", "run ?"]


async def test_silencing_the_whole_channel_asks_first(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1")
    asked = await commands.run('silence 1h30m --reason "new disks"')
    assert asked == ConfirmAnswer(
        "Silence all alerts in this channel (1 job) for 1 h 30 min?",
        "Silence all",
        'silence 1h30m --reason "new disks" --yes',
    )
    made = await commands.run(asked.command)
    assert isinstance(made, SilenceAnswer)
    assert (made.silence.matchers, made.silence.reason) == ((), "new disks")


async def test_undoing_an_unwatch_restores_the_settings(commands: CommandHarness) -> None:
    typed = "watch mem:run/1 low_gpu_utilization.for=61s log_errors.ignore='no space' hang=off severity=warn"
    before = await commands.run(typed)
    ended = await commands.run("unwatch mem:run/1")
    assert isinstance(before, WatchAnswer)
    assert isinstance(ended, UnwatchAnswer)
    after = await commands.run(ended.undo)
    assert isinstance(after, RestoreAnswer)
    (restored,) = await commands.runner.store.subscriptions.list(HERE.channel)
    assert replace(restored.subscription, id=0) == replace(before.subscription, id=0)


async def test_rules_of_a_job_are_those_of_this_channel(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1 hang=off")
    here, there = await commands.run("rules mem:run/1"), await commands.run("rules mem:run/1", THERE)
    assert isinstance(here, RulesAnswer)
    assert isinstance(there, RulesAnswer)
    assert (here.job, [rule.name for rule in here.rules if not rule.is_on]) == (REF, ["hang"])
    assert (there.job, [rule.name for rule in there.rules if not rule.is_on]) == (None, [])


async def test_status_lists_subscriptions_of_this_channel(commands: CommandHarness) -> None:
    await commands.run("watch mem:run/1")
    await commands.run("watch mem:run/1", THERE)
    answer = await commands.run("status mem:run/1")
    assert isinstance(answer, StatusAnswer)
    assert [one.channel for one in answer.watched_by] == ["C1"]


async def test_logs_are_answered_page_by_page(commands: CommandHarness) -> None:
    answer = await commands.run("logs https://mem.example/run/1")
    assert isinstance(answer, LogsAnswer)
    assert (answer.job, answer.lines) == (REF, ())


async def test_help_shows_how_to_type_in_slack(commands: CommandHarness) -> None:
    answer = await commands.run("help logs")
    assert isinstance(answer, HelpAnswer)
    assert answer.usage == "/train logs REF [OPTIONS]"


async def test_unknown_help_topic_is_an_error_with_usage(commands: CommandHarness) -> None:
    answer = await commands.run("help lgos")
    assert isinstance(answer, ErrorAnswer)
    assert (answer.usage, answer.is_misuse) == ("/train help [SUBCOMMAND]", True)


async def settle(store: Store, job: Job, *incidents: Incident) -> None:
    """Store what a poll of the watched job found."""
    watch = next(one for one in await store.watches.claim_due(NOW, lease=timedelta(minutes=1)) if one.job == job.ref)
    result = PollResult(watch.id, watch.token, NOW + timedelta(minutes=1), last_job=job, incidents=incidents)
    assert await store.watches.settle([result], NOW) == frozenset({watch.id})


async def test_jobs_state_the_progress_of_watched_jobs_that_run(commands: CommandHarness, store: Store) -> None:
    await commands.run("watch mem:run/1", THERE)
    await settle(store, Job(REF, JobState.RUNNING, "RUNNING", progress=PROGRESS))

    answer = await commands.run("jobs")

    assert isinstance(answer, JobsAnswer)
    progress = {job.ref: job.progress for one in answer.providers for job in one.jobs}
    assert progress == {REF: PROGRESS, JobRef("mem", "run/2"): None, ENDED: None}


async def test_status_of_a_failed_job_names_what_the_watcher_found(store: Store) -> None:
    commands = CommandHarness(store)
    await commands.run("watch mem:run/1")
    oom = Evidence("torch.OutOfMemoryError", title="GPU out of memory", facts=(("Rank", "3"),))
    alerts = (
        IncidentAlert("tw-1", "job_failed", "Job failed", Severity.PAGE, NOW, Evidence("exit code 1")),
        IncidentAlert("tw-2", "failure", "GPU out of memory", Severity.PAGE, NOW, oom),
    )
    failed = Job(REF, JobState.FAILED, "FAILED")
    await settle(store, failed, Incident("inc-1", "C1", failed, NOW, alerts, progress=PROGRESS))
    provider = FakeProvider(jobs={REF.id: failed})
    runner = ChannelRunner(CommandRunner(registry_of(provider), lambda: NOW, Redactor()), store)

    answer = await runner.run(parse("status mem:run/1"), HERE)

    assert isinstance(answer, StatusAnswer)
    assert (answer.cause, answer.cause_lines, answer.progress) == (oom, None, PROGRESS)
