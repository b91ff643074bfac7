"""Baseten's management API: training projects, jobs, logs and metrics; models, deployments and their logs.

Not how lines are chosen (``baseten_logs.py``) or measurements written (``baseten_metrics.py``); what each route
promises, and from where we know it, is in ``baseten_coverage.py``.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.baseten_logs import (
    BadRequest,
    DeploymentLogRequest,
    TrainingLogRequest,
    page_of,
    render_lines,
    render_short,
)
from emulator.baseten_metrics import MetricsRequest, metrics_of
from emulator.http_json import UNKNOWN_FIELD, Refusal, encode, json_response, rfc3339, route, unmatched
from emulator.quirks import BasetenQuirks, Quirks
from emulator.world import Deployment, Project, TrainingJob, World

JOBS = "/v1/training_projects/{project_id}/jobs"
JOB = JOBS + "/{job_id}"
DEPLOYMENTS = "/v1/models/{model_id}/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{deployment_id}"
REPEATED = ("includes", "excludes")

T = TypeVar("T")


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


def error_body(status: int, message: str) -> bytes:
    """Word an error: ``{"code", "message"}``."""
    codes = {400: "VALIDATION_ERROR", 401: "UNAUTHORIZED", 429: "RATE_LIMITED"}
    return encode({"code": codes.get(status) or HTTPStatus(status).name, "message": message})


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
            route("/v1/models", self.models, self.authorize),
            route(DEPLOYMENTS, self.deployments, self.authorize),
            route(DEPLOYMENT, self.deployment, self.authorize),
            route(DEPLOYMENT + "/logs", self.deployment_logs, self.authorize),
        ]

    @property
    def quirks(self) -> BasetenQuirks:
        return self.all_hazards.baseten

    def authorize(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in {"api-key", "bearer"} or key != self.key:
            raise _refusal(401, "Invalid API key")

    def projects(self, _request: Request, _body: bytes) -> Response:
        projects = [self._project(project) for project in self.world.projects.values()]
        return json_response({"training_projects": projects})

    def search(self, _request: Request, body: bytes) -> Response:
        wanted = _decode(body, SearchRequest)
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
        job = self._find(request)
        return self._page(job, _read(request, body, TrainingLogRequest))

    def metrics(self, request: Request, body: bytes) -> Response:
        self._refuse_method(request)
        job = self._find(request)
        wanted = _read(request, body, MetricsRequest)
        try:
            measured = metrics_of(job, wanted, self.world.now_ns, self.quirks, self.chance)
        except BadRequest as error:
            raise _refusal(400, str(error)) from error
        return json_response({**measured, "training_job": self._job(job), **self._unknown()})

    def models(self, _request: Request, _body: bytes) -> Response:
        models = []
        for model_id, name in self.world.model_names.items():
            own = self._deployments(model_id)
            production = next((d.deployment_id for d in own if d.environment == "production"), None)
            models.append(
                {
                    "id": model_id,
                    "created_at": rfc3339(min(d.history.created_at for d in own)),
                    "name": name,
                    "deployments_count": len(own),
                    "production_deployment_id": production,
                    "development_deployment_id": None,
                    "instance_type_name": "H100:1x26x225",
                }
            )
        return json_response({"models": models})

    def deployments(self, request: Request, _body: bytes) -> Response:
        own = self._deployments(request.path_params["model_id"])
        return json_response({"deployments": [self._deployment(deployment) for deployment in own]})

    def deployment(self, request: Request, _body: bytes) -> Response:
        return json_response(self._deployment(self._find_deployment(request)))

    def deployment_logs(self, request: Request, body: bytes) -> Response:
        deployment = self._find_deployment(request)
        if self.world.now < deployment.history.created_at + self.quirks.deployment_warmup:
            raise _refusal(404, "Logs are not available yet")
        return self._page(deployment, _read(request, body, DeploymentLogRequest))

    def _page(self, owner: TrainingJob | Deployment, wanted: TrainingLogRequest) -> Response:
        quirks = self.quirks
        try:
            lines = page_of(owner.log, wanted, self.world.now_ns, quirks, self.chance)
        except BadRequest as error:
            raise _refusal(400, str(error)) from error
        short = quirks.oldest_fields_only and isinstance(owner, TrainingJob)
        return json_response({"logs": render_short(lines) if short else render_lines(lines, self._unknown())})

    def _refuse_method(self, request: Request) -> None:
        served = self.quirks.training_methods
        if served not in ("both", request.method.lower()):
            status = self.quirks.refused_status
            raise _refusal(status, HTTPStatus(status).phrase)

    def _find_project(self, request: Request) -> Project:
        project = self.world.projects.get(request.path_params["project_id"])
        if project is None:
            raise _refusal(404, "Training project not found")
        return project

    def _find(self, request: Request) -> TrainingJob:
        job = self._find_project(request).jobs.get(request.path_params["job_id"])
        if job is None:
            raise _refusal(404, "Training job not found")
        return job

    def _find_deployment(self, request: Request) -> Deployment:
        parameters = request.path_params
        deployment = self.world.deployments.get((parameters["model_id"], parameters["deployment_id"]))
        if deployment is None:
            raise _refusal(404, "Deployment not found")
        return deployment

    def _deployments(self, model_id: str) -> list[Deployment]:
        if model_id not in self.world.model_names:
            raise _refusal(404, "Model not found")
        return [d for d in self.world.deployments.values() if d.model_id == model_id]

    def _project(self, project: Project) -> dict[str, object]:
        created = rfc3339(project.created_at or self.world.now)
        latest = project.latest
        return {
            "id": project.project_id,
            "name": project.name,
            "created_at": created,
            "updated_at": created if latest is None else rfc3339(latest.history.created_at),
            "team_name": "research",
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

    def _deployment(self, deployment: Deployment) -> dict[str, object]:
        status = deployment.history.at(self.world.now).name
        return {
            "id": deployment.deployment_id,
            "created_at": rfc3339(deployment.history.created_at),
            "name": deployment.name,
            "model_id": deployment.model_id,
            "is_production": deployment.environment == "production",
            "is_development": False,
            "status": status,
            "active_replica_count": deployment.replicas if status in ("ACTIVE", "UNHEALTHY") else 0,
            "autoscaling_settings": None,
            "instance_type_name": "H100:1x26x225",
            "environment": deployment.environment,
            **self._unknown(),
        }

    def _unknown(self) -> dict[str, object]:
        return dict(UNKNOWN_FIELD) if self.quirks.extra_fields else {}


def _with_id(project: Project, job_id: str | None) -> Iterable[TrainingJob]:
    if job_id is None:
        return project.jobs.values()
    job = project.jobs.get(job_id)
    return () if job is None else (job,)


def _read(request: Request, body: bytes, shape: type[T]) -> T:
    """Read query parameters (GET) or a JSON body (POST) into `shape`."""
    if request.method != "GET":
        return _decode(body, shape)
    query = request.query_params
    fields = {name: query.getlist(name) if name in REPEATED else query[name] for name in query}
    try:
        return msgspec.convert(fields, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(400, str(error)) from error


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except msgspec.MsgspecError as error:
        raise _refusal(400, str(error)) from error


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(status, error_body(status, message))
