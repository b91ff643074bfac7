"""The one HTTP client of every provider: auth headers, time limits, retries, pacing, errors without secrets.

What to ask and what the answer means is the provider's; when to wait and when to stop is `bot.providers.resilience`.
`make_transport` is the only place that knows which library sends the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import aiohttp
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from bot.errors import BadRequest, ConfigError, ProviderError, RateLimited, Unavailable
from bot.providers.base import RequestLoad
from bot.providers.replies import BodyTooLarge, HttpReply, kind_of, message_of, retry_after_of
from bot.providers.resilience import Breaker, Gate, HttpLimits, RetryBudget, background, full_jitter

__all__ = ["BodyTooLarge", "HttpClient", "HttpLimits", "HttpReply", "background", "path_segment", "require_setting"]

_Result = TypeVar("_Result")
_EXCERPT = 200
_HEADERS = {"User-Agent": "trainwatch", "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, slots=True)
class HttpStream:
    """An answer as it comes in, decompressed. A connection that breaks raises Unavailable out of `chunks`."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class HttpClient:
    """One remote, with one key. Every method raises only `bot.errors.ProviderError` and its children.

    Status to error: 400, 409, 413, 414, 422 and other 4xx BadRequest · 401, 402, 403, 407 AuthFailed · 404, 410
    JobNotFound · 405, 501 NotSupported · 408, 425 and other 5xx Unavailable · 429 RateLimited · 3xx ProtocolError.

    Every request is one that only reads, whatever its method, so all are retried: RateLimited and Unavailable, with
    full jitter, as long as `limits.attempts`, `limits.retry_budget_s` and the client's retry budget allow.
    `Retry-After` holds back every request of the client. Requests made inside `background()` let the others go first.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secrets: Sequence[str],
        limits: HttpLimits = HttpLimits(),  # noqa: B008 - frozen
        transport: httpx.AsyncBaseTransport | None = None,
        explain: Callable[[HttpReply], str | None] | None = None,
    ) -> None:
        """Prepare; nothing is sent and no loop is needed yet.

        Args:
            provider: the provider's name, for errors.
            base_url: where paths are appended to; it may have a path of its own.
            headers: sent with each request, the authorization among them.
            secrets: texts that must never appear in an error.
            limits: how hard and how long.
            transport: what sends, for tests; the default speaks HTTP/1.1 with kept connections.
            explain: the sentence a provider has for a refused request; None falls back to ours.
        """
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._secrets = tuple(sorted((text for text in secrets if text), key=len, reverse=True))
        self._limits = limits
        self._explain = explain
        # Requests go to the transport itself: httpx's client would parse each address again, and look for cookies.
        self._transport = transport or make_transport(limits)
        self._headers = httpx.Headers({**_HEADERS, **headers})
        self._gate = Gate(limits, time.monotonic)
        self._breaker = Breaker(time.monotonic)
        self._retries = RetryBudget()

    def __repr__(self) -> str:
        parts = urlsplit(self._base_url)
        shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        return f"HttpClient(provider={self._provider!r}, base_url={self.redact(shown)!r})"

    async def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, timeout_s: float | None = None) -> bytes:
        """The body of a successful GET."""
        return (await self.request("GET", path, params, timeout_s=timeout_s)).body

    async def post(self, path: str, json: object, *, timeout_s: float | None = None) -> bytes:
        """The body of a successful POST of a JSON value."""
        return (await self.request("POST", path, json=json, timeout_s=timeout_s)).body

    async def request(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        json: object = None,
        timeout_s: float | None = None,
        accept: Container[int] = (),
    ) -> HttpReply:
        """Send and read the whole answer.

        Args:
            method: GET or POST.
            path: begins with "/", its segments quoted (`path_segment`).
            params: query parameters, in order; a key may repeat.
            json: the body; None for none.
            timeout_s: the longest silence, when it differs from the limits'.
            accept: statuses of 300 and above to return instead of raising.
        """
        request = self._build(method, path, params, json, timeout_s)

        async def once() -> HttpReply:
            async with self._gate.slot():
                with self._breaker.watch():
                    return await self._exchange(request, accept)

        return await self._with_retries(once)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, params: Sequence[tuple[str, str]] = (), *, timeout_s: float | None = None
    ) -> AsyncIterator[HttpStream]:
        """Send, retry until the answer begins, and hand it out chunk by chunk; memory does not grow with its size."""
        request = self._build(method, path, params, None, timeout_s)

        async def once() -> tuple[httpx.Response, contextlib.AsyncExitStack]:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self._gate.slot())
                with self._breaker.watch():
                    response = await stack.enter_async_context(self._sent(request))
                    if response.status_code >= 300:
                        self.raise_for(await self._read(response))
                return response, stack.pop_all()
            raise AssertionError  # pragma: no cover - the stack swallows nothing

        response, stack = await self._with_retries(once)
        async with stack:
            yield HttpStream(response.headers, self._chunks(response))

    def load(self) -> RequestLoad:
        """How many requests were made lately, and how many may be."""
        return self._gate.load()

    def raise_for(self, reply: HttpReply) -> None:
        """Raise the error that this reply's status stands for; nothing below 300."""
        if reply.status >= 300:
            raise self._error(reply)

    def redact(self, text: str) -> str:
        """The text without this client's secrets, also as they look in a URL."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]").replace(quote(secret, safe=""), "[redacted]")
        return text

    def excerpt(self, body: bytes) -> str:
        """What a body says, in one short line without secrets."""
        words = " ".join(message_of(body[:20_000]).split())
        shown = "".join(letter for letter in self.redact(words) if letter.isprintable())
        return shown if len(shown) <= _EXCERPT else shown[: _EXCERPT - 1] + "…"

    async def aclose(self) -> None:
        """Close connections."""
        await self._transport.aclose()

    def _build(
        self, method: str, path: str, params: Sequence[tuple[str, str]], json: object, timeout_s: float | None
    ) -> httpx.Request:
        limits = self._limits
        read_s = limits.read_timeout_s if timeout_s is None else timeout_s
        timeout = {"connect": limits.connect_timeout_s, "read": read_s, "write": read_s, "pool": None}
        query = f"?{urlencode(params)}" if params else ""
        request = httpx.Request(
            method,
            f"{self._base_url}{path}{query}",
            content=None if json is None else msgspec.json.encode(json),
            headers=self._headers,
            extensions={"timeout": timeout},
        )
        if json is not None:
            request.headers["Content-Type"] = "application/json"
        return request

    async def _with_retries(self, once: Callable[[], Awaitable[_Result]]) -> _Result:
        self._retries.deposit()
        deadline = time.monotonic() + self._limits.retry_budget_s
        failure: ProviderError | None = None
        for attempt in count(1):
            self._admit(deadline, failure)
            try:
                return await once()
            except (RateLimited, Unavailable) as error:
                failure = error
                wait_s = full_jitter(attempt)
                if error.retry_after is not None:
                    wait_s += error.retry_after.total_seconds()
                over = attempt >= self._limits.attempts or time.monotonic() + wait_s > deadline
                if over or not self._retries.withdraw():
                    raise
            await asyncio.sleep(wait_s)
        raise AssertionError  # pragma: no cover - count() does not end

    def _admit(self, deadline: float, failure: ProviderError | None) -> None:
        """Raise when it is pointless to ask now: what failed before, or else why we do not ask."""
        closed_for, open_for = self._gate.closed_for(), self._breaker.open_for()
        too_long = closed_for > 0 and time.monotonic() + closed_for > deadline
        if failure is not None and (too_long or open_for is not None):
            raise failure
        if open_for is not None:
            text = f"{self._provider} has not answered for a while; it is asked again in {open_for:.0f} s."
            raise Unavailable(text, provider=self._provider, retry_after=timedelta(seconds=open_for))
        if too_long:
            text = f"{self._provider} asked us to wait {closed_for:.0f} s more."
            raise RateLimited(text, provider=self._provider, retry_after=timedelta(seconds=closed_for))

    async def _exchange(self, request: httpx.Request, accept: Container[int]) -> HttpReply:
        try:
            async with asyncio.timeout(self._limits.total_timeout_s), self._sent(request) as response:
                reply = await self._read(response)
        except TimeoutError as error:
            text = f"{self._provider} took longer than {self._limits.total_timeout_s:.0f} s for one answer."
            raise Unavailable(text, provider=self._provider) from error
        if reply.status not in accept:
            self.raise_for(reply)
        return reply

    @contextlib.asynccontextmanager
    async def _sent(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        with self._translated():
            response = await self._transport.handle_async_request(request)
        try:
            yield response
        finally:
            with contextlib.suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
                await response.aclose()

    async def _read(self, response: httpx.Response) -> HttpReply:
        size, parts = 0, []
        async for part in self._chunks(response):
            size += len(part)
            if size > self._limits.max_body_bytes:
                text = f"{self._provider} sent more than {self._limits.max_body_bytes // 2**20} MiB in one answer."
                raise BodyTooLarge(text, provider=self._provider)
            parts.append(part)
        return HttpReply(response.status_code, response.headers, b"".join(parts))

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        with self._translated():
            async for part in response.aiter_bytes():
                yield part

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the library raises into Unavailable; its text is not shown, it may hold the URL."""
        try:
            yield
        except httpx.TimeoutException as error:
            # The transport words every failed connection as a time-out.
            match error.__cause__:
                case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
                    text = f"The TLS certificate of {self._provider} is not trusted, so nothing was sent there."
                case aiohttp.ClientConnectorError():
                    text = f"{self._provider} cannot be reached: no connection to its address."
                case aiohttp.ClientOSError():
                    text = f"{self._provider} broke off the connection without an answer."
                case _:
                    text = f"{self._provider} did not answer in time."
            raise Unavailable(text, provider=self._provider) from error
        except (httpx.HTTPError, aiohttp.ClientError, OSError, EOFError) as error:
            text = f"The connection to {self._provider} failed ({type(error).__name__})."
            raise Unavailable(text, provider=self._provider) from error

    def _error(self, reply: HttpReply) -> ProviderError:
        kind, advice = kind_of(reply.status)
        retry_after = retry_after_of(reply.headers, datetime.now(UTC)) if kind in (RateLimited, Unavailable) else None
        if retry_after is not None:
            retry_after = min(retry_after, timedelta(seconds=self._limits.max_retry_after_s))
            self._gate.close_for(retry_after.total_seconds())
        said = self.excerpt(reply.body)
        text = (self._explain(reply) if self._explain else None) or advice
        public = f"{self._provider} {text} (HTTP {reply.status}{': ' + said if said else ''})."
        return kind(self.redact(public), provider=self._provider, retry_after=retry_after)


def make_transport(limits: HttpLimits) -> httpx.AsyncBaseTransport:
    """What sends the bytes: aiohttp's connections behind httpx's interface, several times as fast as httpx's own."""

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=limits.concurrency, keepalive_timeout=60)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    # The session has aiohttp's own TLS settings; the context that the transport would build, and never use, takes as
    # long as the rest of a command's start.
    return AiohttpTransport(client=session, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def path_segment(text: str) -> str:
    """One id as a URL path segment.

    Raises:
        BadRequest: it would lead to another path.
    """
    if text in ("", ".", ".."):
        raise BadRequest(f"{text!r} is no id.")
    return quote(text, safe="")


def require_setting(config: Mapping[str, str], key: str, where: str) -> str:
    """A setting that a provider cannot do without.

    Raises:
        ConfigError: it is missing; names the variable and where to get the value.
    """
    value = config.get(key, "").strip()
    if not value:
        raise ConfigError(f"{key.upper()} is not set. Get it from {where}.")
    return value
