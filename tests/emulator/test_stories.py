"""The stories: believable, complete, on time, and driven only by the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.stories import STORIES, start_stories
from emulator.timeline import HISTORY, Timeline
from tests.fakes.cloud import NOON, NOON_MS, Cloud, messages

PROJECT = "/baseten/v1/training_projects/p7qr9qv/jobs"
WINDOW: dict[str, Any] = {"direction": "asc", "limit": 1000}


@pytest.fixture
def stories(cloud: Cloud) -> Cloud:
    start_stories(cloud.world, NOON)
    return cloud


async def log_messages(cloud: Cloud, path: str, since_s: float, until_s: float) -> list[str]:
    start, end = (NOON_MS + int(second * 1000) for second in (since_s, until_s))
    return messages(await cloud.get(path, start_epoch_millis=start, end_epoch_millis=end, **WINDOW))


async def status(cloud: Cloud, job_id: str) -> tuple[str, str | None]:
    job = (await cloud.get(f"{PROJECT}/{job_id}"))["training_job"]
    return job["current_status"], job["error_message"]


async def utilization(cloud: Cloud, job_id: str) -> list[float]:
    """The newest sample of each GPU."""
    body = await cloud.get(f"{PROJECT}/{job_id}/metrics", step_seconds=5)
    return [samples[-1]["value"] for samples in body["gpu_utilization"].values()]


def test_everything_alert_worthy_happens_within_a_minute() -> None:
    assert [story.name for story in STORIES if story.event_s is not None and story.event_s > 60] == []
    assert len({story.reference for story in STORIES}) == len(STORIES)


def test_real_pace_takes_twenty_times_as_long_and_leaves_history_alone() -> None:
    timeline = Timeline(NOON, "real")
    assert timeline.at(30) == NOON + timedelta(minutes=10)
    assert timeline.at(-30) == NOON - timedelta(seconds=30)


async def test_every_story_has_hours_of_history_and_separate_ranks(stories: Cloud) -> None:
    for job_id in ("h8gpu42", "oom3r8x", "idle5gp", "hang7nd", "preem4t", "multi2n"):
        assert len(await log_messages(stories, f"{PROJECT}/{job_id}/logs", -1800, 0)) > 400, job_id
        body = await stories.get(f"{PROJECT}/{job_id}/metrics", start_epoch_millis=NOON_MS - 3_600_000)
        assert [len(body["gpu_utilization"]), len(body["cpu_usage"])] == [8, 241], job_id
    first = await log_messages(
        stories, f"{PROJECT}/h8gpu42/logs", -HISTORY.total_seconds(), -HISTORY.total_seconds() + 3600
    )
    assert any("NCCL INFO" in text for text in first)


async def test_the_healthy_run_never_ends(stories: Cloud) -> None:
    stories.clock.advance(timedelta(seconds=30 * 86_400))
    assert (await status(stories, "h8gpu42"))[0] == "TRAINING_JOB_RUNNING"
    lines = await log_messages(stories, f"{PROJECT}/h8gpu42/logs", 30 * 86_400 - 60, 30 * 86_400)
    assert len(lines) == 30
    assert "'loss'" in lines[0]
    assert min(await utilization(stories, "h8gpu42")) > 0.8


async def test_the_oom_names_rank_3_interleaved_and_then_fails(stories: Cloud) -> None:
    logs = f"{PROJECT}/oom3r8x/logs"
    stories.clock.advance(timedelta(seconds=19))
    assert not any("CUDA" in text for text in await log_messages(stories, logs, 0, 60))
    stories.clock.advance(timedelta(seconds=10))
    lines = await log_messages(stories, logs, 15, 60)
    assert any(text.startswith("[rank3]: torch.OutOfMemoryError: CUDA out of memory.") for text in lines)
    prefixes = [text[:7] for text in lines if text.startswith("[rank")]
    assert prefixes != sorted(prefixes)
    texts = [text.partition(": ")[2] for text in lines]
    assert texts.index(next(t for t in texts if "OutOfMemory" in t)) < texts.index(
        next(t for t in texts if "NCCL" in t)
    )
    assert {"Root Cause (first observed failure):", "  rank      : 3 (local_rank: 3)"} <= set(lines)
    assert await status(stories, "oom3r8x") == ("TRAINING_JOB_FAILED", "Training job exited with code 1.")


async def test_idle_gpus_begin_early_and_recover(stories: Cloud) -> None:
    levels = []
    for advance in (0, 30, 65):
        stories.clock.advance(timedelta(seconds=advance))
        levels.append(round(sum(await utilization(stories, "idle5gp")) / 8, 1))
    assert levels == [0.9, 0.0, 0.9]
    assert any("waited" in text for text in await log_messages(stories, f"{PROJECT}/idle5gp/logs", 0, 90))


async def test_the_hanging_run_stops_stepping_while_its_gpus_spin(stories: Cloud) -> None:
    stories.clock.advance(timedelta(seconds=120))
    assert await log_messages(stories, f"{PROJECT}/hang7nd/logs", 20, 120) == []
    assert await utilization(stories, "hang7nd") == [1.0] * 8
    assert (await status(stories, "hang7nd"))[0] == "TRAINING_JOB_RUNNING"


async def test_the_spot_machine_is_reclaimed(stories: Cloud) -> None:
    stories.clock.advance(timedelta(seconds=35))
    assert await status(stories, "preem4t") == ("TRAINING_JOB_PREEMPTED", "The spot instance was reclaimed.")
    assert any("SIGTERM" in text for text in await log_messages(stories, f"{PROJECT}/preem4t/logs", 30, 35))


async def test_two_nodes_have_separate_metrics(stories: Cloud) -> None:
    body = await stories.get(f"{PROJECT}/multi2n/metrics")
    assert [node["node_id"] for node in body["per_node_metrics"]] == ["multi2n-0", "multi2n-1"]
    assert body["training_job"]["node_count"] == 2


async def test_a_batch_job_fails_on_rank_2(stories: Cloud) -> None:
    stories.clock.advance(timedelta(seconds=40))
    job = await stories.get("/fireworks/v1/accounts/acme/batchJobs/code-sft-r2")
    assert (job["state"], job["status"], job["numRanks"]) == ("FAILED", "Rank 2 exited with code 1", 4)
    logs = await stories.get("/fireworks/v1/accounts/acme/batchJobs/code-sft-r2:getLogs", ranks=2, filter="ERROR")
    assert [entry["rank"] for entry in logs["entries"]] == [2]


async def test_a_healthy_batch_job_has_four_ranks(stories: Cloud) -> None:
    logs = await stories.get("/fireworks/v1/accounts/acme/batchJobs/embed-v3:getLogs", pageSize=8)
    assert [entry.get("rank", 0) for entry in logs["entries"]] == [3, 2, 1, 0, 3, 2, 1, 0]


async def test_a_deployment_serves_requests_and_has_a_burst_of_errors(stories: Cloud) -> None:
    logs = "/baseten/v1/models/qwen7b1/deployments/srv4ce1/logs"
    stories.clock.advance(timedelta(seconds=30))
    errors = (await stories.get(logs, start_epoch_millis=NOON_MS - 3_600_000, min_level="ERROR", **WINDOW))["logs"]
    assert len(errors) > 10
    assert all(NOON_MS + 12_000 <= int(item["timestamp"]) // 10**6 < NOON_MS + 21_000 for item in errors)
    one = await stories.get(logs, request_id=errors[0]["request_id"], **WINDOW)
    assert len(one["logs"]) == 3
    assert len({item["replica"] for item in (await stories.get(logs))["logs"]}) == 3


async def test_a_deployment_is_unhealthy_for_a_while(stories: Cloud) -> None:
    states = []
    for advance in (0, 25, 50):
        stories.clock.advance(timedelta(seconds=advance))
        states.append((await stories.get("/baseten/v1/models/qwen7b1/deployments/unh2lth"))["status"])
    assert states == ["ACTIVE", "UNHEALTHY", "ACTIVE"]


async def test_one_run_is_completed_one_runs_and_one_fails(stories: Cloud) -> None:
    model = "/rivergen/api/v1/models/mdl-churn"
    stories.clock.advance(timedelta(seconds=46))
    runs = (await stories.get(model + "/registry/training-runs"))["results"]
    assert {run["run_id"]: run["status"] for run in runs} == {
        "run-b7d1e0": "running",
        "run-c93f5a": "failed",
        "run-a4b9c2": "completed",
    }
    assert (await stories.get(model + "/training-metrics/logs"))["run_id"] == "run-b7d1e0"
    failed = await stories.get(model + "/training-metrics/logs", run_id="run-c93f5a", level="error")
    assert [item["message"] for item in failed["lines"]][-1] == "Training stopped: loss diverged"


async def test_the_same_start_gives_the_same_story(stories: Cloud) -> None:
    path = f"{PROJECT}/h8gpu42/logs"
    before = await log_messages(stories, path, -60, 0)
    start_stories(stories.world, datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert await log_messages(stories, path, -60, 0) == before
