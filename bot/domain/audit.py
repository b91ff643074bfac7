"""Who did what in Slack or through an agent, and with which result."""

import enum
from dataclasses import dataclass
from datetime import datetime


class AuditKind(enum.StrEnum):
    """How something was asked for."""

    COMMAND = "command"
    MENTION = "mention"
    MESSAGE = "message"
    """A direct message to the bot."""
    SHORTCUT = "shortcut"
    """A shortcut in the menu of a message."""
    CLICK = "click"
    SUBMISSION = "submission"
    """The fields of a dialog."""
    HOME = "home"
    """App Home was opened; recorded only if it was refused."""
    MCP = "mcp"
    """A call of an agent by the Model Context Protocol."""
    REQUEST = "request"
    """An HTTP request that was refused before it was read."""


class AuditResult(enum.StrEnum):
    """What came of it."""

    STARTED = "started"
    """It is being handled, or the process ended meanwhile."""
    DONE = "done"
    INVALID = "invalid"
    """The command has a mistake."""
    FAILED = "failed"
    REFUSED = "refused"
    """The person may not do that."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One command, click or refusal."""

    kind: AuditKind
    user: str
    """Slack user id; empty when unknown."""
    channel: str
    team: str
    text: str
    """What was typed, or what the button stands for; redacted."""
    at: datetime
    job: str = ""
    result: AuditResult = AuditResult.STARTED
    detail: str = ""
    """Why it was refused or failed."""
    id: int = 0
    """The number of its row."""
