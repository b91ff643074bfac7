"""How Slack brings an app its commands, clicks and events, and what came back.

Two ways, as in Slack: `SocketHub` (Socket Mode) and `HttpDelivery` (signed requests). `EventSender` picks one.

Source: docs.slack.dev/apis/events-api and events-api/using-socket-mode (documented, read 2026-11-20).
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import httpx

from emulator.slack.model import Json

ACK_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one delivery."""

    is_acked: bool
    body: Json | None = None
    ack_s: float = 0.0
    error: str = ""
    """`operation_timeout` or `dispatch_failed`, as Slack shows to the person."""
    is_final: bool = False
    """The app asked for no retries."""


class Delivery(Protocol):
    """One way to an app."""

    async def send(self, kind: str, payload: Json, retry: int = 0, reason: str = "") -> Outcome:
        """Bring one payload; `kind` is slash_commands, interactive or events_api."""
        ...


@dataclass(slots=True)
class HttpDelivery:
    """Signed requests to a request URL."""

    request_url: str
    signing_secret: str
    client: httpx.AsyncClient
    clock: Callable[[], float] = time.time
    ack_within_s: float = ACK_WITHIN_S

    async def send(self, kind: str, payload: Json, retry: int = 0, reason: str = "") -> Outcome:
        """POST the payload, signed; anything but 2xx within three seconds is a failure."""
        body, content_type = encode_body(kind, payload)
        headers = {"content-type": content_type, **self.signature(body)}
        if retry:
            headers |= {"x-slack-retry-num": str(retry), "x-slack-retry-reason": reason}
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.ack_within_s):
                response = await self.client.post(self.request_url, content=body, headers=headers)
        except TimeoutError:
            return Outcome(is_acked=False, error="operation_timeout")
        except httpx.HTTPError:
            return Outcome(is_acked=False, error="dispatch_failed")
        if not response.is_success:
            no_retry = response.headers.get("x-slack-no-retry") == "1"
            return Outcome(is_acked=False, error="dispatch_failed", is_final=no_retry)
        return Outcome(is_acked=True, body=decode_answer(response), ack_s=time.monotonic() - started)

    def signature(self, body: str) -> dict[str, str]:
        """The two headers that prove a request is Slack's."""
        timestamp = str(int(self.clock()))
        base = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}


def encode_body(kind: str, payload: Json) -> tuple[str, str]:
    """The body and content type Slack uses for a kind of payload."""
    form = "application/x-www-form-urlencoded"
    if kind == "slash_commands":
        return urlencode(payload), form
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}), form
    return json.dumps(payload), "application/json"


def decode_answer(response: httpx.Response) -> Json | None:
    """The body of an acknowledgement: JSON, plain text as a message, or nothing."""
    if not response.content:
        return None
    if response.headers.get("content-type", "").startswith("application/json"):
        body = response.json()
        return body if isinstance(body, dict) else None
    return {"text": response.text}


@dataclass(slots=True)
class EventSender:
    """Brings payloads the configured way; events are repeated until acknowledged or three retries failed."""

    delivery: Delivery
    retry_delays_s: tuple[float, ...] = (1.0, 4.0, 4.0)
    """After a failure. With the 3 s of waiting, Socket Mode repeats after about 4 s (observed, slackapi/bolt-js
    issue 2487); over HTTP Slack repeats at once, after one and after five minutes (documented)."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """Events on their way."""

    async def ask(self, kind: str, payload: Json) -> Outcome:
        """Bring a command or interaction, once, and say what came of it."""
        return await self.delivery.send(kind, payload)

    def send_event(self, payload: Json) -> None:
        """Bring an event, in the background."""
        task = asyncio.create_task(self._send(payload))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def aclose(self) -> None:
        """Stop repeating."""
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _send(self, payload: Json) -> None:
        outcome = await self.delivery.send("events_api", payload)
        for number, delay_s in enumerate(self.retry_delays_s, start=1):
            if outcome.is_acked or outcome.is_final:
                return
            reason = "timeout" if outcome.error == "operation_timeout" else "http_error"
            await asyncio.sleep(delay_s)
            outcome = await self.delivery.send("events_api", payload, number, reason)
