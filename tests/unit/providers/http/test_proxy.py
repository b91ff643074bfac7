"""Requests go through the proxy that the environment names, except to this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.errors import Unavailable
from bot.providers.http.client import HttpClient, HttpLimits, Limiter
from bot.providers.http.transport import proxy_for
from tests.unit.providers.raw_server import RawServer, ok, raw_server

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


async def ask(url: str) -> bytes:
    client = HttpClient(
        "acme", url, {"Authorization": "Bearer k3y"}, secrets=["k3y"], limiter=Limiter(HttpLimits(attempts=1))
    )
    try:
        return await client.get("/runs/a%2Fb", [("q", "1")])
    finally:
        await client.aclose()


async def test_a_request_goes_through_the_proxy(proxy: RawServer) -> None:
    assert b"{}" == await ask("http://acme.test")
    assert ["http://acme.test/runs/a%2Fb?q=1"] == proxy.targets
    assert b"Proxy-Authorization: Basic bWU6cHc=" in proxy.heads[0]
    assert b"Authorization: Bearer k3y" in proxy.heads[0]


async def test_the_key_stays_within_the_tunnel_and_a_refusal_is_said(proxy: RawServer) -> None:
    proxy.answers.pop(0)
    with pytest.raises(Unavailable, match=r"proxy on the way to acme") as caught:
        await ask("https://acme.test")
    assert ["acme.test:443"] == proxy.targets
    assert b"Proxy-Authorization: Basic bWU6cHc=" in proxy.heads[0]
    assert b"k3y" not in proxy.heads[0]
    assert "pw" not in caught.value.public


async def test_this_machine_is_asked_straight(proxy: RawServer) -> None:
    async with raw_server(ok(b"here")) as server:
        assert b"here" == await ask(server.url)
        assert b"here" == await ask(server.url.replace("127.0.0.1", "localhost"))
    assert proxy_for(httpx.URL("http://[::1]:80")) is None
    assert [] == proxy.heads


async def test_no_proxy_is_obeyed(proxy: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "other.test,.acme.test")
    assert proxy_for(httpx.URL("https://api.acme.test")) is None
    assert proxy_for(httpx.URL("https://api.example.test")) is not None
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_for(httpx.URL("https://api.example.test")) is None
