"""A far time costs a handful of requests on every platform, finds every line, and a note states what was cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.commands.handlers.log_answer import read_logs
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.jobs import DiagnoseCommand, DiagnosisAnswer, MetricsAnswer, MetricsCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand
from bot.errors import BudgetExhausted
from bot.providers.budget import BudgetLimits, CommandBudget, spending
from bot.providers.registry import Registry, build_registry
from bot.redaction.redactor import Redactor
from emulator.logs import Line
from emulator.world import Status
from tests.fakes.cloud import NOON, NOON_NS, running_cloud

JOBS = ("baseten:proj/job", "baseten-model:abc1d2ef/xyz123", "fireworks:acme/train-1", "rivergen:mdl-1/run-1")
LINES = [Line(NOON_NS - (30 - number) * 10**9, f"step {number}", "r1abc") for number in range(30)]
MOST_REQUESTS = 20
CONTEXT = InputContext(NOON)
FAR = (
    "--start 1970-01-01T00:00:00Z",
    "--start 1970-01-01T00:00:00Z --asc",
    "--start 1970-01-01T00:00:00Z --all",
    "--end 2261-01-01T00:00:00Z",
    "--end 2261-01-01T00:00:00Z --all --desc",
    "--end 2030-01-01",
    "--since 999999h --asc",
    "--since 20000d --end 2100-01-01",
    "--before 2261-01-01T00:00:00Z",
    "--after 1970-01-01T00:00:00Z",
    "--around 1970-01-01T00:00:00Z",
    "--around 2261-01-01T00:00:00Z",
)


@pytest.fixture
async def registry(response_timeout_s: float) -> AsyncIterator[Registry]:
    async with running_cloud(response_timeout_s) as cloud:
        began = NOON - timedelta(minutes=5)
        world = cloud.world
        world.add_training_job("proj", "job", lines=LINES, statuses=[Status(began, "TRAINING_JOB_RUNNING")])
        world.add_deployment("abc1d2ef", "xyz123", lines=LINES, statuses=[Status(began, "ACTIVE")])
        world.add_batch_job("acme", "train-1", lines=LINES, statuses=[Status(began, "RUNNING")], num_ranks=1)
        world.add_rivergen_run("mdl-1", "run-1", lines=LINES, statuses=[Status(began, "running")])
        config = {
            key: value for name in ("baseten", "fireworks", "rivergen") for key, value in cloud.config(name).items()
        }
        registry = build_registry({**config, "rivergen_requests_per_second": "1000"})
        yield registry
        await registry.aclose()


@pytest.mark.parametrize("options", FAR)
@pytest.mark.parametrize("job", JOBS)
async def test_far_range_costs_few_requests_and_finds_every_line(registry: Registry, job: str, options: str) -> None:
    provider, ref = registry.resolve(job)
    command = parse(f"logs {job} {options}", CONTEXT)
    assert isinstance(command, LogsCommand)
    with spending(CommandBudget(BudgetLimits(requests=200))) as budget:
        answer = await read_logs(provider, ref, command, Redactor(), NOON)
    shown = sorted(line.message for line in answer.lines)
    assert shown == sorted(line.message for line in LINES)
    assert len(answer.notes) == 1
    assert answer.gaps == ()
    assert budget.requests <= MOST_REQUESTS
    if answer.file is not None:
        answer.file.close()


@pytest.mark.parametrize(
    "options", ["--start 1970-01-01 --end 1999-01-01", "--start 1970-01-01 --end 1971-01-01 --all"]
)
@pytest.mark.parametrize("job", JOBS)
async def test_range_outside_the_lifetime_is_empty(registry: Registry, job: str, options: str) -> None:
    provider, ref = registry.resolve(job)
    command = parse(f"logs {job} {options}", CONTEXT)
    assert isinstance(command, LogsCommand)
    with spending(CommandBudget()) as budget:
        answer = await read_logs(provider, ref, command, Redactor(), NOON)
    assert (answer.lines, len(answer.notes)) == ((), 1)
    assert budget.requests <= 3


@pytest.mark.parametrize("name", ["diagnose", "metrics", "rules test"])
@pytest.mark.parametrize("options", ["--since 20000d", "--start 1970-01-01 --end 2261-01-01"])
@pytest.mark.parametrize("job", JOBS)
async def test_other_commands_are_cut_too(registry: Registry, job: str, options: str, name: str) -> None:
    command = parse(f"{name} {job} {options}", CONTEXT)
    assert isinstance(command, DiagnoseCommand | MetricsCommand | ReplayCommand)
    with spending(CommandBudget(BudgetLimits(requests=200))) as budget:
        answer = await CommandRunner(registry, lambda: NOON, Redactor()).run(command)
    assert isinstance(answer, DiagnosisAnswer | MetricsAnswer | ReplayAnswer)
    assert any("was cut to" in note for note in answer.notes)
    assert budget.requests <= MOST_REQUESTS


@pytest.mark.parametrize("requests", [2, 3, 5])
@pytest.mark.parametrize("job", JOBS)
async def test_budget_ends_a_reading_and_the_next_page_goes_on(registry: Registry, job: str, requests: int) -> None:
    provider, ref = registry.resolve(job)
    command = parse(f"logs {job} --start 1970-01-01 --grep nothing", CONTEXT)
    assert isinstance(command, LogsCommand)
    try:
        with spending(CommandBudget(BudgetLimits(requests=requests))) as budget:
            answer = await read_logs(provider, ref, command, Redactor(), NOON)
    except BudgetExhausted as stopped:
        pytest.fail(f"the answer is only an error: {stopped.public}")
    assert budget.requests <= requests
    stopped_early = [gap.public for gap in answer.gaps]
    assert (answer.older is None) == (not stopped_early)
    assert all(text.startswith("Stopped after ") for text in stopped_early)


@pytest.mark.parametrize("order", ["", "--asc"])
@pytest.mark.parametrize("job", JOBS)
async def test_pages_within_small_budgets_have_each_line_once(registry: Registry, job: str, order: str) -> None:
    provider, ref = registry.resolve(job)
    command: object = parse(f"logs {job} --start 1970-01-01 --end 2261-01-01 --grep step {order}", CONTEXT)
    found: list[str] = []
    for _ in range(20):
        assert isinstance(command, LogsCommand)
        with spending(CommandBudget(BudgetLimits(requests=8))):
            answer = await read_logs(provider, ref, command, Redactor(), NOON)
        found += [line.message for line in answer.lines]
        following = answer.newer if order else answer.older
        if following is None or not answer.lines:
            break
        command = following
    assert sorted(found) == sorted(line.message for line in LINES)
