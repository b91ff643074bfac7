"""Commands about platforms, from the typed text to the answer."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.answers import ErrorAnswer
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand, MetricsAnswer, ProviderJobs, StatusAnswer
from bot.commands.subcommands.table import SharedAnswer, SharedCommand
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.job_ends import describe_search
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.metrics import CPU_USAGE, GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.progress import progress_text
from bot.errors import ConfigError, JobNotFound, RateLimited, Unavailable
from bot.redaction.redactor import Redactor
from bot.slack.render.answers import render
from bot.terminal.render.answers import render as render_in_terminal
from bot.terminal.render.screen import Screen
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of
from tests.unit.slack.validity import shown

NOW_NS = ns_from_datetime(NOW)
LINES = [LogLine(NOW_NS - 10 + number, f"line {number}") for number in range(8)]


async def ask(text: str, *providers: FakeProvider, **problems: ConfigError) -> SharedAnswer | ErrorAnswer:
    command = parse(text)
    assert isinstance(command, SharedCommand)
    registry = registry_of(*(providers or (FakeProvider(LINES),)), problems=problems)
    return await CommandRunner(registry, lambda: NOW, Redactor(["s3cret-key"])).run(command)


def series(name: str, *values: float, gpu: int | None = None) -> MetricSeries:
    points = tuple(MetricPoint(value, NOW - timedelta(minutes=len(values) - at)) for at, value in enumerate(values))
    return MetricSeries(name, points, gpu=gpu)


async def test_job_is_found_by_reference_and_by_page() -> None:
    for typed in ("mem:run/1", "https://mem.example/run/1", "mem.example/run/1"):
        answer = await ask(f"status {typed}")
        assert isinstance(answer, StatusAnswer)
        assert (answer.job.ref, answer.last_lines) == (REF, tuple(LINES[3:]))


@pytest.mark.parametrize(
    ("text", "expected", "is_misuse"),
    [
        ("status nope:run/1", "nope", True),
        ("status mem:run", "mem reference", True),
        ("status mem:run/9", "mem:run/9", False),
        ("jobs nope", "nope", True),
    ],
)
async def test_expected_failure_is_an_answer(text: str, expected: str, is_misuse: bool) -> None:
    answer = await ask(text)
    assert isinstance(answer, ErrorAnswer)
    assert expected in answer.public
    assert is_misuse == answer.is_misuse


async def test_missing_job_points_to_the_list_of_jobs() -> None:
    answer = await ask("status mem:run/zzz", FakeProvider(status_error=JobNotFound("mem has no such job.")))
    assert answer == ErrorAnswer("mem has no such job. `jobs` lists the newest jobs.", typed="mem:run/zzz")


async def test_missing_job_suggests_similar_ones() -> None:
    provider = FakeProvider()
    provider.add_job("run/7", name="llama-70b")
    answer = await ask("status mem:x/llama-70b", provider)
    assert isinstance(answer, ErrorAnswer)
    assert answer.public.endswith("Did you mean:")
    assert [str(job.ref) for job in answer.suggestions] == ["mem:run/7"]


async def test_window_in_the_future_is_refused() -> None:
    for text in ("diagnose mem:run/1 --start 2100-01-01", "metrics mem:run/1 --start 2100-01-01"):
        answer = await ask(text)
        assert isinstance(answer, ErrorAnswer)
        assert "`--start` is in the future; it is 20" in answer.public


async def test_variable_that_two_platforms_need_is_named_once() -> None:
    missing = ConfigError("MEM_API_KEY is not set.")
    registry = registry_of(problems={"mem": missing, "mem-model": missing})
    answer = await CommandRunner(registry, lambda: NOW, Redactor()).run(JobsCommand())
    assert answer == ErrorAnswer("No platform is set up. MEM_API_KEY is not set.", is_misuse=True)


async def test_rate_limit_says_how_long_to_wait() -> None:
    failure = RateLimited("mem limits requests.", retry_after=timedelta(seconds=90))
    answer = await ask("status mem:run/1", FakeProvider(status_error=failure))
    wait = timedelta(seconds=90)
    assert answer == ErrorAnswer("mem limits requests. Try again in 1 min 30 s.", retry_after=wait)


async def test_secret_in_an_error_is_redacted() -> None:
    answer = await ask("status mem:run/1", FakeProvider(status_error=Unavailable("mem: bad key s3cret-key")))
    assert answer == ErrorAnswer("mem: bad key [hidden]")


async def test_metrics_cover_the_last_hour_and_name_what_is_missing() -> None:
    provider = FakeProvider(series=[series(GPU_UTILIZATION, 0.5, 0.7, gpu=0), MetricSeries(CPU_USAGE, ())])
    answer = await ask("metrics mem:run/1", provider)
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (NOW - timedelta(hours=1), NOW)
    assert [(one.series.gpu, one.last, one.mean) for one in answer.summaries] == [(0, 0.7, 0.6)]
    assert CPU_USAGE in answer.missing
    assert GPU_UTILIZATION not in answer.missing
    again = await ask(format_command(answer.pinned), provider)
    assert again == answer


@pytest.mark.parametrize("impossible", [math.nan, math.inf, -1.0, 2.0**32 - 1, 2.0**47])
async def test_metrics_without_a_possible_sample_are_missing_and_counted(impossible: float) -> None:
    made = [series(GPU_UTILIZATION, impossible, impossible, gpu=0), series(GPU_MEMORY, 5.0, impossible, gpu=0)]
    answer = await ask("metrics mem:run/1", FakeProvider(series=made))
    assert isinstance(answer, MetricsAnswer)
    assert [(GPU_MEMORY, 1)] == [(one.series.name, one.count) for one in answer.summaries]
    assert GPU_UTILIZATION in answer.missing
    assert [(GapReason.INVALID_SAMPLES, 2), (GapReason.INVALID_SAMPLES, 1)] == [
        (gap.reason, gap.samples) for gap in answer.gaps
    ]


async def test_metrics_in_percent_are_shown_as_fractions_and_reported() -> None:
    for typed in ("metrics", "status"):
        answer = await ask(f"{typed} mem:run/1", FakeProvider(series=[series(GPU_UTILIZATION, 90.0, 94.0, gpu=0)]))
        assert isinstance(answer, MetricsAnswer | StatusAnswer)
        assert [0.94] == [one.last for one in answer.summaries]
        assert "in percent" in answer.gaps[-1].public


async def test_values_of_a_diverged_run_that_are_not_finite_are_counted() -> None:
    answer = await ask("metrics mem:run/1", FakeProvider(series=[series("loss", math.nan, math.nan)]))
    assert isinstance(answer, MetricsAnswer)
    assert ["2 of 2 values of loss are NaN or infinite."] == [gap.public for gap in answer.gaps]


async def test_metrics_of_an_ended_job_cover_its_last_hour() -> None:
    ended = NOW - timedelta(days=2)
    job = Job(REF, JobState.SUCCEEDED, "DONE", ended_at=ended)
    answer = await ask("metrics mem:run/1", FakeProvider(series=[], jobs={REF.id: job}))
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (ended - timedelta(hours=1), ended)


async def test_metrics_cover_the_window() -> None:
    answer = await ask("metrics mem:run/1 --since 15m", FakeProvider(series=[]))
    assert isinstance(answer, MetricsAnswer)
    assert (answer.start, answer.end) == (NOW - timedelta(minutes=15), NOW)


async def test_platform_without_metrics_is_a_gap() -> None:
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


async def test_status_shows_errors_before_the_newest_lines() -> None:
    texts = ["ERROR disk full", "WARNING slow", *(f"step {number}" for number in range(40)), "====", "", "end"]
    lines = [LogLine(NOW_NS - 100 + number, text) for number, text in enumerate(texts)]
    answer = await ask("status mem:run/1", FakeProvider(lines))
    assert isinstance(answer, StatusAnswer)
    assert answer.last_lines == (lines[0], *lines[-5:])


async def test_status_reports_unreadable_logs_as_a_gap() -> None:
    answer = await ask("status mem:run/1", FakeProvider(LINES, log_errors=iter([Unavailable("mem is away.")])))
    assert isinstance(answer, StatusAnswer)
    assert [(gap.part, gap.public) for gap in answer.gaps] == [(Part.LOGS, "mem is away.")]


async def test_secrets_in_the_fields_of_a_job_are_redacted() -> None:
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


async def test_secrets_in_metric_names_and_gaps_are_redacted() -> None:
    made = [MetricSeries("loss s3cret-key", series("x", 1.0).points, "node-s3cret-key"), series(GPU_UTILIZATION, 0.5)]
    answer = await ask("metrics mem:run/1", FakeProvider(series=made))
    assert isinstance(answer, MetricsAnswer)
    assert ("loss [hidden]", "node-[hidden]") == (answer.summaries[0].series.name, answer.summaries[0].series.node)
    assert made[1] == answer.summaries[1].series
    away = Unavailable("mem: https://x/y?X-Amz-Signature=0123456789abcdef is gone.")
    answer = await ask("status mem:run/1", FakeProvider(LINES, log_errors=iter([away])))
    assert isinstance(answer, StatusAnswer)
    assert ["mem: https://x/y?X-Amz-Signature=[hidden] is gone."] == [gap.public for gap in answer.gaps]


async def test_jobs_of_all_platforms() -> None:
    class Broken(FakeProvider):
        async def list_jobs(self, *, limit: int) -> list[Job]:
            raise Unavailable("other is away.")

    one, other = FakeProvider(), Broken(name="other")
    answer = await ask("jobs", one, other)
    mine = ProviderJobs("mem", (one.jobs[REF.id],), read=1, has_users=False)
    expected = (mine, ProviderJobs("other", problem="other is away."))
    assert answer == JobsAnswer(expected)


async def test_jobs_of_one_platform_up_to_a_limit() -> None:
    jobs = {f"run/{number}": Job(JobRef("mem", f"run/{number}"), JobState.RUNNING, "R") for number in range(30)}
    answer = await ask("jobs mem --limit 3", FakeProvider(jobs=jobs), FakeProvider(name="other"))
    newest = ProviderJobs("mem", tuple(jobs.values())[:3], read=3, has_users=False)
    assert answer == JobsAnswer((newest,), JobsCommand("mem", limit=3))


async def test_jobs_in_a_state_or_of_a_person() -> None:
    mem, other = FakeProvider(jobs={}), FakeProvider(name="other", jobs={})
    for number, state in enumerate((JobState.RUNNING, JobState.FAILED, JobState.PREEMPTED, JobState.QUEUED)):
        job = mem.add_job(f"run/{number}", state)
        mem.jobs[job.ref.id] = replace(job, user="Ada@example.org" if number < 2 else "ben")
    other.add_job("run/9", JobState.RUNNING)
    for text, expected in (
        ("jobs running", ["mem:run/0", "other:run/9"]),
        ("jobs mem running", ["mem:run/0"]),
        ("jobs failed mem", ["mem:run/1", "mem:run/2"]),
        ("jobs active", ["mem:run/0", "mem:run/3", "other:run/9"]),
        ("jobs --user ada@EXAMPLE.org", ["mem:run/0", "mem:run/1"]),
        ("jobs running --user ada@example.org", ["mem:run/0"]),
        ("jobs --user ben@example.org", ["mem:run/2", "mem:run/3"]),
    ):
        answer = await ask(text, mem, other)
        assert isinstance(answer, JobsAnswer)
        assert [str(job.ref) for one in answer.providers for job in one.jobs] == expected
        assert [one.has_users for one in answer.providers if one.provider == "other"] in ([], [False])


async def test_my_jobs_need_an_address() -> None:
    unknown = await ask("jobs mine")
    assert isinstance(unknown, ErrorAnswer)
    assert unknown.public.startswith("Your e-mail address is not set. Set TRAINWATCH_USER, or use `jobs --user")
    mem = FakeProvider()
    mem.jobs[REF.id] = replace(mem.jobs[REF.id], user="ada@example.org")
    runner = CommandRunner(registry_of(mem), lambda: NOW, Redactor(), user="ada@example.org")
    answer = await runner.run(JobsCommand(mine=True))
    assert isinstance(answer, JobsAnswer)
    assert [job.ref for one in answer.providers for job in one.jobs] == [REF]


async def test_platform_that_is_not_set_up_is_explained_when_named() -> None:
    problem = ConfigError("ACME_API_KEY is not set.")
    assert await ask("jobs acme", acme=problem) == ErrorAnswer("ACME_API_KEY is not set.", is_misuse=True)
    assert await ask("jobs", acme=problem) == JobsAnswer(
        (ProviderJobs("mem", (FakeProvider().jobs[REF.id],), read=1, has_users=False),)
    )


START_NS = NOW_NS - 30_000 * 10**9
BARS = [
    line
    for n in range(2900, 2927)
    for line in (
        LogLine(START_NS + n * 4_000_000_000, f"{{'loss': {4 - n / 1000:.3f}, 'grad_norm': 1.0, 'epoch': 0.06}}"),
        LogLine(START_NS + n * 4_000_000_000 + 1_000_000, f"  6%|▌         | {n}/50000 [3:15:04<52:18:22,  4.00s/it]"),
    )
]
OOM = [
    LogLine(START_NS + 20_000 * 10**9, "[rank3]: Traceback (most recent call last):"),
    LogLine(START_NS + 20_000 * 10**9 + 1, '[rank3]:   File "/app/train.py", line 9, in step'),
    LogLine(
        START_NS + 20_000 * 10**9 + 2,
        "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB.",
    ),
    LogLine(START_NS + 20_001 * 10**9, "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"),
    LogLine(START_NS + 20_001 * 10**9 + 1, "=" * 60),
]


async def test_status_states_the_progress_of_a_running_job() -> None:
    job = Job(REF, JobState.RUNNING, "RUNNING")
    answer = await ask("status mem:run/1", FakeProvider(BARS, jobs={REF.id: job}))
    assert isinstance(answer, StatusAnswer)
    assert answer.progress is not None
    assert progress_text(answer.progress) == "step 2,926 of 50,000 · 4.0 s/step · about 52 h left"
    assert answer.progress.loss == 1.074
    assert answer.cause is None


async def test_status_of_a_failed_job_names_the_cause_and_no_gpus() -> None:
    job = Job(REF, JobState.FAILED, "FAILED", error="exited with code 1")
    provider = FakeProvider([*BARS, *OOM], jobs={REF.id: job}, series=[series(GPU_UTILIZATION, 0.9, gpu=0)])
    answer = await ask("status mem:run/1", provider)
    assert isinstance(answer, StatusAnswer)
    assert answer.cause is not None
    assert (answer.cause.title, answer.cause.facts) == ("GPU out of memory", (("Rank", "3"),))
    assert "Tried to allocate 3.91 GiB" in answer.cause.summary
    assert answer.cause_lines == len(BARS) + len(OOM)
    assert answer.summaries == ()
    assert answer.progress is not None
    assert answer.progress.step == 2926


@pytest.mark.parametrize(
    ("lines", "expected"), [(LINES, "No known failure in the last 8 lines."), ([], "The log is empty.")]
)
async def test_status_of_a_failed_job_without_a_known_cause_names_the_lines_read(
    lines: list[LogLine], expected: str
) -> None:
    job = Job(REF, JobState.PREEMPTED, "PREEMPTED", error="The spot instance was reclaimed.")
    answer = await ask("status mem:run/1", FakeProvider(lines, jobs={REF.id: job}))
    assert isinstance(answer, StatusAnswer)
    assert answer.has_no_known_cause
    assert describe_search(answer.cause_lines) == expected
    for text in (shown(render(answer)), render_in_terminal(answer, Screen())):
        assert expected in text
        assert "Preempted: The spot instance was reclaimed." in text
