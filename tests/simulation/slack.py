"""A model of Slack that accepts, loses, delays and refuses calls as its random numbers say.

What it does to a call is what networks and Slack do: refuse it, accept it and lose the answer, accept it late. Messages
are kept with every text that was shown, so that the invariants can be checked on what people saw.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from tests.simulation.incarnation import check_alive, leave_process
from tests.simulation.scenario import SlackFaults, epoch

_EPOCH_S = epoch().timestamp()


@dataclass
class Posted:
    """A message in a channel or thread."""

    ts: str
    channel: str
    thread_ts: str | None
    payload: dict[str, Any]
    at_s: float
    broadcast: bool = False
    deleted: bool = False

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The event payload of its metadata."""
        payload: Mapping[str, Any] = (self.payload.get("metadata") or {}).get("event_payload", {})
        return payload


@dataclass
class SlackModel:
    """A workspace."""

    random: random.Random
    now_s: Callable[[], float]
    faults: SlackFaults = field(default_factory=SlackFaults)
    faults_until_s: float = 0.0
    outages: tuple[tuple[float, float], ...] = ()
    """Spans of seconds in which no call arrives."""
    can_read_history: bool = True
    messages: list[Posted] = field(default_factory=list)
    on_post: Callable[[Posted], None] = lambda _: None
    on_fault: Callable[[str], None] = lambda _: None
    calls: int = 0

    def live(self, channel: str) -> list[Posted]:
        """The messages of a channel that people see, with those in threads."""
        return [one for one in self.messages if one.channel == channel and not one.deleted]

    async def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a Web API call, or fail as the faults say.

        Raises:
            aiohttp.ClientError: the connection failed, before or after the call was accepted.
            SlackRefusal: Slack answered with an error.
        """
        self.calls += 1
        await asyncio.sleep(0.05 + 0.2 * self.random.random())
        if any(start <= self.now_s() < end for start, end in self.outages):
            raise aiohttp.ClientConnectionError("outage")
        fault = self._fault()
        if fault is not None:
            self.on_fault(f"{method}: {fault}")
        if fault == "refused":
            raise aiohttp.ClientConnectionError("refused")
        if fault == "rate_limited":
            raise SlackRefusal("ratelimited", 429, {"Retry-After": str(self.random.randint(1, 5))})
        if fault == "server_error" and self.random.random() < 0.5:
            raise SlackRefusal("internal_error", 500)
        if fault == "late":
            await asyncio.sleep(5 + 20 * self.random.random())
        answer = self._accept(method, arguments)
        if fault == "answer_lost":
            raise aiohttp.ClientOSError("reset")
        if fault == "server_error":
            raise SlackRefusal("internal_error", 500)
        await asyncio.sleep(0.05 * self.random.random())
        return answer

    def _fault(self) -> str | None:
        if self.now_s() >= self.faults_until_s:
            return None
        drawn = self.random.random()
        for name in ("refused", "answer_lost", "late", "server_error", "rate_limited"):
            drawn -= getattr(self.faults, name)
            if drawn < 0:
                return name
        return None

    def _accept(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "chat.postMessage":
                return self._post(arguments)
            case "chat.update":
                return self._update(arguments)
            case "chat.delete":
                self._find(arguments).deleted = True
                return {"ok": True}
            case "conversations.history" | "conversations.replies":
                return self._read(method, arguments)
            case "auth.test":
                return {"ok": True}
            case "chat.getPermalink":
                return {"ok": True, "permalink": "https://example.slack.com/archives/C1/p1"}
            case _:
                raise SlackRefusal("unknown_method", 200)

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        thread_ts = arguments.get("thread_ts")
        if thread_ts is not None:
            self._find({"channel": arguments["channel"], "ts": thread_ts})
        ts = f"{_EPOCH_S + self.now_s():.0f}.{len(self.messages):06d}"
        broadcast = bool(arguments.get("reply_broadcast"))
        posted = Posted(ts, arguments["channel"], thread_ts, dict(arguments), self.now_s(), broadcast)
        self.messages.append(posted)
        self.on_post(posted)
        return {"ok": True, "ts": ts, "channel": posted.channel}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        message = self._find(arguments)
        message.payload = {**message.payload, **arguments}
        return {"ok": True, "ts": message.ts, "channel": message.channel}

    def _find(self, arguments: Mapping[str, Any]) -> Posted:
        for one in self.live(arguments["channel"]):
            if one.ts == arguments["ts"]:
                return one
        raise SlackRefusal("message_not_found", 200)

    def _read(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if not self.can_read_history:
            raise SlackRefusal("missing_scope", 200)
        live = self.live(arguments["channel"])
        if method == "conversations.replies":
            found = [one for one in live if arguments["ts"] in (one.ts, one.thread_ts)]
        else:
            found = [one for one in reversed(live) if one.thread_ts is None or one.broadcast]
        oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or 1e12)
        found = [one for one in found if oldest <= float(one.ts) <= latest or one.ts == arguments.get("ts")]
        start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
        page = [
            _shown(one, with_metadata=bool(arguments.get("include_all_metadata")))
            for one in found[start : start + limit]
        ]
        more = len(found) > start + limit
        following = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
        return {"ok": True, "messages": page, "has_more": more, **following}


def _shown(message: Posted, *, with_metadata: bool) -> dict[str, Any]:
    hidden = () if with_metadata else ("metadata",)
    shown = {key: value for key, value in message.payload.items() if key not in ("channel", *hidden)}
    thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
    return {**shown, "type": "message", "ts": message.ts, "bot_id": "B1", "user": "UBOT", **thread}


class SlackRefusal(Exception):
    """Slack's answer with an error code."""

    def __init__(self, code: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.status, self.headers = code, status, dict(headers or {})


class SimulatedClient(AsyncWebClient):
    """The SDK's client, whose calls go to the model; the process may die while it waits."""

    def __init__(self, model: SlackModel) -> None:
        super().__init__(token="xoxb-simulated")
        self._model = model

    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        data: Any = None,
        params: Any = None,
        json: Any = None,
        **_: Any,
    ) -> AsyncSlackResponse:
        check_alive()
        arguments = {**(data or {}), **(params or {}), **(json or {})}
        try:
            answer, status, headers = await leave_process(self._model.call(api_method, arguments)), 200, {}
        except SlackRefusal as refusal:
            answer, status, headers = {"ok": False, "error": refusal.code}, refusal.status, refusal.headers
        check_alive()
        response = AsyncSlackResponse(
            client=self,
            http_verb=http_verb,
            api_url=api_method,
            req_args=arguments,
            data=answer,
            headers={**headers, "Date": formatdate(_EPOCH_S + self._model.now_s(), usegmt=True)},
            status_code=status,
        )
        if not answer["ok"]:
            raise SlackApiError("refused", response)  # type: ignore[no-untyped-call]
        return response
