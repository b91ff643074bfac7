"""Fireworks' fine-tuning jobs: SFT, RFT and DPO, their lists, and the signed URLs of their files.

Not the files themselves (``storage.py``); what each route promises is in ``fireworks_tuning_coverage.py``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.fireworks_logs import format_stamp
from emulator.fireworks_requests import gateway_refusal, masked, page_of
from emulator.http_json import UNKNOWN_FIELD, json_response, route
from emulator.quirks import FireworksQuirks, Quirks
from emulator.storage import METRICS_FILE, TRAINER_LOG, signed_url
from emulator.world import FineTuningJob, World, to_ns

ACCOUNT = "/v1/accounts/{account_id}"
SUPERVISED, REINFORCEMENT, DPO = "supervisedFineTuningJobs", "reinforcementFineTuningJobs", "dpoJobs"
COLLECTIONS = (SUPERVISED, REINFORCEMENT, DPO)
ENDED = tuple(f"JOB_STATE_{word}" for word in ("COMPLETED", "FAILED", "CANCELLED", "EARLY_STOPPED", "EXPIRED"))
WAITING = tuple(f"JOB_STATE_{word}" for word in ("CREATING", "PENDING", "VALIDATING", "RE_QUEUEING"))


@dataclass(frozen=True, slots=True)
class FineTuningRoutes:
    """The routes of all three kinds."""

    world: World
    all_quirks: Quirks

    def routes(self, guard: Callable[[Request], None]) -> list[Route]:
        """Return the routes; `guard` refuses a request without a valid key."""
        found = [route(f"{ACCOUNT}/{DPO}/{{job_id}}:getMetricsFileEndpoint", self.metrics_endpoint, guard)]
        for collection in COLLECTIONS:
            found += [
                route(f"{ACCOUNT}/{collection}", self.list_jobs, guard),
                route(f"{ACCOUNT}/{collection}/{{job_id}}", self.get_job, guard),
            ]
        return found

    @property
    def quirks(self) -> FireworksQuirks:
        """The quirks in force."""
        return self.all_quirks.fireworks

    def list_jobs(self, request: Request, _body: bytes) -> Response:
        """Answer a list: by name unless ``orderBy`` says otherwise."""
        collection = request.url.path.rstrip("/").rpartition("/")[2]
        account = request.path_params["account_id"]
        jobs = [
            job
            for job in self.world.fine_tuning_jobs.values()
            if (job.account_id, job.collection) == (account, collection)
        ]
        order = request.query_params.get("orderBy") or "name"
        field, _, direction = order.partition(" ")
        if field not in ("name", "create_time", "createTime") or direction not in ("", "asc", "desc"):
            raise gateway_refusal(400, f"invalid order_by: {order}")
        jobs.sort(
            key=lambda job: job.job_id if field == "name" else job.history.created_at.isoformat(),
            reverse=direction == "desc",
        )
        page, token = page_of(jobs, request.query_params)
        mask = request.query_params.get("readMask", "")
        rows = [masked(self._body(job, request), mask, strict=self.quirks.strict_masks) for job in page]
        body: dict[str, object] = {collection: rows, "totalSize": len(jobs)}
        if token:
            body["nextPageToken"] = token
        return json_response(body)

    def get_job(self, request: Request, _body: bytes) -> Response:
        """Answer one job."""
        mask = request.query_params.get("readMask", "")
        return json_response(masked(self._body(self._find(request), request), mask, strict=self.quirks.strict_masks))

    def metrics_endpoint(self, request: Request, _body: bytes) -> Response:
        """Answer the signed URL of a DPO job's metrics file."""
        job = self._find(request, DPO)
        return json_response({"signedUrl": self._url(job, METRICS_FILE, request)})

    def _find(self, request: Request, collection: str = "") -> FineTuningJob:
        parameters = request.path_params
        collection = collection or request.url.path.rstrip("/").split("/")[-2]
        job = self.world.fine_tuning_jobs.get((parameters["account_id"], collection, parameters["job_id"]))
        if job is None:
            raise gateway_refusal(404, f"fine-tuning job {parameters['job_id']} not found")
        return job

    def _url(self, job: FineTuningJob, name: str, request: Request) -> str:
        base = f"{request.url.scheme}://{request.url.netloc}"
        return signed_url(base, job, name, self.world.now, self.quirks.url_lifetime)

    def _body(self, job: FineTuningJob, request: Request) -> dict[str, object]:
        now = self.world.now
        status = job.history.at(now)
        ended = job.history.first(ENDED, now)
        began = status.name not in WAITING
        config = {"baseModel": "accounts/fireworks/models/qwen3-8b", "outputModel": f"{job.job_id}-model", "epochs": 2}
        body: dict[str, object] = {
            "name": f"accounts/{job.account_id}/{job.collection}/{job.job_id}",
            "displayName": job.display_name,
            "dataset": f"accounts/{job.account_id}/datasets/instructions",
            "createTime": format_stamp(to_ns(job.history.created_at)),
            "completedTime": None if ended is None else format_stamp(to_ns(ended.since)),
            "createdBy": "ada@example.com",
            "state": status.name,
            "status": {"code": "INTERNAL" if status.error_message else "OK", "message": status.error_message or ""},
            "trainerLogsSignedUrl": self._url(job, TRAINER_LOG, request) if began and self.quirks.trainer_logs else "",
            **self._of_kind(job, config, request if began else None),
            **(UNKNOWN_FIELD if self.quirks.extra_fields else {}),
        }
        return {name: value for name, value in body.items() if value not in (None, "")}

    def _of_kind(self, job: FineTuningJob, config: Mapping[str, object], request: Request | None) -> dict[str, object]:
        """Return the fields that only some kinds have; `request` is None while the job waits."""
        updated = format_stamp(to_ns(job.history.at(self.world.now).since))
        match job.collection:
            case "supervisedFineTuningJobs":
                url = "" if request is None else self._url(job, METRICS_FILE, request)
                progress = {"percent": 50, "epoch": 1}
                return {**config, "updateTime": updated, "metricsFileSignedUrl": url, "jobProgress": progress}
            case "reinforcementFineTuningJobs":
                scores = [row.get("score") for at, row in job.metric_rows if at <= self.world.now]
                metrics = msgspec.json.encode({"curves": {"average": {"Score": scores}}}).decode() if scores else ""
                evaluator = f"accounts/{job.account_id}/evaluators/exact-match"
                return {"evaluator": evaluator, "trainingConfig": config, "outputMetrics": metrics}
            case _:
                return {"trainingConfig": config, "lossConfig": {"method": "DPO"}}
