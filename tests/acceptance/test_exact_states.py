"""`trainwatch status` and `jobs`: every status of every platform, every form of reference, every field."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from emulator.faults import Fault
from emulator.world import Status, World
from tests.acceptance.logs import REFERENCES, hostile_lines, put
from tests.acceptance.program import ANCHOR, Machine, Row, expected_rows

BEGAN = ANCHOR - timedelta(hours=1)
STATUSES = {
    "baseten": {
        "TRAINING_JOB_PENDING": "queued",
        "TRAINING_JOB_QUEUED": "queued",
        "TRAINING_JOB_CREATED": "starting",
        "TRAINING_JOB_DEPLOYING": "starting",
        "TRAINING_JOB_RUNNING": "running",
        "TRAINING_JOB_COMPLETED": "succeeded",
        "TRAINING_JOB_FAILED": "failed",
        "TRAINING_JOB_DEPLOY_FAILED": "failed",
        "TRAINING_JOB_EXPIRED": "failed",
        "TRAINING_JOB_STOPPED": "cancelled",
        "TRAINING_JOB_PREEMPTED": "preempted",
        "TRAINING_JOB_TELEPORTING": "unknown",
        "": "unknown",
    },
    "baseten-model": {
        "BUILDING": "starting",
        "DEPLOYING": "starting",
        "LOADING_MODEL": "starting",
        "WAKING_UP": "starting",
        "ACTIVE": "running",
        "UPDATING": "running",
        "SCALED_TO_ZERO": "idle",
        "DEACTIVATING": "idle",
        "INACTIVE": "idle",
        "UNHEALTHY": "unhealthy",
        "BUILD_FAILED": "failed",
        "DEPLOY_FAILED": "failed",
        "FAILED": "failed",
        "BUILD_STOPPED": "cancelled",
        "<!channel> `rm -rf`": "unknown",
    },
    "fireworks": {
        "CREATING": "starting",
        "QUEUED": "queued",
        "PENDING": "queued",
        "RUNNING": "running",
        "CANCELLING": "running",
        "COMPLETED": "succeeded",
        "FAILED": "failed",
        "CANCELLED": "cancelled",
        "DELETING": "cancelled",
        "STATE_UNSPECIFIED": "unknown",
        "TELEPORTING": "unknown",
    },
    "rivergen": {
        "queued": "queued",
        "running": "running",
        "completed": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
        "teleporting": "unknown",
    },
}
"""Documented and observed statuses of each platform, and their states; the last ones are invented."""

REFERENCE_FORMS = {
    "baseten:proj/job1": (
        "baseten:job1",
        "BASETEN:proj/job1",
        "https://app.baseten.co/training/proj/logs/job1",
        "https://app.baseten.co/training/project/proj/logs/job1/",
        "app.baseten.co/training/proj/metrics/job1?tab=gpu#top",
        "https://api.baseten.co/v1/training_projects/proj/jobs/job1/logs",
    ),
    "baseten-model:mod1/dep1": (
        "https://app.baseten.co/models/mod1/logs/dep1",
        "https://api.baseten.co/v1/models/mod1/deployments/dep1",
    ),
    "fireworks:acme/batch-1": (
        "fireworks:batch-1",
        "fireworks:accounts/acme/batchJobs/batch-1",
        "https://app.fireworks.ai/accounts/acme/batchJobs/batch-1",
        "https://app.fireworks.ai/dashboard/batch-jobs/batch-1?account=acme",
    ),
    "rivergen:mdl-1/run-1": (
        "rivergen:mdl-1",
        "https://app.rivergen.ai/models/mdl-1/runs/run-1",
        "https://app.rivegen.com/models/mdl-1/training?run_id=run-1",
    ),
}


def add(world: World, system: str, number: int, word: str, error: str | None = None) -> str:
    """Add a job with this status; return its reference."""
    statuses = [Status(BEGAN + timedelta(seconds=number), word, error)]
    match system:
        case "baseten":
            world.add_training_job("proj", f"job{number}", statuses=statuses)
            return f"baseten:proj/job{number}"
        case "baseten-model":
            world.add_deployment("mod1", f"dep{number}", statuses=statuses)
            return f"baseten-model:mod1/dep{number}"
        case "fireworks":
            world.add_batch_job("acme", f"batch-{number}", statuses=statuses)
            return f"fireworks:acme/batch-{number}"
        case _:
            world.add_rivergen_run("mdl-1", f"run-{number}", statuses=statuses)
            return f"rivergen:mdl-1/run-{number}"


@pytest.mark.parametrize("system", STATUSES)
async def test_every_status_has_its_state_and_is_shown_verbatim(machine: Machine, system: str) -> None:
    expected, found = {}, {}
    for number, (word, state) in enumerate(STATUSES[system].items()):
        ref = add(machine.world, system, number, word)
        ended = await machine.call("status", ref, "--json")
        assert 0 == ended.code, ended.err
        job = ended.json["job"]
        expected[ref] = (
            ref,
            state,
            word or job["vendor_status"],
            state in ("succeeded", "failed", "cancelled", "preempted"),
        )
        found[ref] = (job["ref"], job["state"], job["vendor_status"], job["is_terminal"])
        shown = await machine.call("status", ref)
        assert (0, True) == (shown.code, word in shown.text)
    assert expected == found


@pytest.mark.parametrize("system", ["baseten", "baseten-model", "fireworks"])
async def test_jobs_are_listed_newest_first_with_their_states(machine: Machine, system: str) -> None:
    refs = [add(machine.world, system, number, word) for number, word in enumerate(STATUSES[system])]
    ended = await machine.call("jobs", system, "--limit", "50", "--json")
    listed = [(job["ref"], job["state"]) for job in ended.json["providers"][0]["jobs"]]
    assert (0, list(zip(refs, STATUSES[system].values(), strict=True))[::-1]) == (ended.code, listed)


@pytest.mark.parametrize(("ref", "address"), [(ref, one) for ref, ones in REFERENCE_FORMS.items() for one in ones])
async def test_every_form_of_reference_resolves_to_the_job(machine: Machine, ref: str, address: str) -> None:
    system = ref.partition(":")[0]
    lines = hostile_lines(20, system)
    assert ref == put(machine.world, system, lines)
    status = await machine.call("status", address, "--json")
    logs = await machine.call("logs", address, "--all", "--json")
    assert (0, ref) == (status.code, status.json["job"]["ref"])
    assert (0, expected_rows(lines, system)) == (logs.code, logs.rows)


@pytest.mark.parametrize("system", REFERENCES)
async def test_status_ends_with_the_newest_lines(machine: Machine, system: str) -> None:
    lines = hostile_lines(200, system)
    ref = put(machine.world, system, lines)
    output = (await machine.call("status", ref, "--json")).json
    rows = expected_rows(lines, system)
    assert rows[-5:] == output["last_lines"][-5:]
    earlier = output["last_lines"][:-5]
    assert len(earlier) <= 2
    assert all(row in rows and "ERROR" in str(row) for row in earlier)


async def test_all_fields_of_a_baseten_job_are_shown(machine: Machine) -> None:
    ended_at = BEGAN + timedelta(minutes=5)
    statuses = [Status(BEGAN, "TRAINING_JOB_RUNNING"), Status(ended_at, "TRAINING_JOB_FAILED", "rank 3: out of memory")]
    job = machine.world.add_training_job("proj", "job1", statuses=statuses)
    job.name, job.priority, job.node_count, job.checkpoint_sync_status = "nightly sft", 7, 4, "SYNCING"
    job_row: Row = (await machine.call("status", "baseten:proj/job1", "--json")).json["job"]
    assert "nightly sft" == job_row["name"]
    assert "rank 3: out of memory" == job_row["error"]
    assert "ada@example.com" == job_row["user"]
    assert "https://app.baseten.co/training/proj/logs/job1" == job_row["url"]
    assert [f"{at:%Y-%m-%dT%H:%M:%S}.000000Z" for at in (BEGAN, ended_at, ended_at)] == [
        job_row[name] for name in ("created_at", "updated_at", "ended_at")
    ]
    instance = asdict(job.instance_type)
    assert {
        "instance": instance["name"],
        "node_count": 4,
        "gpu_count": 8,
        "gpu_type": "H100",
        "gpu_memory_limit_bytes": instance["gpu_memory_limit_mib"] * 2**20,
        "cpu_limit_cores": 208.0,
        "memory_limit_bytes": instance["memory_limit_mib"] * 2**20,
        "rank_count": None,
    } == job_row["resources"]
    assert {"Project": "proj", "Availability": "dedicated", "Priority": "7", "Checkpoint sync": "SYNCING"} == {
        one["label"]: one["value"] for one in job_row["details"]
    }


async def test_jobs_of_all_platforms_are_listed_even_if_one_fails(machine: Machine) -> None:
    refs = {system: add(machine.world, system, 1, next(iter(words))) for system, words in STATUSES.items()}
    machine.on.faults.set([Fault("status", "/fireworks", status=403)])
    ended = await machine.call("jobs", "--json")
    listed = {one["provider"]: [job["ref"] for job in one["jobs"]] for one in ended.json["providers"]}
    problems = {one["provider"]: one["problem"] for one in ended.json["providers"]}
    assert 1 == ended.code
    assert [refs["baseten"]] == listed["baseten"]
    assert [refs["baseten-model"]] == listed["baseten-model"]
    assert [] == listed["fireworks"]
    assert "403" in problems["fireworks"]
    assert [refs["rivergen"]] == listed["rivergen"]
