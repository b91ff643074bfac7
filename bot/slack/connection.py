"""Connections from Slack: a monitored Socket Mode connection. `http_mode` receives signed HTTP requests instead.

The SDK reconnects by itself, but connections have been seen to stay silent for hours (python-slack-sdk#1446,
bolt-python#1529). So a connection without pongs is replaced. Requests are handled in `bot.slack.listeners`.
"""

import asyncio
import logging
import time
from datetime import timedelta

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot import metrics
from bot.errors import ConfigError
from bot.network import proxy_for
from bot.slack.client import SLACK_API_URL, configure
from bot.slack.failures import BAD_TOKEN, UNREACHABLE, error_code, retry_after
from bot.slack.payloads import MalformedPayload, check_payload
from bot.slack.proxy import use_proxy_policy

_UNRESPONSIVE_AFTER_S = 45.0
"""Slack answers a ping every 10 s, so four pongs are missing."""

log = logging.getLogger(__name__)


def create_app(bot_token: str, *, api_url: str = SLACK_API_URL, signing_secret: str | None = None) -> AsyncApp:
    """A Bolt app without listeners. Only HTTP mode needs the signing secret."""
    app = AsyncApp(
        token=bot_token,
        signing_secret=signing_secret,
        before_authorize=use_proxy_policy,
        raise_error_for_unhandled_request=True,  # `unhandled` acknowledges them
    )
    configure(app.client, api_url)
    return app


class _SocketHandler(AsyncSocketModeHandler):
    """Acknowledges payloads that Bolt cannot read, because Slack would send them again."""

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        try:
            check_payload(req.payload)
        except MalformedPayload as problem:
            log.debug("event ignored", extra={"reason": str(problem)})
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
            return
        await super().handle(client, req)  # type: ignore[arg-type]


class SocketConnection:
    """Keeps a Socket Mode connection alive while `run` runs."""

    def __init__(self, app: AsyncApp, app_token: str, *, ping_s: float = 10.0, retry_s: float = 5.0) -> None:
        """Ping every `ping_s`. After a failed connection wait `retry_s`, unless Slack says how long."""
        self._app, self._app_token = app, app_token
        self._ping_s, self._retry_s = ping_s, retry_s
        self._unresponsive_after_s = min(_UNRESPONSIVE_AFTER_S, 4.5 * ping_s)
        self._started = asyncio.Event()
        self._seen_s = time.monotonic()

    async def connected(self) -> None:
        """Return once the first connection is open."""
        await self._started.wait()

    def silence_s(self) -> float:
        """Return the seconds since Slack last sent a message or a pong, or since the start."""
        return time.monotonic() - self._seen_s

    async def run(self) -> None:
        """Stay connected until cancelled.

        Raises:
            ConfigError: SLACK_APP_TOKEN is not valid.
        """
        while True:
            try:
                await self._connect_and_watch()
            except UNREACHABLE as error:
                code = error_code(error)
                if code in BAD_TOKEN:
                    raise ConfigError(_HOW_TO_FIX) from error
                log.warning("slack not connected", extra={"reason": code})
                wait = retry_after(error) or timedelta(seconds=self._retry_s)
                await asyncio.sleep(wait.total_seconds())

    async def _connect_and_watch(self) -> None:
        opened = await self._app.client.apps_connections_open(app_token=self._app_token)
        handler = _SocketHandler(self._app, self._app_token, ping_interval=self._ping_s)
        handler.client.wss_uri = str(opened["url"])
        handler.client.proxy = proxy_for(handler.client.wss_uri)
        handler.client.on_message_listeners.append(self._note_message)
        try:
            async with asyncio.timeout(3 * self._unresponsive_after_s):
                await handler.connect_async()  # type: ignore[no-untyped-call]
            log.info("slack connected")
            metrics.SLACK_CONNECTS.inc()
            self._note()
            self._started.set()
            await self._watch(handler)
        finally:
            await _close(handler)
            metrics.SLACK_DISCONNECTS.inc()

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Return when no pong has arrived for too long."""
        # The SDK notes the system clock's time of a pong. That clock can jump, so only whether it changes counts.
        alive_s, last_pong_at = time.monotonic(), handler.client.last_ping_pong_time
        while time.monotonic() - alive_s < self._unresponsive_after_s:
            await asyncio.sleep(self._ping_s / 4)
            pong_at = handler.client.last_ping_pong_time
            if pong_at != last_pong_at and await handler.client.is_connected():
                alive_s, last_pong_at = time.monotonic(), pong_at
                self._note()
        log.warning("slack connection is unresponsive; reconnecting")

    async def _note_message(self, message: aiohttp.WSMessage) -> None:
        self._note()

    def _note(self) -> None:
        self._seen_s = time.monotonic()


async def _close(handler: AsyncSocketModeHandler) -> None:
    """Close the connection in any state, and end the SDK's tasks."""
    client = handler.client
    try:
        await handler.close_async()  # type: ignore[no-untyped-call]
    except UNREACHABLE as error:
        log.info("slack connection did not close cleanly", extra={"reason": type(error).__name__})
        await client.aiohttp_client_session.close()
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


_HOW_TO_FIX = (
    "SLACK_APP_TOKEN is not valid. Create an app-level token (xapp-) with the scope connections:write under "
    "Basic Information, App-Level Tokens, and set it."
)
