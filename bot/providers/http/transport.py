"""An httpx transport that sends requests through aiohttp (ADR 17).

The only provider module that imports aiohttp. It raises only `httpx.TransportError` and its subclasses.
"""

from collections.abc import AsyncIterator

import httpx
from yarl import URL

from bot.network import proxy_for
from bot.providers.http.errors import TlsFailed, UntrustedCertificate
from bot.providers.http.lazy_certificates import lazy_certificates

with lazy_certificates():
    import aiohttp

_KEEPALIVE_S = 60.0
_MAX_HEADER_BYTES = 64 * 1024
_MAX_HEADERS = 256
_AIOHTTP_ERRORS = (aiohttp.ClientError, OSError, ValueError)
"""Everything that aiohttp raises on purpose. ValueError is an impossible host name."""
_TO_HTTPX: tuple[tuple[type[Exception], type[httpx.TransportError], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, UntrustedCertificate, "certificate"),
    (aiohttp.ClientSSLError, TlsFailed, "TLS"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "connect"),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout, "read"),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "proxy"),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "proxy"),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "connect"),
    (ValueError, httpx.ConnectError, "connect"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "invalid HTTP"),
)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Keeps connections to one remote, direct or through the proxy that `bot.network` chooses.

    aiohttp's `trust_env` is not used: it starts a thread for each request and sends credentials from `.netrc`.

    Honours httpx's request extensions `timeout` and `target`. The target is sent exactly as given, so percent-encoding
    is up to the caller. Response bodies stay compressed; a truncated one raises ReadError. Redirects are not followed
    and cookies are not kept.
    """

    def __init__(self, max_connections: int) -> None:
        """Prepare. The first request needs a running loop and opens the first connection."""
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None
        self._origin = ""
        self._proxy: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return when the response headers have arrived."""
        session = self._session or self._open(request.url)
        timeout = request.extensions["timeout"]
        target = request.extensions.get("target", request.url.raw_path)
        try:
            response = await session.request(
                request.method,
                URL(f"{self._origin}{target.decode('ascii')}", encoded=True),
                headers=[(name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw],
                data=request.content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=timeout["connect"], sock_read=timeout["read"]),
                proxy=self._proxy,
            )
        except _AIOHTTP_ERRORS as error:
            raise _to_httpx_error(error) from error
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self, url: httpx.URL) -> aiohttp.ClientSession:
        self._origin = str(url.copy_with(raw_path=b"/", fragment=None))[:-1]
        self._proxy = proxy_for(self._origin)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=_KEEPALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            max_headers=_MAX_HEADERS,
        )
        return self._session


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except _AIOHTTP_ERRORS as error:
            raise _to_httpx_error(error) from error

    async def aclose(self) -> None:
        # After a complete response the connection is already back in the pool. Any other cannot be reused.
        self._response.close()


def _to_httpx_error(error: BaseException) -> httpx.TransportError:
    found = (to_class(text) for from_class, to_class, text in _TO_HTTPX if isinstance(error, from_class))
    return next(found, httpx.ReadError("closed"))
