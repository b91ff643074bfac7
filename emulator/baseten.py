"""Baseten's management API: training projects, jobs, their logs, metrics and checkpoints.

Models, deployments and chains are in ``baseten_serving.py``. Not how lines are chosen (``baseten_logs.py``) or
measurements written (``baseten_metrics.py``); what each route promises, and from where we know it, is in
``baseten_coverage.py``.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.baseten_logs import BadRequest, TrainingLogRequest, render_lines, render_short
from emulator.baseten_metrics import MetricsRequest, metrics_of
from emulator.baseten_queue import queue_route
from emulator.baseten_requests import decode_body, error_body, read_request, refusal
from emulator.baseten_serving import log_page, serving_routes
from emulator.http_json import UNKNOWN_FIELD, json_response, rfc3339, route, unmatched
from emulator.quirks import BasetenQuirks, Quirks
from emulator.world import Checkpoint, Project, TrainingJob, World

JOBS = "/v1/training_projects/{project_id}/jobs"
JOB = JOBS + "/{job_id}"
TEAM = "research"


class OrderBy(msgspec.Struct, frozen=True):
    """One sort key of a search."""

    field: Literal["created_at"] = "created_at"
    order: Literal["asc", "desc"] = "desc"


class SearchRequest(msgspec.Struct, frozen=True):
    """What a search for training jobs may say."""

    project_id: str | None = None
    job_id: str | None = None
    statuses: list[str] | None = None
    order_by: list[OrderBy] | None = None


def baseten_app(world: World, quirks: Quirks, key: str) -> Starlette:
    """Return the API as an ASGI app that accepts `key`."""
    baseten = _Baseten(world, quirks, key)
    return Starlette(routes=baseten.routes(), exception_handlers=unmatched(error_body))


@dataclass(frozen=True, slots=True)
class _Baseten:
    world: World
    all_hazards: Quirks
    key: str
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def routes(self) -> list[Route]:
        both = ("GET", "POST")
        return [
            route("/v1/training_projects", self.projects, self.authorize),
            route("/v1/training_jobs/search", self.search, self.authorize, ("POST",)),
            route(JOBS, self.jobs, self.authorize),
            route(JOB, self.job, self.authorize),
            route(JOB + "/logs", self.training_logs, self.authorize, both),
            route(JOB + "/metrics", self.metrics, self.authorize, both),
            route(JOB + "/checkpoints", self.checkpoints, self.authorize),
            queue_route(self.world, self.all_hazards, self.authorize),
            *serving_routes(self.world, self.all_hazards, self.authorize, self.chance),
        ]

    @property
    def quirks(self) -> BasetenQuirks:
        return self.all_hazards.baseten

    def authorize(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        accepted = {"api-key", "bearer"} - self.quirks.refused_schemes
        if scheme.lower() not in accepted or key != self.key:
            raise refusal(401, "Invalid API key")

    def projects(self, _request: Request, _body: bytes) -> Response:
        projects = [self._project(project) for project in self.world.projects.values()]
        return json_response({"training_projects": projects})

    def search(self, _request: Request, body: bytes) -> Response:
        wanted = decode_body(body, SearchRequest)
        projects = self.world.projects.values()
        found = [
            job
            for project in projects
            if wanted.project_id in (None, project.project_id)
            for job in _with_id(project, wanted.job_id)
            if wanted.statuses is None or job.history.at(self.world.now).name in wanted.statuses
        ]
        if wanted.order_by:
            found.sort(key=lambda job: job.history.created_at, reverse=wanted.order_by[0].order == "desc")
        return json_response({"training_jobs": [self._job(job) for job in found]})

    def jobs(self, request: Request, _body: bytes) -> Response:
        project = self._find_project(request)
        jobs = [self._job(job) for job in project.jobs.values()]
        return json_response({"training_project": self._project(project), "training_jobs": jobs})

    def job(self, request: Request, _body: bytes) -> Response:
        project = self._find_project(request)
        return json_response(
            {"training_project": self._project(project), "training_job": self._job(self._find(request))}
        )

    def training_logs(self, request: Request, body: bytes) -> Response:
        self._refuse_method(request)
        wanted = read_request(request, body, TrainingLogRequest)
        lines = log_page(self._find(request).log, wanted, self.world.now_ns, self.quirks, self.chance)
        short = self.quirks.oldest_fields_only
        return json_response({"logs": render_short(lines) if short else render_lines(lines, self._unknown())})

    def metrics(self, request: Request, body: bytes) -> Response:
        self._refuse_method(request)
        job = self._find(request)
        wanted = read_request(request, body, MetricsRequest)
        try:
            measured = metrics_of(job, wanted, self.world.now_ns, self.quirks, self.chance)
        except BadRequest as error:
            raise refusal(400, str(error)) from error
        return json_response({**measured, "training_job": self._job(job), **self._unknown()})

    def checkpoints(self, request: Request, _body: bytes) -> Response:
        job = self._find(request)
        kept = [self._checkpoint(job, one) for one in job.checkpoints if one.created_at <= self.world.now]
        return json_response({"training_job": self._job(job), "checkpoints": kept})

    def _refuse_method(self, request: Request) -> None:
        served = self.quirks.training_methods
        if served not in ("both", request.method.lower()):
            status = self.quirks.refused_status
            raise refusal(status, HTTPStatus(status).phrase)

    def _find_project(self, request: Request) -> Project:
        project = self.world.projects.get(request.path_params["project_id"])
        if project is None:
            raise refusal(404, "Training project not found")
        return project

    def _find(self, request: Request) -> TrainingJob:
        job = self._find_project(request).jobs.get(request.path_params["job_id"])
        if job is None:
            raise refusal(404, "Training job not found")
        return job

    def _project(self, project: Project) -> dict[str, object]:
        created = rfc3339(project.created_at or self.world.now)
        latest = project.latest
        return {
            "id": project.project_id,
            "name": project.name,
            "created_at": created,
            "updated_at": created if latest is None else rfc3339(latest.history.created_at),
            "team_name": TEAM,
            "latest_job": None if latest is None else self._job(latest),
        }

    def _job(self, job: TrainingJob) -> dict[str, object]:
        status = job.history.at(self.world.now)
        return {
            "id": job.job_id,
            "created_at": rfc3339(job.history.created_at),
            "current_status": status.name,
            "error_message": status.error_message,
            "instance_type": job.instance_type,
            "updated_at": rfc3339(status.since),
            "training_project_id": job.project_id,
            "training_project": {"id": job.project_id, "name": self.world.projects[job.project_id].name},
            "name": job.name,
            "checkpoint_sync_status": job.checkpoint_sync_status,
            "priority": job.priority,
            "availability_model": job.availability_model,
            "node_count": job.node_count,
            "user": None if job.user_email is None else {"email": job.user_email},
            **self._unknown(),
        }

    def _checkpoint(self, job: TrainingJob, checkpoint: Checkpoint) -> dict[str, object]:
        return {
            "training_job_id": job.job_id,
            "checkpoint_id": checkpoint.checkpoint_id,
            "created_at": rfc3339(checkpoint.created_at),
            "checkpoint_type": checkpoint.kind,
            "base_model": None,
            "lora_adapter_config": None,
            "size_bytes": checkpoint.size_bytes,
            "sync_status": "COMPLETE",
            **self._unknown(),
        }

    def _unknown(self) -> dict[str, object]:
        return dict(UNKNOWN_FIELD) if self.quirks.extra_fields else {}


def _with_id(project: Project, job_id: str | None) -> Iterable[TrainingJob]:
    if job_id is None:
        return project.jobs.values()
    job = project.jobs.get(job_id)
    return () if job is None else (job,)
