"""Following a job: each line once, state changes and alerts between the lines, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine, LogQuery
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.errors import AuthFailed, ProviderError, Unavailable
from bot.rules.diagnosis_config import build_scanner
from bot.rules.evaluate import LocalAlerts
from bot.rules.settings import parse_settings
from bot.terminal.follow import follow
from tests.fakes.provider import NOW, REF, FakeProvider
from tests.unit.terminal.shell import Shell, StopFollowing

NOW_NS = ns_from_datetime(NOW)


def line(number: int) -> LogLine:
    return LogLine(NOW_NS + number, f"line {number}")


def logs(*options: str) -> LogsCommand:
    command = parse_argv(["logs", "mem:run/1", "--follow", *options])
    assert isinstance(command, LogsCommand)
    return command


def alerts(*words: str) -> LocalAlerts:
    return LocalAlerts(parse_settings(words), build_scanner())


def ending(state: JobState = JobState.SUCCEEDED) -> Job:
    return Job(REF, state, state.value.upper(), name="run 1")


def shown(shell: Shell) -> list[str]:
    return [row.rpartition(" - ")[2] for row in shell.out.splitlines()]


async def test_lines_are_printed_until_the_job_ends() -> None:
    provider = FakeProvider([line(0), line(1)])
    shell = Shell(provider)
    polls = 0

    def grow(query: LogQuery) -> None:
        nonlocal polls
        polls += 1
        if polls < 10:
            provider.lines.append(line(polls + 1))
        if polls == 5:
            provider.jobs[REF.id] = ending()

    provider.on_query = grow
    await follow(provider, REF, logs(), shell.follow_context())
    assert shown(shell) == [f"line {number}" for number in range(11)]
    assert shell.err.splitlines() == [
        "── run 1: running (RUNNING)",
        "── run 1: succeeded (SUCCEEDED)",
        "mem:run/1 has ended: succeeded (SUCCEEDED).",
    ]


async def test_tail_limits_the_first_lines() -> None:
    provider = FakeProvider([line(number) for number in range(500)], page_lines=30, jobs={REF.id: ending()})
    shell = Shell(provider)
    await follow(provider, REF, logs("--tail", "45"), shell.follow_context())
    assert shown(shell) == [f"line {number}" for number in range(455, 500)]


async def test_filters_apply_while_following() -> None:
    provider = FakeProvider([line(number) for number in range(50)], jobs={REF.id: ending()})
    shell = Shell(provider)
    await follow(provider, REF, logs("--grep", "[05]$", "--tail", "3"), shell.follow_context())
    assert shown(shell) == ["line 35", "line 40", "line 45"]


async def test_a_gap_in_every_page_is_noted_once_and_does_not_prevent_the_end() -> None:
    gap = Gap(Part.LOGS, GapReason.PROTOCOL, "mem skips numbers.")
    provider = FakeProvider([line(0)], gaps=(gap,), jobs={REF.id: ending()})
    shell = Shell(provider)
    await follow(provider, REF, logs(), shell.follow_context())
    assert shown(shell) == ["line 0"]
    assert shell.err.count("mem skips numbers.") == 1
    assert "Retrying" not in shell.err
    assert "has ended: succeeded" in shell.err


async def test_samples_that_cannot_be_true_are_noted_once() -> None:
    blank = MetricSeries(GPU_UTILIZATION, (MetricPoint(-1.0, NOW),), gpu=3)
    provider = FakeProvider([line(0)], series=[blank])
    queries = 0

    def end_later(query: LogQuery) -> None:
        nonlocal queries
        queries += 1
        if queries == 5:
            provider.jobs[REF.id] = ending()

    provider.on_query = end_later
    shell = Shell(provider)
    await follow(provider, REF, logs(), shell.follow_context(), alerts())
    assert len(provider.metric_queries) > 1
    assert shell.err.count("(GPU 3) cannot be true, such as -1.") == 1


async def test_outage_is_noted_once_and_retried() -> None:
    def failures() -> Iterator[ProviderError | None]:
        yield None  # finds the first line
        yield from [Unavailable("mem is away.")] * 4
        while True:
            yield None

    provider = FakeProvider([line(0)], log_errors=failures(), jobs={REF.id: ending()})
    shell = Shell(provider)
    await follow(provider, REF, logs(), shell.follow_context())
    assert shown(shell) == ["line 0"]
    assert shell.err.count("mem is away. Retrying; no lines will be skipped.") == 1
    assert shell.err.count("mem is available again.") == 1


async def test_invalid_key_ends_following() -> None:
    provider = FakeProvider([line(0)], log_errors=iter([None, AuthFailed("mem refused the key.")]))
    with pytest.raises(AuthFailed):
        await follow(provider, REF, logs(), Shell(provider).follow_context())


async def test_alerts_are_printed_between_lines() -> None:
    provider = FakeProvider([line(0), LogLine(NOW_NS + 1, "ERROR: disk is full")])
    shell = Shell(provider)
    provider.on_query = lambda query: provider.jobs.update({REF.id: ending(JobState.FAILED)})
    await follow(provider, REF, logs(), shell.follow_context(), alerts())
    assert "── warn: Errors in the log. disk is full" in shell.err
    assert "── page: Job failed." in shell.err
    assert "has ended: failed" in shell.err


async def test_diagnosed_failure_is_printed_with_hint() -> None:
    oom = LogLine(NOW_NS + 1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.")
    provider = FakeProvider([line(0), oom])
    shell = Shell(provider)
    provider.on_query = lambda query: provider.jobs.update({REF.id: ending(JobState.FAILED)})
    await follow(provider, REF, logs(), shell.follow_context(), alerts())
    assert "── page: GPU out of memory. torch.OutOfMemoryError: CUDA out of memory." in shell.err
    assert "   Try: Use a smaller micro-batch" in shell.err
    assert shell.err.index("GPU out of memory") < shell.err.index("── page: Job failed.")


async def test_cause_whose_lines_arrive_late_comes_before_the_failed_job() -> None:
    provider = FakeProvider([line(0)])
    shell = Shell(provider)
    polls = 0

    def fail(query: LogQuery) -> None:
        nonlocal polls
        polls += 1
        provider.jobs[REF.id] = ending(JobState.FAILED)
        if polls == 12:
            provider.lines.append(
                LogLine(NOW_NS + 1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.")
            )

    provider.on_query = fail
    job = await follow(provider, REF, logs(), shell.follow_context(), alerts())
    assert job.state is JobState.FAILED
    assert shell.err.index("── run 1: failed") < shell.err.index("GPU out of memory") < shell.err.index("Job failed.")


async def test_disabled_rule_prints_no_alert() -> None:
    provider = FakeProvider([LogLine(NOW_NS + 1, "ERROR: disk is full")])
    shell = Shell(provider)
    with pytest.raises(StopFollowing):
        await follow(
            provider,
            REF,
            logs(),
            shell.follow_context(until=NOW + timedelta(minutes=1)),
            alerts("log_errors=off"),
        )
    assert "Errors" not in shell.err


async def test_no_alerts_without_rules() -> None:
    provider = FakeProvider([LogLine(NOW_NS + 1, "ERROR: disk is full")])
    shell = Shell(provider)
    with pytest.raises(StopFollowing):
        await follow(provider, REF, logs(), shell.follow_context(until=NOW + timedelta(minutes=1)))
    assert shell.err == "── run 1: running (RUNNING)\n"
