"""What Bolt calls: acknowledge at once, then parse, run and reply in a task of our own.

A button is a typed command, so clicks and commands take one path. What commands do is in `bot.commands.runner`, how
answers look in `bot.slack.render`, how they are sent in `bot.slack.reply`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Answer, Asker, ErrorAnswer, SystemStatus
from bot.commands.parsing import parser as grammar
from bot.commands.subcommands.subscriptions import SilenceAnswer, UnwatchAnswer, WatchAnswer, Watched
from bot.commands.subcommands.table import Command
from bot.domain.alerts import Incident
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.jobs import Job
from bot.domain.subscriptions import Subscription
from bot.errors import BotError, DeliveryError, UsageError
from bot.slack.background_tasks import TaskSet, Work
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.render.actions import Action
from bot.slack.render.answers import render, render_error, render_greeting, render_shared, render_working
from bot.slack.render.home import HomeView, render_home
from bot.slack.render.logs import Shared
from bot.slack.reply import Reply

COMMAND = "/train"
EVENTS = ("app_home_opened", "app_mention", "member_joined_channel")
"""The events the app subscribes to; manifest.yml names the same."""
HEARTBEATS = {POLL_LOOP: "polling the platforms", DELIVERY_LOOP: "delivering alerts"}
"""The background loops as App Home names them."""
PATIENCE_S = 2.0
"""How long after the click an answer may take before the asker is told that it is being worked on."""
_REMEMBERED_EVENTS = 1000
_MENTION = re.compile(r"^\s*<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
_BUSY = "I am busy with many requests right now. Please try again in a minute."

log = logging.getLogger(__name__)
Body = Mapping[str, Any]


class Runner(Protocol):
    """What `bot.commands.runner.CommandRunner` offers."""

    async def run(self, command: Command, asker: Asker) -> Answer:
        """The answer; a problem is an ErrorAnswer."""
        ...

    async def strain(self) -> SystemStatus:
        """How far behind trainwatch is, and how hard it asks the platforms."""
        ...


class Deliveries(Protocol):
    """What `bot.store.deliveries.Deliveries` offers to the Acknowledge button."""

    async def acknowledge(self, incident_id: str, user: str, now: datetime) -> Incident | None:
        """Note who has the incident; None when there is none of this id."""
        ...

    async def retry_now(self, channel: str, now: datetime) -> int:
        """Have what waits for a channel sent at once; how many messages."""
        ...


class Listed(Protocol):
    """One row of `bot.store.subscriptions.Subscriptions`."""

    @property
    def subscription(self) -> Subscription: ...  # noqa: D102 - as in the store
    @property
    def job(self) -> Job | None: ...  # noqa: D102
    @property
    def seen_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def firing(self) -> int: ...  # noqa: D102


class Subscriptions(Protocol):
    """What `bot.store.subscriptions.Subscriptions` offers to App Home and to a greeting."""

    async def of_user(self, user: str) -> Sequence[Listed]:
        """The subscriptions a person made, in every channel."""
        ...

    async def list(self, channel: str) -> Sequence[Listed]:
        """A channel's subscriptions."""
        ...


