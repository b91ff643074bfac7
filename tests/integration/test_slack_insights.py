"""`/train diagnose` and `/train rules` typed in the emulated Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.rules.settings import parse_settings
from bot.slack.render.blocks import Action
from bot.store.store import Store
from tests.fakes.provider import REF, FakeProvider
from tests.integration.modal_forms import view_with
from tests.integration.slack_harness import SECRET, SlackHarness, running
from tests.unit.slack.factories import NOW


def lines() -> list[LogLine]:
    """A run that advanced for ten minutes and ran out of memory an hour ago."""
    died_ns = ns_from_datetime(NOW - timedelta(hours=1))
    steps = [LogLine(died_ns - (600 - number) * 10**9, f"step {number} loss 2.{number}") for number in range(600)]
    oom = f"[rank3]: torch.OutOfMemoryError: CUDA out of memory. <!channel> {SECRET}"
    return [*steps, LogLine(died_ns, oom, replica="k2v9x")]


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    job = Job(REF, JobState.FAILED, "FAILED", name="llama", ended_at=NOW - timedelta(minutes=59))
    provider = FakeProvider(lines(), page_lines=100, jobs={REF.id: job})
    config = DiagnosisConfig(build_scanner(), parse_settings(["log_errors=off"]))
    async with running(SlackHarness(store, provider=provider, diagnosis_config=lambda: config)) as harness:
        yield harness


async def test_a_diagnosis_is_private_and_names_the_failure(harness: SlackHarness) -> None:
    (answer,) = (await harness.command("diagnose mem:run/1")).messages
    assert "U0ADA" == answer.visible_to
    blocks = str(answer.blocks)
    assert "GPU out of memory" in blocks
    assert "▶ r3 torch.OutOfMemoryError" in blocks
    assert "*failed*" in blocks
    assert SECRET not in blocks
    assert "<!channel>" not in blocks
    assert [] == harness.channel().messages


async def test_share_posts_the_same_diagnosis_to_the_channel(harness: SlackHarness) -> None:
    seen = await harness.command("why mem:run/1 --since 3h")
    await harness.slack.person_actions.click("ada", seen.messages[0], Action.SHARE)
    (shared,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert "GPU out of memory" in str(shared.blocks)
    assert Action.SHARE not in str(shared.blocks)


async def test_a_button_shows_the_lines_around_a_failure(harness: SlackHarness) -> None:
    seen = await harness.command("diagnose mem:run/1")
    await harness.slack.person_actions.click("ada", seen.messages[0], f"{Action.OPEN}:answer:logs")
    await view_with(harness, "step 599")


async def test_rules_test_lists_the_alerts_that_would_have_fired(harness: SlackHarness) -> None:
    (answer,) = (await harness.command("rules test mem:run/1 --since 3h severity=warn")).messages
    blocks = str(answer.blocks)
    assert "U0ADA" == answer.visible_to
    assert "2 alerts would have fired" in blocks
    assert "`failure`" in blocks
    assert "`job_failed`" in blocks
    assert "log_errors" not in blocks, "the installation turned it off"


async def test_rules_are_listed_and_an_invalid_setting_is_explained(harness: SlackHarness) -> None:
    listed = await harness.command("rules --public")
    assert [False] == [message.is_ephemeral for message in listed.messages]
    assert "log_errors (off)" in str(listed.messages[0].blocks)
    wrong = await harness.command("rules test mem:run/1 hagn=off")
    assert "did you mean `hang`?" in str(wrong.messages[0].blocks)
