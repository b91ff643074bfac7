"""Publish App Home: what one person watches and owns, and the state of trainwatch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.channel_runner import ChannelRunner
from bot.domain.access import AccessRole
from bot.domain.audit import AuditKind
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.durations import Clock
from bot.slack.background_tasks import TaskSet
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.gate import Gate
from bot.slack.ownership import is_owned_by
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.home import HomeView, render_home, render_refused_home
from bot.slack.user_profiles import UserProfiles
from bot.store.store import Store

HEARTBEATS: Mapping[str, str] = {POLL_LOOP: "Polling", DELIVERY_LOOP: "Alert delivery"}
"""The background loops as App Home names them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppHome:
    """Builds and publishes the Home tab."""

    runner: ChannelRunner
    store: Store
    clock: Clock
    profiles: UserProfiles
    gate: Gate
    tasks: TaskSet

    async def publish(self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient) -> None:
        """Show it to the person who opened it. `home` is the workspace of the app, and its organization."""
        try:
            async with self.tasks.turn():
                view = await self._view(origin, home, client)
            await client.views_publish(user_id=origin.user or "", view=view)
        except UNREACHABLE as error:
            log.warning("home not published", extra={"reason": delivery_error(error).reason})
        except Exception:  # a bug: App Home keeps what it showed
            log.exception("home failed")

    async def _view(self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient) -> dict[str, object]:
        profile = await self.profiles.get(client, origin.user or "", self.clock())
        place = replace(origin, channel=None)  # the direct message with the app is not a channel of a grant
        if not home & profile.teams:
            place = replace(place, teams=place.teams | profile.teams)
        refusal = await self.gate.refuse_origin(place, home, client)
        refusal = refusal or await self.gate.refuse_role(AccessRole.READ, place, client, any_job=True)
        if refusal is not None:
            await self.gate.record_refusal(AuditKind.HOME, place, "open App Home", refusal.record)
            return render_refused_home(refusal.public)
        is_admin = await self.gate.refuse_role(AccessRole.ADMINISTER, place, client) is None
        return render_home(await self._content(origin.user or "", profile.email, is_admin=is_admin))

    async def _content(self, user: str, email: str | None, *, is_admin: bool) -> HomeView:
        watched, now = await self.store.subscriptions.of_user(user), self.clock()
        beats = [(label, await self.store.last_heartbeat(name)) for name, label in HEARTBEATS.items()]
        owned = [one for one in await self.store.incidents.list_unclosed() if is_owned_by(one, user, email)]
        status = await self.runner.system_status()
        refused = await self.store.undelivered.list(now) if is_admin else ()
        return HomeView(watched, beats, now, status, owned, is_email_known=email is not None, undelivered=refused)
