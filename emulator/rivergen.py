"""RiverGen's model studio: a run's log by page and as a download, its metrics and details, and the list of runs.

Not the log's two forms (``rivergen_logs.py``); what each route promises, and from where we know it, is in
``rivergen_coverage.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.http_json import UNKNOWN_FIELD, Refusal, encode, json_response, rfc3339, route, unmatched
from emulator.quirks import Quirks, RivergenQuirks
from emulator.rivergen_logs import LEVELS, Download, artifact, page_of, ranged_download
from emulator.world import RivergenRun, World

MODELS = "/api/v1/models/"
MODEL = MODELS + "{model_id}"
PAGES = (MODEL + "/training-metrics", MODEL + "/training/metrics")
"""The documented path and its alias for older clients."""
ENDED = ("completed", "failed", "cancelled")
LARGEST_PAGE = 5000
CODES = {
    400: "VALIDATION_ERROR",
    401: "AUTH_INVALID",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_NOT_FOUND",
    409: "CONFLICT",
    429: "RATE_LIMIT_EXCEEDED",
    503: "SERVICE_UNAVAILABLE",
}
STAMP_OF_ERRORS = "2026-03-13T10:00:00Z"


def rivergen_app(world: World, quirks: Quirks, key: str) -> Starlette:
    """Return the API as an ASGI app that accepts `key`."""
    rivergen = _Rivergen(world, quirks, key)
    return Starlette(routes=rivergen.routes(), exception_handlers=unmatched(error_body))


def error_body(status: int, message: str, code: str | None = None, field: str | None = None) -> bytes:
    """Word an error: ``{"error": {"code", "message", "details"?, "timestamp"}}``."""
    error: dict[str, object] = {"code": code or CODES.get(status, "INTERNAL_ERROR"), "message": message}
    if field is not None:
        error["details"] = {"field": field, "reason": message}
    return encode({"error": {**error, "timestamp": STAMP_OF_ERRORS}})


@dataclass(frozen=True, slots=True)
class _Rivergen:
    world: World
    all_hazards: Quirks
    key: str

    def routes(self) -> list[Route]:
        routes = [
            route(MODELS, self.models, self.authorize),
            route(MODEL + "/registry/training-runs", self.runs, self.authorize),
            route(MODEL + "/training-metrics/details", self.details, self.authorize),
        ]
        for path in PAGES:
            routes += [
                route(path, self.metrics, self.authorize),
                route(path + "/logs", self.logs, self.authorize),
                route(path + "/logs/download", self.download, self.authorize),
            ]
        return routes

    @property
    def quirks(self) -> RivergenQuirks:
        return self.all_hazards.rivergen

    def authorize(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _refusal(401, "Authentication is required", code="AUTH_REQUIRED")
        if self.quirks.token_expired:
            raise _refusal(401, "The token has expired", code="AUTH_EXPIRED")
        if key != self.key:
            raise _refusal(401, "The token is not valid", code="AUTH_INVALID")
        if self.quirks.forbidden:
            raise _refusal(403, "model:read is required")

    def logs(self, request: Request, _body: bytes) -> Response:
        query = request.query_params
        level = query.get("level", "info")
        if level not in LEVELS:
            raise _refusal(400, f"level must be one of {', '.join(LEVELS)}", field="level")
        tail = _boolean(query, "tail")
        part = (_integer(query, "offset", 0, 0), _integer(query, "limit", 500, 1, LARGEST_PAGE), tail)
        run = self._find(request, default="newest")
        total, lines = page_of(run, level, self.world.now_ns, part, self.quirks)
        body = {"model_id": run.model_id, "run_id": run.run_id, "total_lines": total, "lines": lines}
        return json_response({**body, **self._unknown()})

    def download(self, request: Request, _body: bytes) -> Response:
        form = request.query_params.get("format", "txt")
        if form not in ("txt", "json"):
            raise _refusal(400, "format must be txt or json", field="format")
        run = self._find(request, default="completed")
        if run.purged:
            raise _refusal(404, "The logs of this run were removed by retention")
        name = self.quirks.file_name or f"training-log-{run.run_id}.{form}"
        headers = {
            "content-type": "text/plain; charset=utf-8" if form == "txt" else "application/json",
            "content-disposition": f'attachment; filename="{name}"',
        }
        served = self.quirks.artifact
        pieces = artifact(run, form, self.world.now_ns) if served is None else iter((served,))
        if not self.quirks.offers_ranges:
            return Download(pieces, headers, self.quirks)
        return ranged_download(b"".join(pieces), headers, self.quirks, request.headers)

    def metrics(self, request: Request, _body: bytes) -> Response:
        query = request.query_params
        run = self._find(request, default="newest")
        wanted = query.get("metric")
        if wanted is not None and wanted not in run.metrics:
            raise _refusal(404, f"metric {wanted} not found", field="metric")
        done = self._epochs(run)
        points = _integer(query, "resolution", 50, 1)
        epochs = _spread(range(1, done + 1), points)
        names = run.metrics if wanted is None else [wanted]
        body = {
            "model_id": run.model_id,
            "run_id": run.run_id,
            "status": self._status(run),
            "metrics": {name: [run.metrics[name](epoch) for epoch in epochs] for name in names},
            "epochs_completed": done,
            "total_epochs": run.total_epochs,
        }
        return json_response({**body, **self._unknown()})

    def details(self, request: Request, _body: bytes) -> Response:
        run = self._find(request, default="newest")
        summary = self._summary(run)
        started = run.history.first(["running"], self.world.now)
        duration = summary["duration_seconds"]
        body = {
            "model_id": run.model_id,
            "run_id": run.run_id,
            "status": summary["status"],
            "started_at": None if started is None else rfc3339(started.since),
            "completed_at": summary["completed_at"],
            "duration_seconds": duration,
            "pipeline_stages": {"data_loading": 12.4, "preprocessing": 31.0, "training": duration},
            "resource_usage": {"peak_cpu_percent": 86.5, "peak_memory_mb": 14_336, "worker_type": "gpu-large"},
            "dataset_id": "dts-churn-v2",
            "dataset_rows_used": 100_000,
            "final_algorithm": "gradient_boosting",
            "version_created": summary["version_produced"],
        }
        return json_response({**body, **self._unknown()})

    def models(self, request: Request, _body: bytes) -> Response:
        query = request.query_params
        changed: dict[str, str] = {}
        for run in self.world.rivergen_runs.values():
            if run.history.created_at <= self.world.now:
                moment = rfc3339(run.history.created_at)
                changed[run.model_id] = max(moment, changed.get(run.model_id, moment))
        ids = sorted(changed, key=lambda model: changed[model], reverse=query.get("sort_order") != "asc")
        page, size = _integer(query, "page", 1, 1), _integer(query, "page_size", 20, 1, 100)
        shown = [{"id": one, "updated_at": changed[one]} for one in ids[(page - 1) * size : page * size]]
        body = {"total": len(ids), "page": page, "page_size": size, "results": shown}
        return json_response({**body, **self._unknown()})

    def runs(self, request: Request, _body: bytes) -> Response:
        query = request.query_params
        runs = self._runs(request.path_params["model_id"])
        wanted = query.get("status")
        results = [self._summary(run) for run in runs if wanted in (None, self._status(run))]
        by = query.get("sort_by", "created_at")
        if by not in ("created_at", "duration_seconds"):
            raise _refusal(400, "sort_by must be created_at or duration_seconds", field="sort_by")
        results.sort(key=lambda run: (run[by] is not None, run[by]), reverse=query.get("sort_order") != "asc")
        page, size = _integer(query, "page", 1, 1), _integer(query, "page_size", 20, 1, 100)
        shown = results[(page - 1) * size : page * size]
        body = {"total": len(results), "page": page, "page_size": size, "results": shown}
        return json_response({**body, **self._unknown()})

    def _summary(self, run: RivergenRun) -> dict[str, object]:
        ended = run.history.first(ENDED, self.world.now)
        started = run.history.first(["running"], self.world.now)
        seconds = None if ended is None or started is None else (ended.since - started.since).total_seconds()
        status = self._status(run)
        return {
            "run_id": run.run_id,
            "status": status,
            "run_label": run.label,
            "version_produced": "v1.4.0" if status == "completed" else None,
            "duration_seconds": seconds,
            "created_at": rfc3339(run.history.created_at),
            "completed_at": None if ended is None else rfc3339(ended.since),
            "created_by": "ada@example.com",
        }

    def _find(self, request: Request, default: Literal["newest", "completed"]) -> RivergenRun:
        """Return the run asked for; without one, what the two documents say, which differs."""
        runs: Iterable[RivergenRun] = self._runs(request.path_params["model_id"])
        run_id = request.query_params.get("run_id")
        if run_id is not None:
            runs = (run for run in runs if run.run_id == run_id)
        elif default == "completed":
            runs = (run for run in runs if self._status(run) == "completed")
        run = max(runs, key=lambda run: run.history.created_at, default=None)
        if run is None:
            raise _refusal(404, "Training run not found")
        return run

    def _runs(self, model_id: str) -> list[RivergenRun]:
        now = self.world.now
        runs = [run for run in self.world.rivergen_runs.values() if run.model_id == model_id]
        if not runs:
            raise _refusal(404, "Model not found")
        return [run for run in runs if run.history.created_at <= now]

    def _status(self, run: RivergenRun) -> str:
        return run.history.at(self.world.now).name

    def _epochs(self, run: RivergenRun) -> int:
        now = self.world.now
        started = run.history.first(["running"], now)
        ended = run.history.first(ENDED, now)
        if started is None:
            return 0
        trained: timedelta = (now if ended is None else ended.since) - started.since
        return min(run.total_epochs, int(trained / run.epoch_length))

    def _unknown(self) -> dict[str, object]:
        return dict(UNKNOWN_FIELD) if self.quirks.extra_fields else {}


def _spread(epochs: range, points: int) -> list[int]:
    """Choose at most `points` epochs at equal distances, the last one among them."""
    count = len(epochs)
    if count <= points:
        return list(epochs)
    return [epochs[(index + 1) * count // points - 1] for index in range(points)]


def _integer(query: QueryParams, name: str, default: int, least: int, most: int = 2**31) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise _refusal(400, f"{name} must be a number from {least} to {most}", field=name)
    return int(text)


def _boolean(query: QueryParams, name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise _refusal(400, f"{name} must be true or false", field=name)
    return text in ("true", "1")


def _refusal(status: int, message: str, *, code: str | None = None, field: str | None = None) -> Refusal:
    return Refusal(status, error_body(status, message, code, field))