class ListenerStore(Protocol):
    """What listeners need of `bot.store.store.Store`."""

    @property
    def deliveries(self) -> Deliveries:
        """For the Acknowledge button and invitations."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """For App Home and greetings."""
        ...

    async def last_heartbeat(self, name: str) -> datetime | None:
        """When a loop was last heard of."""
        ...


def _nothing(channel: str) -> None:
    """Where nobody waits for invitations."""


def register(
    app: AsyncApp,
    runner: Runner,
    store: ListenerStore,
    clock: Callable[[], datetime],
    tasks: TaskSet | None = None,
    resume_channel: Callable[[str], None] = _nothing,
) -> TaskSet:
    """Connect everything a person can do in Slack; returns the work in flight, to drain before the end.

    `resume_channel` is told a channel that was shut and is open now, since the bot was invited.
    """
    listeners = Listeners(runner, store, clock, tasks or TaskSet(), resume_channel)
    app.command(COMMAND)(listeners.on_command)
    app.action(re.compile(rf"^{Action.SHOW}(?::|$)"))(listeners.on_show)
    app.action(Action.SHARE.value)(listeners.on_share)
    app.action(Action.CHANGE.value)(listeners.on_change)
    app.action(Action.MORE.value)(listeners.on_change)
    app.action(Action.ACKNOWLEDGE.value)(listeners.on_acknowledge)
    app.event("app_mention")(listeners.on_mention)
    app.event("app_home_opened")(listeners.on_home)
    app.event("member_joined_channel")(listeners.on_joined)
    app.error(listeners.on_error)
    return listeners.tasks


class Listeners:
    """One method for each thing a person can do."""

    def __init__(
        self,
        runner: Runner,
        store: ListenerStore,
        clock: Callable[[], datetime],
        tasks: TaskSet,
        resume_channel: Callable[[str], None] = _nothing,
    ) -> None:
        self._runner = runner
        self._reopen = resume_channel
        self._store = store
        self._clock = clock
        self._events: OrderedDict[str, None] = OrderedDict()
        self.tasks = tasks

    async def on_command(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """`/train ...`."""
        await ack()
        reply = Reply(client, body["channel_id"], body["user_id"], respond)
        self._start(reply, lambda: self._answer(str(body.get("text") or ""), _asker(body), reply))

    async def on_mention(self, body: Body, client: AsyncWebClient) -> None:
        """`@trainwatch ...`, which works in threads too. Slack may bring one event several times."""
        event = body["event"]
        if event.get("bot_id") or not self._is_new(str(body.get("event_id") or event["ts"])):
            return
        reply = Reply(client, event["channel"], event["user"], thread_ts=event.get("thread_ts") or event["ts"])
        asker = Asker(event["user"], event["channel"], body.get("team_id"))
        text = _MENTION.sub("", str(event.get("text") or ""), count=1)
        self._start(reply, lambda: self._answer(text, asker, reply, share=True))

    async def on_show(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """A button whose answer is private: older, newer, logs, metrics."""
        await ack()
        reply = _clicked(body, respond, client)
        self._start(reply, lambda: self._answer(_value(body), _asker(body), reply))

    async def on_share(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """Share in channel: the same command again, for everyone."""
        await ack()
        reply = _clicked(body, respond, client)
        self._start(reply, lambda: self._answer(_value(body), _asker(body), reply, share=True))

    async def on_change(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """A button that changes what the channel is told; the answer goes into the thread of its message."""
        await ack()
        reply = _clicked(body, respond, client)
        message = body.get("message")
        if message is not None and not body["container"].get("is_ephemeral"):
            reply = reply.in_thread(message.get("thread_ts") or message["ts"])
        self._start(reply, lambda: self._answer(_value(body), _asker(body), reply))

    async def on_acknowledge(self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient) -> None:
        """Someone has it; the root message says so when the outbox edits it."""
        await ack()
        reply = _clicked(body, respond, client)
        self._start(reply, lambda: self._acknowledge(_value(body), body["user"]["id"], reply))

    async def on_home(self, body: Body, client: AsyncWebClient) -> None:
        """The app's Home tab was opened."""
        event = body["event"]
        if event.get("tab", "home") != "home":
            return
        if not self.tasks.start(lambda: self._publish_home(event["user"], client)):
            log.warning("too many requests at once")

    async def on_joined(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """Somebody came into a channel. When that is the bot, it says how it is used, and what waited is sent."""
        event = body["event"]
        if event["user"] == context.bot_user_id and self._is_new(str(body.get("event_id"))):
            reply = Reply(client, event["channel"], event.get("inviter") or event["user"])
            self._start(reply, lambda: self._greet(reply))

    async def on_error(self, error: Exception, body: Body) -> None:
        """A listener failed before its own guard, such as on a payload of an unknown form."""
        log.error("listener failed", exc_info=error, extra={"payload_type": body.get("type")})

    def _start(self, reply: Reply, work: Work) -> None:
        if self.tasks.start(lambda: _guarded(reply, work)):
            return
        log.warning("too many requests at once")
        self.tasks.refuse(lambda: _guarded(reply, lambda: reply.private(render_error(ErrorAnswer(_BUSY)))))

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._events:
            return False
        self._events[event_id] = None
        if len(self._events) > _REMEMBERED_EVENTS:
            self._events.popitem(last=False)
        return True

    async def _answer(self, text: str, asker: Asker, reply: Reply, *, share: bool = False) -> None:
        try:
            command = grammar.parse(text)
        except UsageError as error:
            await reply.private(render_error(ErrorAnswer(error.public, error.usage)))
            return
        running = asyncio.ensure_future(self._run_in_turn(command, asker))
        try:
            done, _ = await asyncio.wait({running}, timeout=PATIENCE_S)
            if not done and reply.respond is not None:
                await _announce(reply, text)
            answer = await running
        finally:
            running.cancel()
        if isinstance(answer, ErrorAnswer) or not (share or getattr(command, "public", False) or _concerns_all(answer)):
            await reply.private(render(answer))
        else:
            await reply.public(render_shared(answer))

    async def _run_in_turn(self, command: Command, asker: Asker) -> Answer:
        async with self.tasks.turn():
            return await self._runner.run(command, asker)

    async def _acknowledge(self, incident_id: str, user: str, reply: Reply) -> None:
        async with self.tasks.turn():
            incident = await self._store.deliveries.acknowledge(incident_id, user, self._clock())
        if incident is None:
            await reply.private(render_error(ErrorAnswer("This incident is no longer known; it was over long ago.")))

    async def _greet(self, reply: Reply) -> None:
        async with self.tasks.turn():
            watched = await self._store.subscriptions.list(reply.channel)
            waiting = await self._store.deliveries.retry_now(reply.channel, self._clock())
        self._reopen(reply.channel)
        await reply.public(Shared(render_greeting(len(watched), waiting)))

    async def _publish_home(self, user: str, client: AsyncWebClient) -> None:
        try:
            async with self.tasks.turn():
                view = render_home(await self._get_home(user))
            await client.views_publish(user_id=user, view=view)
        except UNREACHABLE as error:
            log.warning("home not published", extra={"reason": delivery_error(error).reason})
        except Exception:
            log.exception("home failed")

    async def _get_home(self, user: str) -> HomeView:
        listed = await self._store.subscriptions.of_user(user)
        watched = [Watched(one.subscription, one.job, one.seen_at, one.firing) for one in listed]
        beats = [(said, await self._store.last_heartbeat(name)) for name, said in HEARTBEATS.items()]
        return HomeView(watched, beats, self._clock(), await self._runner.strain())


async def _announce(reply: Reply, text: str) -> None:
    """Say that it is being worked on; the answer matters more, so it comes whether or not this arrived."""
    try:
        await reply.private(render_working(text))
    except DeliveryError as error:
        log.warning("answer not delivered", extra={"reason": error.reason, "channel": reply.channel})


async def _guarded(reply: Reply, work: Work) -> None:
    """Nothing a command does may end in silence: what is not expected is told with a number to find it in the log."""
    try:
        try:
            await work()
        except DeliveryError:
            raise
        except BotError as error:
            await reply.private(render_error(ErrorAnswer(error.public)))
        except Exception:
            error_id = secrets.token_hex(3)
            log.exception("command failed", extra={"error_id": error_id})
            sorry = f"Sorry, something went wrong inside trainwatch. Its log says more under error {error_id}."
            await reply.private(render_error(ErrorAnswer(sorry)))
    except DeliveryError as error:
        log.warning("answer not delivered", extra={"reason": error.reason, "channel": reply.channel})


def _concerns_all(answer: Answer) -> bool:
    """Whether the answer changes what the whole channel is told, so that the channel should know."""
    match answer:
        case WatchAnswer():
            return answer.is_news
        case SilenceAnswer():
            return True
        case UnwatchAnswer(jobs):
            return bool(jobs)
        case _:
            return False


def _asker(body: Body) -> Asker:
    """Of a slash command, or of a click."""
    if "user_id" in body:
        return Asker(body["user_id"], body["channel_id"], body.get("team_id"))
    return Asker(body["user"]["id"], body["channel"]["id"], (body.get("team") or {}).get("id"))


def _clicked(body: Body, respond: AsyncRespond, client: AsyncWebClient) -> Reply:
    """Where the answer to a click goes: in place of a private message, beside a public one."""
    container = body["container"]
    return Reply(
        client,
        body["channel"]["id"],
        body["user"]["id"],
        respond,
        thread_ts=container.get("thread_ts"),
        replaces=bool(container.get("is_ephemeral")),
    )


def _value(body: Body) -> str:
    """What the button, or the chosen entry of the menu, carries."""
    action = body["actions"][0]
    return str(action.get("value") or action["selected_option"]["value"])
