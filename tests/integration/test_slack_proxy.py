"""Slack is reached by the proxy policy of the platforms: its Web API, response URLs and WebSockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from bot.slack.client import create_client
from bot.slack.connection import SocketConnection, create_app
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.proxy import ProxiedRespond
from bot.slack.render.logs import Snippet
from bot.slack.uploads import upload
from bot.store.store import Store
from tests.fakes.raw_server import RawServer, ok, raw_server
from tests.integration.slack_harness import SlackHarness, running
from tests.support.waiting import eventually

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with raw_server(ok(b'{"ok": true}', JSON)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):  # the SDK would read both for any address
            monkeypatch.setenv(name, server.url.removeprefix("http://"))
        yield server


async def test_web_api_and_response_urls_use_the_proxy(proxy: RawServer) -> None:
    await create_client("xoxb-1", "http://slack.test/api/").auth_test()
    await ProxiedRespond(response_url="http://hooks.test/commands/1")({"text": "hello"})
    assert proxy.targets == ["http://slack.test/api/auth.test", "http://hooks.test/commands/1"]


async def test_the_websocket_uses_the_proxy(proxy: RawServer) -> None:
    opened = ok(b'{"ok": true, "url": "ws://wss.test/link"}', JSON)
    proxy.responses = [opened, ok(status="403 Forbidden")]
    connection = SocketConnection(create_app("xoxb-1", api_url="http://slack.test/api/"), "xapp-1")
    task = asyncio.create_task(connection.run())
    await eventually(lambda: len(proxy.targets) > 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert proxy.targets[:2] == ["http://slack.test/api/apps.connections.open", "ws://wss.test/link"]
    assert b"Upgrade: websocket" in proxy.heads[1]


async def test_an_upload_uses_the_proxy(proxy: RawServer) -> None:
    place = ok(b'{"ok": true, "upload_url": "http://files.test/upload", "file_id": "F1"}', JSON)
    proxy.responses = [place, ok(), ok(b'{"ok": true}', JSON)]
    await upload(create_client("xoxb-1", "http://slack.test/api/"), Snippet("log.txt", "Log", b"step 1"), "C1")
    assert proxy.targets[1] == "http://files.test/upload"


async def test_exceptions_and_this_machine_bypass_the_proxy(
    proxy: RawServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(SlackHarness(store)) as harness:  # on 127.0.0.1
        shown = await harness.command("jobs")
    assert "baseten" in str(shown)
    monkeypatch.setenv("NO_PROXY", "*")
    client = create_client("xoxb-1", "http://slack.invalid/api/")
    with pytest.raises(UNREACHABLE):
        await client.auth_test()
    assert proxy.heads == []


async def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch, proxy: RawServer) -> None:
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    with pytest.raises(UNREACHABLE) as caught:
        await create_client("xoxb-1", "http://slack.test/api/").auth_test()
    assert delivery_error(caught.value).public == "The proxy for Slack cannot be reached."


async def test_an_untrusted_certificate_is_named() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UNREACHABLE) as caught:
            await create_client("xoxb-1", f"https://127.0.0.1:{port}/api/").auth_test()
    assert delivery_error(caught.value).public == "The TLS certificate of Slack is not trusted."
