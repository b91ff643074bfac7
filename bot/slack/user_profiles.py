"""Time zones and e-mail addresses of Slack users, fetched once an hour for each person.

Source: https://docs.slack.dev/reference/methods/users.info (documented, read 2026-11-20): the zone needs the scope
`users:read`, the address `users:read.email`. Both scopes are optional: without them a profile is empty.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.failures import UNREACHABLE, error_code

_KEPT_FOR = timedelta(hours=1)
_RETRIED_AFTER = timedelta(minutes=5)
_MAX_PROFILES = 5_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What Slack knows about a person; None where it does not say or the app may not ask."""

    zone: tzinfo | None = None
    email: str | None = None
    teams: frozenset[str] = frozenset()
    """The person's workspaces, and the organization."""


class UserProfiles:
    """The profiles of recent askers."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[datetime, UserProfile]] = OrderedDict()

    async def get(self, client: AsyncWebClient, user: str, now: datetime) -> UserProfile:
        """Return a person's profile; an empty one if Slack refuses or cannot be reached."""
        until, profile = self._known.get(user, (now, UserProfile()))
        if now < until:
            return profile
        try:
            response = await client.users_info(user=user)
            profile, kept_for = read_profile(response.get("user")), _KEPT_FOR
        except UNREACHABLE as error:
            log.info("profile not read", extra={"reason": error_code(error)})
            profile, kept_for = UserProfile(), _RETRIED_AFTER
        self._known[user] = (now + kept_for, profile)
        if len(self._known) > _MAX_PROFILES:
            self._known.popitem(last=False)
        return profile


def read_profile(user: object) -> UserProfile:
    """Read the `user` object of users.info."""
    return UserProfile(_read_zone(user), _read_email(user), _read_teams(user))


def _read_email(user: object) -> str | None:
    match user:
        case {"profile": {"email": str(email)}} if email:
            return email
        case _:
            return None


def _read_teams(user: object) -> frozenset[str]:
    named: list[object] = []
    match user:
        case {"team_id": str(team)}:
            named.append(team)
    match user:
        case {"enterprise_user": {"enterprise_id": str(enterprise), "teams": list(teams)}}:
            named += [enterprise, *teams]
    return frozenset(team for team in named if isinstance(team, str))


def _read_zone(user: object) -> tzinfo | None:
    """The zone by its name, or by its current offset where this machine does not know the name."""
    match user:
        case {"tz": str(name)} if name:
            try:
                return ZoneInfo(name)
            except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError
                pass
    match user:
        case {"tz_offset": int(offset)} if abs(offset) < 86_400:
            return timezone(timedelta(seconds=offset))
        case _:
            return None
