"""Show under a link to a job on its platform what the job does.

The scopes `links:read` and `links:write` are optional. A watched job is shown as of its last poll; any other one costs
one request. A link is not shown to a channel whose members may not read the job, and not while it is typed, because
Slack does not tell then where it goes. Source: https://docs.slack.dev/messaging/unfurling-links-in-messages
(documented, read 2026-11-29).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.channel_runner import ChannelRunner
from bot.domain.access import AccessRole
from bot.domain.jobs import Job, JobRef
from bot.errors import BotError
from bot.providers.budget import BudgetLimits, CommandBudget, spending, within_budget
from bot.redaction.values import redact_job
from bot.slack.background_tasks import TaskSet
from bot.slack.error_codes import BLOCKS_REFUSED
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.gate import Gate
from bot.slack.payloads import SharedLinks
from bot.slack.render.message import Block
from bot.slack.render.unfurl import render_unfurl

_MOST_LINKS = 5
"""Of one message."""
_LIMITS = BudgetLimits(requests=2, seconds=10.0)
"""For one link; a platform may need a second request, such as for the newest run of a model."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unfurls:
    """Adds previews to messages."""

    runner: ChannelRunner
    gate: Gate
    tasks: TaskSet

    async def show(self, shared: SharedLinks, home: frozenset[str], client: AsyncWebClient) -> None:
        """Add a preview of each job to a message. What goes wrong is logged: nobody asked for the preview."""
        try:
            if await self.gate.refuse_origin(shared.origin, home, client) is not None:
                return
            async with self.tasks.turn():
                found = await asyncio.gather(*(self._preview(url, shared, client) for url in shared.urls[:_MOST_LINKS]))
            previews = {url: blocks for one in found for url, blocks in one.items()}
            if previews:
                await _unfurl(shared, previews, client)
        except UNREACHABLE as error:
            log.warning("link not unfurled", extra={"reason": delivery_error(error).reason, "channel": shared.channel})
        except BotError as problem:
            log.info("link not unfurled", extra={"reason": problem.public, "channel": shared.channel})

    async def _preview(self, url: str, shared: SharedLinks, client: AsyncWebClient) -> Mapping[str, list[Block]]:
        """The preview of a URL; empty if it is not of a job, or the channel may not see it."""
        try:
            _, ref = self.runner.runner.registry.resolve(url.replace("&amp;", "&"))
        except BotError:
            return {}
        if await self.gate.refuse_role(AccessRole.READ, shared.origin, client, str(ref)) is not None:
            return {}
        try:
            job, at = await self._job(ref)
        except BotError as problem:
            log.info("link not unfurled", extra={"reason": problem.public, "channel": shared.channel})
            return {}
        watching = await self.runner.store.subscriptions.for_job(job.ref)
        is_watched = any(one.channel == shared.channel for one in watching)
        return {url: render_unfurl(job, at, is_watched=is_watched)}

    async def _job(self, ref: JobRef) -> tuple[Job, datetime]:
        """The job and when that was known: from the store if it is watched, else from its platform."""
        for watched in await self.runner.store.subscriptions.of_job(ref):
            if watched.job is not None and watched.seen_at is not None:
                return watched.job, watched.seen_at
        runner = self.runner.runner
        provider, _ = runner.registry.resolve(str(ref))
        with spending(CommandBudget(_LIMITS)):
            async with within_budget():
                job = await provider.get_job(ref)
        return redact_job(job, runner.redactor), runner.clock()


async def _unfurl(shared: SharedLinks, previews: Mapping[str, list[Block]], client: AsyncWebClient) -> None:
    """Add the previews, without their buttons if Slack does not accept those."""
    whole = {url: {"blocks": blocks} for url, blocks in previews.items()}
    try:
        await client.chat_unfurl(channel=shared.channel, ts=shared.ts, unfurls=whole)
    except SlackApiError as error:
        if error_code(error) not in BLOCKS_REFUSED:
            raise
        bare = {
            url: {"blocks": [one for one in blocks if one["type"] != "actions"]} for url, blocks in previews.items()
        }
        await client.chat_unfurl(channel=shared.channel, ts=shared.ts, unfurls=bare)
