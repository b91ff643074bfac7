"""Fireworks' gateway: batch jobs, their list, and their logs by rank.

Not fine-tuning jobs (``fireworks_tuning.py``), nor how entries are chosen and paged (``fireworks_logs.py``); what each
route promises, and from where we know it, is in ``fireworks_coverage.py``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.fireworks_logs import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    EntriesRequest,
    InvalidArgument,
    entries_of,
    format_stamp,
    parse_stamp,
)
from emulator.fireworks_requests import error_body, gateway_refusal, int32_of, integer_of, masked, page_of
from emulator.fireworks_tuning import FineTuningRoutes
from emulator.http_json import UNKNOWN_FIELD, json_response, route, unmatched
from emulator.logs import Line
from emulator.quirks import FireworksQuirks, Quirks
from emulator.world import BatchJob, World, to_ns

ACCOUNTS = "/v1/accounts"
BATCH_JOBS = "/v1/accounts/{account_id}/batchJobs"
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
LIST_FILTER = re.compile(r'\s*(state|display_name)\s*=\s*"?([^"]*?)"?\s*')


def fireworks_app(world: World, quirks: Quirks, key: str) -> Starlette:
    """Return the gateway as an ASGI app that accepts `key`."""
    fireworks = _Fireworks(world, quirks, key)
    return Starlette(routes=fireworks.routes(), exception_handlers=unmatched(error_body))


@dataclass(frozen=True, slots=True)
class _Fireworks:
    world: World
    all_hazards: Quirks
    key: str

    def routes(self) -> list[Route]:
        return [
            route(ACCOUNTS, self.accounts, self.authorize),
            route(BATCH_JOBS, self.batch_jobs, self.authorize),
            route(BATCH_JOBS + "/{batch_job_id}:getLogs", self.logs, self.authorize),
            route(BATCH_JOBS + "/{batch_job_id}", self.batch_job, self.authorize),
            *FineTuningRoutes(self.world, self.all_hazards).routes(self.authorize),
        ]

    @property
    def quirks(self) -> FireworksQuirks:
        return self.all_hazards.fireworks

    def authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise gateway_refusal(401, "request is missing a valid API key")

    def accounts(self, request: Request, _body: bytes) -> Response:
        keys = (*self.world.batch_jobs, *self.world.fine_tuning_jobs)
        page, token = page_of(sorted({key[0] for key in keys}), request.query_params)
        rows = [{"name": f"accounts/{name}", "email": f"billing@{name}.example", "state": "READY"} for name in page]
        return json_response({"accounts": rows, "totalSize": len(rows), **({"nextPageToken": token} if token else {})})

    def batch_jobs(self, request: Request, _body: bytes) -> Response:
        account_id = request.path_params["account_id"]
        jobs = [job for job in self.world.batch_jobs.values() if job.account_id == account_id]
        query = request.query_params
        kept = self._list_filter(query.get("filter", ""))
        jobs = [job for job in jobs if kept(job)]
        order = query.get("orderBy") or "create_time desc"
        if order not in ("create_time", "create_time asc", "create_time desc"):
            raise gateway_refusal(400, f"invalid order_by: {order}")
        jobs.sort(key=lambda job: job.history.created_at, reverse=order.endswith("desc"))
        page, token = page_of(jobs, query)
        rows = [self._masked(job, query) for job in page]
        body: dict[str, object] = {"batchJobs": rows, "totalSize": len(jobs)}
        if token:
            body["nextPageToken"] = token
        return json_response(body)

    def batch_job(self, request: Request, _body: bytes) -> Response:
        return json_response(self._masked(self._find(request), request.query_params))

    def logs(self, request: Request, _body: bytes) -> Response:
        job = self._find(request)
        wanted = _entries_request(request.query_params)
        try:
            entries = entries_of(job, wanted, self.world.now_ns, self.quirks)
        except InvalidArgument as error:
            raise gateway_refusal(400, str(error)) from error
        fields = _entry_fields(wanted.read_mask)
        body: dict[str, object] = {}
        if "entries" in fields and (entries.lines or not self.quirks.omit_zero_values):
            body["entries"] = [self._entry(line, fields) for line in entries.lines]
        if entries.next_token:
            body["nextPageToken"] = entries.next_token
        return json_response(body)

    def _entry(self, line: Line, fields: frozenset[str]) -> dict[str, object]:
        entry: dict[str, object] = {}
        if "logTime" in fields:
            entry["logTime"] = format_stamp(line.timestamp_ns)
        if "rank" in fields and (line.rank or not self.quirks.omit_zero_values):
            entry["rank"] = line.rank
        if "message" in fields and (line.message or not self.quirks.omit_zero_values):
            entry["message"] = line.message
        if self.quirks.extra_fields:
            entry.update(UNKNOWN_FIELD)
        return entry

    def _masked(self, job: BatchJob, query: QueryParams) -> dict[str, object]:
        return masked(self._job(job), query.get("readMask", ""), strict=self.quirks.strict_masks)

    def _job(self, job: BatchJob) -> dict[str, object]:
        now = self.world.now
        status = job.history.at(now)
        started = job.history.first(["RUNNING"], now)
        ended = job.history.first(ENDED, now)
        body: dict[str, object] = {
            "name": f"accounts/{job.account_id}/batchJobs/{job.job_id}",
            "displayName": job.display_name,
            "createTime": format_stamp(to_ns(job.history.created_at)),
            "startTime": None if started is None else format_stamp(to_ns(started.since)),
            "endTime": None if ended is None else format_stamp(to_ns(ended.since)),
            "createdBy": "ada@example.com",
            "nodePoolId": "h100-pool",
            "environmentId": "",
            "snapshotId": "",
            "numRanks": job.num_ranks,
            "envVars": {},
            "role": "",
            "pythonExecutor": {"targetType": "SCRIPT", "target": "train.py", "args": []},
            "imageRef": "registry.example.com/train:latest",
            "annotations": {},
            "state": status.name,
            "status": status.error_message or "",
            "shared": False,
            "updateTime": format_stamp(to_ns(status.since)),
            **(UNKNOWN_FIELD if self.quirks.extra_fields else {}),
        }
        if not self.quirks.omit_zero_values:
            return body
        return {name: value for name, value in body.items() if value or name == "state"}

    def _find(self, request: Request) -> BatchJob:
        parameters = request.path_params
        job = self.world.batch_jobs.get((parameters["account_id"], parameters["batch_job_id"]))
        if job is None:
            raise gateway_refusal(404, f"batch job {parameters['batch_job_id']} not found")
        return job

    def _list_filter(self, text: str) -> Callable[[BatchJob], bool]:
        if not text:
            return lambda _job: True
        match = LIST_FILTER.fullmatch(text)
        if match is None:
            raise gateway_refusal(400, f"invalid filter: {text}")
        name, value = match.groups()
        now = self.world.now
        if name == "state":
            return lambda job: job.history.at(now).name == value
        return lambda job: job.display_name == value


def _entries_request(query: QueryParams) -> EntriesRequest:
    start = query.get("startTime")
    try:
        return EntriesRequest(
            ranks=frozenset(int32_of(rank, "ranks") for rank in query.getlist("ranks")),
            page_size=min(integer_of(query, "pageSize") or DEFAULT_PAGE, LARGEST_PAGE),
            page_token=query.get("pageToken", ""),
            start_ns=parse_stamp(start) if start else None,
            substring=query.get("filter", ""),
            from_head=_boolean(query, "startFromHead"),
            read_mask=query.get("readMask", ""),
        )
    except InvalidArgument as error:
        raise gateway_refusal(400, str(error)) from error


def _entry_fields(read_mask: str) -> frozenset[str]:
    """Return the names of the fields to show; a mask names ``entries`` or ``entries.message`` and so on."""
    fields = {"logTime", "rank", "message"}
    paths = {path.strip() for path in read_mask.split(",") if path.strip()}
    if not paths or "*" in paths or "entries" in paths:
        return frozenset(fields | {"entries"})
    named = {path.removeprefix("entries.").replace("log_time", "logTime") for path in paths}
    return frozenset(named & fields | ({"entries"} if named & fields else set()))


def _boolean(query: QueryParams, name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false", "True", "False", "1", "0"):
        raise gateway_refusal(400, f'parsing field "{name}": strconv.ParseBool: parsing "{text}": invalid syntax')
    return text.lower() in ("true", "1")
