"""Build and publish App Home: the alerts, running jobs and silences of one person and that person's channels.

Everything comes from the database, read once for all people who look at the same time (`HomeFacts`), and from Slack's
answers about the person, which are kept for a while. No platform is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.channel_runner import ChannelRunner
from bot.domain.access import AccessRole
from bot.domain.alerts import Receipt
from bot.domain.audit import AuditKind
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.dashboard import Dashboard, HomeFilter, OpenHome, PersonalDashboard, Viewer
from bot.domain.durations import Clock
from bot.errors import BotError, DeliveryError
from bot.slack.background_tasks import TaskSet
from bot.slack.client import post
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.gate import Gate
from bot.slack.memberships import Membership, Memberships
from bot.slack.payloads import PayloadOrigin
from bot.slack.permalinks import Permalinks
from bot.slack.render.home import HomePage, OperatorFigures, digest_view, render_home, render_refused_home
from bot.slack.render.welcome import render_welcome
from bot.slack.user_profiles import UserProfile, UserProfiles
from bot.store.store import Store

HEARTBEATS: Mapping[str, str] = {POLL_LOOP: "Polling", DELIVERY_LOOP: "Alert delivery"}
"""The background loops as App Home names them."""
OPEN_FOR = timedelta(minutes=15)
"""How long App Home is refreshed after its last use: Slack does not say when it is closed."""

_KINDS = {"channels:read": "public", "groups:read": "private"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """What all people's pages are made of."""

    read_s: float
    """When the reading began, by the event loop's clock."""
    dashboard: Dashboard
    polled_at: datetime | None


@dataclass(slots=True)
class HomeFacts:
    """Reads the facts; many people at once share one reading."""

    runner: ChannelRunner
    store: Store
    clock: Clock
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _facts: Facts | None = None
    _figures: tuple[float, OperatorFigures] | None = None

    async def get(self) -> Facts:
        """Return facts that were read after this call began."""
        asked_s = asyncio.get_running_loop().time()
        async with self._lock:
            if self._facts is None or self._facts.read_s < asked_s:
                read_s, now = asyncio.get_running_loop().time(), self.clock()
                polled_at = await self.store.last_heartbeat(POLL_LOOP)
                self._facts = Facts(read_s, await self.store.dashboards.read(now), polled_at)
            return self._facts

    async def operator(self, facts: Facts) -> OperatorFigures:
        """Return the figures for administrators, no older than the facts."""
        async with self._lock:
            if self._figures is None or self._figures[0] < facts.read_s:
                read_s = asyncio.get_running_loop().time()
                beats = [(label, await self.store.last_heartbeat(name)) for name, label in HEARTBEATS.items()]
                status, refused = await self.runner.system_status(), await self.store.undelivered.list(self.clock())
                self._figures = read_s, OperatorFigures(status, beats, refused)
            return self._figures[1]


@dataclass(frozen=True, slots=True)
class BuiltHome:
    """A view, ready to publish."""

    user: str
    view: dict[str, object]
    shown: str
    """Identifies its content (`OpenHome.shown`)."""
    read_s: float
    """When its facts were read."""


