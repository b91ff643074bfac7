"""Whom an alert notifies besides its channel: the channel's mentions, and the person who started the job.

The platform names that person by e-mail address, which Slack maps to a member. That needs the optional scope
`users:read.email`. Without it, or while Slack does not answer, alerts go out without that person.
Source: https://docs.slack.dev/reference/methods/users.lookupByEmail (documented, read 2026-11-29).
"""

import asyncio
import logging
import re
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason, Receipt, Severity
from bot.domain.digests import Digest
from bot.domain.downtime import DOWNTIME
from bot.domain.durations import Clock
from bot.domain.notify import NotifySettings, OwnerContact
from bot.errors import StoreUnavailable
from bot.slack.failures import UNREACHABLE, error_code, retry_after
from bot.slack.render.mentions import Mentioned
from bot.store.preferences import Preferences

_EMAIL = re.compile(r"[^@\s<>]{1,64}@[^@\s<>]{1,190}")
_FOUND_FOR, _UNKNOWN_FOR = timedelta(days=1), timedelta(hours=1)
_MAX_MEMBERS = 5_000
_MAX_OWNERS = 20
"""People that one message about many jobs mentions."""
_WITHOUT_SCOPE_FOR, _AFTER_ERROR = timedelta(hours=1), timedelta(minutes=1)
_TIMEOUT_S = 3.0
"""An alert does not wait longer for the name of one person."""
_UNUSABLE = (StoreUnavailable, msgspec.MsgspecError, ValueError, LookupError, OSError)
"""An outage of the store; settings of another version, or with a time zone that this machine does not know."""

log = logging.getLogger(__name__)


class MemberDirectory:
    """Members of the workspace by e-mail address; remembers also who is not a member."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._known: OrderedDict[str, tuple[datetime, str | None]] = OrderedDict()
        self._paused_until: datetime | None = None

    async def find(self, email: str) -> str | None:
        """Return a member's user id; None if there is none, Slack refuses or cannot be reached."""
        key, now = email.strip().lower(), self._clock()
        until, member = self._known.get(key, (now, None))
        if now < until:
            return member
        if not _EMAIL.fullmatch(key) or (self._paused_until is not None and now < self._paused_until):
            return None
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                response = await self._client.users_lookupByEmail(email=key)
        except UNREACHABLE as error:
            if error_code(error) == "users_not_found":
                self._remember(key, None, now + _UNKNOWN_FOR)
            else:
                self._pause(error, now)
            return None
        member = _member_id(response.get("user"))
        self._remember(key, member, now + (_FOUND_FOR if member else _UNKNOWN_FOR))
        return member

    def _remember(self, key: str, member: str | None, until: datetime) -> None:
        self._known[key] = (until, member)
        self._known.move_to_end(key)
        if len(self._known) > _MAX_MEMBERS:
            self._known.popitem(last=False)

    def _pause(self, error: BaseException, now: datetime) -> None:
        code = error_code(error)
        wait = _WITHOUT_SCOPE_FOR if code == "missing_scope" else retry_after(error) or _AFTER_ERROR
        self._paused_until = now + wait
        log.info("member not looked up", extra={"reason": code, "paused_s": wait.total_seconds()})


