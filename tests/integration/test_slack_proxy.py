"""Slack is reached by the proxy policy of the platforms: its Web API, response URLs and WebSockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from bot.slack.client import create_client
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.proxy import ProxiedRespond
from bot.store.store import Store
from tests.fakes.raw_server import RawServer, ok, raw_server
from tests.integration.slack_harness import SlackHarness, running


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with raw_server(ok(b'{"ok": true}', {"Content-Type": "application/json"})) as server:
        monkeypatch.setenv("ALL_PROXY", server.url.removeprefix("http://"))
        yield server


async def test_web_api_and_response_urls_use_the_proxy(proxy: RawServer) -> None:
    await create_client("xoxb-1", "http://slack.test/api/").auth_test()
    await ProxiedRespond(response_url="http://hooks.test/commands/1")({"text": "hello"})
    assert proxy.targets == ["http://slack.test/api/auth.test", "http://hooks.test/commands/1"]


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
    monkeypatch.setenv("ALL_PROXY", "127.0.0.1:9")
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
