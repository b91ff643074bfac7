"""Post one JSON document to one URL, once. Errors name the webhook, never its URL, which may be a secret."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from bot.errors import RATE_LIMITED, DeliveryError, WaitsFor
from bot.network import proxy_for

TIMEOUT_S = 10.0
_PERMANENT = frozenset({400, 413, 422})
"""The receiver does not accept this body, so a retry cannot help. Any other refusal may be fixed by a person."""
_LONGEST_RETRY_AFTER_S = 3600.0


class WebhookClient:
    """Posts to all webhooks; follows no redirects and keeps no cookies."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, name: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a body.

        Raises:
            DeliveryError: it was not accepted, or nobody knows; receivers drop what they got before.
        """
        session = self._session or self._open()
        sent = {"Content-Type": "application/json", "User-Agent": "trainwatch", **headers}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                session.post(url, data=body, headers=sent, allow_redirects=False, proxy=proxy_for(url)) as response,
            ):
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _failed(f"Webhook `{name}` {_describe(error)}.", type(error).__name__) from None
        if not 200 <= status < 300:
            raise _refused(name, status, retry_after)

    async def aclose(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _refused(name: str, status: int, retry_after: str) -> DeliveryError:
    text = f"Webhook `{name}` answered with HTTP {status}."
    if status == 429:
        return _failed(text, RATE_LIMITED, _parse_seconds(retry_after))
    if status in _PERMANENT:
        return DeliveryError(text, reason=f"http_{status}", permanent=True)
    return _failed(text, f"http_{status}", _parse_seconds(retry_after))


def _failed(text: str, reason: str, retry_after: timedelta | None = None) -> DeliveryError:
    return DeliveryError(text, reason=reason, permanent=False, retry_after=retry_after, waits_for=WaitsFor.CHANNEL)


def _parse_seconds(text: str) -> timedelta | None:
    with contextlib.suppress(ValueError):
        return timedelta(seconds=min(max(0.0, float(text)), _LONGEST_RETRY_AFTER_S))
    return None


def _describe(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return "did not answer in time"
        case aiohttp.ClientConnectorCertificateError():
            return "has a TLS certificate that is not trusted"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return "refused the TLS handshake"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "cannot be reached through the proxy"
        case aiohttp.ClientConnectorError():
            return "cannot be reached"
        case _:
            return "closed the connection before it answered"
