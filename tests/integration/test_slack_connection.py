"""How Slack reaches us: Socket Mode that heals, HTTP with signatures, and the check of both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
import pytest_asyncio
from aiohttp import web

from bot.errors import ConfigError
from bot.slack.background_tasks import TaskSet
from bot.slack.client import create_client
from bot.slack.connection import HTTP_PATH, SocketConnection, create_app, serve_http
from bot.slack.listeners import register
from bot.slack.setup_check import SCOPES, SPARED, check_slack
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Slack, create_slack, served
from emulator.slack.delivery import HttpDelivery, encode_body
from emulator.slack.limits import RateLimits
from tests.integration.slack_harness import GRANTED, FakeRunner, FakeStore, socket_bench
from tests.unit.slack.factories import NOW


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = create_slack(scopes=GRANTED, limits=RateLimits(enabled=False))
    async with served(slack):
        yield slack


async def test_a_dropped_connection_is_made_anew_and_serves_again() -> None:
    async with socket_bench() as bench:
        await bench.slack.sockets.drop()
        await bench.slack.sockets.wait_for_connections(0)
        await bench.slack.sockets.wait_for_connections(1)
        seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "help")
        assert "How to use" in seen.text


async def test_when_slack_asks_to_reconnect_it_does() -> None:
    async with socket_bench() as bench:
        await bench.slack.sockets.disconnect("refresh_requested")
        await bench.slack.sockets.wait_for_connections(0)
        await bench.slack.sockets.wait_for_connections(1)
        seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "help")
        assert "How to use" in seen.text


async def test_the_last_sign_of_life_is_known(slack: Slack) -> None:
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), APP_TOKEN, ping_s=0.4)
    assert connection.last_seen is None
    running = asyncio.create_task(connection.run())
    await connection.connected()
    first = connection.last_seen
    assert first is not None
    for _ in range(100):
        await asyncio.sleep(0.05 if connection.last_seen == first else 0)
    assert connection.last_seen > first
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await slack.sockets.wait_for_connections(0)


async def test_a_connection_that_is_open_and_deaf_is_made_anew() -> None:
    connections = 0

    async def deaf(request: web.Request) -> web.WebSocketResponse:
        nonlocal connections
        connections += 1
        silent = web.WebSocketResponse(autoping=False)
        await silent.prepare(request)
        async for _ in silent:
            pass  # mentioned_users stay without a pong
        return silent

    async def open_connection(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://{request.host}/deaf"})

    app = web.Application()
    app.add_routes([web.post("/apps.connections.open", open_connection), web.get("/deaf", deaf)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    api_url = f"http://127.0.0.1:{port}/"
    running = asyncio.create_task(SocketConnection(create_app("xoxb-1", api_url=api_url), "xapp-1", ping_s=0.1).run())
    for _ in range(100):
        await asyncio.sleep(0.05 if connections < 2 else 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.cleanup()
    assert connections >= 2


async def test_a_wrong_app_token_ends_it_with_the_remedy(slack: Slack) -> None:
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), "xapp-wrong")
    with pytest.raises(ConfigError, match="SLACK_APP_TOKEN"):
        await connection.run()


async def test_a_slack_that_is_away_is_waited_for(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.connection._RETRY_S", 0.05)
    slack.fail("apps.connections.open", "internal_error", status=500, times=2)
    connection = SocketConnection(create_app(BOT_TOKEN, api_url=slack.api_url), APP_TOKEN)
    running = asyncio.create_task(connection.run())
    await asyncio.wait_for(connection.connected(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_http_mode_answers_signed_requests_and_refuses_others() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}{HTTP_PATH}"
    slack = create_slack(scopes=GRANTED, request_url=url)
    async with served(slack), httpx.AsyncClient() as client:
        app = create_app(BOT_TOKEN, api_url=slack.api_url, signing_secret=SIGNING_SECRET)
        tasks = register(app, FakeRunner(), FakeStore(), lambda: NOW)
        serving = asyncio.create_task(serve_http(app, port=port))
        try:
            await _listening(port)
            seen = await slack.person_actions.slash("ada", "#training", "/train", "help")
            assert "How to use" in seen.text
            body, kind = encode_body("slash_commands", {"command": "/train", "text": "help"})
            wrong = HttpDelivery(url, "another secret", client).signature(body)
            refused = await client.post(url, content=body, headers={"content-type": kind, **wrong})
            unsigned = await client.post(url, content=body, headers={"content-type": kind})
            assert [401, 401] == [refused.status_code, unsigned.status_code]
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await tasks.drain(1)


async def _listening(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


async def test_the_check_finds_nothing_wrong_where_nothing_is(slack: Slack) -> None:
    results = await check_slack(create_client(BOT_TOKEN, slack.api_url), APP_TOKEN)
    assert [True, True, True] == [one.ok for one in results]
    assert "bot @trainwatch" in results[0].found


@pytest.mark.parametrize("missing", SCOPES)
async def test_the_check_names_a_missing_scope_and_its_remedy(missing: str) -> None:
    slack = create_slack(scopes=[scope for scope in GRANTED if scope != missing])
    async with served(slack):
        (_, scopes) = await check_slack(create_client(BOT_TOKEN, slack.api_url), None)
    assert (missing in SPARED) == scopes.ok
    assert missing in scopes.found
    assert "manifest.yml" in (scopes.remedy or "")


@pytest.mark.parametrize(
    ("bot_token", "app_token", "wrong", "hint"),
    [
        ("xoxb-wrong", APP_TOKEN, "Slack bot token", "Copy it again"),
        ("xapp-swapped", APP_TOKEN, "Slack bot token", "SLACK_APP_TOKEN"),
        (BOT_TOKEN, "xapp-wrong", "Slack app token (Socket Mode)", "Copy it again"),
        (BOT_TOKEN, "xoxb-swapped", "Slack app token (Socket Mode)", "connections:write"),
    ],
)
async def test_the_check_tells_which_token_is_wrong(
    slack: Slack, bot_token: str, app_token: str, wrong: str, hint: str
) -> None:
    results = await check_slack(create_client(bot_token, slack.api_url), app_token)
    (bad,) = [one for one in results if not one.ok]
    assert wrong == bad.subject
    assert hint in (bad.remedy or "")
    assert bot_token not in f"{bad}"


async def test_the_check_says_when_slack_cannot_be_reached() -> None:
    (result,) = await check_slack(create_client("xoxb-1", "http://127.0.0.1:9/"), None)
    assert "cannot be reached" in result.found
    assert "SLACK_API_URL" in (result.remedy or "")


async def test_work_in_the_background_is_bounded_and_drained() -> None:
    tasks, gate, ran, together = TaskSet(at_once=2, at_most=3, refusals=1), asyncio.Event(), [], []

    async def work(number: int) -> None:
        async with tasks.turn():
            together.append(number)
            await gate.wait()
            ran.append(number)

    assert [True, True, True, False] == [tasks.start(partial(work, number)) for number in range(4)]
    assert [True, False] == [tasks.refuse(gate.wait) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert [0, 1] == together
    gate.set()
    await tasks.drain()
    assert [0, 1, 2] == ran
    assert 0 == len(tasks)


async def test_work_that_never_ends_is_cancelled_at_the_end() -> None:
    tasks = TaskSet(at_once=1)
    tasks.start(asyncio.Event().wait)
    tasks.start(asyncio.Event().wait)
    await asyncio.wait_for(tasks.drain(0.05), 2)
    assert 0 == len(tasks)
