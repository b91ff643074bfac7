"""Slack's commands, clicks and events: acknowledge at once, then check, run and reply in a background task.

A button carries a command as text, so clicks and commands take one path. Commands are answered in
`bot.commands.runner`, rendered in `bot.slack.render` and sent in `bot.slack.reply`. `gate` decides who may do what.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.charts.painter import Painter
from bot.commands.answers import Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.query_draft import is_query
from bot.domain.access import OPEN_ACCESS, AccessPolicy, AccessRole
from bot.domain.audit import AuditKind
from bot.domain.durations import Clock
from bot.providers.budget import UNLIMITED, BudgetLimits
from bot.slack.agent_view import AGENT_EVENT, PromptSuggestions, has_agent_view
from bot.slack.answering import Answering, errors_answered
from bot.slack.app_home import AppHome, HomeFacts
from bot.slack.background_tasks import TaskSet
from bot.slack.digest_actions import change_digest, is_about_digest
from bot.slack.gate import Attempt, Gate
from bot.slack.handling import Request, RequestHandling
from bot.slack.home_controls import HomeControls
from bot.slack.log_sharing import LogSharing
from bot.slack.memberships import Memberships
from bot.slack.message_listeners import MessageListeners, home_of
from bot.slack.modals.answer_modal import AnswerModal
from bot.slack.modals.dispatch import Modals, Opening, modal_name
from bot.slack.modals.incident_modals import NoteModal, StopModal
from bot.slack.modals.metadata import ModalMetadata
from bot.slack.modals.query_modal import QueryModal
from bot.slack.modals.silence_modal import SilenceModal
from bot.slack.modals.tune_modal import TuneModal
from bot.slack.modals.view_payloads import SEARCH_SHORTCUT, is_modal, read_global_shortcut, read_view_payload
from bot.slack.modals.watch_modal import WatchModal
from bot.slack.ownership import OWNERSHIP_ACTIONS, change_owner
from bot.slack.payloads import (
    DIAGNOSE_SHORTCUT,
    Body,
    Click,
    PayloadOrigin,
    channel_of,
    read_click,
    read_command,
    read_event_user,
    read_home_click,
)
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import QUERY_MODAL, Action
from bot.slack.render.home import HomeAction
from bot.slack.render.logs import Shared
from bot.slack.render.welcome import render_greeting
from bot.slack.reply import Reply
from bot.slack.running_commands import NOTE_TIMES, NoteTimes, RunningCommands
from bot.slack.seen_once import SeenOnce
from bot.slack.shared_channels import SharedChannels
from bot.slack.thread_jobs import ThreadJobs
from bot.slack.typed_text import plain_text
from bot.slack.unfurls import Unfurls
from bot.slack.unhandled import COMMAND, NOTED_EVENTS, RESUMING_EVENTS, acknowledge_unhandled, note_event
from bot.slack.user_groups import UserGroups
from bot.slack.user_profiles import UserProfiles
from bot.store.store import Store

EVENTS = (
    "app_home_opened",
    "app_mention",
    "link_shared",
    "member_joined_channel",
    "member_left_channel",
    "message",
    "reaction_added",
    *NOTED_EVENTS,
    *RESUMING_EVENTS,
)
"""The events the app subscribes to; manifest.yml names the same."""
_REMEMBER_EVENT = timedelta(hours=2)
"""Slack repeats an event for about an hour."""

_REMEMBER_GREETING = timedelta(days=365)
"""A bot that is invited again later introduces itself again."""
_ANY = re.compile("")
"""Matches the `callback_id` of every view."""

log = logging.getLogger(__name__)


def register(app: AsyncApp, listeners: Listeners) -> None:
    """Connect everything a person can do in Slack to its listener."""
    app.command(COMMAND)(listeners.on_command)
    app.action(re.compile(rf"^(?:{'|'.join(Action)})(?::|$)"))(listeners.on_click)
    app.view_submission(_ANY, matchers=[listeners.knows_modal])(listeners.on_submission)
    app.view_closed(_ANY, matchers=[listeners.knows_modal])(listeners.on_closed)
    app.options(re.compile(rf"^{Action.FIELD}:"), matchers=[listeners.knows_modal])(listeners.on_suggestion)
    app.event("app_mention")(listeners.messages.on_mention)
    app.event("message")(listeners.messages.on_direct_message)
    app.event("link_shared")(listeners.messages.on_links)
    app.global_shortcut(SEARCH_SHORTCUT)(listeners.on_search)
    app.message_shortcut(DIAGNOSE_SHORTCUT)(listeners.messages.on_shortcut)
    app.event("app_home_opened")(listeners.on_home)
    app.action(re.compile(rf"^(?:{'|'.join(HomeAction)})(?::|$)"))(listeners.on_home_control)
    app.event(AGENT_EVENT)(listeners.on_stopped)
    app.event("member_joined_channel")(listeners.on_joined)
    app.event("member_left_channel")(listeners.on_left)
    for event in NOTED_EVENTS:
        app.event(event)(listeners.on_noted)
    for event in RESUMING_EVENTS:
        app.event(event)(listeners.on_resumed)
    app.error(listeners.on_error)


class Listeners:
    """One method for each thing a person can do; each starts a background task."""

    def __init__(
        self,
        runner: ChannelRunner,
        store: Store,
        clock: Clock,
        *,
        access: AccessPolicy = OPEN_ACCESS,
        resume_channel: Callable[[str], None] | None = None,
        note_times: NoteTimes = NOTE_TIMES,
        limits: BudgetLimits = UNLIMITED,
    ) -> None:
        # `resume_channel` sends the alerts that waited until the bot was invited to a channel.
        self._store, self._clock = store, clock
        self._resume_channel = resume_channel
        self._seen = SeenOnce(store.seen, clock)
        self.tasks = TaskSet()
        """The work in flight, to drain before the process ends."""
        self.painter = Painter()
        """To close before the process ends."""
        groups, channels = UserGroups(clock), SharedChannels(clock)
        self.gate = Gate(access, store.audit, runner.runner.redactor, clock, groups, channels, store.known_jobs.find)
        profiles, threads = UserProfiles(), ThreadJobs(store)
        self._running = RunningCommands(note_times)
        self._answering = Answering(
            runner, clock, self.tasks, profiles, threads, self._running, limits, self.gate, self.painter
        )
        facts, self._memberships = HomeFacts(runner, store, clock), Memberships(clock)
        self.home = AppHome(facts, profiles, self.gate, self.tasks, self._memberships)
        self._prompts = PromptSuggestions(self.home)
        self._handling = RequestHandling(self.gate, self.tasks)
        kinds = (AnswerModal, NoteModal, StopModal, SilenceModal, TuneModal)
        handlers = [
            *(kind(self._answering) for kind in kinds),
            QueryModal(self._answering, store),
            WatchModal(self._answering, self.home),
        ]
        self.modals = Modals(handlers, self._handling)
        self._home_controls = HomeControls(self.home, self._answering, self._handling, self.modals)
        unfurls = Unfurls(runner, self.gate, self.tasks)
        sharing = LogSharing(runner.runner, self._running, limits, self.gate)
        self.messages = MessageListeners(self._handling, self._answering, sharing, self._seen, unfurls)
        """What people write to the bot and share with it."""

    async def on_command(
        self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        """`/train ...`."""
        await ack()
        typed = read_command(body)
        reply, text = Reply(client, typed.channel, typed.user, respond), plain_text(typed.text)
        asker = Asker(typed.user, typed.channel, typed.team)
        home = home_of(context)
        modal = QUERY_MODAL if is_query(text) else self.modals.opened_by(text)
        if modal is not None:
            metadata = ModalMetadata(typed.channel, text)
            kind, trigger = AuditKind.COMMAND, typed.trigger_id
            self.modals.open(Opening(modal, trigger, metadata, kind, typed.origin, asker, text, reply, home))
            return
        request = Request(AuditKind.COMMAND, typed.origin, text, reply, home)
        self._handling.start(request, lambda attempt, reply: self._answering.answer(reply, text, asker, attempt))

    async def on_click(
        self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        """A button or a menu entry.

        What changes the channel's alerts is shown on the alert, or answered in the thread of the message.
        """
        await ack()
        if is_modal(body):
            if self.modals.knows(body):
                self.modals.act(read_view_payload(body), client, home_of(context))
            return
        click = read_click(body)
        # An answer replaces a private message and leaves a public one alone.
        reply = Reply(
            client, click.channel, click.user, respond, thread_ts=click.thread_ts, replaces=click.is_ephemeral
        )
        asker = Asker(click.user, click.channel, click.team)
        if click.action == Action.OPEN:
            self._open_modal(click, reply, asker, home_of(context))
            return
        if click.action in OWNERSHIP_ACTIONS or is_about_digest(click):
            text = f"{click.action.removeprefix('trainwatch_')} {click.value}"
            request = Request(AuditKind.CLICK, click.origin, text, reply, home_of(context))
            self._handling.start(request, lambda attempt, reply: self._change_owner(reply, click, attempt))
            return
        if click.action == Action.CANCEL:
            request = Request(AuditKind.CLICK, click.origin, "cancel", reply, home_of(context))
            self._handling.start(request, lambda _, reply: self._running.cancel(reply, click.value))
            return
        is_alert = click.action == Action.CHANGE and not reply.replaces
        if is_alert and click.message_ts is not None:
            reply = replace(reply, thread_ts=click.message_thread_ts or click.message_ts)
        if click.action == Action.REPLACE:
            edits = None if reply.replaces else click.message_ts
            reply = replace(reply, edits=edits, deletes=edits is None)
        share = click.action == Action.SHARE
        request = Request(AuditKind.CLICK, click.origin, click.value, reply, home_of(context))
        self._handling.start(
            request,
            lambda attempt, reply: self._answering.answer(
                reply, click.value, asker, attempt, share=share, is_alert=is_alert
            ),
        )

    async def on_search(self, ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """The shortcut "Search logs", which is used anywhere: the form opens as in the direct message."""
        await ack()
        used = read_global_shortcut(body)
        reply, asker = Reply(client, used.user, used.user), Asker(used.user, used.user, used.team)
        metadata, home = ModalMetadata(used.user), home_of(context)
        kind, trigger = AuditKind.SHORTCUT, used.trigger_id
        self.modals.open(Opening(QUERY_MODAL, trigger, metadata, kind, used.origin, asker, "search", reply, home))

    async def knows_modal(self, body: Body) -> bool:
        """Whether a payload is about a modal with a handler."""
        return self.modals.knows(body)

    async def on_submission(self, ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """The fields of a modal were submitted."""
        await self.modals.submit(ack, read_view_payload(body), client, home_of(context))

    async def on_suggestion(self, ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """Text was typed into a menu of a modal that is searched."""
        await self.modals.suggest(ack, read_view_payload(body), client, home_of(context))

    async def on_closed(self, ack: AsyncAck, body: Body, client: AsyncWebClient) -> None:
        """A modal was closed."""
        await ack()
        await self.modals.close(read_view_payload(body), client)

    async def on_home(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """The app's Home tab or the direct message was opened."""
        origin = read_event_user(body)
        if not self.tasks.start(self.home.open(origin, home_of(context), client, direct=origin.channel)):
            log.warning("too many requests at once")
        if body["event"].get("tab") == "messages" and has_agent_view(context):
            self.tasks.start(self._prompts.offer(origin, home_of(context), client))

    async def on_stopped(self, body: Body) -> None:
        """Stop was pressed in a thread of the agent view."""
        event = body["event"]
        self._running.cancel_thread(str(event.get("channel")), str(event.get("thread_ts")), str(event.get("user")))

    async def on_home_control(
        self, ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        """A filter or a button of App Home."""
        await ack()
        self._home_controls.use(read_home_click(body), client, home_of(context))

    async def on_joined(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """A user joined a channel. If it is the bot, it posts a greeting, and waiting alerts are sent."""
        origin, event = read_event_user(body), body["event"]
        self._memberships.forget(origin.user or "")
        if origin.user != context.bot_user_id or origin.channel is None:
            return
        if await self._seen.is_new(f"event:{body.get('event_id')}", _REMEMBER_EVENT):
            reply = Reply(client, origin.channel, str(event.get("inviter") or origin.user))
            if not self.tasks.start(self._greet(reply, origin, home_of(context))):
                log.warning("too many requests at once")

    async def on_left(self, body: Body) -> None:
        """A user left a channel, and so no longer sees it in App Home."""
        self._memberships.forget(read_event_user(body).user or "")

    async def on_noted(self, body: Body) -> None:
        """An event that changes what the app can do, such as its removal from the workspace."""
        note_event(body["event"]["type"], channel_of(body))

    async def on_resumed(self, body: Body) -> None:
        """A channel accepts messages again."""
        channel = channel_of(body)
        if channel is not None and not self.tasks.start(self._resume(channel)):
            log.warning("too many requests at once")

    async def on_error(self, error: Exception, body: Body, response: BoltResponse | None) -> BoltResponse | None:
        """Nothing listens to the payload, or a listener failed before its background task started."""
        if isinstance(error, BoltUnhandledRequestError):
            return acknowledge_unhandled(body)
        log.error("listener failed", exc_info=error, extra={"payload_type": body.get("type")})
        is_malformed = isinstance(error, LookupError | TypeError | ValueError | AttributeError)
        return BoltResponse(status=400, body="") if is_malformed and response is not None else None

    def _open_modal(self, click: Click, reply: Reply, asker: Asker, home: frozenset[str]) -> None:
        metadata = ModalMetadata(click.channel, click.value, click.message_ts or "", click.thread_ts or "")
        kind, trigger = AuditKind.CLICK, click.trigger_id
        self.modals.open(
            Opening(modal_name(click.key), trigger, metadata, kind, click.origin, asker, click.value, reply, home)
        )

    async def _change_owner(self, reply: Reply, click: Click, attempt: Attempt) -> None:
        """The outbox then edits the root message of the incident or the digest."""
        incidents, now = self._store.incidents, self._clock()
        async with self.tasks.turn():
            if is_about_digest(click):
                answer = await change_digest(self._store, self.gate, click, reply.client, attempt, now)
                if answer is not None:
                    await reply.private(answer)
                return
            incident = await incidents.find(click.value.partition(" ")[0])
            attempt.job = str(incident.job.ref) if incident else ""
            refusal = await self.gate.refuse_role(AccessRole.OPERATE, click.origin, reply.client, attempt.job or None)
            if refusal is not None:
                await reply.private(render_error(self.gate.refuse(attempt, refusal)))
                return
            answer = await change_owner(
                incidents, Action(click.action), click.value, reply.user, now, is_root=click.is_root
            )
        if answer is not None:
            await reply.private(answer)

    async def _resume(self, channel: str) -> int:
        """Send the alerts that waited for a channel now; return their number."""
        waiting = await self._store.deliveries.retry_now(self._clock(), channel=channel)
        if self._resume_channel is not None:
            self._resume_channel(channel)
        return waiting

    async def _greet(self, reply: Reply, origin: PayloadOrigin, home: frozenset[str]) -> None:
        async with errors_answered(reply):
            if refusal := await self.gate.refuse_origin(origin, home, reply.client):
                await reply.public(Shared(render_error(ErrorAnswer(refusal.public))))
                return
            async with self.tasks.turn():
                watched = await self._store.subscriptions.list(reply.channel)
                waiting = await self._resume(reply.channel)
                is_first = await self._seen.is_new(f"greeted:{reply.channel}", _REMEMBER_GREETING)
            greeting = render_greeting(len(watched), waiting, is_first=is_first)
            if greeting is not None:
                await reply.public(Shared(greeting))
