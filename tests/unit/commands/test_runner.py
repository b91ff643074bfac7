"""Commands about platforms, from what was typed to the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import JobsAnswer, MetricsAnswer, ProviderJobs, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.metrics import CPU_USAGE, GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.errors import ConfigError, JobNotFound, RateLimited, Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of

NOW_NS = ns_from_datetime(NOW)
SHELL = Asker("ada")
LINES = [LogLine(NOW_NS - 10 + number, f"line {number}") for number in range(8)]


async def ask(text: str, *providers: FakeProvider, asker: Asker = SHELL, **problems: ConfigError) -> Answer:
    registry = registry_of(*(providers or (FakeProvider(LINES),)), problems=problems)
    return await CommandRunner(registry, None, lambda: NOW, Redactor(["s3cret-key"])).run(parse(text), asker)


def series(name: str, *values: float, gpu: int | None = None) -> MetricSeries:
    points = tuple(MetricPoint(value, NOW - timedelta(minutes=len(values) - at)) for at, value in enumerate(values))
    return MetricSeries(name, points, gpu=gpu)


async def test_logs_are_found_by_reference_and_by_page() -> None:
    for typed in ("mem:run/1", "https://mem.example/run/1", "mem.example/run/1"):
        answer = await ask(f"logs {typed}")
        assert isinstance(answer, LogsAnswer)
        assert (answer.job, answer.lines) == (REF, tuple(LINES))


async def test_what_goes_wrong_is_an_answer() -> None:
    cases = {
        "logs nope:run/1": "There is no platform named",
        "logs mem:run": "is no mem reference",
        "status mem:run/9": "There is no job mem:run/9.",
        "watch mem:run/1": "Alerts go to a Slack channel",
        "jobs nope": "There is no platform named",
    }
    for text, said in cases.items():
        answer = await ask(text)
        assert isinstance(answer, ErrorAnswer)
        assert said in answer.public


async def test_who_names_a_job_that_is_not_there_is_told_where_they_are_listed() -> None:
    answer = await ask("logs mem:run/9", FakeProvider(log_errors=iter([JobNotFound("mem knows no such job.")])))
    assert answer == ErrorAnswer("mem knows no such job. `jobs` lists what there is.")


async def test_a_window_that_lies_ahead_is_said_not_to_be_empty() -> None:
    for text in ("logs mem:run/1 --start 2100-01-01", "metrics mem:run/1 --start 2100-01-01"):
        answer = await ask(text)
        assert isinstance(answer, ErrorAnswer)
        assert "`--start` lies ahead: it is 20" in answer.public


async def test_a_variable_that_two_platforms_need_is_named_once() -> None:
    missing = ConfigError("MEM_API_KEY is not set.")
    registry = registry_of(problems={"mem": missing, "mem-model": missing})
    answer = await CommandRunner(registry, None, lambda: NOW, Redactor()).run(parse("jobs"), SHELL)
    assert answer == ErrorAnswer("No platform is set up. MEM_API_KEY is not set.")


async def test_how_long_to_wait_is_said() -> None:
    failure = RateLimited("mem asks us to slow down.", retry_after=timedelta(seconds=90))
    answer = await ask("logs mem:run/1", FakeProvider(log_errors=iter([failure])))
    assert answer == ErrorAnswer("mem asks us to slow down. Try again in 1m 30s.")


async def test_no_secret_comes_through_an_error() -> None:
    failure = Unavailable("mem said: bad key s3cret-key")
    answer = await ask("logs mem:run/1", FakeProvider(log_errors=iter([failure])))
    assert answer == ErrorAnswer("mem said: bad key [hidden]")


async def test_metrics_of_the_last_hour_and_what_is_missing() -> None:
    provider = FakeProvider(series=[series(GPU_UTILIZATION, 0.5, 0.7, gpu=0), MetricSeries(CPU_USAGE, ())])
    answer = await ask("metrics mem:run/1", provider)
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (NOW - timedelta(hours=1), NOW)
    assert [(one.series.gpu, one.last, one.mean) for one in answer.summaries] == [(0, 0.7, 0.6)]
    assert CPU_USAGE in answer.missing
    assert GPU_UTILIZATION not in answer.missing
    again = await ask(answer.pinned, provider)
    assert again == answer


async def test_metrics_of_an_ended_job_are_those_of_its_last_hour() -> None:
    ended = NOW - timedelta(days=2)
    job = Job(REF, JobState.SUCCEEDED, "DONE", ended_at=ended)
    answer = await ask("metrics mem:run/1", FakeProvider(series=[], jobs={REF.id: job}))
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (ended - timedelta(hours=1), ended)


async def test_metrics_in_a_named_window() -> None:
    answer = await ask("metrics mem:run/1 --since 15m", FakeProvider(series=[]))
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (NOW - timedelta(minutes=15), NOW)


async def test_a_platform_without_metrics_says_so() -> None:
    answer = await ask("metrics mem:run/1")
    assert isinstance(answer, MetricsAnswer)
    assert [(gap.part, gap.reason) for gap in answer.gaps] == [(Part.METRICS, GapReason.NOT_SUPPORTED)]


async def test_status_shows_the_newest_lines_and_the_gpus() -> None:
    wanted = [series(GPU_UTILIZATION, 0.9, gpu=0), series(GPU_MEMORY, 5.0, gpu=0)]
    answer = await ask("status mem:run/1", FakeProvider(LINES, series=[*wanted, series(CPU_USAGE, 3.0)]))
    assert isinstance(answer, StatusAnswer)
    assert answer.last_lines == tuple(LINES[3:])
    assert [one.series for one in answer.summaries] == wanted
    assert answer.gaps == ()


async def test_status_survives_logs_that_cannot_be_read() -> None:
    answer = await ask("status mem:run/1", FakeProvider(LINES, log_errors=iter([Unavailable("mem is away.")])))
    assert isinstance(answer, StatusAnswer)
    assert [(gap.part, gap.public) for gap in answer.gaps] == [(Part.LOGS, "mem is away.")]


async def test_secrets_in_what_people_wrote_into_a_job_are_hidden() -> None:
    job = Job(
        REF,
        JobState.FAILED,
        "FAILED",
        error="login with s3cret-key failed",
        details=(("Command", "x --api-key abcdef12"),),
    )
    answer = await ask("status mem:run/1", FakeProvider(jobs={REF.id: job}))
    assert isinstance(answer, StatusAnswer)
    assert answer.job.error == "login with [hidden] failed"
    assert answer.job.details == (("Command", "x --api-key [hidden]"),)


async def test_secrets_in_the_names_of_metrics_and_in_what_a_platform_says_of_itself_are_hidden() -> None:
    made = [MetricSeries("loss s3cret-key", series("x", 1.0).points, "node-s3cret-key"), series(GPU_UTILIZATION, 0.5)]
    answer = await ask("metrics mem:run/1", FakeProvider(series=made))
    assert isinstance(answer, MetricsAnswer)
    assert ("loss [hidden]", "node-[hidden]") == (answer.summaries[0].series.name, answer.summaries[0].series.node)
    assert made[1] == answer.summaries[1].series
    away = Unavailable("mem said: https://x/y?X-Amz-Signature=0123456789abcdef is gone.")
    answer = await ask("status mem:run/1", FakeProvider(LINES, log_errors=iter([away])))
    assert isinstance(answer, StatusAnswer)
    assert ["mem said: https://x/y?X-Amz-Signature=[hidden] is gone."] == [gap.public for gap in answer.gaps]


async def test_jobs_of_all_platforms_side_by_side() -> None:
    class Broken(FakeProvider):
        async def list_jobs(self, *, limit: int) -> list[Job]:
            raise Unavailable("other is away.")

    one, other = FakeProvider(), Broken(name="other")
    answer = await ask("jobs", one, other)
    expected = (ProviderJobs("mem", (one.jobs[REF.id],)), ProviderJobs("other", problem="other is away."))
    assert answer == JobsAnswer(expected)


async def test_jobs_of_one_platform_and_so_many() -> None:
    jobs = {f"run/{number}": Job(JobRef("mem", f"run/{number}"), JobState.RUNNING, "R") for number in range(30)}
    answer = await ask("jobs mem --limit 3", FakeProvider(jobs=jobs), FakeProvider(name="other"))
    assert answer == JobsAnswer((ProviderJobs("mem", tuple(jobs.values())[:3]),))


async def test_a_platform_that_is_not_set_up_says_how_when_it_is_named() -> None:
    problem = ConfigError("ACME_API_KEY is not set.")
    assert await ask("jobs acme", acme=problem) == ErrorAnswer("ACME_API_KEY is not set.")
    assert await ask("jobs", acme=problem) == JobsAnswer((ProviderJobs("mem", (FakeProvider().jobs[REF.id],)),))


async def test_help_is_that_of_the_place_where_it_is_asked() -> None:
    shell, slack = await ask("help logs"), await ask("help logs", asker=replace(SHELL, channel="C1"))
    assert isinstance(shell, HelpAnswer)
    assert isinstance(slack, HelpAnswer)
    assert (shell.usage, slack.usage) == ("trainwatch logs REF [OPTIONS]", "/train logs REF [OPTIONS]")
