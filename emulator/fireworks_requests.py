"""What all of Fireworks' gateway shares: errors, page sizes and tokens of lists, and ``readMask``."""

import re
from collections.abc import Sequence
from typing import TypeVar

from starlette.datastructures import QueryParams

from emulator.http_json import Refusal, encode

LARGEST_LIST = 200
DEFAULT_LIST = 50
INT32 = 2**31
_Item = TypeVar("_Item")


def error_body(status: int, message: str) -> bytes:
    """Word an error as gRPC-gateway does: the gRPC code, not the HTTP status."""
    codes = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6, 429: 8, 500: 13, 501: 12, 503: 14, 504: 4}
    return encode({"code": codes.get(status, 2), "message": message, "details": []})


def gateway_refusal(status: int, message: str) -> Refusal:
    """Return a refusal in the gateway's words."""
    return Refusal(status, error_body(status, message))


def page_of(items: Sequence[_Item], query: QueryParams) -> tuple[Sequence[_Item], str]:
    """Return the page of a list that a request asks for, and the token of the next one, "" at the end."""
    size = min(integer_of(query, "pageSize") or DEFAULT_LIST, LARGEST_LIST)
    first = integer_of(query, "pageToken")
    return items[first : first + size], str(first + size) if first + size < len(items) else ""


def masked(body: dict[str, object], read_mask: str, *, strict: bool = False) -> dict[str, object]:
    """Return the fields that a mask names, spelled as in JSON or as in the protocol; empty or ``*`` is all.

    A mask of a field inside a message keeps the whole message. With `strict`, a path in snake case is refused.
    """
    paths = {path.strip() for path in read_mask.split(",") if path.strip()}
    if not paths or "*" in paths:
        return body
    if strict and any("_" in path for path in paths):
        raise gateway_refusal(400, f"invalid read_mask: {read_mask}")
    named = {_camel(path.partition(".")[0]) for path in paths}
    return {name: value for name, value in body.items() if name in named}


def integer_of(query: QueryParams, name: str) -> int:
    """Return a parameter that is a number of at least 0; 0 if it is missing."""
    number = int32_of(query[name], name) if query.get(name) else 0
    if number < 0:
        raise gateway_refusal(400, f"{name} must not be negative")
    return number


def int32_of(text: str, name: str) -> int:
    """Read a parameter that is a 32-bit number."""
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text) or not -INT32 <= int(text) < INT32:
        raise gateway_refusal(400, f'parsing field "{name}": strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _camel(path: str) -> str:
    first, *others = path.split("_")
    return first + "".join(word.capitalize() for word in others)
