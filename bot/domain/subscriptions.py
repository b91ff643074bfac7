"""Subscriptions of channels to jobs, and silences."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.alerts import Receipt, Severity
from bot.domain.job_matching import Matcher, format_matchers, matches_all
from bot.domain.jobs import Job, JobRef

DEFAULT_PATTERN_LIMIT = 500
"""The most jobs that a pattern watches at once, unless somebody chooses another limit."""
Setting = str | int | float | bool
"""Value of a rule parameter. Durations are in seconds; ratios are 0 to 1."""


class NotifyLevel(enum.StrEnum):
    """What a channel is notified of besides the alerts of a job."""

    FAILURES = "failures"
    """That the job has ended."""
    LIFECYCLE = "lifecycle"
    """One message that follows the run from the queue to its summary."""
    ALL = "all"
    """The same, with each checkpoint."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the messages about a run contain. The defaults suit most runs."""

    notify: NotifyLevel = NotifyLevel.FAILURES
    milestone_steps: int = 0
    """Steps between two milestones; 0: at 25, 50 and 75 percent."""
    queued_after: timedelta = timedelta(minutes=10)
    """How long a run waits before its thread is notified."""
    time_limit: timedelta | None = None
    """How long the run may take since its start; None: unknown."""

    @property
    def follows_run(self) -> bool:
        """Whether the channel gets a message about the run."""
        return self.notify is not NotifyLevel.FAILURES


AS_USUAL = RunSettings()


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Changes to the rules' defaults, and what else a channel chooses for a job."""

    parameters: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """Rule → parameter → value, for values that differ from the defaults."""
    off: tuple[str, ...] = ()
    """Rules that are disabled."""
    min_severity: Severity = Severity.INFO
    on: tuple[str, ...] = ()
    """Rules that are enabled although the defaults disable them."""
    run: RunSettings = AS_USUAL
    own: tuple[str, ...] = ()
    """Rules that a person wrote, such as `loss > 5 for 10m` (`bot.domain.rule_expressions`)."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Subscription of a channel to the alerts of a job; people and channels by their Slack ids."""

    id: int
    channel: str
    job: JobRef
    created_by: str
    created_at: datetime
    settings: RuleSettings = RuleSettings()
    team: str | None = None
    pattern: int | None = None
    """The id of the pattern that made it; None: somebody watches this job by its reference."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A subscription with the last known state of its job."""

    subscription: Subscription
    job: Job | None
    """As of the last poll; None before the first."""
    seen_at: datetime | None
    firing: int = 0
    """Number of the job's alerts that fire in this channel."""


@dataclass(frozen=True, slots=True)
class PatternSubscription:
    """Subscription of a channel to the alerts of every job that matches, also of those that start later."""

    id: int
    channel: str
    matchers: tuple[Matcher, ...]
    """All must match."""
    created_by: str
    created_at: datetime
    settings: RuleSettings = RuleSettings()
    team: str | None = None
    announce: bool = True
    """Whether new jobs are announced in the channel."""
    limit: int = DEFAULT_PATTERN_LIMIT
    """The most jobs that it watches at once."""
    watched: int = 0
    """Number of jobs that it watches now."""
    skipped: int = 0
    """Number of matching jobs that the limit kept out at the last listing."""

    @property
    def text(self) -> str:
        """The matchers as they are typed."""
        return " ".join(format_matchers(self.matchers))


@dataclass(frozen=True, slots=True)
class RemovedPattern:
    """A pattern that a person ended, with the jobs that had joined it: they do not join again."""

    pattern: PatternSubscription
    joined: tuple[JobRef, ...] = ()


@dataclass(frozen=True, slots=True)
class RemovedWatching:
    """What one `unwatch` ended, as it was."""

    subscriptions: tuple[Subscription, ...] = ()
    patterns: tuple[RemovedPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence in one channel, from `created_at` until `ends_at`."""

    id: int
    channel: str
    matchers: tuple[Matcher, ...]
    """All must match. Without matchers, the silence mutes the whole channel."""
    created_by: str
    created_at: datetime
    ends_at: datetime
    reason: str = ""
    message: Receipt | None = None
    """The message that announced it, which is edited when it ends."""


def covers(silence: Silence, labels: Mapping[str, str], now: datetime) -> bool:
    """Whether the silence mutes an alert with these labels at time `now`."""
    return silence.created_at <= now < silence.ends_at and matches_all(silence.matchers, labels)
