"""The HTTP client of every provider: headers, timeouts, retries, rate limits, and errors without secrets.

It speaks httpx's transport API (ADR 17). `transport` sends the bytes; `retry` decides when to send and when to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from urllib.parse import quote, urlencode

import httpx
import msgspec

from bot.domain.setting_values import FILE_PROBLEM, FILE_SUFFIX, describe_damage, repair_setting
from bot.errors import BadRequest, ConfigError, ProtocolError, ProviderError, RateLimited, Unavailable
from bot.providers.base import Priority, RequestRate, settings_prefix
from bot.providers.http.admission import CheckOpen, Slot
from bot.providers.http.body import ACCEPT_ENCODING, SUPPORTED_ENCODINGS, decompress
from bot.providers.http.errors import (
    TRANSPORT_ERRORS,
    BodyTooLarge,
    describe_transport_error,
    error_for_status,
    extract_message,
    parse_retry_after,
)
from bot.providers.http.header_choice import HttpResponse
from bot.providers.http.rate_limits import HttpLimits, RequestCounter
from bot.providers.http.retry import Limiter, LimiterPool, Preempted
from bot.providers.http.transport import AiohttpTransport
from bot.redaction.redactor import Redactor
from bot.steady_clock import utc_now

__all__ = ["HttpClient", "HttpLimits", "HttpResponse", "Limiter", "LimiterPool", "path_segment", "require_setting"]

_EXCERPT_CHARS = 200
_HEADERS = {"User-Agent": "trainwatch", "Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING}
_PATH_SAFE = "/?%:@!$&'()*+,;="
"""Not quoted again in a path: its segments are quoted already. Anything else would end the path."""


@dataclass(frozen=True, slots=True)
class HttpStream:
    """A response as it arrives, decompressed. `chunks` raises Unavailable when the connection breaks."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class HttpClient:
    """Requests to one remote with one API key. Every method raises only `bot.errors.ProviderError` and its subclasses.

    Status to error: 400, 409, 413, 414, 422 and other 4xx BadRequest · 401, 402, 403, 407 AuthFailed · 404, 410
    JobNotFound · 405, 501 NotSupported · 408, 425 and other 5xx Unavailable · 429 RateLimited · 3xx ProtocolError.

    All requests only read, whatever their method, so all can be retried. RateLimited and Unavailable are retried with
    full jitter, within `limits.attempts`, `limits.retry_budget_s` and the key's retry budget. `Retry-After` pauses all
    requests with the key. A background request (`with_priority`) to a path that failed last time is not retried.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secrets: Sequence[str],
        limiter: Limiter | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        explain: Callable[[HttpResponse], str | None] | None = None,
    ) -> None:
        """Prepare. Sends nothing and needs no running loop.

        Args:
            provider: the provider's name, for errors.
            base_url: prefix of all paths; may have a path and a query.
            headers: sent with each request, including the authorization.
            secrets: texts that must never appear in an error.
            limiter: from `LimiterPool.limiter_for`; None for an unshared one with default limits.
            transport: a replacement for the network, in tests (`bot.providers.testing.FakeTransport`).
            explain: returns what the platform did, for a response with an error status, or None for the default text.

        Raises:
            ConfigError: `base_url` is not a web address, or contains a user name or password.
        """
        self._provider = provider
        # Parsing the URL of each request would add a third to the cost of the request (ADR 17).
        self._url = _parse_base_url(f"{settings_prefix(provider).upper()}_BASE_URL", base_url)
        self._path = self._url.raw_path.partition(b"?")[0].decode("ascii").rstrip("/")
        self._query = self._url.query.decode("ascii")
        self._redactor = Redactor(secrets)
        self._limiter = limiter or Limiter()
        self._limits = self._limiter.limits
        self._explain = explain
        self._transport = transport or AiohttpTransport(self._limits.concurrency)
        self._headers = httpx.Headers({**_HEADERS, **headers})
        self._header_sets: tuple[Mapping[str, str], ...] = ()
        read_s = self._limits.read_timeout_s
        self._timeout = {"connect": self._limits.connect_timeout_s, "read": read_s, "write": read_s, "pool": None}
        self._priority = Priority.INTERACTIVE
        self._counter = RequestCounter(time.monotonic)

    def __repr__(self) -> str:
        base_url = self._url.copy_with(query=None, fragment=None)  # The query may contain a key.
        return f"HttpClient(provider={self._provider!r}, base_url={self.redact(str(base_url))!r})"

    def with_priority(self, priority: Priority) -> HttpClient:
        """Return a view of this client with another priority. It shares connections, limiter and counter."""
        view = copy.copy(self)
        view._priority = priority
        return view

    def with_fallback(self, headers: Mapping[str, str]) -> HttpClient:
        """Return a view of this client that sends other headers where the remote answers 401.

        The limiter remembers for the key which ones work. Streams use what was found out by then.
        """
        view = copy.copy(self)
        view._header_sets = ({name: self._headers[name] for name in headers}, headers)
        return view

    async def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> bytes:
        """Send a GET request and return the response body."""
        return (await self.request("GET", path, params)).body

    async def post(self, path: str, json: object) -> bytes:
        """Send a POST request with a JSON body and return the response body."""
        return (await self.request("POST", path, json=json)).body

    async def request(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        json: object = None,
        accept: Container[int] = (),
    ) -> HttpResponse:
        """Send a request and read the whole response.

        Args:
            method: GET or POST.
            path: starts with "/"; its segments are quoted (`path_segment`).
            params: query parameters in order; a key may repeat.
            json: the request body; None for none.
            accept: statuses of 300 and above that are returned instead of raised.
        """
        request = self._build(method, path, params, json)
        limiter = self._limiter

        async def attempt(check_open: CheckOpen) -> HttpResponse:
            async with limiter.admission.slot(check_open, self._priority, path in limiter.recent_failures) as slot:
                with limiter.breaker.watch():
                    return await self._exchange(request, accept, slot)

        return await limiter.call(self._provider, path, attempt, self._priority)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        *,
        accept: Container[int] = (),
    ) -> AsyncIterator[HttpStream]:
        """Send a request, retry until a response starts, and yield it chunk by chunk in constant memory.

        `headers` are added to those of the client, or replace them. Responses with a status in `accept` are yielded,
        not raised.
        """
        request = self._build(method, path, params)
        request.headers.update(headers or {})
        limiter = self._limiter

        async def attempt(check_open: CheckOpen) -> tuple[httpx.Response, contextlib.AsyncExitStack]:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(limiter.admission.slot(check_open, self._priority))
                with limiter.breaker.watch():
                    response = await self._send(request)
                    stack.push_async_callback(response.aclose)
                    if not 200 <= response.status_code < 300 and response.status_code not in accept:
                        self.raise_for(await self._read(response))
                return response, stack.pop_all()
            raise AssertionError  # pragma: no cover - the stack swallows nothing

        response, stack = await limiter.call(self._provider, path, attempt, self._priority)
        async with stack:
            yield HttpStream(response.status_code, response.headers, self._chunks(response))

    def request_rate(self) -> RequestRate:
        """Return how many requests this client made in the last minute, and the limit of its key."""
        return RequestRate(self._counter.total(), self._limiter.admission.max_per_minute, self._counter.responses)

    def raise_for(self, response: HttpResponse) -> None:
        """Raise the error for this response's status, if it is not a success."""
        if not 200 <= response.status < 300:
            raise self._error(response)

    def redact(self, text: str) -> str:
        """Redact this client's secrets and anything that looks like a secret."""
        return self._redactor.redact(text)[0]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _build(self, method: str, path: str, params: Sequence[tuple[str, str]], json: object = None) -> httpx.Request:
        query = "&".join(filter(None, (self._query, urlencode(params) if params else "")))
        target = f"{self._path}{quote(path, safe=_PATH_SAFE)}" + (f"?{query}" if query else "")
        request = httpx.Request(
            method,
            self._url,
            content=None if json is None else msgspec.json.encode(json),
            headers=self._headers,
            extensions={"timeout": self._timeout, "target": target.encode("ascii")},
        )
        if self._header_sets:
            request.headers.update(self._header_sets[self._limiter.headers.current])
        if json is not None:
            request.headers["Content-Type"] = "application/json"
        return request

    async def _exchange(self, request: httpx.Request, accept: Container[int], slot: Slot) -> HttpResponse:
        async def send(used: int) -> HttpResponse:
            request.headers.update(self._header_sets[used])
            return await self._fetch(request, slot)

        response = await (self._limiter.headers.fetch(send) if self._header_sets else self._fetch(request, slot))
        if response.status not in accept:
            self.raise_for(response)
        return response

    async def _fetch(self, request: httpx.Request, slot: Slot) -> HttpResponse:
        try:
            async with asyncio.timeout(self._limits.total_timeout_s) as slot.deadline:
                raw = await self._send(request)
                try:
                    return await self._read(raw)
                finally:
                    await raw.aclose()
        except TimeoutError as error:
            if slot.preempted:
                raise Preempted(f"{self._provider} did not answer in time.", provider=self._provider) from error
            text = f"{self._provider} took longer than {self._limits.total_timeout_s:.0f} s for one response."
            raise Unavailable(text, provider=self._provider) from error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        self._counter.record()
        try:
            response = await self._transport.handle_async_request(request)
        except TRANSPORT_ERRORS as error:
            self._counter.responses["error"] += 1
            raise self._unavailable(error) from error
        self._counter.responses[str(response.status_code)] += 1
        return response

    async def _read(self, response: httpx.Response) -> HttpResponse:
        size, parts, max_bytes = 0, [], self._limits.max_body_bytes
        try:
            async for part in self._body(response):
                size += len(part)
                if size > max_bytes:
                    text = f"{self._provider} sent more than {max_bytes // 2**20} MiB in one response."
                    raise BodyTooLarge(text, provider=self._provider)
                parts.append(part)
        except TRANSPORT_ERRORS as error:
            raise self._unavailable(error) from error
        return HttpResponse(response.status_code, response.headers, b"".join(parts))

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for part in self._body(response):
                yield part
        except TRANSPORT_ERRORS as error:
            raise self._unavailable(error) from error

    def _body(self, response: httpx.Response) -> AsyncIterable[bytes]:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        body = response.stream
        assert isinstance(body, httpx.AsyncByteStream)  # async transports return no other stream
        if encoding == "identity":
            return body
        if encoding not in SUPPORTED_ENCODINGS:
            text = f"{self._provider} compressed its response with an encoding that was not requested."
            raise ProtocolError(text, provider=self._provider)
        return decompress(body, encoding)

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(describe_transport_error(self._provider, error), provider=self._provider)

    def _error(self, response: HttpResponse) -> ProviderError:
        error_class, default = error_for_status(response.status)
        may_retry = error_class in (RateLimited, Unavailable)
        retry_after = parse_retry_after(response.headers, utc_now()) if may_retry else None
        if retry_after is not None:
            retry_after = min(retry_after, timedelta(seconds=self._limits.max_retry_after_s))
        excerpt = self._excerpt(response.body)
        text = (self._explain(response) if self._explain else None) or default
        public = f"{self._provider} {text} (HTTP {response.status}{': ' + excerpt if excerpt else ''})."
        return error_class(self.redact(public), provider=self._provider, retry_after=retry_after)

    def _excerpt(self, body: bytes) -> str:
        """Return the message of an error body as one short redacted line."""
        message = " ".join(extract_message(body[:20_000]).split())
        shown = "".join(letter for letter in self.redact(message) if letter.isprintable())
        return shown if len(shown) <= _EXCERPT_CHARS else shown[: _EXCERPT_CHARS - 1] + "…"


