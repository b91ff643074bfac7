"""Slack's commands, clicks and events: acknowledge at once, then parse, run and reply in a background task.

A button carries a command as text, so clicks and commands take one path. Commands are answered in
`bot.commands.runner`, rendered in `bot.slack.render` and sent in `bot.slack.reply`.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.durations import Clock
from bot.slack.answering import Answering, errors_answered
from bot.slack.background_tasks import TaskSet, Work
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.ownership import OWNERSHIP_ACTIONS, change_owner, is_owned_by
from bot.slack.payloads import Body, channel_of
from bot.slack.render.answers import render_error, render_greeting
from bot.slack.render.blocks import Action
from bot.slack.render.home import HomeView, render_home
from bot.slack.render.logs import Shared
from bot.slack.reply import Reply
from bot.slack.thread_jobs import ThreadJobs
from bot.slack.unhandled import NOTED_EVENTS, RESUMING_EVENTS, acknowledge_unhandled, note_event
from bot.slack.user_profiles import UserProfiles
from bot.store.store import Store

COMMAND = "/train"
EVENTS = ("app_home_opened", "app_mention", "member_joined_channel", *NOTED_EVENTS, *RESUMING_EVENTS)
"""The events the app subscribes to; manifest.yml names the same."""
HEARTBEATS = {POLL_LOOP: "Polling", DELIVERY_LOOP: "Alert delivery"}
"""The background loops as App Home names them."""
_REMEMBERED_EVENTS = 1000
_NOTIFY = re.compile(r"(?i)(?:<[^>]*>|[^<-])*?\bnotify\b")
"""`notify` before any option, perhaps after a mention, `/train` or polite words."""
_TYPED_MENTION = re.compile(
    r"<(?:[@#][A-Z0-9]+\|(?P<name>[^>]+)|!subteam\^[A-Z0-9]+\|(?P<group>[^>]+)|!(?P<all>here|channel|everyone)(?:\|[^>]*)?)>"
)
_LINK = re.compile(r"<(?P<url>(?:https?://|mailto:)[^|>\s]+)(?:\|(?P<label>[^>]*))?>")
_BUSY = "Too many requests right now. Try again in a minute."

log = logging.getLogger(__name__)


def register(app: AsyncApp, listeners: Listeners) -> None:
    """Connect everything a person can do in Slack to its listener."""
    app.command(COMMAND)(listeners.on_command)
    app.action(re.compile(rf"^(?:{'|'.join(Action)})(?::|$)"))(listeners.on_click)
    app.event("app_mention")(listeners.on_mention)
    app.event("app_home_opened")(listeners.on_home)
    app.event("member_joined_channel")(listeners.on_joined)
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
        resume_channel: Callable[[str], None] | None = None,
        patience_s: float = 2.0,
    ) -> None:
        # `resume_channel` sends the alerts that waited until the bot was invited to a channel.
        # An answer that takes longer than `patience_s` is announced by a note.
        self._runner, self._store, self._clock = runner, store, clock
        self._resume_channel = resume_channel
        self._events: OrderedDict[str, None] = OrderedDict()
        self.tasks = TaskSet()
        """The work in flight, to drain before the process ends."""
        threads = ThreadJobs(store.incidents)
        self._answering = Answering(runner, clock, self.tasks, UserProfiles(), threads, patience_s)

    async def on_command(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """`/train ...`."""
        await ack()
        reply = Reply(client, body["channel_id"], body["user_id"], respond)
        self._start(reply, self._answering.answer(reply, plain_text(str(body.get("text") or "")), _asker(body)))

    async def on_mention(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """`@trainwatch ...`, which also works in threads. Slack may send one event several times."""
        event = body["event"]
        if event.get("bot_id") or not self._is_new(str(body.get("event_id") or event["ts"])):
            return
        reply = Reply(client, event["channel"], event["user"], thread_ts=event.get("thread_ts") or event["ts"])
        asker = Asker(event["user"], event["channel"], body.get("team_id"))
        text = plain_text(without_mention(str(event.get("text") or ""), context.bot_user_id))
        mention = self._answering.answer_mention(reply, text, asker, thread_ts=event.get("thread_ts"))
        self._start(reply, mention)

    async def on_click(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """A button or a menu entry.

        What changes the channel's alerts is shown on the alert, or answered in the thread of the message.
        """
        await ack()
        reply, message, pressed = _clicked(body, respond, client), body.get("message"), body["actions"][0]
        action = pressed["action_id"].partition(":")[0]
        value = str(pressed.get("value") or pressed["selected_option"]["value"])
        is_alert = action in (Action.CHANGE, Action.MORE) and not reply.replaces
        if is_alert and message is not None:
            reply = replace(reply, thread_ts=message.get("thread_ts") or message["ts"])
        if action == Action.REPLACE:
            edits = None if message is None or reply.replaces else message["ts"]
            reply = replace(reply, edits=edits, deletes=edits is None)
        if action in OWNERSHIP_ACTIONS:
            is_root = message is not None and message.get("thread_ts", message["ts"]) == message["ts"]
            self._start(reply, self._change_owner(reply, Action(action), value, is_root=is_root))
        else:
            share = action == Action.SHARE
            self._start(reply, self._answering.answer(reply, value, _asker(body), share=share, is_alert=is_alert))

    async def on_home(self, body: Body, client: AsyncWebClient) -> None:
        """The app's Home tab was opened."""
        event = body["event"]
        if event.get("tab", "home") == "home" and not self.tasks.start(self._publish_home(event["user"], client)):
            log.warning("too many requests at once")

    async def on_joined(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """A user joined a channel. If it is the bot, it posts a greeting, and waiting alerts are sent."""
        event = body["event"]
        if event["user"] == context.bot_user_id and self._is_new(str(body.get("event_id"))):
            reply = Reply(client, event["channel"], event.get("inviter") or event["user"])
            self._start(reply, self._greet(reply))

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

    def _start(self, reply: Reply, work: Work) -> None:
        if not self.tasks.start(work):
            log.warning("too many requests at once")
            self.tasks.refuse(_refuse(reply))

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._events:
            return False
        self._events[event_id] = None
        if len(self._events) > _REMEMBERED_EVENTS:
            self._events.popitem(last=False)
        return True

    async def _change_owner(self, reply: Reply, action: Action, value: str, *, is_root: bool) -> None:
        """The outbox then edits the incident's root message."""
        incidents, now = self._store.incidents, self._clock()
        async with errors_answered(reply):
            async with self.tasks.turn():
                answer = await change_owner(incidents, action, value, reply.user, now, is_root=is_root)
            if answer is not None:
                await reply.private(answer)

    async def _resume(self, channel: str) -> int:
        """Send the alerts that waited for a channel now; return their number."""
        waiting = await self._store.deliveries.retry_now(self._clock(), channel=channel)
        if self._resume_channel is not None:
            self._resume_channel(channel)
        return waiting

    async def _greet(self, reply: Reply) -> None:
        async with errors_answered(reply):
            async with self.tasks.turn():
                watched = await self._store.subscriptions.list(reply.channel)
                waiting = await self._resume(reply.channel)
            await reply.public(Shared(render_greeting(len(watched), waiting)))

    async def _publish_home(self, user: str, client: AsyncWebClient) -> None:
        try:
            async with self.tasks.turn():
                view = render_home(await self._get_home(user, client))
            await client.views_publish(user_id=user, view=view)
        except UNREACHABLE as error:
            log.warning("home not published", extra={"reason": delivery_error(error).reason})
        except Exception:
            log.exception("home failed")

    async def _get_home(self, user: str, client: AsyncWebClient) -> HomeView:
        watched, now = await self._store.subscriptions.of_user(user), self._clock()
        beats = [(label, await self._store.last_heartbeat(name)) for name, label in HEARTBEATS.items()]
        email = (await self._answering.profiles.get(client, user, now)).email
        owned = [one for one in await self._store.incidents.list_unclosed() if is_owned_by(one, user, email)]
        status = await self._runner.system_status()
        refused = await self._store.undelivered.list(now)
        return HomeView(watched, beats, now, status, owned, is_email_known=email is not None, undelivered=refused)


async def _refuse(reply: Reply) -> None:
    async with errors_answered(reply):
        await reply.private(render_error(ErrorAnswer(_BUSY)))


def without_mention(text: str, bot_user: str | None) -> str:
    """The text of a message that mentions the bot, wherever that is; other people's mentions stay."""
    user = re.escape(bot_user) if bot_user else "[UW][A-Z0-9]+"
    return re.sub(rf"<@{user}(?:\|[^>]*)?>[:,]?", " ", text, count=0 if bot_user else 1).strip()


def plain_text(text: str) -> str:
    """The text as the person typed it, without Slack's markup: links in angle brackets and three escaped characters.

    Mentions stay in `notify`, which needs the ids in them; elsewhere they become names, as in `--grep @retry`.
    Source: https://docs.slack.dev/messaging/formatting-message-text (documented).
    """
    named = text if _NOTIFY.match(text) else _TYPED_MENTION.sub(_typed_name, text)
    unlinked = _LINK.sub(_typed_link, named)
    return unlinked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")  # the ampersand last


def _typed_name(mention: re.Match[str]) -> str:
    if mention["name"]:
        return mention[0][1] + mention["name"]
    return mention["group"] or f"@{mention['all']}"


def _typed_link(link: re.Match[str]) -> str:
    """The URL, or the bare name that Slack linked by itself."""
    url, label = link["url"], link["label"]
    return label if label and url in (f"http://{label}", f"http://{label}/", f"mailto:{label}") else url


def _asker(body: Body) -> Asker:
    """Who typed the slash command, or clicked."""
    if "user_id" in body:
        return Asker(body["user_id"], body["channel_id"], body.get("team_id"))
    return Asker(body["user"]["id"], body["channel"]["id"], (body.get("team") or {}).get("id"))


def _clicked(body: Body, respond: AsyncRespond, client: AsyncWebClient) -> Reply:
    """Where the answer to a click goes: it replaces a private message and leaves a public one alone."""
    container, channel, user = body["container"], body["channel"]["id"], body["user"]["id"]
    is_private = bool(container.get("is_ephemeral"))
    return Reply(client, channel, user, respond, thread_ts=container.get("thread_ts"), replaces=is_private)
