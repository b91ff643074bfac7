"""Decide who may do what, and record every command, click and refusal in the audit trail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import ErrorAnswer
from bot.domain.access import AccessPolicy, AccessRole, Person
from bot.domain.audit import AuditEntry, AuditKind, AuditResult
from bot.domain.durations import Clock
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef
from bot.errors import StoreUnavailable
from bot.redaction.redactor import Redactor
from bot.slack.payloads import PayloadOrigin
from bot.slack.shared_channels import SharedChannels
from bot.slack.user_groups import UserGroups
from bot.store.audit import AuditTrail


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not do something."""

    public: str
    """For the person."""
    record: str
    """For the audit trail."""


_FOREIGN = Refusal(
    "trainwatch answers only members of its own workspace. "
    "Whoever runs it can allow others: `teams` in the file of TRAINWATCH_ACCESS.",
    "a person of another workspace",
)
_SHARED = Refusal(
    "This channel is shared with another organization, so trainwatch does not answer here. "
    "Whoever runs it can allow this: `shared_channels` in the file of TRAINWATCH_ACCESS.",
    "a channel shared with another organization",
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempt:
    """What a person tries to do, and what came of it so far."""

    origin: PayloadOrigin
    result: AuditResult = AuditResult.DONE
    detail: str = ""
    job: str = ""

    def end(self, result: AuditResult, detail: str) -> None:
        """Set what came of it."""
        self.result, self.detail = result, detail


@dataclass(frozen=True, slots=True)
class Gate:
    """Checks and records what people try to do."""

    policy: AccessPolicy
    trail: AuditTrail
    redactor: Redactor
    clock: Clock
    groups: UserGroups
    channels: SharedChannels
    find_job: Callable[[str], Awaitable[KnownJob | None]]
    """Returns what is known of a job by its reference."""
    record_timeout_s: float = 3.0
    """An answer does not wait longer for its record."""

    async def refuse_origin(
        self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient
    ) -> Refusal | None:
        """Why a person or a channel of another organization is refused; None if it is not.

        Args:
            origin: of the payload.
            home: the workspace of the app, and its organization.
            client: asks Slack about the channel.
        """
        allowed = home | self.policy.teams
        if home and origin.teams - allowed and origin.enterprise not in self.policy.teams:
            return _FOREIGN
        if origin.channel is None or self.policy.allows_shared_channel(origin.channel):
            return None
        if origin.is_ext_shared:
            self.channels.remember(origin.channel)
            return _SHARED
        return _SHARED if await self.channels.is_shared(origin.channel, client) else None

    async def refuse_role(
        self,
        needed: AccessRole,
        origin: PayloadOrigin,
        client: AsyncWebClient,
        job: str | None = None,
        *,
        any_job: bool = False,
    ) -> Refusal | None:
        """Why a person lacks the role that an action needs; None if the person has it.

        Args:
            needed: the role.
            origin: of the payload.
            client: asks Slack about user groups.
            job: the reference of the job; None if the action concerns no job or several.
            any_job: whether the role for one of all jobs is enough, because the job is not known yet.
        """
        if needed <= self.policy.default:
            return None
        user = origin.user or ""
        groups = await self.groups.of(user, self.policy.groups, client)
        who = Person(user, origin.channel, groups)
        about_job = await self.find_job(job) or job if job and self.policy.needs_details else job
        role = self.policy.best_role_of(who) if any_job else self.policy.role_of(who, about_job)
        if role >= needed:
            return None
        about = f" for `{job}`" if job else ""
        has = f"you have `{role.value}`" if role is not AccessRole.NONE else "you have none"
        return Refusal(
            f"This needs the role `{needed.value}`{about}; {has} here. Ask whoever runs trainwatch.",
            f"needs the role {needed.value}, has {role.value}",
        )

    async def reader(
        self, origin: PayloadOrigin, client: AsyncWebClient
    ) -> Callable[[str, JobRef | None], bool] | None:
        """Return whether a person may read about a job in a channel, or about several; None if everybody may."""
        if self.policy.default >= AccessRole.READ:
            return None
        user, policy = origin.user or "", self.policy
        groups = await self.groups.of(user, policy.groups, client)

        def may_read(channel: str, job: JobRef | None) -> bool:
            return policy.role_of(Person(user, channel, groups), str(job) if job else None) >= AccessRole.READ

        return may_read

    @asynccontextmanager
    async def recorded(self, kind: AuditKind, origin: PayloadOrigin, text: str) -> AsyncIterator[Attempt]:
        """Record an attempt before it is handled, and at the end what came of it."""
        attempt, is_through = Attempt(origin), False
        number = await self._begin(kind, origin, text)
        try:
            yield attempt
            is_through = True
        finally:
            if not is_through:
                attempt.end(AuditResult.FAILED, "interrupted")
            if number is not None:
                await self._finish(number, attempt)

    def refuse(self, attempt: Attempt, refusal: Refusal) -> ErrorAnswer:
        """Note a refusal and return the answer."""
        attempt.end(AuditResult.REFUSED, refusal.record)
        return ErrorAnswer(refusal.public)

    async def record_refusal(self, kind: AuditKind, origin: PayloadOrigin, text: str, why: str) -> None:
        """Record something that was refused at once."""
        async with self.recorded(kind, origin, text) as attempt:
            attempt.end(AuditResult.REFUSED, why)

    async def _begin(self, kind: AuditKind, origin: PayloadOrigin, text: str) -> int | None:
        redacted = self.redactor.redact(text)[0]
        entry = AuditEntry(kind, origin.user or "", origin.channel or "", origin.team, redacted, self.clock())
        try:
            async with asyncio.timeout(self.record_timeout_s):
                return await self.trail.add(entry)
        except (StoreUnavailable, TimeoutError) as problem:
            log.error("audit entry not stored", extra={"user": entry.user, "reason": type(problem).__name__})
            return None

    async def _finish(self, number: int, attempt: Attempt) -> None:
        detail, job = (self.redactor.redact(text)[0] for text in (attempt.detail, attempt.job))
        try:
            await self.trail.finish(number, attempt.result, detail, job)
        except StoreUnavailable as problem:
            log.error("audit entry not finished", extra={"entry": number, "reason": problem.public})
