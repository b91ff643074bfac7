"""Who wants to hear what: a channel's subscriptions and silences, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.alerts import Severity
from bot.domain.jobs import JobRef

Setting = str | int | float | bool
"""One rule parameter; durations are seconds, ratios are 0 to 1."""


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What a subscription changes of the shipped rules."""

    parameters: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """rule → parameter → value, only what differs from the defaults."""
    off: tuple[str, ...] = ()
    """Rules this channel does not want."""
    min_severity: Severity = Severity.INFO
    on: tuple[str, ...] = ()
    """Rules this channel wants although the installation has them off."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel wants alerts of a job."""

    id: int
    channel: str
    """Slack channel id."""
    job: JobRef
    created_by: str
    """Slack user id."""
    created_at: datetime
    settings: RuleSettings = RuleSettings()
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Matcher:
    """One exact test on a label: `provider`, `job`, `rule` or `severity`."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A mute in one channel, with an author, a reason and an end."""

    id: int
    channel: str
    matchers: tuple[Matcher, ...]
    """All must hold; none: everything in the channel."""
    created_by: str
    created_at: datetime
    ends_at: datetime
    reason: str = ""


def covers(silence: Silence, labels: Mapping[str, str], now: datetime) -> bool:
    """Whether this silence mutes an alert with these labels now."""
    return silence.created_at <= now < silence.ends_at and all(
        labels.get(matcher.label) == matcher.value for matcher in silence.matchers
    )
