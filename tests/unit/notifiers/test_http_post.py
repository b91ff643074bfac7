"""A failed post says which webhook and what happened, never the URL; only a refused body is given up at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import DeliveryError, WaitsFor
from bot.notifiers.http_post import WebhookClient
from tests.fakes.raw_server import Reaction, SendAndClose, SendAndHang, ok, raw_server

ANSWERS: dict[str, tuple[bytes | Reaction, str, bool, timedelta | None]] = {
    "unavailable": (ok(status="503 Busy"), "answered with HTTP 503", False, None),
    "with a pause": (ok(headers={"Retry-After": "7"}, status="503 Busy"), "HTTP 503", False, timedelta(seconds=7)),
    "rate limit": (ok(headers={"Retry-After": "9"}, status="429 Slow"), "HTTP 429", False, timedelta(seconds=9)),
    "an endless pause": (ok(headers={"Retry-After": "9e9"}, status="429 Slow"), "429", False, timedelta(hours=1)),
    "a date as pause": (ok(headers={"Retry-After": "Sun, 29 Nov"}, status="429 Slow"), "429", False, None),
    "a redirect": (ok(headers={"Location": "http://x/"}, status="302 Found"), "HTTP 302", False, None),
    "a wrong signature": (ok(status="401 No"), "HTTP 401", False, None),
    "a refused body": (ok(status="422 No"), "HTTP 422", True, None),
    "a closed connection": (SendAndClose(), "closed the connection before it answered", False, None),
    "a reset connection": (SendAndClose(reset=True), "closed the connection before it answered", False, None),
    "no HTTP": (SendAndClose(b"SSH-2.0-OpenSSH\r\n\r\n"), "closed the connection before it answered", False, None),
    "silence": (SendAndHang(), "did not answer in time", False, None),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_failure_is_described_without_the_url(case: str) -> None:
    answer, text, is_permanent, retry_after = ANSWERS[case]
    async with raw_server(answer) as server:
        client = WebhookClient(timeout_s=0.2 if case == "silence" else 30)
        with pytest.raises(DeliveryError, match=text) as caught:
            await client.post("ops", f"{server.url}/T0K3N", b"{}", {})
        await client.aclose()
    error = caught.value
    assert "`ops`" in error.public
    assert "T0K3N" not in f"{error.public} {error!r} {error.__cause__!r}"
    assert (is_permanent, retry_after, False) == (error.permanent, error.retry_after, error.unreachable)
    assert is_permanent or error.waits_for is WaitsFor.CHANNEL


async def test_nobody_listens() -> None:
    async with raw_server(ok()) as server:
        url = server.url
    client = WebhookClient()
    with pytest.raises(DeliveryError, match="cannot be reached"):
        await client.post("ops", url, b"{}", {})
    await client.aclose()


async def test_a_post_has_its_headers_and_body() -> None:
    async with raw_server(ok(status="202 Accepted")) as server:
        client = WebhookClient()
        await client.post("ops", f"{server.url}/hook?x=1", b'{"a":1}', {"Trainwatch-Signature": "t=1,v1=ab"})
        await client.aclose()
    head = server.heads[0].decode()
    assert head.startswith("POST /hook?x=1 HTTP/1.1")
    assert "Content-Type: application/json" in head
    assert "Trainwatch-Signature: t=1,v1=ab" in head
