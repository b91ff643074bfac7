"""Refresh App Home of those who used it a short time ago, when its content changed.

Slack takes about 100 views.publish a minute for all people of a workspace. So of many homes, those whose alerts changed
come first; a home that has to wait is built again in the next pass, and shows the newest content then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.dashboard import OpenHome
from bot.errors import RATE_LIMITED, StoreUnavailable
from bot.slack.app_home import OPEN_FOR, AppHome, BuiltHome, Facts
from bot.slack.failures import UNREACHABLE, delivery_error

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """How often homes are refreshed."""

    every: timedelta = timedelta(seconds=20)
    """How often a home is checked for changes."""
    pass_every: timedelta = timedelta(seconds=5)
    """How often homes that are due are looked for."""
    build_s: float = 10.0
    """How long one pass builds views."""
    per_minute: int = 80
    """Views published at most; people who open or use App Home need the rest of Slack's limit."""


class HomeRefresher:
    """The loop that refreshes open homes."""

    def __init__(self, home: AppHome, client: AsyncWebClient, settings: RefreshSettings | None = None) -> None:
        self._home, self._client, self._settings = home, client, settings or RefreshSettings()
        self._due_at: datetime | None = None
        self._rest = self._settings.pass_every
        self._room = float(self._settings.per_minute)
        self._room_at: datetime | None = None

    async def tick(self) -> int:
        """Refresh the homes that are due; return the number of views published.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        now, settings = self._home.facts.clock(), self._settings
        if self._due_at is not None and self._due_at - self._rest <= now < self._due_at:
            return 0
        self._rest_for(settings.pass_every)
        due = await self._home.store.homes.claim_due(now, now - OPEN_FOR, settings.every)
        if not due:
            return 0
        changed, waiting = await self._build_changed(due)
        self._refill(now)
        published: dict[str, str] = {}
        for built in changed[: int(self._room)]:
            if not await self._publish(built):
                break
            published[built.user] = built.shown
        self._room -= len(published)
        await self._home.store.homes.set_shown(published)
        waiting += [one.user for one in changed if one.user not in published]
        await self._home.store.homes.release(waiting, now)
        return len(published)

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""

    async def _build_changed(self, due: Sequence[OpenHome]) -> tuple[list[BuiltHome], list[str]]:
        """The views that differ from what is shown: first those whose alerts changed, then the oldest.

        Also the people whose views there was no time to build: Slack is asked about people that are not known yet.
        """
        changed, facts, waiting = [], await self._home.facts.get(), list[str]()
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._settings.build_s
        for home in sorted(due, key=lambda one: self._home.published_s(one.user)):
            if loop.time() > ends_s:
                waiting.append(home.user)
                continue
            built = await self._build(home, facts)
            if built is not None and built.shown != home.shown:
                is_urgent = built.shown.partition(":")[0] != home.shown.partition(":")[0]
                changed.append((not is_urgent, self._home.published_s(home.user), built))
            await asyncio.sleep(0)  # commands go first
        return [built for _, _, built in sorted(changed, key=lambda one: one[:2])], waiting

    async def _build(self, home: OpenHome, facts: Facts) -> BuiltHome | None:
        try:
            return await self._home.build(home, facts, self._client)
        except StoreUnavailable:
            raise
        except Exception:  # a bug: one person's home stays as it is, the others are refreshed
            log.exception("home failed")
            return None

    async def _publish(self, built: BuiltHome) -> bool:
        """Publish a view; False if nothing can be published now. A view that Slack refuses is not sent again."""
        try:
            await self._home.publish(built, self._client)
        except UNREACHABLE as error:
            problem = delivery_error(error)
            log.warning("home not published", extra={"reason": problem.reason})
            if problem.retry_after is not None:
                self._rest_for(max(problem.retry_after, self._settings.pass_every))
            return not (problem.unreachable or problem.reason == RATE_LIMITED)
        return True

    def _rest_for(self, rest: timedelta) -> None:
        self._rest, self._due_at = rest, self._home.facts.clock() + rest

    def _refill(self, now: datetime) -> None:
        """Let another part of a minute's views be published."""
        most = float(self._settings.per_minute)
        passed_s = (now - self._room_at).total_seconds() if self._room_at is not None else 60.0
        self._room = min(most, self._room + most * max(0.0, passed_s) / 60)
        self._room_at = now
