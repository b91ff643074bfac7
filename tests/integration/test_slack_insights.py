"""`/train diagnose` and `/train rules` typed in the emulated Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.domain.run_history import EndedRun
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.redaction.redactor import Redactor
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


async def test_a_diagnosis_compares_with_earlier_runs(harness: SlackHarness, store: Store) -> None:
    (alone,) = (await harness.command("diagnose mem:run/1")).messages
    diagnoser = Diagnoser(build_scanner())
    for one in lines():
        message, _ = Redactor([SECRET]).redact(one.message)
        diagnoser.feed(message, rank=one.rank, replica=one.replica, timestamp_ns=one.timestamp_ns)
    (failure,) = diagnoser.report().failures
    yesterday = EndedRun(JobRef("mem", "run/0"), "run", NOW - timedelta(days=1), "gpu_memory", failure.fingerprint)
    await store.subscriptions.add("C9", None, yesterday.job, "U1", RuleSettings(), NOW)
    (watch,) = await store.watches.claim_due(NOW, lease=timedelta(minutes=1))
    await store.watches.settle([PollResult(watch.id, watch.token, NOW, ended_run=yesterday)], NOW)

    (compared,) = (await harness.command("diagnose mem:run/1")).messages

    assert "*Fix first:* the same batch runs out again." in str(alone.blocks)
    assert "*Fix first:* same failure as yesterday's run of this project." in str(compared.blocks)
    assert "from the log alone" not in str(compared.blocks)


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
