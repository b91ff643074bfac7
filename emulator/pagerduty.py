"""PagerDuty's Events API v2: it checks each event and keeps the state of each incident by its deduplication key.

What it promises, and from where we know it, is in ``pagerduty_coverage.py``.
"""

from dataclasses import dataclass, field

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.http_json import json_response

ENQUEUE = "/v2/enqueue"
ACTIONS = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_SUMMARY = 1024
LONGEST_KEY = 255


@dataclass(slots=True)
class PagerDuty:
    """One account: what arrived, and what is open."""

    routing_keys: frozenset[str] = frozenset({"demo-pagerduty-routing-key-0123456"})
    events: list[dict[str, object]] = field(default_factory=list)
    incidents: dict[str, str] = field(default_factory=dict)
    """State by deduplication key."""
    refuse_with: int | None = None
    """A status that answers every request."""


def pagerduty_app(account: PagerDuty) -> Starlette:
    """Return the Events API as an ASGI app."""

    async def enqueue(request: Request) -> Response:
        if account.refuse_with is not None:
            return json_response({"status": "throttle exceeded"}, status=account.refuse_with)
        problems = check_event(await request.body(), account.routing_keys)
        if problems:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
            return json_response(body, status=400)
        event: dict[str, object] = msgspec.json.decode(await request.body())
        key = str(event.get("dedup_key") or f"generated-{len(account.events)}")
        account.events.append(event)
        if event["event_action"] == "trigger" or account.incidents.get(key, "resolved") != "resolved":
            account.incidents[key] = ACTIONS[str(event["event_action"])]
        return json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)

    return Starlette(routes=[Route(ENQUEUE, enqueue, methods=["POST"])])


def check_event(body: bytes, routing_keys: frozenset[str]) -> list[str]:
    """Return what is wrong with an event; nothing for a valid one."""
    try:
        event = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ["Invalid JSON"]
    if not isinstance(event, dict):
        return ["The event is not an object"]
    problems = [] if event.get("routing_key") in routing_keys else ["'routing_key' is invalid"]
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in ACTIONS:
        problems.append("'event_action' is invalid")
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_KEY):
        problems.append("'dedup_key' is invalid")
    if action in ("acknowledge", "resolve"):
        return [*problems, *([] if key else ["'dedup_key' is missing or blank"])]
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return [*problems, "'payload' is missing"]
    for name in ("summary", "source"):
        if not isinstance(payload.get(name), str) or not payload[name]:
            problems.append(f"'payload.{name}' is missing or blank")
    if len(str(payload.get("summary", ""))) > LONGEST_SUMMARY:
        problems.append("'payload.summary' is too long")
    if payload.get("severity") not in SEVERITIES:
        problems.append("'payload.severity' is invalid (must be one of critical, error, warning, info)")
    return problems
