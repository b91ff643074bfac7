"""Why a Baseten training job waits: the jobs that hold GPUs of its type, and those ahead of it.

What the route promises, and from where we know it, is in ``baseten_coverage.py``.
"""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.baseten_requests import refusal
from emulator.http_json import json_response, rfc3339, route
from emulator.quirks import Quirks
from emulator.world import TrainingJob, World

QUEUE = "/v1/training/jobs/{training_job_id}/queue_context"
_WAITING = "TRAINING_JOB_PENDING"
_HOLDING = ("TRAINING_JOB_CREATED", "TRAINING_JOB_DEPLOYING", "TRAINING_JOB_RUNNING")


def queue_route(world: World, quirks: Quirks, authorize: Callable[[Request], None]) -> Route:
    """Return the route."""

    def answer(request: Request, _body: bytes) -> Response:
        if not quirks.baseten.org_admin:
            raise refusal(403, "Only organization admins may do this")
        jobs = [job for project in world.projects.values() for job in project.jobs.values()]
        target = next((job for job in jobs if job.job_id == request.path_params["training_job_id"]), None)
        if target is None:
            raise refusal(404, "Training job not found")
        return json_response(_context(world, target, [job for job in jobs if job is not target]))

    return route(QUEUE, answer, authorize)


def _context(world: World, target: TrainingJob, others: list[TrainingJob]) -> dict[str, object]:
    submitted, now = target.history.created_at, world.now
    known = [job for job in others if job.history.created_at <= submitted]
    active = [job for job in known if job.history.at(submitted).name in _HOLDING]
    ahead = [job for job in known if job.history.at(submitted).name == _WAITING]
    released = next((one.since for one in target.history.statuses if one.name != _WAITING and one.since <= now), None)
    until = released or now
    capacity = {"gpu_type": target.instance_type.gpu_type, "max_gpus": world.gpu_capacity, "min_gpus": 0}
    return {
        "target_job_id": target.job_id,
        "target_job_name": target.name,
        "gpu_type": target.instance_type.gpu_type,
        "requested_gpus": _gpus(target),
        "submitted_at": rfc3339(submitted),
        "released_at": rfc3339(released) if released else None,
        "pending_seconds": int((until - submitted).total_seconds()),
        "active_at_submit": [_active(job, submitted) for job in active],
        "pending_ahead_at_submit": [_pending(job) for job in ahead],
        "events": _events([target, *active, *ahead], submitted, until),
        "events_window_end": rfc3339(until),
        "org_capacity": capacity,
        "team_capacity": None,
    }


def _gpus(job: TrainingJob) -> int:
    return job.instance_type.gpu_count * job.node_count


def _active(job: TrainingJob, submitted: datetime) -> dict[str, object]:
    status = job.history.at(submitted)
    return {
        "training_job_id": job.job_id,
        "training_job_name": job.name,
        "instance_type_name": job.instance_type.name,
        "total_gpus": _gpus(job),
        "workload_plane_name": "default",
        "status_at_submit": status.name,
        "status_set_at": rfc3339(status.since),
    }


def _pending(job: TrainingJob) -> dict[str, object]:
    return {
        "training_job_id": job.job_id,
        "training_job_name": job.name,
        "instance_type_name": job.instance_type.name,
        "requested_gpus": _gpus(job),
        "priority": job.priority,
        "submitted_at": rfc3339(job.history.created_at),
    }


def _events(jobs: list[TrainingJob], submitted: datetime, until: datetime) -> list[dict[str, object]]:
    found: list[tuple[datetime, dict[str, object]]] = [
        (one.since, {"training_job_id": job.job_id, "training_job_name": job.name, "status": one.name})
        for job in jobs
        for one in job.history.statuses
        if submitted <= one.since <= until
    ]
    found.sort(key=lambda one: one[0])
    return [event | {"created": rfc3339(at), "event_message": None, "exit_code": None} for at, event in found]
