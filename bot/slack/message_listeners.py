"""What people write to the bot and share with it: mentions, direct messages, and the shortcut of a message."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta

from slack_bolt.async_app import AsyncAck, AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Asker
from bot.commands.parsing.mentions import asks_for_diagnosis
from bot.commands.parsing.pasted_logs import is_log_to_diagnose
from bot.domain.audit import AuditKind, AuditResult
from bot.slack.agent_view import MAX_TITLE, AgentReply, has_agent_view
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.handling import Request, RequestHandling
from bot.slack.log_sharing import LogSharing
from bot.slack.nearby_messages import complete_log, find_root
from bot.slack.payloads import Body, Mention, read_mention_event, read_shared_links, read_shortcut
from bot.slack.reply import Reply
from bot.slack.seen_once import SeenOnce
from bot.slack.shared_messages import SharedLog, read_shared_log
from bot.slack.typed_text import plain_text, without_mention
from bot.slack.unfurls import Unfurls

_DIAGNOSE_TEXT = "diagnose this log"
"""What the audit trail shows instead of a log."""
_REMEMBER_EVENT = timedelta(hours=2)
"""Slack repeats an event for about an hour."""
_REMEMBER_MENTION = timedelta(days=30)
"""A message that is edited later than this may be answered again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MessageListeners:
    """One method for each way to write to the bot; each starts a background task."""

    handling: RequestHandling
    answering: Answering
    sharing: LogSharing
    seen: SeenOnce
    unfurls: Unfurls
    _parts: dict[tuple[str, str, str | None], list[Mention]] = field(default_factory=dict)
    """The messages of logs that may go on, by channel, person and thread."""

    async def on_mention(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """`@trainwatch ...`, which also works in threads. A message is answered once, also if it is edited."""
        mention = read_mention_event(body)
        if not await self._is_new(mention):
            return
        text = plain_text(without_mention(mention.text, context.bot_user_id))
        reply = Reply(client, mention.channel, mention.origin.user or "", thread_ts=mention.thread_ts or mention.ts)
        self._answer(AuditKind.MENTION, mention, text, reply, context)

    async def on_direct_message(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """A message to the bot itself. Answers follow in the conversation, diagnoses in the thread of the log."""
        if body["event"].get("channel_type") != "im":
            log.debug("event ignored", extra={"reason": "a message in a channel"})
            return
        mention = read_mention_event(body)
        if not await self._is_new(mention):
            return
        text = plain_text(without_mention(mention.text, context.bot_user_id))
        reply = Reply(client, mention.channel, mention.origin.user or "", thread_ts=mention.thread_ts)
        if has_agent_view(context):
            reply = self._in_thread(reply, mention, text)
        if not is_log_to_diagnose(text, has_text_file=read_shared_log(mention.message).has_text_file):
            self._answer(AuditKind.MESSAGE, mention, text, reply, context)
            return
        reply = replace(reply, thread_ts=mention.thread_ts or mention.ts)
        request = Request(AuditKind.MESSAGE, mention.origin, _DIAGNOSE_TEXT, reply, home_of(context))
        self.handling.start(request, lambda attempt, reply: self._diagnose_parts(reply, mention, attempt, context))

    async def on_shortcut(
        self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        """The shortcut "Diagnose this log" in the menu of a message."""
        await ack()
        shortcut = read_shortcut(body)
        shared = read_shared_log(shortcut.message)
        private = Reply(client, shortcut.channel, shortcut.user, respond)
        thread = Reply(client, shortcut.channel, shortcut.user, thread_ts=shortcut.thread_ts)
        request = Request(AuditKind.SHORTCUT, shortcut.origin, _DIAGNOSE_TEXT, private, home_of(context))

        async def work(attempt: Attempt, private: Reply) -> None:
            whole = await complete_log(shared, shortcut.message, shortcut.channel, client)
            await self.sharing.answer(thread, whole, attempt, private)

        self.handling.start(request, work)

    async def on_links(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """Somebody shared a link to a platform."""
        links = read_shared_links(body)
        if links is None:
            log.debug("event ignored", extra={"reason": "a link that is being typed"})
            return
        if not await self.seen.is_new(f"event:{body.get('event_id')}", _REMEMBER_EVENT):
            return
        if not self.handling.tasks.start(self.unfurls.show(links, home_of(context), client)):
            log.warning("too many requests at once")

    def _in_thread(self, reply: Reply, mention: Mention, text: str) -> AgentReply:
        """In the agent view, each message of a person begins a thread, which has the message as its title."""
        title = self.answering.gate.redactor.redact(" ".join(text.split()))[0][:MAX_TITLE] or _DIAGNOSE_TEXT
        title = "" if mention.thread_ts else title
        return AgentReply(
            reply.client, reply.channel, reply.user, thread_ts=mention.thread_ts or mention.ts, title=title
        )

    async def _is_new(self, mention: Mention) -> bool:
        if mention.origin.user is None or mention.is_from_app or mention.is_hidden:
            log.debug("event ignored", extra={"reason": "a message of an app, or a change of a message"})
            return False
        return await self.seen.is_new(f"mention:{mention.channel}:{mention.ts}", _REMEMBER_MENTION)

    def _answer(self, kind: AuditKind, mention: Mention, text: str, reply: Reply, context: AsyncBoltContext) -> None:
        shared = replace(read_shared_log(mention.message), text=text)
        if is_log_to_diagnose(text, has_text_file=shared.has_text_file):
            request = Request(kind, mention.origin, _DIAGNOSE_TEXT, reply, home_of(context))
            self.handling.start(request, lambda attempt, reply: self.sharing.answer(reply, shared, attempt))
            return
        asker = Asker(reply.user, mention.channel, mention.team)
        request = Request(kind, mention.origin, text, reply, home_of(context))

        async def work(attempt: Attempt, reply: Reply) -> None:
            root = await self._log_of_thread(mention, text, reply)
            if root is not None:
                await self.sharing.answer(reply, root, attempt)
            else:
                await self.answering.answer_mention(reply, text, asker, attempt, thread_ts=mention.thread_ts)

        self.handling.start(request, work)

    async def _log_of_thread(self, mention: Mention, text: str, reply: Reply) -> SharedLog | None:
        """The log in the root of a thread without a job, if the message asks what it means: `what is wrong here?`."""
        if mention.thread_ts is None or not asks_for_diagnosis(text):
            return None
        if await self.answering.threads.find(mention.channel, mention.thread_ts) is not None:
            return None
        root = await find_root(mention.channel, mention.thread_ts, reply.client)
        if root is None or not (root.has_text_file or is_log_to_diagnose(root.text, has_text_file=False)):
            return None
        return root

    async def _diagnose_parts(
        self, reply: Reply, mention: Mention, attempt: Attempt, context: AsyncBoltContext
    ) -> None:
        """Diagnose a direct message together with those that go on with its log."""
        if (parts := await self._collect(mention)) is None:
            attempt.end(AuditResult.DONE, "a part of a log")  # the last part is answered for all
            return
        text = "\n".join(plain_text(without_mention(one.text, context.bot_user_id)) for one in parts)
        files = tuple(file for one in parts for file in read_shared_log(one.message).files)
        first = parts[0].thread_ts or parts[0].ts
        await self.sharing.answer(replace(reply, thread_ts=first), SharedLog(text, files), attempt)

    async def _collect(self, mention: Mention) -> list[Mention] | None:
        """Wait until no more of a log arrives; return all messages of it to the last one, in order."""
        key = (mention.channel, mention.origin.user or "", mention.thread_ts)
        parts = self._parts.setdefault(key, [])
        parts.append(mention)
        await asyncio.sleep(self.sharing.sizes.quiet_s)
        if parts[-1] is not mention:
            return None
        self._parts.pop(key, None)
        return sorted(parts, key=lambda one: one.ts)


def home_of(context: AsyncBoltContext) -> frozenset[str]:
    """The workspace of the bot's token, and its organization."""
    result = context.authorize_result
    return frozenset(team for team in (result.team_id, result.enterprise_id) if team) if result else frozenset()
