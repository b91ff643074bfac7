"""Connections from Slack: Socket Mode that reconnects, signed HTTP requests, and the setup check."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from bot.errors import ConfigError, TooBusy
from bot.slack.background_tasks import TaskSet
from bot.slack.client import create_client
from bot.slack.connection import SocketConnection, create_app
from bot.slack.http_mode import HTTP_PATH, RequestReceiver, serve_http
from bot.slack.seen_once import SeenOnce
from bot.slack.setup_check import OPTIONAL_SCOPES, SCOPES, check_slack
from bot.store.store import Store
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Slack, create_slack, served
from emulator.slack.delivery import HttpDelivery, encode_body
from emulator.slack.limits import RateLimits
from tests.integration.slack_harness import SlackHarness
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S, eventually


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = create_slack(scopes=GRANTED, limits=RateLimits(enabled=False))
    async with served(slack):
        yield slack


async def test_a_dropped_connection_is_replaced(harness: SlackHarness) -> None:
    await harness.slack.sockets.drop()
    await harness.slack.sockets.wait_for_connections(0)
    await harness.slack.sockets.wait_for_connections(1)
    seen = await harness.command("help")
    assert "How to use" in seen.text


async def test_it_reconnects_when_slack_asks_to(harness: SlackHarness) -> None:
    await harness.slack.sockets.disconnect("refresh_requested")
    await harness.slack.sockets.wait_for_connections(0)
    await harness.slack.sockets.wait_for_connections(1)
    seen = await harness.command("help")
    assert "How to use" in seen.text


async def test_pongs_end_the_silence(slack: Slack) -> None:
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), APP_TOKEN, ping_s=0.4)
    running = asyncio.create_task(connection.run())
    await connection.connected()
    before_s = connection.silence_s()
    await eventually(lambda: connection.silence_s() > before_s)
    await eventually(lambda: connection.silence_s() < 0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await slack.sockets.wait_for_connections(0)


async def test_a_connection_without_pongs_is_replaced() -> None:
    connections = 0

    async def unresponsive(request: web.Request) -> web.WebSocketResponse:
        nonlocal connections
        connections += 1
        silent = web.WebSocketResponse(autoping=False)
        await silent.prepare(request)
        async for _ in silent:
            pass  # no pong for any ping
        return silent

    async def open_connection(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://{request.host}/unresponsive"})

    app = web.Application()
    app.add_routes([web.post("/apps.connections.open", open_connection), web.get("/unresponsive", unresponsive)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    api_url = f"http://127.0.0.1:{port}/"
    running = asyncio.create_task(SocketConnection(create_app("xoxb-1", api_url=api_url), "xapp-1", ping_s=0.1).run())
    await eventually(lambda: connections >= 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()


async def test_an_invalid_app_token_is_an_error_with_the_fix(slack: Slack) -> None:
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), "xapp-wrong")
    with pytest.raises(ConfigError, match="SLACK_APP_TOKEN"):
        await connection.run()


async def test_it_retries_while_slack_is_unavailable(slack: Slack) -> None:
    slack.fail("apps.connections.open", "internal_error", status=500, times=2)
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), APP_TOKEN, retry_s=0.05)
    running = asyncio.create_task(connection.run())
    await asyncio.wait_for(connection.connected(), LONGEST_S)
    assert connection.silence_s() < LONGEST_S
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_http_mode_answers_signed_requests_and_refuses_others(store: Store) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}{HTTP_PATH}"
    slack = create_slack(scopes=GRANTED, request_url=url)
    async with served(slack), httpx.AsyncClient() as client:
        harness = SlackHarness(store, slack)
        harness.start()
        receiver = RequestReceiver(
            harness.app, SIGNING_SECRET, SeenOnce(store.seen, harness.clock), harness.listeners.gate
        )
        serving = asyncio.create_task(serve_http(receiver, port=port))
        try:
            await _listening(port)
            seen = await harness.command("help")
            assert "How to use" in seen.text
            body, kind = encode_body(
                "slash_commands", {"command": "/train", "text": "help", "user_id": "U0ADA", "channel_id": "C1"}
            )
            wrong = HttpDelivery(url, "another secret", client).signature(body)
            refused = await client.post(url, content=body, headers={"content-type": kind, **wrong})
            unsigned = await client.post(url, content=body, headers={"content-type": kind})
            assert [401, 401] == [refused.status_code, unsigned.status_code]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await harness.listeners.tasks.drain(1)


async def _listening(port: int) -> None:
    async with asyncio.timeout(LONGEST_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


async def test_the_check_passes_on_a_complete_setup(slack: Slack) -> None:
    results = await check_slack(create_client(BOT_TOKEN, slack.api_url), APP_TOKEN)
    assert [True] * 4 == [one.ok for one in results]
    assert "bot @trainwatch" in results[0].found


@pytest.mark.parametrize("missing", SCOPES)
async def test_the_check_names_a_missing_scope_and_the_fix(missing: str) -> None:
    slack = create_slack(scopes=[scope for scope in GRANTED if scope != missing])
    async with served(slack):
        results = await check_slack(create_client(BOT_TOKEN, slack.api_url), None)
    scopes = results[1]
    assert (missing in OPTIONAL_SCOPES) == scopes.ok
    assert missing in scopes.found
    assert "manifest.yml" in (scopes.remedy or "")


@pytest.mark.parametrize(
    ("bot_token", "app_token", "wrong", "hint"),
    [
        ("xoxb-wrong", APP_TOKEN, "Slack bot token", "Copy SLACK_BOT_TOKEN again"),
        ("xapp-swapped", APP_TOKEN, "Slack bot token", "SLACK_APP_TOKEN"),
        (BOT_TOKEN, "xapp-wrong", "Slack app token (Socket Mode)", "Copy SLACK_APP_TOKEN again"),
        (BOT_TOKEN, "xoxb-swapped", "Slack app token (Socket Mode)", "connections:write"),
    ],
)
async def test_the_check_names_the_wrong_token(
    slack: Slack, bot_token: str, app_token: str, wrong: str, hint: str
) -> None:
    results = await check_slack(create_client(bot_token, slack.api_url), app_token)
    (bad,) = [one for one in results if not one.ok]
    assert wrong == bad.subject
    assert hint in (bad.remedy or "")
    assert bot_token not in f"{bad}"


async def test_the_check_reports_an_unreachable_slack() -> None:
    (result,) = await check_slack(create_client("xoxb-1", "http://127.0.0.1:9/"), None)
    assert "cannot be reached" in result.found
    assert "SLACK_API_URL" in (result.remedy or "")


async def test_background_work_is_limited_and_drained() -> None:
    tasks, gate, ran, together = TaskSet(concurrency=2, limit=3, refusals=1), asyncio.Event(), [], []
    refused: list[int] = []

    async def refuse(number: int) -> None:
        refused.append(number)

    async def work(number: int) -> None:
        async with tasks.turn():
            together.append(number)
            await gate.wait()
            ran.append(number)

    assert [True, True, True, False] == [tasks.start(work(number)) for number in range(4)]
    for number in range(50):
        tasks.refuse(refuse(number))
    await eventually(lambda: refused == list(range(50)))
    await eventually(lambda: len(together) == 2)
    assert [0, 1] == together
    gate.set()
    await tasks.drain()
    assert [0, 1, 2] == ran
    assert 0 == len(tasks)


async def test_a_turn_that_takes_too_long_is_refused() -> None:
    tasks = TaskSet(concurrency=1, turn_within_s=0.01)
    async with tasks.turn():
        with pytest.raises(TooBusy):
            await tasks.turn().__aenter__()
    async with tasks.turn():
        pass


async def test_work_that_never_ends_is_cancelled_by_drain() -> None:
    tasks = TaskSet(concurrency=1)
    tasks.start(asyncio.Event().wait())
    tasks.start(asyncio.Event().wait())
    await asyncio.wait_for(tasks.drain(0.05), LONGEST_S)
    assert 0 == len(tasks)
