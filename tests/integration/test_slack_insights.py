"""`/train diagnose` and `/train rules` typed in the emulated Slack, answered by the real runner on a platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from bot.commands.runner import CommandRunner
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_reader
from bot.rules.settings import parse_settings
from bot.slack.render.actions import Action
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of
from tests.integration.slack_harness import Bench, socket_bench

SECRET = "hunter2hunter2"


def lines() -> list[LogLine]:
    """A run that advanced for ten minutes and died of memory an hour ago."""
    died_ns = ns_from_datetime(NOW - timedelta(hours=1))
    steps = [LogLine(died_ns - (600 - number) * 10**9, f"step {number} loss 2.{number}") for number in range(600)]
    oom = f"[rank3]: torch.OutOfMemoryError: CUDA out of memory. <!channel> {SECRET}"
    return [*steps, LogLine(died_ns, oom, replica="k2v9x")]


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    job = Job(REF, JobState.FAILED, "FAILED", name="llama", ended_at=NOW - timedelta(minutes=59))
    provider = FakeProvider(lines(), page_lines=100, jobs={REF.id: job})
    diagnosis_config = DiagnosisConfig(build_reader(), parse_settings(["log_errors=off"]))
    runner = CommandRunner(registry_of(provider), None, lambda: NOW, Redactor([SECRET]), lambda: diagnosis_config)
    async with socket_bench(answering=runner) as made:
        yield made


def channel(bench: Bench) -> Any:
    return bench.slack.workspace.channel("#training")


async def test_a_diagnosis_is_private_and_says_what_broke(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "diagnose mem:run/1")
    (answer,) = seen.messages
    assert "U0ADA" == answer.visible_to
    blocks = str(answer.blocks)
    assert "GPU out of memory" in blocks
    assert "▶ [rank3]: torch.OutOfMemoryError" in blocks
    assert "*failed*" in blocks
    assert SECRET not in blocks
    assert "<!channel>" not in blocks
    assert [] == channel(bench).messages


async def test_share_shows_the_same_diagnosis_to_the_channel(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "why mem:run/1 --since 3h")
    await bench.slack.person_actions.click("ada", seen.messages[0], Action.SHARE)
    (shared,) = channel(bench).messages
    assert "GPU out of memory" in str(shared.blocks)
    assert Action.SHARE not in str(shared.blocks)


async def test_the_lines_around_a_failure_are_one_click_away(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "diagnose mem:run/1")
    logs = await bench.slack.person_actions.click("ada", seen.messages[0], f"{Action.SHOW}:logs")
    assert "step 599" in str(logs.messages[-1].blocks)


async def test_a_test_of_rules_says_what_would_have_fired(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash(
        "ada", "#training", "/train", "rules test mem:run/1 --since 3h severity=warn"
    )
    (answer,) = seen.messages
    blocks = str(answer.blocks)
    assert "U0ADA" == answer.visible_to
    assert "2 alerts from" in blocks
    assert "`failure`" in blocks
    assert "`job_failed`" in blocks
    assert "log_errors" not in blocks, "the installation has it off"


async def test_rules_are_listed_and_a_wrong_setting_is_explained(bench: Bench) -> None:
    listed = await bench.slack.person_actions.slash("ada", "#training", "/train", "rules --public")
    assert [False] == [message.is_ephemeral for message in listed.messages]
    assert "*log_errors* · *off*" in str(listed.messages[0].blocks)
    wrong = await bench.slack.person_actions.slash("ada", "#training", "/train", "rules test mem:run/1 hagn=off")
    assert "did you mean `hang`?" in str(wrong.messages[0].blocks)
