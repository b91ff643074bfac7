"""Requests go through the proxy that the environment names, except to this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import Unavailable
from bot.network import proxy_for
from bot.providers.http.client import HttpClient, HttpLimits, Limiter
from tests.fakes.raw_server import RawServer, ok, raw_server

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawServer]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with raw_server(ok(b"{}"), ok(b"", status="407 Proxy Authentication Required")) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url.replace("//", "//me:pw@"))
        yield server


async def request(url: str) -> bytes:
    limiter = Limiter(HttpLimits(attempts=1))
    client = HttpClient("acme", url, {"Authorization": "Bearer k3y"}, secrets=["k3y"], limiter=limiter)
    try:
        return await client.get("/runs/a%2Fb", [("q", "1")])
    finally:
        await client.aclose()


async def test_a_request_goes_through_the_proxy(proxy: RawServer) -> None:
    assert await request("http://acme.test") == b"{}"
    assert proxy.targets == ["http://acme.test/runs/a%2Fb?q=1"]
    assert b"Proxy-Authorization: Basic bWU6cHc=" in proxy.heads[0]
    assert b"Authorization: Bearer k3y" in proxy.heads[0]


async def test_the_key_is_sent_only_inside_the_tunnel_and_a_refusal_names_the_proxy(proxy: RawServer) -> None:
    proxy.responses.pop(0)
    with pytest.raises(Unavailable, match="The proxy for acme") as caught:
        await request("https://acme.test")
    assert proxy.targets == ["acme.test:443"]
    assert b"Proxy-Authorization: Basic bWU6cHc=" in proxy.heads[0]
    assert b"k3y" not in proxy.heads[0]
    assert "pw" not in caught.value.public


async def test_local_addresses_bypass_the_proxy(proxy: RawServer) -> None:
    async with raw_server(ok(b"here")) as server:
        assert await request(server.url) == b"here"
        assert await request(server.url.replace("127.0.0.1", "localhost")) == b"here"
    assert proxy_for("http://[::1]:80") is None
    assert proxy.heads == []


async def test_no_proxy_is_respected(proxy: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "other.test,.acme.test")
    assert proxy_for("https://api.acme.test") is None
    assert proxy_for("https://api.example.test") is not None
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_for("https://api.example.test") is None
