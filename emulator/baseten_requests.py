"""What every route of emulated Baseten shares: reading a request by GET or POST, and wording a refusal."""

from http import HTTPStatus
from typing import TypeVar

import msgspec
from starlette.requests import Request

from emulator.http_json import Refusal, encode

REPEATED = ("includes", "excludes", "metrics")
"""Query parameters that are lists: their key is repeated."""

T = TypeVar("T")


def error_body(status: int, message: str) -> bytes:
    """Word an error: ``{"code", "message"}``."""
    codes = {400: "VALIDATION_ERROR", 401: "UNAUTHORIZED", 429: "RATE_LIMITED"}
    return encode({"code": codes.get(status) or HTTPStatus(status).name, "message": message})


def refusal(status: int, message: str) -> Refusal:
    """Return the refusal to raise."""
    return Refusal(status, error_body(status, message))


def read_request(request: Request, body: bytes, shape: type[T]) -> T:
    """Read query parameters (GET) or a JSON body (POST) into `shape`."""
    if request.method != "GET":
        return decode_body(body, shape)
    query = request.query_params
    fields = {name: query.getlist(name) if name in REPEATED else query[name] for name in query}
    try:
        return msgspec.convert(fields, shape, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(400, str(error)) from error


def decode_body(body: bytes, shape: type[T]) -> T:
    """Read a JSON body into `shape`; an empty one has no fields."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except msgspec.MsgspecError as error:
        raise refusal(400, str(error)) from error
