"""What a workspace holds: users, channels, messages with every version they had, views, files.

Values only; `workspace` keeps them and tells whoever watches that they changed.
"""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """Slack's refusal of a Web API call: its error code, more fields of the answer, and the HTTP status."""

    def __init__(self, code: str, *, status: int = 200, retry_after_s: int | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s
        self.fields = fields


@dataclass(slots=True)
class User:
    """A person, or the app's bot."""

    id: str
    name: str
    real_name: str
    is_bot: bool = False
    tz: str = "Etc/UTC"
    email: str = ""
    team_id: str = ""
    """Of a person from another workspace; empty for a member of this one."""


@dataclass(frozen=True, slots=True)
class UserGroup:
    """People who are mentioned together."""

    id: str
    handle: str
    members: frozenset[str] = frozenset()


@dataclass(slots=True)
class App:
    """The installed app: who it is and what opens its doors."""

    id: str
    name: str
    bot_id: str
    bot_user_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    scopes: frozenset[str]
    commands: tuple[tuple[str, str], ...] = ()
    """Slash commands and the usage hint the composer shows."""
    shortcuts: tuple[tuple[str, str], ...] = ()
    """Shortcuts in the menu of a message: callback id and name."""
    global_shortcuts: tuple[tuple[str, str], ...] = ()
    """Shortcuts that are used anywhere."""
    unfurl_domains: tuple[str, ...] = ()
    """Links to these domains are reported to the app (`unfurl_domains` in the manifest)."""
    escapes_commands: bool = True
    """Whether mentions and links in slash commands arrive as markup (`should_escape` in the manifest)."""
    has_home_tab: bool = True
    """Whether the app has a Home tab (`home_tab_enabled` in the manifest)."""
    has_messages_tab: bool = True
    """Whether the app shows its direct messages (`messages_tab_enabled` in the manifest)."""
    is_read_only: bool = True
    """Whether nobody can write to it there (`messages_tab_read_only_enabled`); the page then has no text box."""

    @property
    def is_agent(self) -> bool:
        """Whether it has the agent view: Slack then adds a scope."""
        return "assistant:write" in self.scopes


@dataclass(frozen=True, slots=True)
class Version:
    """The content of a message from a given time on."""

    at: float
    text: str
    blocks: list[Json] | None
    attachments: list[Json] | None


@dataclass(slots=True)
class Message:
    """One message, ephemeral if `visible_to` names a user; `versions` keeps its content before each edit."""

    ts: str
    channel: str
    user: str
    text: str
    bot_id: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    thread_ts: str | None = None
    metadata: Json | None = None
    files: list["File"] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    visible_to: str | None = None
    is_broadcast: bool = False
    edited_ts: str | None = None
    versions: list[Version] = field(default_factory=list)

    @property
    def is_ephemeral(self) -> bool:
        """Only one person sees it, and the Web API cannot edit it."""
        return self.visible_to is not None

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply in a thread."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(slots=True)
class AgentSession:
    """What Slack shows about a thread of the agent view."""

    state: str = ""
    """active, processing, suspended or closed; empty without a session."""
    title: str = ""
    status: str = ""
    """What the app is doing, beside the loading indicator."""


@dataclass(slots=True)
class Channel:
    """A channel or a direct message, oldest message first; ephemerals and deleted messages apart."""

    id: str
    name: str
    members: set[str]
    is_private: bool = False
    is_im: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    """Shared with another organization (Slack Connect)."""
    topic: str = ""
    all_messages: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    deleted: list[Message] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    prompts: Json = field(default_factory=dict)
    """The suggested prompts of a direct message, and their title."""
    sessions: dict[str, "AgentSession"] = field(default_factory=dict)
    """Threads of the agent view, by their root."""

    @property
    def messages(self) -> list[Message]:
        """What the channel shows outside threads."""
        return [message for message in self.all_messages if not message.is_reply or message.is_broadcast]

    def replies(self, thread_ts: str) -> list[Message]:
        """The replies of a thread, oldest first, without its root."""
        return [message for message in self.all_messages if message.is_reply and message.thread_ts == thread_ts]

    def find(self, ts: str) -> Message | None:
        """The message or ephemeral with this `ts`."""
        for message in (*self.all_messages, *self.ephemerals):
            if message.ts == ts:
                return message
        return None


@dataclass(slots=True)
class File:
    """An upload; it appears in a channel once completed."""

    id: str
    name: str
    size: int
    snippet_type: str | None = None
    title: str | None = None
    content: bytes | None = None
    completed: bool = False
    user: str = ""
    """Who uploaded it."""
    url: str = ""
    """Where the app downloads it with its token (`url_private_download`)."""
    mimetype: str = "text/plain"
    alt_text: str = ""
    processed_at: float = 0.0
    """From when on a block may show it, in seconds since the epoch."""

    @property
    def is_image(self) -> bool:
        """Whether an image block may show it."""
        return self.mimetype.startswith("image/")

    @property
    def text(self) -> str:
        """The content, as text."""
        return (self.content or b"").decode(errors="replace")


@dataclass(slots=True)
class View:
    """A modal or an App Home; `source` is what the app sent, `values` what the person typed."""

    id: str
    user: str
    source: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    channel: str | None = None
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title a person reads; empty on App Home."""
        return str(self.source.get("title", {}).get("text", ""))


@dataclass(frozen=True, slots=True)
class Change:
    """Something a person may see now.

    Its kind is posted, edited, deleted, view, view_closed, home, channel, stage or notice.
    """

    kind: str
    channel: str | None = None
    user: str | None = None
    """The only user who sees it; None for all members."""
    message: Message | None = None
    view: View | None = None
    text: str = ""
