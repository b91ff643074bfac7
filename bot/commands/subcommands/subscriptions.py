"""`watch`, `unwatch`, `list` and `silence` in a Slack channel: the commands and their answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands.subcommands.rules import RuleShown
from bot.domain.alerts import Severity
from bot.domain.jobs import Job, JobRef
from bot.domain.subscriptions import Silence, Subscription


@dataclass(frozen=True, slots=True)
class WatchCommand:
    """Send the alerts of one job to this channel; in a shell, follow the log with alerts between its lines."""

    ref: str
    settings: tuple[str, ...] = ()
    """Rule settings as typed, such as `low_gpu_utilization.threshold=30`."""


@dataclass(frozen=True, slots=True)
class WatchAnswer:
    """A subscription was created or changed."""

    subscription: Subscription
    job: Job
    created: bool
    """False: the subscription existed before."""
    rules: tuple[RuleShown, ...] = ()
    """The rules with the settings of this subscription."""
    is_news: bool = True
    """False: the subscription existed before with the same settings."""


@dataclass(frozen=True, slots=True)
class UnwatchCommand:
    """Stop sending alerts to this channel."""

    ref: str | None
    """None: every job that this channel watches."""


@dataclass(frozen=True, slots=True)
class UnwatchAnswer:
    """Subscriptions that ended."""

    jobs: tuple[JobRef, ...]


@dataclass(frozen=True, slots=True)
class ListCommand:
    """List what this channel watches and has silenced."""

    public: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """One subscription as `list` shows it."""

    subscription: Subscription
    job: Job | None
    """As of the last poll; None before the first one."""
    seen_at: datetime | None
    firing: int = 0


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """What a channel watches and has silenced."""

    watched: tuple[Watched, ...]
    silences: tuple[Silence, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class SilenceCommand:
    """Silence alerts in this channel for a while."""

    duration: timedelta
    ref: str | None = None
    """None: every job."""
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnsilenceCommand:
    """End a silence early."""

    silence_id: int


@dataclass(frozen=True, slots=True)
class SilenceAnswer:
    """A silence was created or ended."""

    silence: Silence
    ended: bool = False
    is_watched: bool = True
    """False: the silence is for a job that this channel does not watch, so it has no effect now."""
