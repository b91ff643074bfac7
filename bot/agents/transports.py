"""Serve MCP over standard input and output, or over HTTP with a bearer token and checked host names."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import logging
import re
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.errors import ConfigError, UsageError

HTTP_PATH = "/mcp"
_MAX_BODY = 2 * 1024 * 1024
_MAX_SESSIONS = 1_000
_STOP_WITHIN_S = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ADDRESS = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):)?(\d{1,5})")
_LOCAL = ("127.0.0.1", "localhost", "[::1]")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Where and to whom HTTP is served."""

    host: str
    port: int
    token: str | None = None
    """What requests must carry as `Authorization: Bearer`; None accepts all, on this machine only."""
    hosts: tuple[str, ...] = ()
    """Further host names that requests may be addressed to."""

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can connect."""
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_http_options(address: str, token: str | None, hosts: Sequence[str]) -> HttpOptions:
    """Read HOST:PORT, or a port on this machine.

    Raises:
        UsageError: the address is invalid.
        ConfigError: other machines could connect without a token.
    """
    found = _ADDRESS.fullmatch(address.strip())
    if found is None or int(found[2]) > 65_535:
        raise UsageError(f"Invalid address `{address[:60]}` for `--http`. Use HOST:PORT, such as 127.0.0.1:8765.")
    options = HttpOptions(found[1] or "127.0.0.1", int(found[2]), token, tuple(hosts))
    if token is None and not options.is_local:
        raise ConfigError(
            f"Other machines can reach {options.host}, so set TRAINWATCH_MCP_TOKEN or TRAINWATCH_MCP_TOKEN_FILE to a "
            "random text of 16 characters or more, or use 127.0.0.1."
        )
    return options


async def serve_agent_by_stdio(server: Server[dict[str, object]]) -> None:
    """Serve one agent until it closes the input."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def serve_agents_by_http(server: Server[dict[str, object]], options: HttpOptions) -> None:
    """Serve agents over streamable HTTP until the process is asked to stop."""
    listening = _bind(options)
    port = listening.getsockname()[1]
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=HTTP_PATH,
        max_request_body_size=_MAX_BODY,
        max_sessions=_MAX_SESSIONS,
        transport_security=_security(options),
    )
    if options.token is not None:
        app = BearerToken(app, options.token)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=_STOP_WITHIN_S
    )
    sys.stderr.write(f"Serving MCP at http://{options.host}:{port}{HTTP_PATH}\n")
    sys.stderr.flush()
    await _StoppableServer(config).serve([listening])


class _StoppableServer(uvicorn.Server):
    """Ends in order after a signal; uvicorn would raise it again, which ends the process before calls are recorded."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and at the second SIGINT without waiting for requests."""
        loop = asyncio.get_running_loop()
        for stop in _SIGNALS:
            loop.add_signal_handler(stop, self.handle_exit, stop, None)
        try:
            yield
        finally:
            for stop in _SIGNALS:
                loop.remove_signal_handler(stop)


class BearerToken:
    """Refuses requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "")
            scheme, _, token = given.partition(" ")
            if not hmac.compare_digest(f"{scheme.title()} {token.strip()}".encode(), self._expected):
                log.warning("request without a valid token")
                answer = PlainTextResponse(
                    "Send the token of TRAINWATCH_MCP_TOKEN as `Authorization: Bearer TOKEN`.",
                    status_code=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _bind(options: HttpOptions) -> socket.socket:
    host = options.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, options.port), family=family)
    except OSError as problem:
        where = f"{options.host}:{options.port}"
        raise ConfigError(f"Cannot listen on {where}: {problem.strerror or 'invalid address'}.") from None


def _security(options: HttpOptions) -> TransportSecuritySettings:
    """Accept only requests to these names: a page in a browser could reach this machine by another (DNS rebinding)."""
    names = dict.fromkeys((*_LOCAL, options.host, *options.hosts))
    hosts = [one for name in names for one in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins)
