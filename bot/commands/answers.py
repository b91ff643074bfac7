"""Every answer to a command, as a union that a `match` must cover, and who asked. Pure.

Each answer is declared beside its command in `bot.commands.subcommands`. Foreign text in an answer is redacted but not
escaped: each frontend escapes for its own medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.audit import AuditAnswer
from bot.commands.subcommands.channel_check import ChannelCheckAnswer
from bot.commands.subcommands.digest import DigestAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.notify import NotifyAnswer
from bot.commands.subcommands.subscriptions import ChannelAnswer
from bot.commands.subcommands.table import HelpAnswer, SharedAnswer
from bot.domain.job_matching import KnownJob

if TYPE_CHECKING:
    from bot.diagnosis.findings import Diagnosis
    from bot.providers.base import RequestRate


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks in Slack, and where, by their Slack ids."""

    user: str
    channel: str
    team: str | None = None
    email: str | None = None
    """Fetched only for the commands that need it."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The command failed: what was wrong, the rule and the fix."""

    public: str
    usage: str | None = None
    """How the subcommand is typed, when the input was wrong."""
    is_misuse: bool = False
    """Whether the input or a setting is wrong, rather than a platform unavailable."""
    typed: str = ""
    """The text that did not name one job; each suggestion replaces it."""
    suggestions: tuple[KnownJob, ...] = ()
    """The jobs that may have been meant."""
    retry_after: timedelta | None = None
    """How long a platform asked to wait, or should be left alone because it limits requests."""


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The backlog of trainwatch, and how many requests this process sends to each platform."""

    overdue: timedelta
    """How long the longest overdue job has waited for its poll."""
    unsent: int
    """Number of messages not sent yet."""
    unsent_for: timedelta
    """How long the oldest of them has waited."""
    request_rates: Mapping[str, RequestRate]


@dataclass(frozen=True, slots=True)
class LogDiagnosis:
    """What logs mean that a person handed over in a message; no command is typed for it."""

    names: tuple[str, ...]
    """Of the files; empty for a text."""
    diagnosis: Diagnosis
    redacted: int = 0
    """Number of secrets hidden."""
    notes: tuple[str, ...] = ()
    """What was not read, and why."""


Answer = (
    LogsAnswer
    | SharedAnswer
    | ChannelAnswer
    | DigestAnswer
    | NotifyAnswer
    | AuditAnswer
    | ChannelCheckAnswer
    | HelpAnswer
    | ErrorAnswer
)
