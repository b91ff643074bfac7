"""Which channels a person is in, asked of Slack a few times an hour for each person.

Slack answers for public channels with the scope `channels:read` and, with `groups:read`, for those private channels
that the app is in too. Source: https://docs.slack.dev/reference/methods/users.conversations (documented, read
2026-11-29). The method takes 20 calls a minute in the worst case, so an answer that is a little old is used while a
new one cannot be had. Joining and leaving a channel with the app takes effect at once, by events.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.durations import Clock
from bot.slack.failures import UNREACHABLE, error_code, retry_after

_KEPT_FOR = timedelta(minutes=15)
_OLDEST = timedelta(hours=2)
"""How long an answer is used while Slack gives no new one."""
_AFTER_ERROR = timedelta(minutes=1)
_WITHOUT_SCOPE_FOR = timedelta(minutes=10)
_MAX_PEOPLE = 5_000
_PAGE, _MAX_PAGES = 999, 20
_TIMEOUT_S = 5.0
_SCOPES = {"public": "channels:read", "private": "groups:read"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """The channels of one person."""

    channels: Mapping[str, str] = field(default_factory=dict)
    """Id → name."""
    missing_scopes: tuple[str, ...] = ()
    """Scopes without which Slack hides channels."""
    is_known: bool = True
    """Whether Slack has answered."""


class Memberships:
    """The channels of those who use App Home."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[datetime, Membership]] = OrderedDict()
        self._paused_until: datetime | None = None
        self._without: dict[str, datetime] = {}
        """Kind of channel → until when it is not asked for, because its scope is missing."""
        self._asking: dict[str, asyncio.Task[Membership]] = {}

    def forget(self, user: str) -> None:
        """A person joined or left a channel; an answer that is on its way may be older, so it is not kept."""
        self._known.pop(user, None)
        self._asking.pop(user, None)

    async def get(self, client: AsyncWebClient, user: str) -> Membership:
        """Return a person's channels; none, and `is_known` False, if Slack does not answer."""
        now = self._clock()
        at, known = self._known.get(user, (now - _OLDEST, Membership(is_known=False)))
        if now - at >= _OLDEST:
            known = Membership(is_known=False)
        if now - at < _KEPT_FOR or (self._paused_until is not None and now < self._paused_until):
            return known
        task = self._asking.get(user)
        if task is None:
            task = self._asking[user] = asyncio.create_task(self._ask(client, user))
            task.add_done_callback(partial(self._end, user))
        answer = await asyncio.shield(task)
        return answer if answer.is_known else known

    async def _ask(self, client: AsyncWebClient, user: str) -> Membership:
        channels: dict[str, str] = {}
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                while kinds := [kind for kind in _SCOPES if self._may_ask(kind)]:
                    missing = await self._read(client, user, kinds, channels)
                    if missing is None:
                        break
                    self._without[missing] = self._clock() + _WITHOUT_SCOPE_FOR
        except UNREACHABLE as error:
            wait = retry_after(error) or _AFTER_ERROR
            self._paused_until = self._clock() + wait
            log.info("channels of a person not read", extra={"reason": error_code(error)})
            return Membership(is_known=False)
        hidden = tuple(scope for kind, scope in _SCOPES.items() if not self._may_ask(kind))
        membership = Membership(channels, hidden)
        return self._keep(user, membership) if self._asking.get(user) is asyncio.current_task() else membership

    def _end(self, user: str, task: asyncio.Task[Membership]) -> None:
        if self._asking.get(user) is task:
            del self._asking[user]

    async def _read(self, client: AsyncWebClient, user: str, kinds: list[str], channels: dict[str, str]) -> str | None:
        """Read the channels of these kinds; return the kind whose scope is missing, if one is."""
        types, cursor = ",".join(f"{kind}_channel" for kind in kinds), ""
        for _ in range(_MAX_PAGES):
            try:
                response = await client.users_conversations(
                    user=user, types=types, exclude_archived=True, limit=_PAGE, cursor=cursor
                )
            except UNREACHABLE as error:
                if error_code(error) != "missing_scope":
                    raise
                needed = str(getattr(error, "response", {}).get("needed"))
                return next((kind for kind in kinds if _SCOPES[kind] in needed), kinds[-1])
            for one in response.get("channels") or ():
                match one:
                    case {"id": str(channel), "name": str(name)}:
                        channels[channel] = name
            match response.get("response_metadata"):
                case {"next_cursor": str(cursor)} if cursor:
                    continue
            break
        return None

    def _may_ask(self, kind: str) -> bool:
        return kind not in self._without or self._clock() >= self._without[kind]

    def _keep(self, user: str, membership: Membership) -> Membership:
        self._known[user] = (self._clock(), membership)
        self._known.move_to_end(user)
        if len(self._known) > _MAX_PEOPLE:
            self._known.popitem(last=False)
        return membership
