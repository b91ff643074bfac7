"""The demo's stories, watched by the real poller on the emulated clouds: each alert has the decisive text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Evidence, Incident, IncidentAlert, Notification, Receipt
from bot.domain.jobs import JobRef
from bot.providers.baseten.api import make_client
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.training import BasetenTraining
from bot.providers.fireworks import create as create_fireworks
from bot.providers.http.client import LimiterPool
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.rules.settings import parse_settings
from bot.slack.render.alerts import render_notification
from bot.store.store import Store
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from emulator.quirks import FireworksQuirks
from emulator.stories import start_stories
from tests.fakes.cloud import NOON, Cloud, running_cloud
from tests.fakes.provider import registry_of
from tests.integration.polling import poll_until_idle

IDLE = ["low_gpu_utilization.for=15s", "low_gpu_utilization.warmup=0s"]
POLLING = PollSettings(
    intervals=PollIntervals(running=timedelta(seconds=4)),
    lookback=timedelta(minutes=2),
    overlap=timedelta(seconds=20),
    drain=timedelta(seconds=8),
)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with running_cloud() as cloud:
        start_stories(cloud.world, NOON)
        yield cloud


async def notifications(
    cloud: Cloud, store: Store, reference: str, *, seconds: int, every: int = 4, rules: list[str] | None = None
) -> list[Notification]:
    """Watch one story for some seconds; return what the channel is sent, in order."""
    registry = registry_of(
        BasetenTraining(make_client("baseten", cloud.config("baseten"), LimiterPool()), cloud.clock),
        BasetenDeployments(make_client("baseten-model", cloud.config("baseten"), LimiterPool()), cloud.clock),
        create_fireworks(cloud.config("fireworks", fireworks_account_id="acme"), LimiterPool()),
    )
    config = DiagnosisConfig(build_scanner())
    poller = Poller(registry, store, cloud.clock, Redactor(), config, POLLING, jitter=lambda: 0.5)
    job = JobRef(*reference.split(":", 1))
    await store.subscriptions.add("C1", None, job, "U1", parse_settings(rules or []), NOON)
    sent: list[Notification] = []
    for _ in range(seconds // every):
        cloud.clock.advance(timedelta(seconds=every))
        await poll_until_idle(poller)
        while claimed := await store.deliveries.claim(cloud.clock(), lease=timedelta(minutes=1), limit=50):
            for one in claimed:
                sent.append(one.notification)
                await store.deliveries.mark_sent(one.id, one.token, Receipt("C1", f"1.{one.id}"), cloud.clock())
    await poller.stop()
    await registry.aclose()
    return sent


def incident_of(sent: list[Notification]) -> Incident:
    return [one.incident for one in sent if one.incident is not None][-1]


def alert_of(sent: list[Notification], rule: str) -> IncidentAlert:
    return next(alert for alert in incident_of(sent).alerts if alert.rule == rule)


def evidence_of(sent: list[Notification], rule: str) -> list[Evidence]:
    """The evidence of a rule in each message, in order."""
    incidents = [one.incident for one in sent if one.incident]
    return [alert.evidence for incident in incidents for alert in incident.alerts if alert.rule == rule]


def texts(sent: list[Notification]) -> Iterator[str]:
    """Every message as Slack shows it."""
    return (str(render_notification(one).blocks) for one in sent)


async def test_out_of_memory_is_quoted_with_its_numbers(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten:p7qr9qv/oom3r8x", seconds=48)
    evidence = alert_of(sent, "failure").evidence
    rows = [line.message for line in evidence.lines]

    assert evidence.summary.startswith("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB.")
    assert evidence.root is not None
    assert "1.27 GiB is free" in rows[evidence.root]
    assert rows[1:-1] == [
        "[rank3]: Traceback (most recent call last):",
        "\u2026 1 frame cut \u2026",
        '[rank3]:   File "/app/train.py", line 371, in main',
        "[rank3]:     trainer.train(resume_from_checkpoint=args.resume)",
        "\u2026 3 frames cut \u2026",
    ]
    assert ("Rank", "3 of 8") in evidence.facts
    assert "Tried to allocate 3.91 GiB" in [*texts([one for one in sent if one.kind is DeliveryKind.EDIT])][-1]


async def test_memory_that_ran_out_is_no_longer_predicted(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten:p7qr9qv/oom3r8x", seconds=48)
    predicted = evidence_of(sent, "gpu_memory_pressure")

    assert predicted[0].summary == "GPU 3 on oom3r8x-0 is running out of memory."
    assert predicted[0].expected_at is not None
    assert predicted[-1].summary == "GPU 3 on oom3r8x-0 ran out of memory."
    assert (predicted[-1].title, predicted[-1].expected_at) == ("GPU out of memory", None)


async def test_the_failed_job_names_its_cause(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten:p7qr9qv/oom3r8x", seconds=48)
    facts = dict(alert_of(sent, "job_failed").evidence.facts)

    assert (facts["Cause"], facts["Rank"]) == ("GPU out of memory", "3 of 8")
    assert "Tried to allocate 3.91 GiB" in facts["Decisive line"]


async def test_the_corrupt_shard_is_named(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "fireworks:acme/code-sft-r2", seconds=60)
    evidence = alert_of(sent, "failure").evidence

    assert evidence.summary == "data: shard s3://corpora/code-0412.jsonl.zst is corrupt at byte 88127311"
    assert evidence.lines[-1].message == "zstd.ZstdError: zstd decompress error: Data corruption detected"
    assert any("data.py" in line.message for line in evidence.lines)
    assert ("Rank", "2 of 4") in evidence.facts


async def test_the_hang_says_where_it_stopped_and_that_gpus_spin(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten:p7qr9qv/hang7nd", seconds=360, every=30)
    alert = alert_of(sent, "hang")

    assert alert.evidence.summary == "All 8 GPUs at 100%: spinning in a collective."
    assert ("Stopped after", "step 2,680 of 50,000") in alert.evidence.facts
    assert "'loss'" not in str(alert.evidence)


async def test_idle_gpus_are_explained_by_the_data_loader(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten:p7qr9qv/idle5gp", seconds=96, rules=IDLE)
    longest = evidence_of(sent, "low_gpu_utilization")[-1]

    assert "data.loader: waited 8" in longest.summary
    assert "for shard train-00" in longest.summary
    assert dict(longest.facts)["Likely cause"].startswith("data loading (the log has 1")


async def test_failing_requests_are_counted_by_message(cloud: Cloud, store: Store) -> None:
    sent = await notifications(cloud, store, "baseten-model:qwen7b1/srv4ce1", seconds=40)
    evidence = alert_of(sent, "log_errors").evidence
    counts = {one.message.partition(" (")[0].partition(" latency")[0]: one.count for one in evidence.messages}

    assert list(counts) == ["engine: request failed: KV cache is exhausted", "500 Internal Server Error"]
    assert sum(counts.values()) == evidence.count
    assert evidence.summary.startswith(
        f"{evidence.count} errors: engine: request failed: KV cache is exhausted (0 free"
    )


@pytest.mark.parametrize("has_trainer_log", [True, False])
async def test_a_fine_tuning_job_whose_loss_is_nan_is_reported_from_its_files(
    cloud: Cloud, store: Store, has_trainer_log: bool
) -> None:
    cloud.quirks.fireworks = FireworksQuirks(trainer_logs=has_trainer_log)
    reference = "fireworks:acme/supervisedFineTuningJobs/support-sft"
    sent = await notifications(cloud, store, reference, seconds=68)

    assert (alert_of(sent, "loss").evidence.title or "").startswith("Loss became NaN")
    decisive = "loss=nan" if has_trainer_log else '"train/loss": NaN'
    assert decisive in alert_of(sent, "loss").evidence.lines[0].message
    assert dict(alert_of(sent, "job_failed").evidence.facts)["Cause"].startswith("Loss became NaN")
    assert "Signature" not in str(list(texts(sent)))
