"""Watch, unwatch, list and silence, on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.subscriptions import Matcher
from bot.redaction.redactor import Redactor
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of

HERE, THERE = Asker("U1", "C1", "T1"), Asker("U2", "C2", "T1")
OVER = JobRef("mem", "run/over")


class Bench:
    """A runner on two jobs of one platform."""

    def __init__(self, store: Store) -> None:
        second = JobRef("mem", "run/2")
        jobs = {
            REF.id: Job(REF, JobState.RUNNING, "RUNNING"),
            second.id: Job(second, JobState.QUEUED, "QUEUED"),
            OVER.id: Job(OVER, JobState.FAILED, "FAILED"),
        }
        runner = CommandRunner(registry_of(FakeProvider(jobs=jobs)), lambda: NOW, Redactor())
        self.runner = ChannelRunner(runner, store)

    async def type(self, text: str, asker: Asker = HERE) -> Answer:
        return await self.runner.run(parse(text), asker)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    url = f"sqlite:///{tmp_path}/test.db"
    await upgrade(url)
    store = await open_store(url)
    yield Bench(store)
    await store.aclose()


async def test_watching_twice_changes_the_settings(bench: Bench) -> None:
    first = await bench.type("watch mem:run/1")
    second = await bench.type("watch https://mem.example/run/1 log_errors=off severity=warn")
    assert isinstance(first, WatchAnswer)
    assert isinstance(second, WatchAnswer)
    assert (first.created, second.created) == (True, False)
    assert first.subscription.id == second.subscription.id
    assert second.subscription.settings.off == ("log_errors",)
    assert ["log_errors"] == [rule.name for rule in second.rules if not rule.is_on]


async def test_watching_again_with_the_same_settings_is_no_news(bench: Bench) -> None:
    told = [
        await bench.type(f"watch mem:run/1{settings}") for settings in ("", "", " log_errors=off", " log_errors=off")
    ]
    assert [True, False, True, False] == [isinstance(one, WatchAnswer) and one.is_news for one in told]


async def test_what_is_over_is_not_watched(bench: Bench) -> None:
    answer = await bench.type("watch mem:run/over")
    assert isinstance(answer, ErrorAnswer)
    assert "has ended (failed)" in answer.public


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("watch mem:run/9", "There is no job"),
        ("watch mem:run/1 low_gpu=off", "There is no rule `low_gpu`"),
        ("unwatch mem:run/2", "This channel does not watch `mem:run/2`. It watches nothing."),
        ("silence end 5", "This channel has no silence 5."),
        ("silence 1h --rule gpu", "Unknown rule `gpu`. Rules: job_failed"),
    ],
)
async def test_what_cannot_be_done_is_explained(bench: Bench, text: str, said: str) -> None:
    answer = await bench.type(text)
    assert isinstance(answer, ErrorAnswer)
    assert said in answer.public


async def test_a_list_shows_this_channel_alone(bench: Bench) -> None:
    await bench.type("watch mem:run/1")
    await bench.type("watch mem:run/2", THERE)
    answer = await bench.type("list")
    assert isinstance(answer, ListAnswer)
    assert [str(one.subscription.job) for one in answer.watched] == ["mem:run/1"]


@pytest.mark.parametrize("typed", ["mem:run/1", "https://mem.example/run/1", "1"])
async def test_unwatching_by_any_name_of_the_job(bench: Bench, typed: str) -> None:
    await bench.type("watch mem:run/1")
    assert await bench.type(f"unwatch {typed}") == UnwatchAnswer((REF,))
    listed = await bench.type("list")
    assert isinstance(listed, ListAnswer)
    assert listed.watched == ()


async def test_unwatching_everything(bench: Bench) -> None:
    await bench.type("watch mem:run/1")
    await bench.type("watch mem:run/2")
    assert await bench.type("unwatch --all") == UnwatchAnswer((REF, JobRef("mem", "run/2")))


async def test_a_job_of_a_platform_that_is_gone_can_be_unwatched(bench: Bench, tmp_path: Path) -> None:
    await bench.type("watch mem:run/1")
    store = await open_store(f"sqlite:///{tmp_path}/test.db")
    bare = ChannelRunner(CommandRunner(registry_of(), lambda: NOW, Redactor()), store)
    assert await bare.run(parse("unwatch mem:run/1"), HERE) == UnwatchAnswer((REF,))
    await store.aclose()


@pytest.mark.parametrize(("text", "expected"), [("", True), (" mem:run/1", True), (" mem:run/2", False)])
async def test_a_silence_of_a_job_that_is_not_watched_is_known_as_such(
    bench: Bench, text: str, *, expected: bool
) -> None:
    await bench.type("watch mem:run/1")
    made = await bench.type(f"silence 2h{text}")
    assert isinstance(made, SilenceAnswer)
    assert expected == made.is_watched


async def test_a_silence_is_made_listed_and_ended(bench: Bench) -> None:
    made = await bench.type('silence 2h mem:run/1 --rule log_errors --severity warn --reason "new disks"')
    assert isinstance(made, SilenceAnswer)
    silence = made.silence
    assert silence.matchers == (Matcher("job", "mem:run/1"), Matcher("rule", "log_errors"), Matcher("severity", "warn"))
    assert (silence.ends_at - silence.created_at, silence.reason) == (timedelta(hours=2), "new disks")
    listed = await bench.type("list")
    assert isinstance(listed, ListAnswer)
    assert listed.silences == (silence,)
    elsewhere = await bench.type(f"silence end {silence.id}", THERE)
    assert isinstance(elsewhere, ErrorAnswer)
    ended = await bench.type(f"silence end {silence.id}")
    assert isinstance(ended, SilenceAnswer)
    assert ended.ended


async def test_status_says_who_watches_here(bench: Bench) -> None:
    await bench.type("watch mem:run/1")
    await bench.type("watch mem:run/1", THERE)
    answer = await bench.type("status mem:run/1")
    assert isinstance(answer, StatusAnswer)
    assert [one.channel for one in answer.watched_by] == ["C1"]


async def test_logs_are_answered_page_by_page(bench: Bench) -> None:
    answer = await bench.type("logs https://mem.example/run/1")
    assert isinstance(answer, LogsAnswer)
    assert (REF, ()) == (answer.job, answer.lines)


async def test_help_shows_how_to_type_in_slack(bench: Bench) -> None:
    answer = await bench.type("help logs")
    assert isinstance(answer, HelpAnswer)
    assert answer.usage == "/train logs REF [OPTIONS]"


async def test_unknown_help_topic_is_an_error_with_usage(bench: Bench) -> None:
    answer = await bench.type("help lgos")
    assert isinstance(answer, ErrorAnswer)
    assert (answer.usage, answer.is_misuse) == ("/train help [SUBCOMMAND]", True)
