"""Find messages by the delivery id in their metadata, in a channel's history and in threads.

Needs the optional scopes `channels:history` and `groups:history`. Only metadata is read. One request answers for all
messages of a channel, or of a thread.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Receipt
from bot.domain.posts import FoundPosts, WantedPost
from bot.errors import RATE_LIMITED, DeliveryError, LookUpUnavailable
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.look_up_limits import LookUpLimits

HISTORY, REPLIES = "conversations.history", "conversations.replies"
_PAGE = 200
_SKEW = timedelta(minutes=2)
"""How much older than the attempt a message may look, because Slack's clock differs from ours."""
_LONGEST_WAIT_S = 15.0
"""A longer wait for a turn is left to the caller."""
_SPARE = 0.5
"""The share of calls that verifications leave to messages that wait."""
_UNREADABLE = frozenset(
    {
        "access_denied",
        "channel_not_found",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_in_channel",
        "unknown_method",
    }
)
_GONE = frozenset({"message_not_found", "thread_not_found"})
_ASK_AGAIN_AFTER_S = 300.0


class PostHistory:
    """Reads the history of channels and threads for delivery ids."""

    def __init__(
        self, client: AsyncWebClient, clock: Callable[[], datetime], limits: LookUpLimits | None = None
    ) -> None:
        self._client, self._clock = client, clock
        self._limits = limits or LookUpLimits()
        self._unreadable: dict[str, tuple[float, str]] = {}
        """Why a channel's history could not be read, and until when not to ask again."""

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages of one channel.

        Raises:
            LookUpUnavailable: The history cannot be read, for example without the scope.
            DeliveryError: It cannot be read now.
        """
        if any(one.is_direct for one in wanted):
            raise LookUpUnavailable("direct messages cannot be looked for")
        self._check_readable(channel)
        found: defaultdict[str, set[str]] = defaultdict(set)
        for root, posts in _by_thread(wanted).items():
            since = min(one.since for one in posts)
            settled_at = max((one.settled_at for one in posts if one.settled_at is not None), default=None)
            async for delivery_id, ts in self._read(channel, root, since, settled_at, is_urgent=is_urgent):
                found[delivery_id].add(ts)
        return {name: [Receipt(channel, ts) for ts in sorted(found[name])] for name in found}

    def _check_readable(self, channel: str) -> None:
        until_s, reason = self._unreadable.get(channel, (0.0, ""))
        if until_s > asyncio.get_running_loop().time():
            raise LookUpUnavailable(reason)
        self._unreadable.pop(channel, None)

    async def _read(
        self, channel: str, root: Receipt | None, since: datetime, settled_at: datetime | None, *, is_urgent: bool
    ) -> AsyncIterator[tuple[str, str]]:
        """Yield delivery ids and times of messages, page by page."""
        method = HISTORY if root is None else REPLIES
        now = self._clock()
        arguments: dict[str, object] = {
            "channel": channel,
            "include_all_metadata": True,
            "inclusive": True,
            "limit": _PAGE,
            "oldest": _timestamp(min(since, now) - _SKEW),
            **({} if root is None else {"ts": root.ts}),
        }
        is_first = True
        while True:
            data, answered_at = await self._call(method, arguments, is_urgent=is_urgent)
            if settled_at is not None and answered_at is not None and answered_at < settled_at:
                raise _too_early(settled_at - answered_at)
            if is_first and answered_at is not None and now - answered_at > _SKEW:
                is_first = False  # our clock is ahead of Slack's, so the message looks older than its attempt
                arguments["oldest"] = _timestamp(min(since, now) - (now - answered_at) - _SKEW)
                continue
            for message in _messages(data):
                if found := _delivery_id(message):
                    yield found, str(message.get("ts"))
            cursor = _next_cursor(data)
            if not cursor:
                return
            is_first, arguments["cursor"] = False, cursor

    async def _call(
        self, method: str, arguments: Mapping[str, object], *, is_urgent: bool
    ) -> tuple[Mapping[str, object], datetime | None]:
        wait_s = self._limits.wait_s(method, spare=0.0 if is_urgent else _SPARE)
        if wait_s > (_LONGEST_WAIT_S if is_urgent else 0.0):
            raise _limited(wait_s)
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = self._limits.wait_s(method)
        self._limits.record(method)
        try:
            response = await self._client.api_call(method, http_verb="GET", params=dict(arguments))
        except SlackApiError as error:
            if error_code(error) in _GONE:
                return {}, None
            raise self._refusal(error, method, str(arguments["channel"])) from error
        except UNREACHABLE as error:
            raise delivery_error(error) from error
        data = response.data
        return (data if isinstance(data, dict) else {}), _date(response.headers)

    def _refusal(self, error: SlackApiError, method: str, channel: str) -> Exception:
        code, problem = error_code(error), delivery_error(error)
        if problem.is_rate_limited and problem.retry_after is not None:
            self._limits.refuse(method, problem.retry_after.total_seconds())
            return problem
        if code not in _UNREADABLE:
            return problem
        self._unreadable[channel] = (asyncio.get_running_loop().time() + _ASK_AGAIN_AFTER_S, code)
        return LookUpUnavailable(code)


def _limited(wait_s: float) -> DeliveryError:
    wait = timedelta(seconds=wait_s)
    return DeliveryError("Too many look-ups.", reason=RATE_LIMITED, permanent=False, retry_after=wait)


def _too_early(wait: timedelta) -> DeliveryError:
    return DeliveryError("Slack may accept an attempt late.", reason="early", permanent=False, retry_after=wait)


def _by_thread(wanted: Iterable[WantedPost]) -> Mapping[Receipt | None, Sequence[WantedPost]]:
    threads: defaultdict[Receipt | None, list[WantedPost]] = defaultdict(list)
    for one in wanted:
        threads[one.root].append(one)
    return threads


def _timestamp(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def _date(headers: Mapping[str, object]) -> datetime | None:
    """When Slack answered, by its clock."""
    value = next((value for name, value in headers.items() if name.lower() == "date"), None)
    try:
        return parsedate_to_datetime(str(value)).astimezone(UTC)
    except ValueError:
        return None


def _messages(data: Mapping[str, object]) -> list[Mapping[str, object]]:
    messages = data.get("messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def _delivery_id(message: Mapping[str, object]) -> str | None:
    match message.get("metadata"):
        case {"event_payload": {"delivery_id": str(found)}}:
            return found
        case _:
            return None


def _next_cursor(data: Mapping[str, object]) -> str | None:
    match data.get("response_metadata"):
        case {"next_cursor": str(cursor)}:
            return cursor or None
        case _:
            return None