@dataclass(frozen=True, slots=True)
class AppHome:
    """Builds and publishes the Home tab."""

    facts: HomeFacts
    profiles: UserProfiles
    gate: Gate
    tasks: TaskSet
    memberships: Memberships
    permalinks: Permalinks = field(default_factory=Permalinks)
    _published: dict[str, float] = field(default_factory=dict)
    """Person → when the facts of the newest published view were read, so that no older view replaces it."""

    @property
    def store(self) -> Store:
        """The store."""
        return self.facts.store

    async def open(
        self,
        origin: PayloadOrigin,
        home: frozenset[str],
        client: AsyncWebClient,
        *,
        direct: str | None = None,
        change: Callable[[HomeFilter], HomeFilter] | None = None,
    ) -> None:
        """Show it to the person who opened or used it.

        Args:
            origin: the person.
            home: the workspace of the app, and its organization.
            client: calls Slack.
            direct: the direct message with the app, if it is known.
            change: of what the person chose to see.
        """
        user = origin.user or ""
        try:
            async with self.tasks.turn():
                refusal = await self._refuse(origin, home, client)
                if refusal is not None:
                    await client.views_publish(user_id=user, view=render_refused_home(refusal))
                    return
            if await self.update(user, client, direct=direct, change=change):
                await post(client, {"channel": direct or user, **render_welcome().payload()})
        except DeliveryError as error:
            log.warning("welcome not sent", extra={"reason": error.reason})
        except UNREACHABLE as error:
            log.warning("home not published", extra={"reason": delivery_error(error).reason})
        except Exception:  # a bug: App Home keeps what it showed
            log.exception("home failed")

    async def update(
        self,
        user: str,
        client: AsyncWebClient,
        *,
        direct: str | None = None,
        change: Callable[[HomeFilter], HomeFilter] | None = None,
    ) -> bool:
        """Show what is current to a person who may see it; return whether it is the first time.

        Raises:
            SlackApiError: Slack refused it.
        """
        async with self.tasks.turn():
            opened, is_first = await self.store.homes.use(user, self.facts.clock(), channel=direct, change=change)
            built = await self.build(opened, await self.facts.get(), client)
        if await self.publish(built, client):
            await self.store.homes.set_shown({user: built.shown})
        return is_first

    async def show_change(self, user: str, client: AsyncWebClient) -> None:
        """Show what a person who has used App Home just changed. If that fails now, the next refresh shows it."""
        try:
            if not await self.store.homes.is_known(user):
                return  # the first visit brings the welcome
            await self.update(user, client)
        except (BotError, *UNREACHABLE) as error:
            problem = error.public if isinstance(error, BotError) else delivery_error(error).reason
            log.warning("home not published", extra={"reason": problem})

    async def build(self, home: OpenHome, facts: Facts, client: AsyncWebClient) -> BuiltHome:
        """Build the view of a person who may see it."""
        profile = await self.profiles.get(client, home.user, self.facts.clock())
        membership = await self.memberships.get(client, home.user)
        origin = PayloadOrigin(home.user, None)
        viewer = await self._viewer(profile, membership, PayloadOrigin(home.user, home.channel), client)
        dashboard = facts.dashboard.select_for(viewer, home.chosen)
        is_admin = await self.gate.refuse_role(AccessRole.ADMINISTER, origin, client) is None
        page = HomePage(
            dashboard,
            viewer,
            await self._links(dashboard, viewer, client),
            home.opened_at + OPEN_FOR,
            facts.polled_at,
            _notes(profile, membership),
            await self.facts.operator(facts) if is_admin else None,
        )
        view = render_home(page)
        return BuiltHome(home.user, view, digest_view(page, view), facts.read_s)

    async def dashboard_of(
        self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient
    ) -> PersonalDashboard | None:
        """Return everything that concerns a person; None if the person may not use trainwatch.

        Raises:
            SlackApiError: Slack refused to tell who the person is.
            StoreUnavailable: the database cannot be read.
        """
        async with self.tasks.turn():
            if await self._refuse(origin, home, client) is not None:
                return None
            profile = await self.profiles.get(client, origin.user or "", self.facts.clock())
            membership = await self.memberships.get(client, origin.user or "")
            viewer = await self._viewer(profile, membership, origin, client)
            return (await self.facts.get()).dashboard.select_for(viewer, HomeFilter())

    async def publish(self, built: BuiltHome, client: AsyncWebClient) -> bool:
        """Publish a view unless a newer one was published; return whether it was.

        Raises:
            SlackApiError: Slack refused it.
        """
        if self.published_s(built.user) > built.read_s:
            return False
        self._published[built.user] = built.read_s
        await client.views_publish(user_id=built.user, view=built.view)
        return True

    def published_s(self, user: str) -> float:
        """Return when the facts of a person's newest view were read, by the event loop's clock."""
        return self._published.get(user, float("-inf"))

    async def _viewer(
        self, profile: UserProfile, membership: Membership, origin: PayloadOrigin, client: AsyncWebClient
    ) -> Viewer:
        """Who looks; `origin` has the direct message with the app as its channel."""
        return Viewer(
            origin.user or "",
            profile.email,
            origin.channel,
            membership.channels,
            tuple(_KINDS[scope] for scope in membership.missing_scopes) if membership.is_known else ("any",),
            await self.gate.reader(PayloadOrigin(origin.user, None), client),
        )

    async def _refuse(self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient) -> str | None:
        """Why the person may not use trainwatch, recorded; None if the person may."""
        profile = await self.profiles.get(client, origin.user or "", self.facts.clock())
        place = replace(origin, channel=None)  # the direct message with the app is not a channel of a grant
        if not home & profile.teams:
            place = replace(place, teams=place.teams | profile.teams)
        refusal = await self.gate.refuse_origin(place, home, client)
        refusal = refusal or await self.gate.refuse_role(AccessRole.READ, place, client, any_job=True)
        if refusal is None:
            return None
        await self.gate.record_refusal(AuditKind.HOME, place, "open App Home", refusal.record)
        return refusal.public

    async def _links(self, dashboard: PersonalDashboard, viewer: Viewer, client: AsyncWebClient) -> dict[Receipt, str]:
        """The addresses of the messages that the person may open."""
        roots = [one.root for one in dashboard.incidents if one.root is not None and viewer.is_in(one.incident.channel)]
        found = await asyncio.gather(*(self.permalinks.find(client, root) for root in roots))
        return {root: address for root, address in zip(roots, found, strict=True) if address is not None}


def _notes(profile: UserProfile, membership: Membership) -> list[str]:
    """What is missing because Slack hides it from the app, and who can change that."""
    notes = []
    if profile.email is None:
        notes.append(
            "🟡 Your own runs are not recognized: Slack does not show trainwatch your e-mail address "
            "(scope `users:read.email`)."
        )
    if not membership.is_known:
        notes.append("🟡 Slack does not say at the moment which channels you are in, so their alerts are missing here.")
    elif membership.missing_scopes:
        kinds = " and ".join(_KINDS[scope] for scope in membership.missing_scopes)
        scopes = " and ".join(f"`{scope}`" for scope in membership.missing_scopes)
        plural = "s" if len(membership.missing_scopes) > 1 else ""
        notes.append(
            f"🟡 Alerts of your {kinds} channels are missing here, except of jobs you watch (scope{plural} {scopes})."
        )
    return [
        f"{note} Whoever runs trainwatch can add it: `/train check`." if "scope" in note else note for note in notes
    ]
