"""The emulated PagerDuty: which events it takes, and what they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from emulator.pagerduty import ENQUEUE, PagerDuty, pagerduty_app

KEY = "demo-pagerduty-routing-key-0123456"
TRIGGER = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "inc-1",
    "payload": {"summary": "GPU out of memory", "source": "baseten:p/j", "severity": "critical"},
}
INVALID: dict[str, dict[str, Any]] = {
    "routing_key": {"routing_key": "wrong"},
    "event_action": {"event_action": "open"},
    "dedup_key": {"dedup_key": "x" * 256},
    "payload": {"payload": None},
    "payload.summary": {"payload": {**TRIGGER["payload"], "summary": ""}},  # type: ignore[dict-item]
    "is too long": {"payload": {**TRIGGER["payload"], "summary": "x" * 1025}},  # type: ignore[dict-item]
    "payload.source": {"payload": {"summary": "x", "severity": "info"}},
    "payload.severity": {"payload": {**TRIGGER["payload"], "severity": "page"}},  # type: ignore[dict-item]
}


@pytest.fixture
async def account() -> AsyncIterator[tuple[PagerDuty, httpx.AsyncClient]]:
    account = PagerDuty()
    transport = httpx.ASGITransport(app=pagerduty_app(account))
    async with httpx.AsyncClient(transport=transport, base_url="http://pd") as client:
        yield account, client


@pytest.mark.parametrize(("problem", "change"), INVALID.items())
async def test_an_event_is_checked(
    account: tuple[PagerDuty, httpx.AsyncClient], problem: str, change: dict[str, Any]
) -> None:
    _, client = account
    assert (await client.post(ENQUEUE, json=TRIGGER)).status_code == 202
    refused = await client.post(ENQUEUE, json={**TRIGGER, **change})
    assert refused.status_code == 400
    assert problem in " ".join(refused.json()["errors"])


async def test_events_with_one_key_concern_one_incident(account: tuple[PagerDuty, httpx.AsyncClient]) -> None:
    known, client = account
    for action, state in (("trigger", "triggered"), ("acknowledge", "acknowledged"), ("resolve", "resolved")):
        await client.post(ENQUEUE, json={**TRIGGER, "event_action": action})
        assert known.incidents == {"inc-1": state}
    await client.post(ENQUEUE, json={**TRIGGER, "event_action": "acknowledge"})
    assert known.incidents == {"inc-1": "resolved"}, "only a trigger opens an incident"