class Contacts:
    """Decides whom a notification mentions or messages."""

    def __init__(self, client: AsyncWebClient, preferences: Preferences, clock: Clock) -> None:
        self._members, self._preferences, self._clock = MemberDirectory(client, clock), preferences, clock

    async def mentions(self, notification: Notification) -> Mentioned:
        """Return whom to mention in a message: nobody in quiet hours. Never raises.

        An edit repeats the mentions of the root message while nobody has the incident; Slack notifies nobody of it.
        """
        about, severity = notification.digest or notification.incident, mentioned_severity(notification)
        if about is None or (severity is None and not owners_of(notification)):
            return Mentioned()
        try:
            settings = await self._preferences.of_channel(about.channel)
            if notification.digest is not None:
                return await self._digest_mentions(notification, notification.digest, settings)
            if severity is None or settings.quiet_until(severity, self._clock()) is not None:
                return Mentioned()
            owner = await self._owner(notification.job.user, severity, settings, OwnerContact.MENTION)
        except _UNUSABLE:  # an alert goes out without mentions
            log.exception("mentions not read")
            return Mentioned()
        return Mentioned(tuple(target.id for target in settings.mentions.get(severity, ())), owner)

    async def direct_messages(self, notification: Notification, sent: Receipt) -> tuple[Delivery, ...]:
        """Return the message to the job's owner that follows an alert, if the owner gets one. Never raises."""
        incident, severity = notification.incident, notification.mention
        if notification.digest is not None:
            return await self._digest_messages(notification, notification.digest, sent)
        if incident is None or severity is None or notification.reason is NotifyReason.REMINDER:
            return ()
        try:
            settings = await self._preferences.of_channel(incident.channel)
            owner = await self._owner(notification.job.user, severity, settings, OwnerContact.DM)
        except _UNUSABLE:  # the alert is sent and must be marked so, or it is sent again
            log.exception("direct message not planned")
            return ()
        if owner is None:
            return ()
        message = Notification(DeliveryKind.DIRECT, NotifyReason.FIRST, notification.job, incident, thread=sent)
        return (Delivery(f"{incident.id}:direct:{owner}:{severity}", owner, message),)

    async def _digest_mentions(self, notification: Notification, digest: Digest, settings: NotifySettings) -> Mentioned:
        """The channel's mentions where people are notified, and the owners where their jobs are listed."""
        severity, worst = mentioned_severity(notification), unclaimed_severity(digest)
        quiet_by = severity or worst
        if quiet_by is None or settings.quiet_until(quiet_by, self._clock()) is not None:
            return Mentioned()
        chosen = [target.id for target in settings.mentions.get(severity, ())] if severity is not None else []
        for user in owners_of(notification):
            owner = await self._owner(user, quiet_by, settings, OwnerContact.MENTION)
            chosen += [owner] if owner is not None else []
        return Mentioned(tuple(dict.fromkeys(chosen)))

    async def _digest_messages(self, notification: Notification, digest: Digest, sent: Receipt) -> tuple[Delivery, ...]:
        """One direct message to each owner of listed jobs who wants them."""
        severity = unclaimed_severity(digest)
        if severity is None or notification.kind is DeliveryKind.EDIT:
            return ()
        found = []
        try:
            settings = await self._preferences.of_channel(digest.channel)
            for user in owners_of(notification):
                owner = await self._owner(user, severity, settings, OwnerContact.DM)
                theirs = tuple(one for one in digest.members if one.user == user and one.is_firing)
                if owner is not None:
                    about = Notification(
                        DeliveryKind.DIRECT,
                        NotifyReason.FIRST,
                        notification.job,
                        thread=sent,
                        digest=replace(digest, members=theirs),
                    )
                    found.append(Delivery(f"{digest.id}:direct:{owner}:{theirs[0].incident_id}", owner, about))
        except _UNUSABLE:  # the list is sent and must be marked so, or it is sent again
            log.exception("direct message not planned")
        return tuple(found)

    async def _owner(
        self, user: str | None, severity: Severity, settings: NotifySettings, wanted: OwnerContact
    ) -> str | None:
        """The member who started the job, if that person is contacted in the wanted way."""
        if user is None or severity is Severity.INFO:
            return None
        member = await self._members.find(user)
        if member is None:
            return None
        contact = await self._preferences.contact_of(member) or settings.owner
        if settings.owner is OwnerContact.OFF and contact is OwnerContact.MENTION:
            contact = OwnerContact.OFF  # the channel wants no mentions of owners
        return member if contact is wanted else None


def mentioned_severity(notification: Notification) -> Severity | None:
    """The severity whose people a message mentions; None: nobody."""
    incident, digest = notification.incident, notification.digest
    if notification.kind is DeliveryKind.EDIT and digest is not None:
        return unclaimed_severity(digest)
    if notification.kind is not DeliveryKind.EDIT or incident is None:
        return notification.mention
    return incident.severity if incident.is_open and incident.acknowledgement is None else None


def owners_of(notification: Notification) -> list[str]:
    """Who started the jobs that a message about a digest lists and that need a person, as platforms name them."""
    digest = notification.digest
    if digest is None:
        return []
    is_list = notification.kind is DeliveryKind.REPLY and notification.reason is NotifyReason.FIRST
    names_jobs = digest.key.startswith(DOWNTIME) and notification.kind in (DeliveryKind.ROOT, DeliveryKind.EDIT)
    if not is_list and not names_jobs:
        return []
    users = (one.user for one in digest.members if one.is_firing and one.acknowledged_by is None)
    return [user for user in dict.fromkeys(users) if user][:_MAX_OWNERS]


def unclaimed_severity(digest: Digest) -> Severity | None:
    """The worst severity of a digest's incidents that nobody has acknowledged; None: all have somebody."""
    ranks = [one.severity_rank for one in digest.members if one.is_firing and one.acknowledged_by is None]
    worst = max(ranks, default=0)
    return next((one for one in Severity if one.rank == worst), None)


def _member_id(user: object) -> str | None:
    match user:
        case {"deleted": True} | {"is_bot": True}:
            return None
        case {"id": str(member)}:
            return member
        case _:
            return None
