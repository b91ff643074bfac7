"""`diagnose` reads the whole log of a job, over many pages, gaps and secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.commands.answers import ErrorAnswer
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.jobs import DiagnoseCommand, DiagnosisAnswer
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine
from bot.errors import NotSupported, Unavailable
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of

HOUR_NS = 3600 * 10**9
START_NS = ns_from_datetime(NOW) - 3 * HOUR_NS
FAILED = {REF.id: Job(REF, JobState.FAILED, "FAILED", name="run 1", ended_at=NOW - timedelta(minutes=5))}


@pytest.fixture(scope="module")
def scanner() -> PageScanner:
    return build_scanner()


def steps(count: int) -> list[LogLine]:
    return [LogLine(START_NS + number * 10**9, f"step {number} loss 2.{number}") for number in range(count)]


def oom(second: int, rank: int = 3) -> LogLine:
    text = f"[rank{rank}]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
    return LogLine(START_NS + second * 10**9, text, replica="k2v9x")


async def ask(provider: FakeProvider, scanner: PageScanner, text: str = "diagnose mem:run/1") -> object:
    command = parse(text)
    assert isinstance(command, DiagnoseCommand)
    runner = CommandRunner(registry_of(provider), lambda: NOW, Redactor(["hunter2"]), lambda: DiagnosisConfig(scanner))
    return await runner.run(command)


async def test_failure_on_the_last_of_many_pages_is_found(scanner: PageScanner) -> None:
    provider = FakeProvider([*steps(50), oom(50), oom(51, 0)], page_lines=7, jobs=FAILED)
    answer = await ask(provider, scanner)
    assert isinstance(answer, DiagnosisAnswer)
    (incident,) = answer.diagnosis.failures
    assert ("page", "gpu_memory", (3, 0)) == (incident.severity, incident.category, incident.ranks)
    assert START_NS + 50 * 10**9 == incident.first_ns
    assert (52, 49, JobState.FAILED) == (answer.read, answer.diagnosis.progress.step, answer.job.state)


async def test_only_the_window_is_read(scanner: PageScanner) -> None:
    provider = FakeProvider([*steps(50), oom(50)], jobs=FAILED)
    answer = await ask(provider, scanner, "diagnose mem:run/1 --since 1h")
    assert isinstance(answer, DiagnosisAnswer)
    assert (0, ()) == (answer.read, answer.diagnosis.failures)
    assert NOW - timedelta(hours=1) == answer.start


async def test_pinned_command_reads_the_same_window(scanner: PageScanner) -> None:
    answer = await ask(FakeProvider([oom(0)], jobs=FAILED), scanner, "diagnose mem:run/1 --since 4h --public")
    assert isinstance(answer, DiagnosisAnswer)
    again = parse(format_command(answer.pinned))
    assert isinstance(again, DiagnoseCommand)
    assert (START_NS - HOUR_NS, ns_from_datetime(NOW), False) == (
        again.window.start_ns,
        again.window.end_ns,
        again.public,
    )


async def test_secrets_are_redacted(scanner: PageScanner) -> None:
    line = oom(0)._replace(message="torch.OutOfMemoryError: CUDA out of memory. hunter2")
    answer = await ask(FakeProvider([line], jobs=FAILED), scanner)
    assert isinstance(answer, DiagnosisAnswer)
    assert "hunter2" not in repr(answer)
    assert 1 == answer.redacted


async def test_failure_after_the_first_page_is_a_gap(scanner: PageScanner) -> None:
    lines = [*steps(20), oom(5)]
    fails = iter([None, Unavailable("mem is down.")])
    answer = await ask(FakeProvider(lines, page_lines=10, jobs=FAILED, log_errors=fails), scanner)
    assert isinstance(answer, DiagnosisAnswer)
    assert ["mem is down."] == [gap.public for gap in answer.gaps]
    assert 10 == answer.read


@pytest.mark.parametrize("problem", [Unavailable("mem is down."), NotSupported("mem has no logs.")])
async def test_unreadable_log_is_an_error(problem: Unavailable | NotSupported, scanner: PageScanner) -> None:
    answer = await ask(FakeProvider(log_errors=iter([problem])), scanner)
    assert ErrorAnswer(problem.public) == answer


async def test_only_a_running_job_can_hang(scanner: PageScanner) -> None:
    hanging = await ask(FakeProvider(steps(100)), scanner)
    over = await ask(FakeProvider(steps(100), jobs=FAILED), scanner)
    assert isinstance(hanging, DiagnosisAnswer)
    assert isinstance(over, DiagnosisAnswer)
    assert ["hang"] == [one.category for one in hanging.diagnosis.failures]
    assert () == over.diagnosis.failures


async def test_window_in_the_past_cannot_show_a_hang(scanner: PageScanner) -> None:
    answer = await ask(FakeProvider(steps(100)), scanner, "diagnose mem:run/1 --end 2026-03-13T11:30:00Z")
    assert isinstance(answer, DiagnosisAnswer)
    assert () == answer.diagnosis.failures
