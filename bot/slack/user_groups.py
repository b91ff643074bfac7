"""The members of user groups that the access file names, fetched every five minutes.

Source: https://docs.slack.dev/reference/methods/usergroups.users.list (documented, read 2026-11-29). It needs the
optional scope `usergroups:read`. A group that cannot be read has no members.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.durations import Clock
from bot.slack.failures import UNREACHABLE, error_code

_KEPT_FOR = timedelta(minutes=5)
_AFTER_ERROR = timedelta(minutes=1)
_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


class UserGroups:
    """Who is in which user group."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._fetching = asyncio.Lock()

    async def of(self, user: str, groups: Iterable[str], client: AsyncWebClient) -> frozenset[str]:
        """Return those of the groups that a person is in."""
        return frozenset([group for group in groups if user in await self._members(group, client)])

    async def _members(self, group: str, client: AsyncWebClient) -> frozenset[str]:
        async with self._fetching:  # many commands at once ask Slack once
            until, members = self._known.get(group, (self._clock(), frozenset()))
            if self._clock() < until:
                return members
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    response = await client.usergroups_users_list(usergroup=group)
                members, kept_for = _read_members(response.get("users")), _KEPT_FOR
            except UNREACHABLE as error:
                log.warning("user group not read", extra={"group": group, "reason": error_code(error)})
                kept_for = _AFTER_ERROR  # the members known before stay
            self._known[group] = (self._clock() + kept_for, members)
            return members


def _read_members(users: object) -> frozenset[str]:
    return frozenset(user for user in users if isinstance(user, str)) if isinstance(users, list) else frozenset()
