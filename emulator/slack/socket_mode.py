"""Socket Mode: WebSockets the app opens, envelopes down, acknowledgements up.

Up to ten connections; each envelope goes to any one of them. Neighbours: `delivery` decides about retries.

Source: docs.slack.dev/apis/events-api/using-socket-mode (documented, read 2026-11-20).
"""

import asyncio
import json
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from emulator.slack.delivery import ACK_WITHIN_S, Outcome
from emulator.slack.methods.call import MethodContext
from emulator.slack.model import Json

CONNECTIONS_MAX = 10
CONNECTION_LIFE_S = 18_060


@dataclass(slots=True)
class SocketHub:
    """The open connections and the envelopes not yet acknowledged."""

    context: MethodContext
    connections: list[WebSocket] = field(default_factory=list)
    acks: deque[Json] = field(default_factory=lambda: deque(maxlen=1_000))
    """The latest acknowledgements received, for tests."""
    ack_within_s: float = ACK_WITHIN_S
    _waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, socket: WebSocket) -> None:
        """Hold one connection until either side ends it."""
        ticket = socket.query_params.get("ticket", "")
        await socket.accept()
        if ticket not in self.context.interaction_tokens.sockets:
            await socket.close(code=4001, reason="invalid ticket")
            return
        self.context.interaction_tokens.sockets.discard(ticket)
        if len(self.connections) >= CONNECTIONS_MAX:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return
        self.connections.append(socket)
        try:
            await socket.send_json(self._hello())
            self._changed.set()
            while True:
                self._take(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass  # the app has gone; what it did not acknowledge is delivered again or times out
        finally:
            self.connections.remove(socket)
            self._changed.set()

    async def send(self, kind: str, payload: Json, retry: int = 0, reason: str = "") -> Outcome:
        """Send one envelope down a random connection and wait for its acknowledgement."""
        if not self.connections:
            return Outcome(is_acked=False, error="dispatch_failed")
        envelope: Json = {
            "envelope_id": _envelope_id(payload),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": reason}
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        started = time.monotonic()
        try:
            await random.choice(self.connections).send_json(envelope)
            async with asyncio.timeout(self.ack_within_s):
                body = await answer
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return Outcome(is_acked=False, error="operation_timeout")
        finally:
            self._waiting.pop(envelope["envelope_id"], None)
        return Outcome(is_acked=True, body=body, ack_s=time.monotonic() - started)

    async def wait_for_connections(self, count: int = 1, timeout_s: float = 60.0) -> None:
        """Wait until the app holds exactly `count` connections.

        Raises:
            TimeoutError: it did not come to that.
        """
        async with asyncio.timeout(timeout_s):
            while len(self.connections) != count:
                self._changed.clear()
                await self._changed.wait()

    async def disconnect(self, reason: str = "refresh_requested", *, close: bool = True) -> None:
        """Ask every connection to reconnect (`warning`, `refresh_requested` or `link_disabled`), then hang up."""
        for socket in tuple(self.connections):
            await socket.send_json(_disconnect(reason))
            if close and reason != "warning":
                await socket.close()

    async def drop(self) -> None:
        """Hang up without a word, as a network does."""
        for socket in tuple(self.connections):
            await socket.close(code=1011)

    def _take(self, text: str) -> None:
        """Take an acknowledgement; anything else is ignored, as Slack does."""
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict) or "envelope_id" not in message:
            return
        self.acks.append(message)
        answer = self._waiting.get(message["envelope_id"])
        if answer and not answer.done():
            answer.set_result(message.get("payload") or None)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "emulated", "approximate_connection_time": CONNECTION_LIFE_S},
            "connection_info": {"app_id": self.context.workspace.app.id},
        }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "emulated"}}


def _envelope_id(payload: Json) -> str:
    """A repeated event keeps its envelope id (observed, slackapi/bolt-js issue 2487)."""
    event_id = payload.get("event_id")
    return str(uuid.uuid5(uuid.NAMESPACE_URL, event_id) if event_id else uuid.uuid4())
