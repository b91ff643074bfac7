"""Commands typed in a shell: exit codes, errors on standard error, and no secret in any output."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import repeat

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.errors import ProviderError, Unavailable
from bot.terminal.exit_codes import ExitCode
from tests.fakes.provider import NOW, REF, FakeProvider
from tests.unit.terminal.shell import SECRET, Shell

QUERIES = [["metrics"], ["status"], ["diagnose"], ["logs"], ["rules", "test"]]
JOB = Job(REF, JobState.RUNNING, SECRET, name=SECRET, error=SECRET, details=(("Command", f"x --key {SECRET}"),))


def leaking_provider(errors: Iterator[ProviderError | None] | None = None) -> FakeProvider:
    """A platform that puts a secret into everything it returns."""
    series = [
        MetricSeries(f"loss {SECRET}", (MetricPoint(1.0, NOW),), node=f"node-{SECRET}"),
        MetricSeries(GPU_UTILIZATION, (MetricPoint(0.5, NOW),), node=f"node-{SECRET}"),
    ]
    gap = Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, f"mem: lines of {SECRET} cannot be read")
    lines = [LogLine(ns_from_datetime(NOW) - 5, f"RuntimeError: {SECRET}")]
    return FakeProvider(lines, series=series, gaps=(gap,), jobs={REF.id: JOB}, log_errors=errors)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("command", QUERIES, ids=" ".join)
async def test_output_contains_no_secret(command: list[str], options: list[str]) -> None:
    shell = Shell(leaking_provider())
    assert ExitCode.OK == await shell.type(*command, "mem:run/1", *options)
    assert "hidden" in shell.out + shell.err
    assert SECRET not in shell.out + shell.err


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
async def test_list_of_jobs_contains_no_secret(options: list[str]) -> None:
    shell = Shell(leaking_provider())
    assert ExitCode.OK == await shell.type("jobs", *options)
    assert "[hidden]" in shell.out
    assert SECRET not in shell.out


@pytest.mark.parametrize("command", QUERIES, ids=" ".join)
async def test_error_contains_no_secret(command: list[str]) -> None:
    provider = leaking_provider(errors=repeat(Unavailable(f"mem: bad key {SECRET}")))
    provider.status_error = Unavailable(f"mem: bad key {SECRET}")
    shell = Shell(provider)
    assert ExitCode.FAILED == await shell.type(*command, "mem:run/1")
    assert shell.out == ""
    assert shell.err == "trainwatch: mem: bad key [hidden]\n"


@pytest.mark.parametrize("command", QUERIES, ids=" ".join)
async def test_unknown_platform_is_a_usage_error(command: list[str]) -> None:
    shell = Shell(FakeProvider())
    assert ExitCode.USAGE == await shell.type(*command, "nope:run/1")
    assert shell.err.startswith("trainwatch: ")
    assert "nope" in shell.err


async def test_a_platform_without_metrics_is_named() -> None:
    shell = Shell(FakeProvider())
    assert ExitCode.OK == await shell.type("metrics", "mem:run/1")
    assert shell.out.splitlines()[-1] == "mem has no metrics."
    assert "No samples" not in shell.out


async def test_metrics_that_cannot_be_read_are_a_failure() -> None:
    shell = Shell(FakeProvider(metrics_error=Unavailable("mem is away.")))
    assert ExitCode.FAILED == await shell.type("metrics", "mem:run/1")
    assert shell.err == "trainwatch: mem is away.\n"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (JobState.SUCCEEDED, ExitCode.OK),
        (JobState.FAILED, ExitCode.FAILED),
        (JobState.CANCELLED, ExitCode.FAILED),
        (JobState.PREEMPTED, ExitCode.FAILED),
    ],
)
async def test_watch_fails_unless_the_job_succeeded(state: JobState, expected: ExitCode) -> None:
    ended = Job(REF, state, state.upper(), ended_at=NOW - timedelta(hours=1))
    shell = Shell(FakeProvider(jobs={REF.id: ended}))
    assert expected == await shell.type("watch", "mem:run/1")
    assert f"mem:run/1 has ended: {state}" in shell.err


async def test_watch_refuses_settings_of_channels() -> None:
    shell = Shell(FakeProvider())
    assert await shell.type("watch", "mem:run/1", "notify=lifecycle") == ExitCode.USAGE
    assert "settings of Slack channels" in shell.err


async def test_metrics_of_an_ended_job_say_how_long_ago_it_ended() -> None:
    ended = Job(REF, JobState.SUCCEEDED, "DONE", name="run", ended_at=NOW - timedelta(hours=27))
    shell = Shell(FakeProvider(jobs={REF.id: ended}, series=[]))
    await shell.type("metrics", "mem:run/1")
    assert shell.out.startswith("run: succeeded (DONE), ended 1 d 3 h ago\n")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
async def test_metrics_that_cannot_be_true_do_not_fail_the_command(options: list[str]) -> None:
    blank = MetricSeries(GPU_UTILIZATION, (MetricPoint(2.0**47, NOW),), gpu=3)
    shell = Shell(FakeProvider(series=[blank]))
    assert ExitCode.OK == await shell.type("metrics", "mem:run/1", *options)
    assert "1 of 1 samples of gpu utilization (GPU 3) cannot be true, such as 140,737,488,355,328." in " ".join(
        shell.out.split()
    )


async def test_platform_that_cannot_list_jobs_now_is_a_failure() -> None:
    class Broken(FakeProvider):
        async def list_jobs(self, *, limit: int) -> list[Job]:
            raise Unavailable("other is away.")

    shell = Shell(FakeProvider(), Broken(name="other"))
    assert ExitCode.FAILED == await shell.type("jobs")
    assert "other is away." in shell.out
