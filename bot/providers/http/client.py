"""The one HTTP client of every provider: auth headers, time limits, retries, pacing, errors without secrets.

What to ask and what the answer means is the provider's; `admission` decides when to begin, `retry` when to stop,
and `transport` sends the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import httpx
import msgspec

from bot.errors import BadRequest, ConfigError, ProtocolError, ProviderError, RateLimited, Unavailable
from bot.providers.base import Priority, RequestRate, settings_prefix
from bot.providers.http.admission import Admit, LastMinute, Slot
from bot.providers.http.body import ACCEPTED, ENCODINGS, BrokenBody, decompressed
from bot.providers.http.errors import BodyTooLarge, HttpReply, kind_of, message_of, no_answer, retry_after_of
from bot.providers.http.rate_limits import HttpLimits
from bot.providers.http.retry import Limiter, LimiterPool, Preempted
from bot.providers.http.transport import TargetInUrl, make_transport
from bot.redaction.redactor import Redactor

__all__ = [
    "BodyTooLarge",
    "HttpClient",
    "HttpLimits",
    "HttpReply",
    "Limiter",
    "LimiterPool",
    "make_transport",
    "path_segment",
    "require_setting",
]

_EXCERPT = 200
_IN_PATHS = "/?%:@!$&'()*+,;="
"""Left alone in a path, whose segments are quoted already; anything else in there would end it."""
_HEADERS = {"User-Agent": "trainwatch", "Accept": "application/json", "Accept-Encoding": ACCEPTED}
_TROUBLE = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, BrokenBody)


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
    full jitter, as long as `limits.attempts`, `limits.retry_budget_s` and the key's retry budget allow.
    `Retry-After` holds back every request with the key. Background requests (`with_priority`) let the others go first;
    a background request to a path that failed last time is not retried.
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
        explain: Callable[[HttpReply], str | None] | None = None,
    ) -> None:
        """Prepare; nothing is sent and no loop is needed yet.

        Args:
            provider: the provider's name, for errors.
            base_url: where paths are appended to; it may have a path and a query of its own.
            headers: sent with each request, the authorization among them.
            secrets: texts that must never appear in an error.
            limiter: rate, concurrency and time limits (`LimiterPool.limiter_for`); None for one with default limits.
            transport: what sends, for tests; the default speaks HTTP/1.1 with kept connections.
            explain: the sentence a provider has for a refused request; None falls back to ours.

        Raises:
            ConfigError: `base_url` is no address of the web, or holds a name and a password beside the key.
        """
        self._provider = provider
        self._address = _address(provider, base_url)
        self._base_path = self._address.raw_path.partition(b"?")[0].decode("ascii").rstrip("/")
        self._base_query = self._address.query.decode("ascii")
        self._redactor = Redactor(secrets)
        self._limiter = limiter or Limiter()
        self._limits = limits = self._limiter.limits
        self._explain = explain
        # Requests go to the transport itself: httpx's client would parse each address again, and look for cookies.
        self._transport = make_transport(limits) if transport is None else TargetInUrl(transport)
        self._headers = httpx.Headers({**_HEADERS, **headers})
        self._priority = Priority.INTERACTIVE
        self._begun = LastMinute(time.monotonic)

    def __repr__(self) -> str:
        shown = self.redact(str(self._address.copy_with(query=None, fragment=None)))
        return f"HttpClient(provider={self._provider!r}, base_url={shown!r})"

    def with_priority(self, priority: Priority) -> HttpClient:
        """Return a view of this client with another priority; it shares connections, limiter and counters."""
        view = copy.copy(self)
        view._priority = priority
        return view

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

        async def once(admit: Admit) -> HttpReply:
            async with self._limiter.gate.slot(admit, self._priority, suspect=path in self._limiter.failing) as slot:
                with self._limiter.breaker.watch():
                    return await self._exchange(request, accept, slot)

        return await self._limiter.call(self._provider, path, once, self._priority)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, params: Sequence[tuple[str, str]] = (), *, timeout_s: float | None = None
    ) -> AsyncIterator[HttpStream]:
        """Send, retry until the answer begins, and hand it out chunk by chunk; memory does not grow with its size."""
        request = self._build(method, path, params, None, timeout_s)

        async def once(admit: Admit) -> tuple[httpx.Response, contextlib.AsyncExitStack]:
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self._limiter.gate.slot(admit, self._priority))
                with self._limiter.breaker.watch():
                    response = await self._send(request)
                    stack.push_async_callback(response.aclose)
                    if not 200 <= response.status_code < 300:
                        self.raise_for(await self._read(response))
                return response, stack.pop_all()
            raise AssertionError  # pragma: no cover - the stack swallows nothing

        response, stack = await self._limiter.call(self._provider, path, once, self._priority)
        async with stack:
            yield HttpStream(response.headers, self._chunks(response))

    def request_rate(self) -> RequestRate:
        """How many requests this client made lately, and how many may be made with its key."""
        return RequestRate(self._begun.total(), self._limiter.gate.max_per_minute)

    def raise_for(self, reply: HttpReply) -> None:
        """Raise the error that this reply's status stands for; nothing for a success."""
        if not 200 <= reply.status < 300:
            raise self._error(reply)

    def redact(self, text: str) -> str:
        """The text without this client's secrets, and without what looks like anybody's."""
        return self._redactor.redact(text)[0]

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
        query = "&".join(filter(None, (self._base_query, urlencode(params) if params else "")))
        target = f"{self._base_path}{quote(path, safe=_IN_PATHS)}" + (f"?{query}" if query else "")
        # The base URL is parsed once; parsing each address would cost a sixth of the whole request.
        request = httpx.Request(
            method,
            self._address,
            content=None if json is None else msgspec.json.encode(json),
            headers=self._headers,
            extensions={"timeout": timeout, "target": target.encode("ascii")},
        )
        if json is not None:
            request.headers["Content-Type"] = "application/json"
        return request

    async def _exchange(self, request: httpx.Request, accept: Container[int], slot: Slot) -> HttpReply:
        try:
            async with asyncio.timeout(self._limits.total_timeout_s) as slot.until:
                response = await self._send(request)
                try:
                    reply = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            if slot.taken_back:
                raise Preempted(f"{self._provider} did not answer in time.", provider=self._provider) from error
            text = f"{self._provider} took longer than {self._limits.total_timeout_s:.0f} s for one answer."
            raise Unavailable(text, provider=self._provider) from error
        if reply.status not in accept:
            self.raise_for(reply)
        return reply

    async def _send(self, request: httpx.Request) -> httpx.Response:
        self._begun.add()
        try:
            return await self._transport.handle_async_request(request)
        except _TROUBLE as error:
            raise self._unavailable(error) from error

    async def _read(self, response: httpx.Response) -> HttpReply:
        size, parts = 0, []
        try:
            async for part in self._body(response):
                size += len(part)
                if size > self._limits.max_body_bytes:
                    text = f"{self._provider} sent more than {self._limits.max_body_bytes // 2**20} MiB in one answer."
                    raise BodyTooLarge(text, provider=self._provider)
                parts.append(part)
        except _TROUBLE as error:
            raise self._unavailable(error) from error
        return HttpReply(response.status_code, response.headers, b"".join(parts))

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for part in self._body(response):
                yield part
        except _TROUBLE as error:
            raise self._unavailable(error) from error

    def _body(self, response: httpx.Response) -> AsyncIterable[bytes]:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        body = response.stream
        assert isinstance(body, httpx.AsyncByteStream)  # every answer of an asynchronous transport has one
        if encoding == "identity":
            return body
        if encoding not in ENCODINGS:
            text = f"{self._provider} compressed its answer in a way that it was not asked for."
            raise ProtocolError(text, provider=self._provider)
        return decompressed(body, encoding)

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(no_answer(self._provider, error), provider=self._provider)

    def _error(self, reply: HttpReply) -> ProviderError:
        kind, advice = kind_of(reply.status)
        retry_after = retry_after_of(reply.headers, datetime.now(UTC)) if kind in (RateLimited, Unavailable) else None
        if retry_after is not None:
            retry_after = min(retry_after, timedelta(seconds=self._limits.max_retry_after_s))
        said = self.excerpt(reply.body)
        text = (self._explain(reply) if self._explain else None) or advice
        public = f"{self._provider} {text} (HTTP {reply.status}{': ' + said if said else ''})."
        return kind(self.redact(public), provider=self._provider, retry_after=retry_after)


def _address(provider: str, base_url: str) -> httpx.URL:
    setting = f"{settings_prefix(provider).upper()}_BASE_URL"
    try:
        address = httpx.URL(base_url)
        known = address.scheme in ("http", "https") and bool(address.host)
    except (httpx.InvalidURL, ValueError):  # the latter for names of hosts that cannot be
        known = False
    if not known:
        raise ConfigError(f"{setting} must be a URL that begins with https:// and names a host.")
    if address.userinfo:
        raise ConfigError(f"{setting} must hold no name and password: the key is sent instead.")
    return address


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
        ConfigError: it is missing, or cannot be sent; names the variable and where to get the value.
    """
    value = config.get(key, "").strip()
    if not value:
        raise ConfigError(f"{key.upper()} is not set. Get it from {where}.")
    if not value.isascii() or not value.isprintable():
        raise ConfigError(f"{key.upper()} holds characters that no key has; copy it again.")
    return value
