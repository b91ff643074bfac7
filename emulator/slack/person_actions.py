"""What a person can do in the emulated Slack, and what that person then sees.

Used by tests directly and by the page (`page`). Users and channels are named (`ada`, `#training`) or by id.
"""

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from emulator.slack import payloads
from emulator.slack.answers import apply_answer, apply_view_answer
from emulator.slack.blocks import options_faults
from emulator.slack.delivery import EventSender, Outcome
from emulator.slack.methods.call import MethodContext
from emulator.slack.methods.files import download_url
from emulator.slack.model import Change, Channel, File, Json, Message, SlackError, User, View
from emulator.slack.serialization import message_json

T = TypeVar("T")
_URL = re.compile(r"https?://[^\s<>|]+")
_BINARY = "application/octet-stream"
SETTLE_S = 0.05
"""After the first thing seen, how long to look for what comes with it."""
_AGENT_EVENTS = frozenset({"agent_session_stopped"})
"""What the manifest of an app with the agent view subscribes to besides."""
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "link_shared": "links:read",
    "member_joined_channel": "channels:read",
    "member_joined_channel.private": "groups:read",
    "member_left_channel": "channels:read",
    "member_left_channel.private": "groups:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


@dataclass(slots=True)
class Seen:
    """What a person saw after doing something."""

    outcome: Outcome
    changes: list[Change] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        """Messages and ephemerals that appeared or changed, in that order, each once."""
        return list({change.message.ts: change.message for change in self.changes if change.message}.values())

    @property
    def view(self) -> View | None:
        """The modal or App Home that appeared last."""
        views = [change.view for change in self.changes if change.view and change.kind != "view_closed"]
        return views[-1] if views else None

    @property
    def text(self) -> str:
        """Everything seen, as text: notices of Slack itself, then messages."""
        notices = [change.text for change in self.changes if change.text]
        return "\n".join([*notices, *(message.text for message in self.messages)])


