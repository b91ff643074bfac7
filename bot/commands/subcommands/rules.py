"""`rules` and `rules test`: the row, the commands and their answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import ALL_TIME, Arguments, Window
from bot.commands.subcommands.patterns import EXCLUDE, JOBS_PARAMETER, SETTINGS_PARAMETER, pattern_words, read_matchers
from bot.commands.subcommands.spec import JSON, PUBLIC, WINDOW_OPTIONS, Frontend, Option, Positional, Subcommand
from bot.domain.job_matching import Matcher
from bot.errors import UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.domain.alerts import Severity
    from bot.domain.gaps import Gap
    from bot.domain.jobs import Job, JobRef
    from bot.rules.replay import Replayed


@dataclass(frozen=True, slots=True)
class RulesCommand:
    """List the rules, with the settings of the installation or of this channel's subscription to a job."""

    public: bool = False
    json: bool = False
    ref: str | None = None
    matchers: tuple[Matcher, ...] = ()
    """Of a pattern of this channel."""


@dataclass(frozen=True, slots=True)
class RuleShown:
    """One rule as a list shows it."""

    name: str
    help: str
    severity: Severity
    is_on: bool
    parameters: tuple[tuple[str, str, str], ...]
    """(name, value, meaning), the value as a person would type it."""


@dataclass(frozen=True, slots=True)
class RulesAnswer:
    """The rules with the settings of this installation, or of a channel's subscription."""

    rules: tuple[RuleShown, ...]
    job: JobRef | None = None
    """The job that a channel subscribed to."""
    pattern: str = ""
    """The pattern that a channel subscribed to."""


@dataclass(frozen=True, slots=True)
class ReplayCommand:
    """Show which alerts would have fired in the past."""

    ref: str
    window: Window = ALL_TIME
    settings: tuple[str, ...] = ()
    """Rule settings as typed."""
    defaults: bool = False
    """Whether to test the default settings instead of the channel's."""
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """The alerts that would have fired in a window of the past."""

    job: Job
    pinned: ReplayCommand
    """The command with absolute times: run again, it shows the same."""
    start: datetime
    end: datetime
    step: timedelta
    """Time between two simulated polls."""
    alerts: tuple[Replayed, ...]
    """In the order in which they fired."""
    quiet: tuple[str, ...]
    """Rules that would not have fired."""
    read: int
    """Lines that came from the platform."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    """How the replay differs from watching the job at that time."""
    basis: str = "the default settings"
    """The settings that were tested, such as "this channel's settings (log_errors=off)"."""


def _build_rules(arguments: Arguments) -> RulesCommand | ReplayCommand:
    words = arguments.positionals
    if not words:
        if any(arguments.has(option.name) for option in WINDOW_OPTIONS):
            raise UsageError("A time window applies only to a test. Use `rules test REF`.")
        if arguments.has("--defaults"):
            raise UsageError("`--defaults` applies only to a test. Use `rules test REF --defaults`.")
        return RulesCommand(*arguments.output(), ref=arguments.context.job)
    if pattern_words(arguments) == words:
        return RulesCommand(*arguments.output(), matchers=read_matchers(arguments))
    if len(words) == 1 and words[0].lower() != "test":
        return RulesCommand(*arguments.output(), ref=arguments.reference())
    if words[0].lower() != "test":
        raise UsageError(f"Unexpected argument `{words[0][:40]}`. Use `rules` for the list, or `rules test REF`.")
    ref, settings = replace(arguments, positionals=words[1:]).reference_and_settings()
    return ReplayCommand(ref, arguments.window(), settings, arguments.has("--defaults"), *arguments.output())


RULES = Subcommand(
    "rules",
    "List the alert rules, or test which alerts would have fired in the past",
    _build_rules,
    "[REF | PATTERN... | test REF|FILE [SETTING...]]",
    (
        EXCLUDE,
        Option("--since", "Test from this long ago or this time, such as 6h or yesterday (default 24h).", "TIME"),
        *WINDOW_OPTIONS[1:],
        Option("--defaults", "Test the default settings instead of this channel's.", frontends=(Frontend.SLACK,)),
        PUBLIC,
        JSON,
    ),
    (
        ("rules", "every rule with its parameters"),
        ("rules baseten:lq4j9zm/8w6y2n", "as this Slack channel gets them for a job"),
        ("rules test baseten:lq4j9zm/8w6y2n", "the alerts that would have fired in the last 24 hours"),
        ("rules test baseten:lq4j9zm/8w6y2n --since 6h low_gpu_utilization.for=5m", "with other settings"),
        ("rules test baseten:lq4j9zm/8w6y2n 'loss > 5 for 10m'", "with a rule of your own"),
    ),
    "A test reads the logs and metrics of the window again and sends nothing. In Slack it begins with the channel's "
    "settings. Settings are the same as for `watch`. On the command line, it also reads a log file.",
    aliases=("rule",),
    parameters=(
        Positional("test", "Test which alerts the past of this job would have raised.", word="test"),
        replace(JOBS_PARAMETER, help="Show the settings of the channel for a job, or for patterns of jobs."),
        replace(
            SETTINGS_PARAMETER,
            help="With `test`: rule settings to try, such as `low_gpu_utilization.for=5m` or `loss > 5 for 10m`.",
        ),
    ),
)

RuleCommand = RulesCommand | ReplayCommand
RuleAnswer = RulesAnswer | ReplayAnswer
