"""One call of a Web API method: its arguments, and the context it is made at.

Every method is a plain function `Call -> answer`; the tables at the end of the sibling modules say which scope and
rate tier each has. `web_api` checks token, scope and rate before it comes here.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.slack.faults import Faults
from emulator.slack.interaction_tokens import InteractionTokens
from emulator.slack.limits import RateLimits
from emulator.slack.model import Channel, Json, Message, SlackError
from emulator.slack.stage import Stage
from emulator.slack.workspace import Workspace


@dataclass(slots=True)
class MethodContext:
    """All that methods, deliveries and the page share."""

    workspace: Workspace
    limits: RateLimits
    interaction_tokens: InteractionTokens = field(default_factory=InteractionTokens)
    faults: Faults = field(default_factory=Faults)
    base_url: str = ""
    """Where the bot reaches the emulator, without a slash at the end; learnt from the first request if empty."""
    calls: deque[tuple[str, Json]] = field(default_factory=lambda: deque(maxlen=10_000))
    """The latest Web API calls with their arguments, oldest first; for tests."""

    stage: Stage | None = None
    """What the page offers besides Slack; None for a Slack alone."""
    steady: Callable[[], float] | None = None
    """The clock of rate limits and interaction tokens where it is not the workspace's."""

    @property
    def now(self) -> float:
        """Seconds since the epoch, for rate limits and interaction tokens."""
        return (self.steady or self.workspace.clock)()


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one call, already merged from query, form and JSON."""

    context: MethodContext
    args: Json

    @property
    def workspace(self) -> Workspace:
        """The state the method reads and changes."""
        return self.context.workspace

    def need(self, name: str) -> str:
        """A required string.

        Raises:
            SlackError: `invalid_arguments`, naming the field as Slack does.
        """
        value = self.args.get(name)
        if value in (None, ""):
            message = f"[ERROR] missing required field: {name}"
            raise SlackError("invalid_arguments", response_metadata={"messages": [message]})
        return str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean, also as the strings the query carries."""
        value = self.args.get(name, default)
        return value in (True, 1, "1", "true", "True")

    def value(self, name: str) -> Any:
        """A structured argument: JSON in a string, or already decoded."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            code = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
            raise SlackError(code) from error

    def channel(self, name: str = "channel") -> Channel:
        """The channel an argument names, if the bot may know of it.

        Raises:
            SlackError: `channel_not_found`; also for a private channel the bot is not in.
        """
        channel = self.workspace.channels.get(str(self.args.get(name) or ""))
        bot = self.workspace.app.bot_user_id
        if channel is None or ((channel.is_private or channel.is_im) and bot not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def message(self, channel: Channel, ts_name: str = "ts", error: str = "message_not_found") -> Message:
        """The message an argument names; an ephemeral is not found, as in Slack."""
        message = channel.find(str(self.args.get(ts_name) or ""))
        if message is None or message.is_ephemeral:
            raise SlackError(error)
        return message


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method: what does it, which scopes open it (any one), its tier and kind of token."""

    run: Callable[[Call], Json]
    scopes: tuple[str, ...] = ()
    tier: int | None = 3
    token: str | None = "bot"
    """`bot`, `app`, or None for none."""