@dataclass(slots=True)
class PersonActions:
    """The hands and eyes of everyone in the workspace."""

    context: MethodContext
    event_sender: EventSender
    events: frozenset[str]
    """The events the app has subscribed to, as its manifest would say."""

    async def slash(self, user: str, channel: str, command: str, text: str = "", *, wait_s: float = 30.0) -> Seen:
        """Type a slash command and look until something appears, at most `wait_s` after the acknowledgement."""
        person, place = self._who(user), self._where(channel)
        async with self._looking(person, place, wait_s) as seen:
            if "commands" not in self.context.workspace.app.scopes:
                self._notice(person, place, f"{command} is not a valid command.")
                return seen
            payload = payloads.slash(self.context, person, place, command, text)
            seen.outcome = await self.event_sender.ask("slash_commands", payload)
            if not seen.outcome.is_acked:
                words = f"{command} failed with the error “{seen.outcome.error}”"  # Slack's own quotes
                self._notice(person, place, words)
            elif seen.outcome.body:
                self._answer(person, place, payload["response_url"], seen.outcome.body)
        return seen

    async def click(self, user: str, place: Message | View, action_id: str, *, wait_s: float = 30.0) -> Seen:
        """Press a button of a message, modal or App Home."""
        return await self._act(user, place, action_id, None, wait_s)

    async def select(
        self, user: str, place: Message | View, action_id: str, choice: Any, *, wait_s: float = 30.0
    ) -> Seen:
        """Choose in a select, overflow menu, radio group or picker; an option by value or text."""
        return await self._act(user, place, action_id, choice, wait_s)

    async def suggest(self, user: str, place: Message | View, action_id: str, query: str) -> list[Json]:
        """Type into an external select; returns the options the app offers."""
        groups = await self.suggest_groups(user, place, action_id, query)
        return [option for group in groups for option in group["options"]][:100]

    async def suggest_groups(self, user: str, place: Message | View, action_id: str, query: str) -> list[Json]:
        """Type into an external select; returns the groups of options the app offers, or one without a label.

        Raises:
            ValueError: Slack would refuse the options.
        """
        element = payloads.find_element(place, action_id)
        payload = payloads.block_suggestion(self.context, self._who(user), place, element, query)
        outcome = await self.event_sender.ask("interactive", payload)
        body = outcome.body or {}
        if found := options_faults(body):
            raise ValueError("; ".join(map(str, found)))
        return body.get("option_groups") or [{"options": body.get("options", [])}]

    def fill(self, view: View, action_id: str, value: Any) -> None:
        """Type or choose in a modal's input, without submitting."""
        element = payloads.find_element(view, action_id)
        view.values.setdefault(element["block_id"], {})[action_id] = payloads.state_value(element, value)

    async def submit_view(
        self, user: str, values: Json | None = None, *, view: View | None = None, wait_s: float = 30.0
    ) -> Seen:
        """Fill in (`{action_id: value}`) and submit the modal on top; `view.errors` holds what the app refused."""
        person = self._who(user)
        shown = view or self._modal(person)
        for action_id, value in (values or {}).items():
            self.fill(shown, action_id, value)
        async with self._looking(person, None, wait_s) as seen:
            missing = _missing_inputs(shown)
            if missing:
                shown.errors = dict.fromkeys(missing, "Please complete this required field.")
                self.context.workspace.change_errors(shown)
                return seen
            payload = payloads.view_submission(self.context, person, shown)
            seen.outcome = await self.event_sender.ask("interactive", payload)
            self._finish_view(person, shown, seen.outcome)
        return seen

    async def close_view(self, user: str, view: View | None = None) -> Seen:
        """Close the modal on top; the app is notified if it asked to be."""
        person = self._who(user)
        shown = view or self._modal(person)
        self.context.workspace.close_modal(shown)
        seen = Seen(Outcome(is_acked=True))
        if shown.source.get("notify_on_close"):
            payload = payloads.view_closed(self.context, person, shown)
            seen.outcome = await self.event_sender.ask("interactive", payload)
        return seen

    async def open_home(self, user: str, *, tab: str = "home", wait_s: float = 30.0) -> Seen:
        """Open the app's Home tab, or its direct message with the tab `messages`."""
        person = self._who(user)
        channel = self.context.workspace.direct_channel(person.id)
        event: Json = {"type": "app_home_opened", "user": person.id, "channel": channel.id, "tab": tab}
        async with self._looking(person, None, wait_s) as seen:
            self._tell("app_home_opened", event)
            seen.outcome = Outcome(is_acked=True)
        return seen

    def stop_session(self, user: str, channel: str, thread_ts: str) -> None:
        """Press Stop in a thread of the agent view while the app is processing."""
        person, place = self._who(user), self.context.workspace.channel(channel)
        event: Json = {
            "type": "agent_session_stopped",
            "channel": place.id,
            "thread_ts": thread_ts,
            "user": person.id,
            "streaming_message_ts": [],
        }
        self._tell("agent_session_stopped", event)

    async def shortcut(
        self, user: str, callback_id: str, message: Message | None = None, *, wait_s: float = 30.0
    ) -> Seen:
        """Use a global shortcut, or one on a message."""
        person = self._who(user)
        async with self._looking(person, None, wait_s) as seen:
            payload = payloads.shortcut(self.context, person, callback_id, message)
            seen.outcome = await self.event_sender.ask("interactive", payload)
        return seen

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Message:
        """Post as a person, with files; a mention of the bot, or a direct message to it, becomes an event."""
        person, place = self._who(user), self._where(channel)
        workspace, app = self.context.workspace, self.context.workspace.app
        bot = workspace.users[app.bot_user_id]
        text = re.sub(rf"@{re.escape(bot.name)}\b", f"<@{bot.id}>", text)
        message = Message(workspace.new_ts(), place.id, person.id, text, thread_ts=thread_ts)
        message.files = [self._upload(person, name, content) for name, content in (files or {}).items()]
        workspace.post(place, message)
        event: Json = {"user": person.id, "text": text, "ts": message.ts, "channel": place.id}
        event["team"] = person.team_id or workspace.team_id
        event |= {"user_team": person.team_id} if person.team_id else {}
        if thread_ts:
            event["thread_ts"] = thread_ts
        if message.files:
            event["files"] = message_json(workspace, message)["files"]
        if place.is_im:
            subtype = {"subtype": "file_share"} if message.files else {}
            self._tell("message.im", {"type": "message", "channel_type": "im", **subtype, **event})
        elif f"<@{bot.id}>" in text and bot.id in place.members:
            self._tell("app_mention", {"type": "app_mention", **event})
        self._report_links(message, event)
        return message

    def _report_links(self, message: Message, posted: Json) -> None:
        """Notify the app of links to its domains, also where it is not a member."""
        app, place = self.context.workspace.app, self.context.workspace.channels[message.channel]
        found = {url: urlsplit(url).hostname or "" for url in _URL.findall(message.text)}
        links = [
            {"domain": domain, "url": url}
            for url, host in found.items()
            for domain in app.unfurl_domains
            if host == domain or host.endswith(f".{domain}")
        ]
        if links:
            event: Json = {name: posted[name] for name in ("user", "channel", "thread_ts") if name in posted}
            unfurl = {"source": "conversations_history", "unfurl_id": f"{message.channel}.{message.ts}"}
            is_member = app.bot_user_id in place.members
            event |= {"message_ts": message.ts, "is_bot_user_member": is_member, "links": links, **unfurl}
            self._tell("link_shared", {"type": "link_shared", **event})

    def _upload(self, person: User, name: str, content: bytes) -> File:
        """A file that a person has chosen."""
        workspace = self.context.workspace
        file = File(workspace.new_id("F"), name, len(content), content=content, completed=True, user=person.id)
        kind, packed = mimetypes.guess_type(name)
        is_text = not packed and kind is None and b"\0" not in content
        file.mimetype = f"application/{packed}" if packed else kind or ("text/plain" if is_text else _BINARY)
        file.url = download_url(self.context.base_url, file)
        workspace.files[file.id] = file
        return file

    def react(self, user: str, message: Message, name: str) -> None:
        """Add a reaction to a message, which the app is notified of."""
        person = self._who(user)
        message.reactions.setdefault(name, []).append(person.id)
        self._report_reaction("reaction_added", person, message, name)

    def toggle_reaction(self, user: str, message: Message, name: str) -> None:
        """Add a reaction to a message, or take it away if this person has added it before."""
        person = self._who(user)
        if person.id not in message.reactions.get(name, []):
            self.react(user, message, name)
            return
        message.reactions[name].remove(person.id)
        if not message.reactions[name]:
            del message.reactions[name]
        self._report_reaction("reaction_removed", person, message, name)

    def _report_reaction(self, kind: str, person: User, message: Message, name: str) -> None:
        self.context.workspace.touch(message)
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        event: Json = {"user": person.id, "reaction": name, "item_user": message.user, "item": item}
        self._tell(kind, {"type": kind, **event})

    def invite_bot(self, user: str, channel: str) -> None:
        """Make the app a member of a channel."""
        place, bot = self._where(channel), self.context.workspace.app.bot_user_id
        self.context.workspace.join(place, bot)
        event = {"type": "member_joined_channel", "user": bot, "channel": place.id, "channel_type": "C"}
        name = "member_joined_channel.private" if place.is_private else "member_joined_channel"
        self._tell(name, {**event, "inviter": self._who(user).id})

    def leave(self, user: str, channel: str) -> None:
        """Leave a channel, which the app is notified of if it is in it."""
        place, person = self._where(channel), self._who(user)
        place.members.discard(person.id)
        if self.context.workspace.app.bot_user_id in place.members:
            event = {"type": "member_left_channel", "user": person.id, "channel": place.id, "channel_type": "C"}
            self._tell("member_left_channel.private" if place.is_private else "member_left_channel", event)

    async def until(self, look: Callable[[], T | None], timeout_s: float = 60.0) -> T:
        """Wait until `look()` returns something true; it is asked again after every change.

        Raises:
            TimeoutError: it never did.
        """
        changed = asyncio.Event()
        stop = self.context.workspace.watch(lambda _change: changed.set())
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := look()):
                    changed.clear()
                    await changed.wait()
                return found
        finally:
            stop()

    async def _act(self, user: str, place: Message | View, action_id: str, choice: Any, wait_s: float) -> Seen:
        person = self._who(user)
        element = payloads.find_element(place, action_id)
        channel = None if isinstance(place, View) else self._where(place.channel)
        async with self._looking(person, channel, wait_s) as seen:
            if isinstance(place, View) and choice is not None and element["type"] != "overflow":
                self.fill(place, action_id, choice)
            payload = payloads.block_action(self.context, person, place, element, choice)
            seen.outcome = await self.event_sender.ask("interactive", payload)
            if not seen.outcome.is_acked:
                self._notice(person, channel, "This app responded with an error or did not respond in time.")
        return seen

    @asynccontextmanager
    async def _looking(self, person: User, place: Channel | None, wait_s: float) -> AsyncIterator[Seen]:
        """Note what a person can see change; at the end wait for the first thing, then a moment more."""
        seen = Seen(Outcome(is_acked=False))
        something = asyncio.Event()

        def note(change: Change) -> None:
            is_mine = change.user in (None, person.id)
            is_here = change.channel is None or place is None or change.channel == place.id
            if is_mine and is_here and change.kind != "channel":
                seen.changes.append(change)
                something.set()

        stop = self.context.workspace.watch(note)
        try:
            yield seen
            async with asyncio.timeout(wait_s):
                await something.wait()
            await asyncio.sleep(SETTLE_S)
        except TimeoutError:
            pass  # nothing was to be seen, and that is an answer too
        finally:
            stop()

    def _finish_view(self, person: User, view: View, outcome: Outcome) -> None:
        trouble = "We had some trouble connecting. Try again?"
        try:
            if outcome.is_acked:
                apply_view_answer(self.context.workspace, view, outcome.body)
            else:
                self._notice(person, None, trouble)
        except SlackError:
            self._notice(person, None, trouble)

    def _answer(self, person: User, place: Channel, url: str, body: Json) -> None:
        """Show the body of an acknowledgement; it does not count as a use of the response URL."""
        ticket = self.context.interaction_tokens.response_urls[url.split("/slack/response/")[1]]
        try:
            apply_answer(self.context.workspace, ticket, body)
        except SlackError as error:
            self._notice(person, place, f"The app's answer could not be shown: {error.code}")

    def _tell(self, name: str, event: Json) -> None:
        scope = _EVENT_SCOPES.get(name)
        is_allowed = scope is None or scope in self.context.workspace.app.scopes
        is_wanted = name.removesuffix(".private") in self.events
        if (is_wanted or (name in _AGENT_EVENTS and self.context.workspace.app.is_agent)) and is_allowed:
            self.event_sender.send_event(payloads.event(self.context, event))

    def _notice(self, person: User, place: Channel | None, text: str) -> None:
        self.context.workspace.notice(person.id, place.id if place else None, text)

    def _who(self, user: str) -> User:
        return self.context.workspace.user(user)

    def _where(self, channel: str) -> Channel:
        return self.context.workspace.channel(channel)

    def _modal(self, person: User) -> View:
        view = self.context.workspace.modal(person.id)
        if view is None:
            raise LookupError(f"{person.name} has no modal open")
        return view


def _missing_inputs(view: View) -> list[str]:
    """Required inputs left empty; Slack does not submit then."""
    state = payloads.view_state(view)
    required = [block for block in view.source["blocks"] if block["type"] == "input" and not block.get("optional")]
    missing = []
    for block in required:
        values = state.get(block["block_id"], {}).values()
        if not any(inner for value in values for name, inner in value.items() if name != "type"):
            missing.append(block["block_id"])
    return missing
