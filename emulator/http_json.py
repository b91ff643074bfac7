"""Requests in, JSON out: the few lines that every emulated vendor shares.

Not a vendor's rules, and not the failures of a connection (``faults.py``).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Answer = Callable[[Request, bytes], Response]
"""Answers a request whose body is read; raises `Refusal` to say no."""

ErrorBody = Callable[[int, str], bytes]
"""A vendor's way to word an error: (HTTP status, message) -> body."""

UNKNOWN_FIELD = {"x_unannounced": {"since": "tomorrow", "values": [1, None, "?"]}}
"""What `extra_fields` adds: a client must pass over it."""

encode = msgspec.json.Encoder().encode


class Refusal(Exception):
    """The vendor says no."""

    def __init__(self, status: int, body: bytes) -> None:
        """Answer `status` with a JSON body."""
        self.status = status
        self.body = body


def json_response(body: object, *, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(encode(body), status, media_type="application/json")


def route(path: str, answer: Answer, authorize: Callable[[Request], None], methods: Sequence[str] = ("GET",)) -> Route:
    """Return a route that authorizes, reads the body, answers, and words refusals."""

    async def endpoint(request: Request) -> Response:
        body = b"" if request.method == "GET" else await request.body()
        try:
            authorize(request)
            return answer(request, body)
        except Refusal as refusal:
            return Response(refusal.body, refusal.status, media_type="application/json")

    return Route(path, endpoint, methods=list(methods))


def unmatched(word: ErrorBody) -> Mapping[type[Exception], Callable[..., Awaitable[Response]]]:
    """Return exception handlers that word unknown paths and methods as the vendor does."""

    async def answer(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        message = "Method not allowed" if status == 405 else "Not found"
        return Response(word(status, message), status, media_type="application/json")

    return {HTTPException: answer}


def rfc3339(moment: datetime) -> str:
    """Format an aware UTC datetime with milliseconds and a Z."""
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"
