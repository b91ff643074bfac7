"""The state of the emulated workspace, and the one place that changes it.

Not the Web API (`methods/`), which checks permissions and limits before it comes here. Tests read this object:
`workspace.channel("#training").messages`, `channel.replies(ts)`, `message.versions`.
"""

import copy
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from emulator.slack.blocks import elements
from emulator.slack.model import App, Change, Channel, File, Json, Message, User, UserGroup, Version, View

Watcher = Callable[[Change], None]


class Workspace:
    """One team with its people, channels, messages, views and files."""

    def __init__(self, app: App, users: Iterable[User], clock: Callable[[], float] = time.time) -> None:
        self.team_id = "T0TRAIN"
        self.team_name = "Train Co"
        self.domain = "trainco"
        self.app = app
        self.clock = clock
        self.users = {user.id: user for user in users}
        self.groups: dict[str, UserGroup] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.file_processing_s = 0.0
        """How long after its upload a file can be shown by a block."""
        self.homes: dict[str, View] = {}
        self.modals: dict[str, list[View]] = {}
        """Each person's stack of open modals, topmost last."""
        self._watchers: list[Watcher] = []
        self._numbers = itertools.count(1)
        self._last_us = 0

    # ----- asking

    def channel(self, name: str) -> Channel:
        """A channel by id, `#name` or name.

        Raises:
            KeyError: there is none.
        """
        if name in self.channels:
            return self.channels[name]
        wanted = name.removeprefix("#")
        for channel in self.channels.values():
            if channel.name == wanted and not channel.is_im:
                return channel
        raise KeyError(name)

    def user(self, name: str) -> User:
        """A user by id or name.

        Raises:
            KeyError: there is none.
        """
        for user in self.users.values():
            if name.removeprefix("@") in (user.id, user.name):
                return user
        raise KeyError(name)

    def modal(self, user: str) -> View | None:
        """The modal on top of a person's screen."""
        stack = self.modals.get(self.user(user).id)
        return stack[-1] if stack else None

    def home(self, user: str) -> View | None:
        """The App Home the app has published for a person."""
        return self.homes.get(self.user(user).id)

    def view(self, view_id: str) -> View | None:
        """An open modal or a published App Home, by id."""
        for view in itertools.chain(self.homes.values(), *self.modals.values()):
            if view.id == view_id:
                return view
        return None

    # ----- telling

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` on every change; returns how to stop."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def publish(self, change: Change) -> None:
        """Tell all watchers of a change."""
        for watcher in tuple(self._watchers):
            watcher(change)

    # ----- changing

    def new_id(self, prefix: str) -> str:
        """A fresh id, such as `V0000012`."""
        return f"{prefix}{next(self._numbers):07d}"

    def new_ts(self) -> str:
        """A message time stamp: seconds with six digits, unique and rising across the workspace."""
        self._last_us = max(int(self.clock() * 1_000_000), self._last_us + 1)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def add_channel(self, name: str, *, members: Iterable[str], **kind: Any) -> Channel:
        """Add a channel; `members` are user names or ids; `kind` is is_private, is_im, is_archived or topic."""
        ids = {self.user(member).id for member in members}
        prefix = "D" if kind.get("is_im") else "C"
        channel = Channel(self.new_id(prefix), name, ids, **kind)
        self.channels[channel.id] = channel
        self.publish(Change("channel", channel.id))
        return channel

    def direct_channel(self, user_id: str) -> Channel:
        """The direct message between the bot and a person; made on first use."""
        members = {user_id, self.app.bot_user_id}
        for channel in self.channels.values():
            if channel.is_im and channel.members == members:
                return channel
        return self.add_channel(self.users[user_id].name, members=members, is_im=True)

    def post(self, channel: Channel, message: Message) -> Message:
        """Put a message (or an ephemeral) where it belongs and publish the change."""
        message.blocks = self._with_ids(message.blocks)
        message.versions.append(self._version(message))
        (channel.ephemerals if message.is_ephemeral else channel.all_messages).append(message)
        self.publish(Change("posted", channel.id, message.visible_to, message))
        return message

    def edit(self, message: Message, **fields: Any) -> None:
        """Change a message's text, blocks, attachments or metadata; the earlier version is kept."""
        for name, value in fields.items():
            setattr(message, name, value)
        message.blocks = self._with_ids(message.blocks)
        message.edited_ts = self.new_ts()
        message.versions.append(self._version(message))
        self.publish(Change("edited", message.channel, message.visible_to, message))

    def delete(self, message: Message) -> None:
        """Take a message away; `channel.deleted` remembers it."""
        channel = self.channels[message.channel]
        (channel.ephemerals if message.is_ephemeral else channel.all_messages).remove(message)
        channel.deleted.append(message)
        self.publish(Change("deleted", message.channel, message.visible_to, message))

    def unfurl(self, message: Message, previews: dict[str, Json]) -> None:
        """Show previews of links under a message; a second preview of a link replaces the first."""
        kept = [one for one in message.attachments or [] if one.get("app_unfurl_url") not in previews]
        shown = [
            {
                **preview,
                "blocks": self._with_ids(preview.get("blocks")) or [],
                "from_url": url,
                "app_unfurl_url": url,
                "is_app_unfurl": True,
                "app_id": self.app.id,
                "bot_id": self.app.bot_id,
            }
            for url, preview in previews.items()
        ]
        message.attachments = [{**one, "id": number} for number, one in enumerate([*kept, *shown], start=1)]
        self.touch(message)

    def touch(self, message: Message) -> None:
        """Tell that a message shows something new (a reaction) without being edited."""
        self.publish(Change("edited", message.channel, message.visible_to, message))

    def join(self, channel: Channel, user_id: str) -> None:
        """Make a user a member."""
        channel.members.add(user_id)
        self.publish(Change("channel", channel.id))

    def new_view(self, user_id: str, source: Json, *, previous: View | None = None) -> View:
        """A view that is on nobody's screen yet."""
        view_id = self.new_id("V")
        view = View(view_id, user_id, self._view_with_ids(source), self._hash(), view_id)
        if previous:
            view.previous_id, view.root_id, view.channel = previous.id, previous.root_id, previous.channel
        return view

    def show_modal(self, view: View) -> None:
        """Put a modal on top of its person's screen."""
        self.modals.setdefault(view.user, []).append(view)
        self.publish(Change("view", user=view.user, view=view))

    def change_view(self, view: View, source: Json) -> None:
        """Replace what a view shows; typed values stay for blocks that keep their ids."""
        view.source, view.hash, view.errors = self._view_with_ids(source), self._hash(), {}
        kept = {block["block_id"] for block in view.source["blocks"]}
        view.values = {block_id: value for block_id, value in view.values.items() if block_id in kept}
        kind = "home" if view.source["type"] == "home" else "view"
        self.publish(Change(kind, user=view.user, view=view))

    def change_errors(self, view: View) -> None:
        """Tell that a modal now shows errors."""
        self.publish(Change("view", user=view.user, view=view))

    def close_modal(self, view: View, *, everything: bool = False) -> None:
        """Take a modal (or the whole stack) off its person's screen."""
        stack = self.modals.get(view.user, [])
        self.modals[view.user] = [] if everything else [other for other in stack if other.id != view.id]
        self.publish(Change("view_closed", user=view.user, view=view))

    def publish_home(self, user_id: str, source: Json) -> View:
        """Set a person's App Home."""
        view = self.homes.get(user_id)
        if view is None:
            view = self.homes[user_id] = self.new_view(user_id, source)
        self.change_view(view, source)
        return view

    def notice(self, user_id: str, channel_id: str | None, text: str) -> None:
        """Show a person what only Slack itself says, such as `operation_timeout`."""
        self.publish(Change("notice", channel_id, user_id, text=text))

    def _version(self, message: Message) -> Version:
        shown = copy.deepcopy((message.blocks, message.attachments))
        return Version(self.clock(), message.text, *shown)

    def _hash(self) -> str:
        return f"{int(self.clock())}.{self.new_id('h')}"

    def _view_with_ids(self, source: Json) -> Json:
        return {**source, "blocks": self._with_ids(source.get("blocks")) or []}

    def _with_ids(self, blocks: list[Json] | None) -> list[Json] | None:
        """A copy in which every block and interactive element has an id, as Slack hands them back."""
        if not blocks:
            return None
        filled = copy.deepcopy(blocks)
        for block in filled:
            if not block.get("block_id"):
                block["block_id"] = self.new_id("b")
            for element in elements(block):
                if element["type"] not in ("mrkdwn", "plain_text", "image") and not element["type"].startswith("rich_"):
                    element.setdefault("action_id", self.new_id("a"))
        return filled
