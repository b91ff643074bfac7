"""Bad days of the network and of servers, injected in front of any emulated app and changed while it runs.

Not a vendor's own oddities (``quirks.py``). `Faults` holds what is to go wrong, `FaultInjector` is the middleware;
``POST /_emulator/faults`` with ``{"faults": [...]}`` replaces the faults from outside, ``GET`` shows them.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulator.http_json import ErrorBody, json_response

CONTROL_PATH = "/_emulator/faults"
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
REMEMBERED_REQUESTS = 10_000
PIECES = 10
TRANSPORT = "emulator.transport"
"""The ASGI extension under which ``serve.running`` passes on the connection; ASGI has no word for breaking it."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that goes wrong, for requests whose path begins with `path`."""

    kind: Literal["status", "stall", "slow", "truncate", "cut_off", "html", "reset"]
    """status: an error in the vendor's words. stall: wait, then answer. slow: the body comes in small pieces over
    `delay_s`. truncate: a body cut after `after_bytes` that claims to be whole. cut_off: the connection ends inside
    the body. html: a proxy's page in place of JSON. reset: the connection is reset before an answer."""
    path: str = "/"
    times: int | None = None
    """How many requests it strikes; None: until it is removed."""
    probability: float = 1.0
    status: int = 503
    """For status and html."""
    retry_after_s: int | None = None
    """The Retry-After header; None: without one."""
    retry_after_as_date: bool = False
    delay_s: float = 5.0
    after_bytes: int = 40


class FaultList(msgspec.Struct, frozen=True):
    """The body of ``POST /_emulator/faults``."""

    faults: tuple[Fault, ...] = ()
    seed: int | None = None


class Broken(Exception):
    """Raised by an app to break the connection inside its body."""


@dataclass(slots=True)
class Faults:
    """What is to go wrong, and what was asked: tests read `requests` and `struck`."""

    pending: list[Fault] = field(default_factory=list)
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))
    """The last requests, as ``GET /baseten/v1/models?x=1``."""
    struck: Counter[str] = field(default_factory=Counter)
    """How often each kind struck."""
    in_flight: int = 0
    most_in_flight: int = 0
    _uses: dict[int, int] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(0))

    def set(self, faults: Iterable[Fault], *, seed: int | None = None) -> None:
        """Replace all faults; none ends the bad day."""
        self.pending = list(faults)
        self._uses.clear()
        if seed is not None:
            self._chance.seed(seed)

    def add(self, fault: Fault) -> None:
        """Add one fault behind the others; for each request the first that fits strikes."""
        self.pending.append(fault)

    def choose(self, path: str) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        for index, fault in enumerate(self.pending):
            used = self._uses.get(index, 0)
            if not path.startswith(fault.path) or (fault.times is not None and used >= fault.times):
                continue
            if fault.probability < 1 and self._chance.random() >= fault.probability:
                continue
            self._uses[index] = used + 1
            self.struck[fault.kind] += 1
            return fault
        return None


class FaultInjector:
    """ASGI middleware that injects faults; it is the outermost layer, next to the server."""

    def __init__(self, app: ASGIApp, faults: Faults, words: Mapping[str, ErrorBody]) -> None:
        """Guard `app`; `words` gives each path prefix its wording of errors."""
        self._app = app
        self._faults = faults
        self._words = words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, well or badly."""
        if scope["type"] != "http" or scope["path"] == CONTROL_PATH:
            await self._app(scope, receive, send)
            return
        faults = self._faults
        query = scope["query_string"].decode("latin-1")
        faults.requests.append(f"{scope['method']} {scope['path']}{'?' + query if query else ''}")
        faults.in_flight += 1
        faults.most_in_flight = max(faults.most_in_flight, faults.in_flight)
        try:
            await self._answer(faults.choose(scope["path"]), scope, receive, send)
        except Broken:
            await end_connection(scope, receive, reset=False)
        finally:
            faults.in_flight -= 1

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._app(scope, receive, send)
            return
        match fault.kind:
            case "reset":
                await end_connection(scope, receive, reset=True)
            case "status":
                await self._refuse(fault, scope, receive, send)
            case "html":
                await Response(HTML, fault.status, media_type="text/html")(scope, receive, send)
            case "stall":
                replayed = await _stall(receive, fault.delay_s)
                if replayed is not None:
                    await self._app(scope, replayed, send)
            case "slow" | "truncate" | "cut_off":
                await self._spoil(fault, scope, receive, send)

    async def _refuse(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        word = next((word for prefix, word in self._words.items() if scope["path"].startswith(prefix)), None)
        message = "Too many requests" if fault.status == 429 else "Injected by the emulator"
        body = word(fault.status, message) if word else message.encode()
        headers = {} if fault.retry_after_s is None else {"retry-after": _retry_after(fault)}
        response = Response(body, fault.status, headers=headers, media_type="application/json")
        await response(scope, receive, send)

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await _whole_answer(self._app, scope, receive)
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        kept = body if fault.kind == "slow" else body[: fault.after_bytes]
        length = len(kept) if fault.kind == "truncate" else len(body)
        headers.append((b"content-length", str(length).encode()))
        await send({**start, "headers": headers})
        if fault.kind == "slow":
            await _trickle(body, fault.delay_s, send)
            return
        ended = fault.kind == "truncate"
        await send({"type": "http.response.body", "body": kept, "more_body": not ended})
        if not ended:
            raise Broken


async def control(request: Request, faults: Faults) -> Response:
    """Answer the control page: GET shows the faults, POST replaces them."""
    if request.method == "POST":
        try:
            wanted = msgspec.json.decode(await request.body(), type=FaultList)
        except msgspec.MsgspecError as error:
            return json_response({"error": str(error)}, status=400)
        faults.set(wanted.faults, seed=wanted.seed)
    return json_response({"faults": faults.pending, "struck": dict(faults.struck)})


async def _whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


async def _trickle(body: bytes, delay_s: float, send: Send) -> None:
    size = max(1, -(-len(body) // PIECES))
    firsts = range(0, len(body), size)
    for first in firsts:
        await asyncio.sleep(delay_s / len(firsts))
        await send({"type": "http.response.body", "body": body[first : first + size], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _retry_after(fault: Fault) -> str:
    seconds = fault.retry_after_s or 0
    if not fault.retry_after_as_date:
        return str(seconds)
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


async def _stall(receive: Receive, delay_s: float) -> Receive | None:
    """Wait; return a `receive` that plays the request's body again, or None when the client went away."""
    body = [await receive()]
    while body[-1].get("more_body"):
        body.append(await receive())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), delay_s)  # the only message that can follow is the disconnect
        return None

    async def replay() -> Message:
        return body.pop(0) if body else await receive()

    return replay


async def end_connection(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the client's connection under the server's feet, and wait until the server has seen it.

    With SO_LINGER at zero the kernel sends a reset in place of an orderly end.
    """
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    if reset:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


def with_transport(app: ASGIApp) -> ASGIApp:
    """Give HTTP apps the connection itself; uvicorn's `send` is a method of the object that holds it."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            extensions = scope.setdefault("extensions", {})
            extensions[TRANSPORT] = send.__self__.transport  # type: ignore[attr-defined]
        await app(scope, receive, send)

    return wrapped
