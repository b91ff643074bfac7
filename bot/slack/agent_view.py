"""Slack's agent view: suggested prompts in the direct message, and threads with a title, a status and a Stop button.

It is on when the app has the scope `assistant:write`, which Slack adds to apps with `agent_view` in their manifest.
Then each message of a person begins a thread. Sources (documented, read 2026-11-29):
https://docs.slack.dev/ai/migrating-to-agent-messaging, https://docs.slack.dev/ai/agent-sessions,
https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts,
https://docs.slack.dev/reference/methods/assistant.threads.setStatus,
https://docs.slack.dev/reference/methods/agents.sessions.setStatus and
https://docs.slack.dev/reference/events/agent_session_stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Receipt
from bot.errors import BotError
from bot.slack.app_home import AppHome
from bot.slack.failures import UNREACHABLE, error_code
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.message import Message
from bot.slack.render.prompts import suggest_prompts
from bot.slack.reply import Reply

AGENT_EVENT = "agent_session_stopped"
"""Sent when a person presses Stop, to apps that subscribe to it."""
_SCOPE = "assistant:write"
_WORKING = "is working on it…"
_MAX_STATUS = 200
MAX_TITLE = 60
"""Characters of a thread's title that are shown in a list; Slack allows 200."""
_TIMEOUT_S = 5.0
_PROMPTS_TITLE = "Ask about your runs"

log = logging.getLogger(__name__)


def has_agent_view(context: AsyncBoltContext) -> bool:
    """Whether the app was installed with the agent view."""
    result = context.authorize_result
    return result is not None and _SCOPE in (result.bot_scopes or ())


@dataclass(frozen=True, slots=True)
class AgentReply(Reply):
    """Answers in a thread of the agent view, which shows that trainwatch works and how far it is."""

    title: str = ""
    """Of the thread, if it begins now."""

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Show that an answer is being made; Slack shows Stop meanwhile."""
        await asyncio.gather(self._set_session("processing"), self._show(_WORKING))
        try:
            yield
        finally:
            await asyncio.gather(self._set_session("active"), self._show(""))

    async def post_aside(self, answer: Message) -> Receipt:
        """Post a message that can be edited, and show its text as the status: a message removes the status."""
        receipt = await super(AgentReply, self).post_aside(answer)
        await self._show(f"is reading… {answer.text}")
        return receipt

    async def edit_aside(self, target: Receipt, answer: Message) -> None:
        """Replace the message and the status, which would disappear after two minutes."""
        await super(AgentReply, self).edit_aside(target, answer)
        await self._show(f"is reading… {answer.text}")

    async def _set_session(self, status: str) -> None:
        begins = {"title": self.title, "initiator_user_id": self.user} if self.title else {}
        await self._call("agents.sessions.setStatus", {"status": status, **begins})

    async def _show(self, status: str) -> None:
        await self._call("assistant.threads.setStatus", {"status": status[:_MAX_STATUS]})

    async def _call(self, method: str, arguments: dict[str, object]) -> None:
        """Call Slack; what is shown while an answer is made is not important enough to lose the answer."""
        place = {"channel_id": self.channel, "thread_ts": self.thread_ts}
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self.client.api_call(method, json={**place, **arguments})
        except UNREACHABLE as error:
            log.info("agent status not shown", extra={"method": method, "reason": error_code(error)})


@dataclass(frozen=True, slots=True)
class PromptSuggestions:
    """Offers questions about what is failing or running for a person, where the person types."""

    home: AppHome

    async def offer(self, origin: PayloadOrigin, home: frozenset[str], client: AsyncWebClient) -> None:
        """Replace the prompts of a direct message that was opened; nothing for who may not use trainwatch."""
        try:
            dashboard = await self.home.dashboard_of(origin, home, client)
            if dashboard is None or origin.channel is None:
                return
            # Without thread_ts: in the agent view, a call with it fails silently.
            arguments = {"channel_id": origin.channel, "title": _PROMPTS_TITLE, "prompts": suggest_prompts(dashboard)}
            async with asyncio.timeout(_TIMEOUT_S):
                await client.api_call("assistant.threads.setSuggestedPrompts", json=arguments)
        except BotError as problem:
            log.warning("prompts not offered", extra={"reason": problem.public})
        except UNREACHABLE as error:
            log.warning("prompts not offered", extra={"reason": error_code(error)})
