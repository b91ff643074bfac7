"""An object store whose files are read by signed URL: the logs and metrics of Fireworks' fine-tuning jobs.

Not the jobs (``fireworks_tuning.py``). A URL is signed for one path and expires. The store keeps nothing: what a file
holds follows from the job and the clock. Like Google's and Amazon's stores it refuses a signed URL together with an
``Authorization`` header, so a client that sends its API key here is seen.
"""

import hashlib
import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.fireworks_logs import format_stamp
from emulator.quirks import FireworksQuirks, Quirks
from emulator.world import FineTuningJob, World

STORAGE = "/storage"
TRAINER_LOG, METRICS_FILE = "trainer.log", "metrics.jsonl"
_SIGNING_KEY = b"the store's own key"
_DATE = "%Y%m%dT%H%M%SZ"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def storage_app(world: World, quirks: Quirks) -> Starlette:
    """Return the store as an ASGI app."""
    store = _Store(world, quirks)
    return Starlette(routes=[Route("/{path:path}", store.read, methods=["GET"])])


def signed_url(base: str, job: FineTuningJob, name: str, now: datetime, lifetime: timedelta) -> str:
    """Return the URL of a file, valid from now on for `lifetime`."""
    path = f"/{job.account_id}/{job.collection}/{job.job_id}/{name}"
    date, seconds = now.strftime(_DATE), str(int(lifetime.total_seconds()))
    query = {
        "X-Goog-Algorithm": "GOOG4-HMAC-SHA256",
        "X-Goog-Credential": f"trainer@fw.example/{now:%Y%m%d}/auto/storage/goog4_request",
        "X-Goog-Date": date,
        "X-Goog-Expires": seconds,
        "X-Goog-SignedHeaders": "host",
        "X-Goog-Signature": _sign(path, date, seconds),
    }
    return f"{base}{STORAGE}{quote(path)}?{urlencode(query)}"


@dataclass(slots=True)
class _File:
    """What was written of a file so far."""

    text: bytearray = field(default_factory=bytearray)
    rows: int = 0


class _Store:
    def __init__(self, world: World, quirks: Quirks) -> None:
        self._world, self._quirks = world, quirks
        self._files: dict[tuple[str, int], _File] = {}

    async def read(self, request: Request) -> Response:
        """Answer a request for a file, or a part of it."""
        path, quirks = f"/{request.path_params['path']}", self._quirks.fireworks
        if "authorization" in request.headers:
            return _refuse(400, "InvalidArgument", "Only one authentication mechanism is allowed.")
        if not self._is_signed(path, request.query_params):
            return _refuse(403, "SignatureDoesNotMatch", "The signature is not the one that was calculated.")
        if self._is_expired(request.query_params):
            return _refuse(quirks.expired_status, "ExpiredToken", "The provided token has expired.")
        *address, name = path[1:].split("/")
        job = self._world.fine_tuning_jobs.get((address[0], address[1], address[2]))
        text = b"" if job is None else self._text(job, name, quirks)
        if not text:
            return _refuse(404, "NoSuchKey", "The specified key does not exist.")
        found = _RANGE.fullmatch(request.headers.get("range", ""))
        if found is None or quirks.ignores_ranges:
            return Response(text, media_type="text/plain")
        first, last = int(found[1]), min(int(found[2] or len(text)), len(text) - 1)
        if first > last:
            return Response(status_code=416, headers={"content-range": f"bytes */{len(text)}"})
        headers = {"content-range": f"bytes {first}-{last}/{len(text)}"}
        return Response(text[first : last + 1], 206, headers=headers, media_type="text/plain")

    def _text(self, job: FineTuningJob, name: str, quirks: FireworksQuirks) -> bytes:
        key = f"{job.account_id}/{job.collection}/{job.job_id}/{name}/{quirks.stamped_lines}/{quirks.nested_metrics}"
        file = self._files.setdefault((key, job.generation), _File())
        if name == TRAINER_LOG:
            end = job.log.position(self._world.now_ns + 1)
            for line in job.log.lines[file.rows : end]:
                stamp = f"{format_stamp(line.timestamp_ns)} " if quirks.stamped_lines else ""
                file.text += f"{stamp}{line.message}\n".encode("utf-8", "surrogatepass")
            file.rows = max(file.rows, end)
        else:
            for written_at, numbers in job.metric_rows[file.rows :]:
                if written_at > self._world.now:
                    break
                file.text += metric_row(written_at, numbers, nested=quirks.nested_metrics)
                file.rows += 1
        return bytes(file.text)

    def _is_signed(self, path: str, query: Mapping[str, str]) -> bool:
        expected = _sign(path, query.get("X-Goog-Date", ""), query.get("X-Goog-Expires", ""))
        return hmac.compare_digest(expected, query.get("X-Goog-Signature", ""))

    def _is_expired(self, query: Mapping[str, str]) -> bool:
        signed_at = datetime.strptime(query["X-Goog-Date"], _DATE).replace(tzinfo=self._world.now.tzinfo)
        return self._world.now > signed_at + timedelta(seconds=int(query["X-Goog-Expires"]))


def metric_row(written_at: datetime, numbers: Mapping[str, object], *, nested: bool) -> bytes:
    """Write a row of a metrics file as Python does: a number that is not finite has no quotes."""
    step = {"step": numbers.get("step", 0)}
    others = {name: value for name, value in numbers.items() if name != "step"}
    row = {"timestamp": written_at.timestamp(), **step, "data": others} if nested else {**step, **others}
    return _python_json(row) + b"\n"


def _python_json(value: object) -> bytes:
    if isinstance(value, dict):
        return (
            b"{" + b", ".join(msgspec.json.encode(key) + b": " + _python_json(one) for key, one in value.items()) + b"}"
        )
    if isinstance(value, float) and math.isnan(value):
        return b"NaN"
    return msgspec.json.encode(value)


def _sign(path: str, date: str, seconds: str) -> str:
    return hmac.new(_SIGNING_KEY, f"GET\n{path}\n{date}\n{seconds}".encode(), hashlib.sha256).hexdigest()


def _refuse(status: int, code: str, message: str) -> Response:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, media_type="application/xml")
