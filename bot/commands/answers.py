"""What a command returns, as values: the same for Slack, the terminal and `--json`. Rendering is elsewhere.

Foreign text (messages, names, vendor words) is redacted here but not escaped: each frontend escapes for its own medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer

if TYPE_CHECKING:
    from bot.providers.base import RequestRate


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and where."""

    user: str
    """Slack user id; the login name in the terminal."""
    channel: str | None = None
    """Slack channel id; None in the terminal."""
    team: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The command failed: what was wrong, the rule and the fix."""

    public: str
    usage: str | None = None


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


Answer = (
    LogsAnswer
    | MetricsAnswer
    | StatusAnswer
    | DiagnosisAnswer
    | RulesAnswer
    | ReplayAnswer
    | JobsAnswer
    | WatchAnswer
    | UnwatchAnswer
    | ListAnswer
    | SilenceAnswer
    | HelpAnswer
    | ErrorAnswer
)