class HttpProvider:
    """Delegates priority, request rate and closing to the client."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client!r})"

    def with_priority(self, priority: Priority) -> Self:
        """See `SupportsPriority.with_priority`. The view shares what the provider has learned about its platform."""
        view = copy.copy(self)
        view._client = self._client.with_priority(priority)
        return view

    def request_rate(self) -> RequestRate:
        """See `ReportsRequestRate.request_rate`."""
        return self._client.request_rate()

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.aclose()


def path_segment(text: str) -> str:
    """Quote an id for use as one segment of a URL path.

    Raises:
        BadRequest: the id would lead to another path.
    """
    if text in ("", ".", ".."):
        raise BadRequest(f"{text!r} is not a valid id.")
    return quote(text, safe="")


def require_setting(config: Mapping[str, str], key: str, where: str) -> str:
    """Return a required setting.

    Raises:
        ConfigError: it is missing or cannot be sent; names the variable and where to get the value.
    """
    if f"{key}{FILE_SUFFIX}" in config:
        raise ConfigError(f"{key}{FILE_SUFFIX}".upper() + f" {FILE_PROBLEM}")
    value = repair_setting(key, config.get(key, ""))
    if not value:
        raise ConfigError(f"{key.upper()} is not set. Get it from {where}.")
    if damage := describe_damage(key, value):
        raise ConfigError(f"{key.upper()} {damage}")
    return value


def _parse_base_url(setting: str, text: str) -> httpx.URL:
    if damage := describe_damage(setting.lower(), text):
        raise ConfigError(f"{setting} {damage}")
    try:
        url = httpx.URL(text)
        is_web = url.scheme in ("http", "https") and bool(url.host)
    except (httpx.InvalidURL, ValueError):  # ValueError: an impossible host name
        is_web = False
    if not is_web:
        raise ConfigError(f"{setting} must be a URL such as https://api.example.com.")
    if url.userinfo:
        raise ConfigError(f"{setting} must not contain a user name or password. The API key is sent instead.")
    return url
