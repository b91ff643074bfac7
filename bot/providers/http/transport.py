"""Sends httpx's requests over aiohttp's connections, several times as fast as httpx's own transport.

The only place that knows which library sends the bytes; it raises nothing but `httpx.TransportError` and its children.
What to send, how often and how long to wait is `bot.providers.http.client`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

from bot.providers.http.rate_limits import HttpLimits

_KEPT_S = 60.0
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 256
_FAILURES = (aiohttp.ClientError, OSError, ValueError)
"""All that aiohttp raises on purpose; ValueError is a host name that cannot be one."""


class NotTrusted(httpx.ConnectError):
    """The remote's certificate is not one we trust, so nothing was sent."""


class NoTls(httpx.ConnectError):
    """What answers does not speak TLS as we do, so nothing was sent."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Kept connections to one remote, straight or through the proxy that the environment names for it.

    The address may be given in parts: what httpx's extension `target` holds goes out as it is, after the URL's host;
    percent-encoding is the caller's. Bodies come in as they were sent, still compressed; one that ends early is a
    ReadError. Redirects are not followed, and cookies are not kept.
    """

    def __init__(self, connections: int) -> None:
        """Prepare; the first request needs a running loop and opens the first connection.

        Args:
            connections: the most at once.
        """
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._origin = ""
        self._proxy: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and return once the answer's headers are in."""
        session = self._session or self._open(request.url)
        limits = request.extensions["timeout"]
        try:
            answer = await session.request(
                request.method,
                self._url(request),
                headers=[(name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw],
                data=request.content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=limits["connect"], sock_read=limits["read"]),
                proxy=self._proxy,
            )
        except _FAILURES as error:
            raise _as_httpx(error) from error
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    def _url(self, request: httpx.Request) -> URL:
        target = request.extensions.get("target", request.url.raw_path)
        return URL(f"{self._origin}{target.decode('ascii')}", encoded=True)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self, url: httpx.URL) -> aiohttp.ClientSession:
        self._origin = str(url.copy_with(raw_path=b"/", fragment=None))[:-1]
        self._proxy = proxy_for(url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEPT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        return self._session


class TargetInUrl(httpx.AsyncBaseTransport):
    """A transport that does not know httpx's extension `target`, such as httpx's own for tests, with one that does."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Put the target into the address, and send."""
        request.url = request.url.copy_with(raw_path=request.extensions["target"])
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close it."""
        await self._transport.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._answer.content
        try:
            while chunk := await content.readany():
                yield chunk
        except _FAILURES as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        # A connection whose answer was read to its end is back in the pool by now; any other one is of no use.
        self._answer.close()


def make_transport(limits: HttpLimits) -> AiohttpTransport:
    """What sends the bytes within these limits."""
    return AiohttpTransport(limits.concurrency)


def proxy_for(url: httpx.URL) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name for this address; none for this machine's own.

    Not aiohttp's `trust_env`: that starts a thread for each request, and sends what `.netrc` holds beside our key.
    """
    try:
        here = ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        here = url.host == "localhost"
    return None if here or proxy_bypass(url.host) else getproxies().get(url.scheme)


def _as_httpx(error: BaseException) -> httpx.TransportError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return NotTrusted("certificate")
        case aiohttp.ClientSSLError():
            return NoTls("TLS")
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout("connect")
        case aiohttp.ServerTimeoutError():
            return httpx.ReadTimeout("read")
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError("proxy")
        case aiohttp.ClientConnectorError() | ValueError():
            return httpx.ConnectError("connect")
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError("no HTTP")
        case _:
            return httpx.ReadError("broken")
