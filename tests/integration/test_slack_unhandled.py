"""Whatever Slack sends is acknowledged quietly, in Socket Mode and in HTTP mode; malformed requests get 400."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.alerts import DeliveryKind
from bot.slack.http_mode import HTTP_PATH, RequestReceiver, serve_http
from bot.slack.seen_once import SeenOnce
from bot.slack.unhandled import NOTED_EVENTS
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack import payloads
from emulator.slack.app import SIGNING_SECRET, create_slack, served
from emulator.slack.delivery import HttpDelivery, Outcome
from tests.integration.slack_harness import SlackHarness
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S, eventually
from tests.unit.slack.factories import incident

PERSON = {"user": {"id": "U0ADA", "team_id": "T1"}, "team": {"id": "T1"}, "trigger_id": "1.2"}
EVENTS: dict[str, dict[str, Any]] = {
    "message": {"type": "message", "channel": "C1", "user": "U0ADA", "text": "hi", "ts": "1.1"},
    "message of a bot": {"type": "message", "subtype": "bot_message", "bot_id": "B9", "channel": "C1", "ts": "1.1"},
    "deleted message": {"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "1.1", "hidden": True},
    "link": {"type": "link_shared", "channel": "C1", "user": "U0ADA", "links": [{"url": "https://example.org"}]},
    "reaction": {"type": "reaction_removed", "user": "U0ADA", "item": {"type": "message", "channel": "C1"}},
    "file": {"type": "file_shared", "file_id": "F1", "user_id": "U0ADA"},
    "function": {"type": "function_executed", "function": {"callback_id": "x"}, "inputs": {}},
    "renamed channel": {"type": "channel_rename", "channel": {"id": "C1", "name": "new"}},
    "new type": {"type": "something_new"},
    **{name: {"type": name, "channel": "C1"} for name in NOTED_EVENTS},
}
INTERACTIONS: dict[str, dict[str, Any]] = {
    "foreign button": {"type": "block_actions", "actions": [{"action_id": "other", "block_id": "b", "value": "x"}]},
    "button of a view": {
        "type": "block_actions",
        "view": {"id": "V1", "type": "home", "callback_id": ""},
        "actions": [{"action_id": "trainwatch_unknown", "block_id": "b", "value": "x"}],
    },
    "shortcut": {"type": "shortcut", "callback_id": "create"},
    "message shortcut": {"type": "message_action", "callback_id": "create", "channel": {"id": "C1"}},
    "submitted view": {"type": "view_submission", "view": {"id": "V1", "callback_id": "x", "type": "modal"}},
    "closed view": {"type": "view_closed", "view": {"id": "V1", "callback_id": "x", "type": "modal"}},
    "options": {"type": "block_suggestion", "action_id": "x", "block_id": "b", "value": "q"},
    "workflow step": {"type": "workflow_step_edit", "callback_id": "x", "workflow_step": {}},
    "attachment button": {"type": "interactive_message", "callback_id": "x", "actions": [{"name": "a"}]},
    "dialog": {"type": "dialog_submission", "callback_id": "x", "submission": {}},
}
OTHER_COMMAND = {"command": "/other", "user_id": "U0ADA", "channel_id": "C1", "team_id": "T1", "text": ""}
ALL = [
    *(("events_api", name) for name in EVENTS),
    *(("interactive", name) for name in INTERACTIONS),
    ("slash_commands", "unknown command"),
]


def payload_of(harness: SlackHarness, name: str) -> dict[str, Any]:
    if name in EVENTS:
        return payloads.event(harness.slack.context, EVENTS[name])
    return OTHER_COMMAND if name == "unknown command" else {**PERSON, **INTERACTIONS[name]}


@asynccontextmanager
async def in_http_mode(store: Store) -> AsyncIterator[tuple[SlackHarness, HttpDelivery]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    slack = create_slack(scopes=GRANTED)
    async with served(slack), httpx.AsyncClient() as client:
        harness = SlackHarness(store, slack)
        harness.start()
        receiver = RequestReceiver(
            harness.app, SIGNING_SECRET, SeenOnce(store.seen, harness.clock), harness.listeners.gate
        )
        serving = asyncio.create_task(serve_http(receiver, port=port))
        delivery = HttpDelivery(f"http://127.0.0.1:{port}{HTTP_PATH}", SIGNING_SECRET, client, ack_within_s=LONGEST_S)
        try:
            await _listening(port)
            yield harness, delivery
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await harness.listeners.tasks.drain(1)


async def _listening(port: int) -> None:
    async with asyncio.timeout(LONGEST_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def loud(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator would see at the default level, except the noted events."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.INFO
        and one.name.startswith(("bot", "slack_bolt", "slack_sdk"))
        and one.getMessage() not in ("slack event", "slack connected", "listening for slack")
    ]


async def test_everything_is_acknowledged_quietly_in_socket_mode(
    harness: SlackHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    refused = []
    for kind, name in ALL:
        outcome = await harness.slack.person_actions.event_sender.ask(kind, payload_of(harness, name))
        refused += [] if outcome.is_acked else [name]
    assert [] == refused
    assert [] == loud(caplog)
    ignored = [one for one in caplog.records if one.getMessage() == "event ignored"]
    assert len(ALL) - len(NOTED_EVENTS) == len(ignored)


async def test_everything_is_acknowledged_quietly_in_http_mode(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    async with in_http_mode(store) as (harness, delivery):
        outcomes: dict[str, Outcome] = {
            name: await delivery.send(kind, payload_of(harness, name)) for kind, name in ALL
        }
    assert [] == [name for name, one in outcomes.items() if not one.is_acked]
    assert [] == loud(caplog)
    assert {"options": []} == outcomes["options"].body
    assert "/train help" in str(outcomes["unknown command"].body)


@pytest.mark.parametrize("name", ["app_uninstalled", "tokens_revoked", "channel_archive", "group_left"])
async def test_events_that_change_what_the_app_can_do_are_logged(
    harness: SlackHarness, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    await harness.slack.person_actions.event_sender.ask("events_api", payload_of(harness, name))
    await eventually(lambda: "slack event" in [one.getMessage() for one in caplog.records])


async def test_alerts_that_waited_are_sent_when_a_channel_is_unarchived(harness: SlackHarness) -> None:
    await harness.save_incident(incident(), DeliveryKind.ROOT)
    now = harness.clock()
    (root,) = await harness.store.deliveries.claim(now, lease=timedelta(minutes=1))
    await harness.store.deliveries.mark_failed(root.id, root.token, "is_archived", now + timedelta(hours=1))
    event = {"type": "channel_unarchive", "channel": incident().channel, "user": "U0ADA"}
    sender = harness.slack.person_actions.event_sender
    await sender.ask("events_api", payloads.event(harness.slack.context, event))
    await eventually(lambda: not len(harness.listeners.tasks))
    assert 1 == len(await harness.store.deliveries.claim(now, lease=timedelta(minutes=1)))


MALFORMED: list[tuple[str, bytes]] = [
    ("application/json", b"["),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"5"),
    ("application/json", b"null"),
    ("application/json", b""),
    ("application/json", b"{}"),
    ("application/json", b'{"type": 5}'),
    ("application/json", b'{"type": "event_callback"}'),
    ("application/json", b'{"type": "event_callback", "event": "text"}'),
    ("application/json", b'{"type": "event_callback", "event": {"type": "app_mention"}}'),
    ("application/json", b'{"type": "event_callback", "event": {"type": "app_mention", "channel": 5, "ts": []}}'),
    ("application/json", b'{"type": "event_callback", "event": {"type": "app_home_opened"}}'),
    ("application/json", b'{"type": "event_callback", "event": {"type": "message"}, "authorizations": 7}'),
    ("application/json", b'{"type": "event_callback", "event": {"type": "message"}, "authorizations": [7]}'),
    ("application/json", b'{"type": "block_actions", "actions": []}'),
    ("application/json", b'{"type": "block_actions", "actions": [{"action_id": "trainwatch_show"}]}'),
    ("application/json", b'{"type": "url_verification"}'),
    ("application/json", b"[" * 100_000),
    ("application/x-www-form-urlencoded", b"payload=notjson"),
    ("application/x-www-form-urlencoded", b"payload=%5B%5D"),
    ("application/x-www-form-urlencoded", b"payload=%7B%22type%22%3A%22block_actions%22%2C%22user%22%3A5%7D"),
    ("application/x-www-form-urlencoded", b"command=%2Ftrain"),
    ("application/x-www-form-urlencoded", b"nothing"),
]


async def test_malformed_signed_requests_get_400_and_unsigned_ones_401(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_http_mode(store) as (_, delivery):
        answers = []
        for kind, body in MALFORMED:
            headers = {"content-type": kind}
            signed = headers | delivery.signature(body.decode())
            response = await delivery.client.post(delivery.request_url, content=body, headers=signed)
            unsigned = await delivery.client.post(delivery.request_url, content=body, headers=headers)
            answers.append((body[:80], response.status_code, unsigned.status_code))
        binary = await delivery.client.post(delivery.request_url, content=b"\xff\xfe")
    assert [] == [one for one in answers if one[1:] != (400, 401)]
    assert 400 == binary.status_code
    assert [] == [one for one in caplog.records if one.exc_info]


async def test_a_request_that_breaks_off_is_ignored_quietly(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    async with in_http_mode(store) as (_, delivery):
        port = httpx.URL(delivery.request_url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {HTTP_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await eventually(lambda: "event ignored" in [one.getMessage() for one in caplog.records])
    assert [] == [one for one in caplog.records if one.exc_info]


async def test_a_replayed_request_is_refused_also_by_another_process(store: Store) -> None:
    async with in_http_mode(store) as (_, one), in_http_mode(store) as (_, other):
        body = json.dumps({"type": "event_callback", "event": {"type": "message", "channel": "C1"}})
        headers = {"content-type": "application/json", **one.signature(body)}
        codes = [
            (await delivery.client.post(delivery.request_url, content=body, headers=headers)).status_code
            for delivery in (one, one, other)
        ]
    assert [200, 401, 401] == codes
    replayed = (await store.audit.page(AuditQuery())).entries
    assert [("request", "refused", "C1")] * 2 == [(one.kind, one.result, one.channel) for one in replayed]
