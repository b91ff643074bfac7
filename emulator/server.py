"""The vendors as one app on one port, and a server that runs in the current event loop.

Each mount is a vendor's base URL: ``BASETEN_BASE_URL=http://127.0.0.1:PORT/baseten`` and so on.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from emulator import baseten, baseten_requests, fireworks, fireworks_requests, rivergen
from emulator.dates import with_date
from emulator.faults import CONTROL_PATH, FaultInjector, Faults, control, with_transport
from emulator.pagerduty import PagerDuty, pagerduty_app
from emulator.quirks import Quirks
from emulator.storage import STORAGE, storage_app
from emulator.world import World

STOP_S = 1.0
"""How long a request may take to notice that its connection is gone."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that each vendor accepts."""

    baseten: str = "demo-baseten-key"
    fireworks: str = "demo-fireworks-key"
    rivergen: str = "demo-rivergen-key"


def vendors(
    world: World,
    *,
    quirks: Quirks | None = None,
    faults: Faults | None = None,
    keys: Keys | None = None,
    compress: bool = False,
    pagerduty: PagerDuty | None = None,
) -> Starlette:
    """Return the three vendors mounted at ``/baseten``, ``/fireworks`` and ``/rivergen``.

    ``/storage`` is Fireworks' file store, ``/pagerduty`` PagerDuty's Events API.
    Keep the `quirks` and `faults` you pass: changing them changes the next answer. With `compress`, bodies over
    500 bytes are gzipped for clients that accept it.
    """
    quirks, faults, keys = quirks or Quirks(), faults or Faults(), keys or Keys()

    async def fault_page(request: Request) -> Response:
        return await control(request, faults)

    words = {
        "/baseten": baseten_requests.error_body,
        "/fireworks": fireworks_requests.error_body,
        "/rivergen": rivergen.error_body,
    }
    return Starlette(
        routes=[
            Mount("/baseten", baseten.baseten_app(world, quirks, keys.baseten)),
            Mount("/fireworks", fireworks.fireworks_app(world, quirks, keys.fireworks)),
            Mount("/rivergen", rivergen.rivergen_app(world, quirks, keys.rivergen)),
            Mount(STORAGE, storage_app(world, quirks)),
            Mount("/pagerduty", pagerduty_app(pagerduty or PagerDuty())),
            Route(CONTROL_PATH, fault_page, methods=["GET", "POST"]),
        ],
        middleware=[
            Middleware(FaultInjector, faults=faults, words=words),
            *([Middleware(GZipMiddleware, compresslevel=1)] if compress else []),
        ],
    )


@contextlib.asynccontextmanager
async def running(app: ASGIApp, *, port: int = 0, stop_s: float = STOP_S) -> AsyncIterator[str]:
    """Serve `app` on 127.0.0.1 and yield its base URL; port 0 takes a free one.

    Leaving the context ends open connections at once and waits until nothing of the server is left. Requests that have
    not ended after `stop_s` are cancelled.
    """
    config = uvicorn.Config(
        with_transport(with_date(app)),
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listener = _listen(port)
    await server.startup(sockets=[listener])
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await _stop(server, stop_s)
        listener.close()


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only for sockets that name TCP; create_server() leaves the protocol at 0.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


async def _stop(server: uvicorn.Server, stop_s: float) -> None:
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        transport = getattr(connection, "transport", None)
        if transport is not None:
            transport.abort()
    tasks = list(server.server_state.tasks)
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=stop_s)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
    for listening in server.servers:
        await listening.wait_closed()
    await server.lifespan.shutdown()
