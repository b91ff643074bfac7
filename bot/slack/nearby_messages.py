"""Read messages around one that somebody points to: the rest of a log in several messages, and the root of a thread.

Needs `channels:history`, `groups:history` or `im:history`. Without them, and where the bot is not a member, the message
alone is read. One request for each shortcut or question, so it hardly counts against Slack's limits.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.parsing.pasted_logs import extract_log
from bot.slack.failures import UNREACHABLE, error_code
from bot.slack.shared_messages import SharedLog, read_shared_log

_AROUND_S = 60.0
"""How long before and after a message the rest of its log may have been posted."""
_GAP_S = 20.0
"""The longest time between two messages of one log."""
_MOST = 50
_LONG = 1_000
"""Characters from which a message may be a part of a longer log."""

log = logging.getLogger(__name__)


async def complete_log(
    shared: SharedLog, message: Mapping[str, Any], channel: str, client: AsyncWebClient
) -> SharedLog:
    """Return a log with the messages of the same person right before and after it, if it may go on there."""
    if shared.files or len(shared.text) < _LONG:
        return shared
    ts, thread_ts, second = str(message.get("ts")), message.get("thread_ts"), _second(message)
    if not second:
        return shared
    window = {"oldest": f"{second - _AROUND_S:.6f}", "latest": f"{second + _AROUND_S:.6f}", "inclusive": True}
    is_reply = isinstance(thread_ts, str) and thread_ts != ts
    method = "conversations.replies" if is_reply else "conversations.history"
    place = {"channel": channel, **({"ts": thread_ts} if is_reply else {})}
    found = await _read(client, method, {**place, **window, "limit": _MOST})
    parts = _run_of(sorted(found, key=_second), ts)
    texts = [extract_log(read_shared_log(part).text).strip("\n") for part in parts]
    return replace(shared, text="\n".join(texts)) if len(parts) > 1 else shared


async def find_root(channel: str, thread_ts: str, client: AsyncWebClient) -> SharedLog | None:
    """Return what the first message of a thread holds; None if it cannot be read."""
    found = await _read(client, "conversations.replies", {"channel": channel, "ts": thread_ts, "limit": 1})
    root = next((one for one in found if one.get("ts") == thread_ts), None)
    return None if root is None else read_shared_log(root)


async def _read(client: AsyncWebClient, method: str, arguments: Mapping[str, object]) -> list[Mapping[str, Any]]:
    try:
        response = await client.api_call(method, http_verb="GET", params=dict(arguments))
    except UNREACHABLE as error:
        log.debug("messages not read", extra={"reason": error_code(error), "channel": arguments["channel"]})
        return []
    messages = response.get("messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def _run_of(messages: Sequence[Mapping[str, Any]], ts: str) -> list[Mapping[str, Any]]:
    """The messages of the same person without a pause that hold the one with this `ts`."""
    run: list[Mapping[str, Any]] = []
    for one in messages:
        follows = run and one.get("user") == run[-1].get("user") and _second(one) - _second(run[-1]) <= _GAP_S
        if not follows and any(part.get("ts") == ts for part in run):
            break
        run = [*run, one] if follows else [one]
    return run if any(part.get("ts") == ts for part in run) else []


def _second(message: Mapping[str, Any]) -> float:
    """The time of a message; 0 if it has none that can be read."""
    try:
        second = float(str(message.get("ts")))
    except ValueError:
        return 0.0
    return second if math.isfinite(second) else 0.0
