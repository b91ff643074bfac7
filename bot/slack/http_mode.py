"""HTTP mode: verify signed requests, refuse replayed and malformed ones, and let Bolt route the others.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack (documented, read 2026-11-29). A signature
is valid for five minutes. A repetition by Slack itself has a new time and therefore a new signature.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.signature import Clock, SignatureVerifier

from bot.domain.audit import AuditKind
from bot.slack.gate import Gate
from bot.slack.payloads import MalformedPayload, check_payload, describe_payload
from bot.slack.seen_once import SeenOnce
from bot.steady_clock import utc_now

HTTP_PATH = "/slack/events"
"""The path for commands, clicks and events in HTTP mode."""
_VALID_FOR = timedelta(minutes=10)
"""Twice the five minutes, because the clock of the signer may be behind or ahead."""

_READ_TIMEOUT_S = 10.0
_UNREADABLE = (MalformedPayload, ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What Bolt and `check_payload` raise on a payload without the documented shape."""

log = logging.getLogger(__name__)


class _SignatureClock(Clock):
    def now(self) -> float:
        """Return the time that a jump of the system clock does not change; else every request would be refused."""
        return utc_now().timestamp()


class RequestReceiver:
    """Receives Slack's requests."""

    def __init__(self, app: AsyncApp, signing_secret: str, seen: SeenOnce, gate: Gate) -> None:
        # `gate` records the requests that are refused.
        self._app, self._seen, self._gate = app, seen, gate
        self._verifier = SignatureVerifier(signing_secret, clock=_SignatureClock())

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one request: 401 without a valid signature or when replayed, 400 if malformed."""
        signature = request.headers.get("x-slack-signature", "")
        try:
            async with asyncio.timeout(_READ_TIMEOUT_S):
                raw = await request.read()
        except (ConnectionError, TimeoutError) as error:
            log.debug("event ignored", extra={"reason": f"the request broke off: {type(error).__name__}"})
            return web.Response(status=408, text="incomplete request")
        try:
            is_signed = self._is_signed(raw.decode(), request.headers.get("x-slack-request-timestamp", ""), signature)
        except UnicodeDecodeError:
            return web.Response(status=400, text="not UTF-8 text")
        try:
            bolt_request = _read_request(request, raw)
        except _UNREADABLE as error:
            if not is_signed:
                return _invalid_signature()
            log.warning("malformed request", extra={"reason": _reason(error)})
            return web.Response(status=400, text="malformed payload")
        if bolt_request.body.get("ssl_check") != "1":  # Slack checks the certificate with an unsigned request
            if not is_signed:
                return _invalid_signature()
            if not await self._seen.is_new(f"signature:{signature}", _VALID_FOR):
                log.warning("replayed request")
                origin, text = describe_payload(bolt_request.body)
                await self._gate.record_refusal(
                    AuditKind.REQUEST, origin, text, "replayed: its signature was seen before"
                )
                return web.Response(status=401, text="replayed request")
        return await to_aiohttp_response(await self._app.async_dispatch(bolt_request))

    def _is_signed(self, text: str, timestamp: str, signature: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16 and signature.isascii()):
            return False
        return self._verifier.is_valid(text, timestamp, signature)


def _read_request(request: web.Request, raw: bytes) -> AsyncBoltRequest:
    headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
    bolt_request = AsyncBoltRequest(body=raw.decode(), query=request.query_string, headers=headers)
    check_payload(bolt_request.body)
    return bolt_request


def _invalid_signature() -> web.Response:
    return web.Response(status=401, text="invalid signature")


async def serve_http(receiver: RequestReceiver, *, host: str = "127.0.0.1", port: int = 3000) -> None:
    """Serve signed requests on `HTTP_PATH` until cancelled."""
    application = web.Application()
    application.add_routes([web.post(HTTP_PATH, receiver.receive)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        log.info("listening for slack", extra={"host": host, "port": port, "path": HTTP_PATH})
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _reason(error: Exception) -> str:
    """Why a payload is malformed; other errors may quote its text."""
    return str(error) if isinstance(error, MalformedPayload) else type(error).__name__
