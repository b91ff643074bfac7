"""Handle one thing that a person did: check where it comes from, do the work, reply, and record it.

Commands, mentions, clicks and modals all take this path.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.commands.answers import ErrorAnswer
from bot.domain.audit import AuditKind, AuditResult
from bot.errors import TooBusy
from bot.slack.answering import errors_answered
from bot.slack.background_tasks import TaskSet
from bot.slack.gate import Attempt, Gate
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.answers import render_error
from bot.slack.reply import Reply

log = logging.getLogger(__name__)

RequestWork = Callable[[Attempt, Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One command, mention, click or submission."""

    kind: AuditKind
    origin: PayloadOrigin
    text: str
    """For the audit trail."""
    reply: Reply
    home: frozenset[str]
    """The workspace of the bot's token, and its organization."""
    opens: Callable[[], Awaitable[Reply]] | None = None
    """Called first: it opens a modal, because a trigger lives three seconds, and returns where answers then go."""


@dataclass(frozen=True, slots=True)
class RequestHandling:
    """Handles requests in background tasks."""

    gate: Gate
    tasks: TaskSet

    def start(self, request: Request, work: RequestWork) -> None:
        """Handle a request, or reply that there are too many."""
        if not self.tasks.start(self._handle(request, work)):
            log.warning("too many requests at once")
            self.tasks.refuse(self._handle(request, None))

    async def _handle(self, request: Request, work: RequestWork | None) -> None:
        """Without work there are too many requests."""
        gate = self.gate
        reply = await request.opens() if request.opens is not None and work is not None else request.reply
        async with (
            gate.recorded(request.kind, request.origin, request.text) as attempt,
            errors_answered(reply, attempt),
        ):
            if work is None:
                busy = TooBusy().public
                attempt.end(AuditResult.FAILED, busy)
                await reply.private(render_error(ErrorAnswer(busy)))
            elif refusal := await gate.refuse_origin(request.origin, request.home, reply.client):
                await reply.private(render_error(gate.refuse(attempt, refusal)))
            else:
                async with reply.working():
                    await work(attempt, reply)
