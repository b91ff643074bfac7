"""`watch`, `unwatch`, `list` and `silence` in a Slack channel: the rows, the commands and their answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import MAX_DURATION, STOPS, Arguments, clean_reference, read_duration
from bot.commands.subcommands.patterns import (
    EXCLUDE,
    JOBS_PARAMETER,
    PATTERN_NOTES,
    SETTINGS_PARAMETER,
    UnwatchPatternCommand,
    WatchPatternAnswer,
    WatchPatternCommand,
    build_watch_pattern,
    pattern_words,
    read_matchers,
)
from bot.commands.subcommands.spec import PUBLIC, Effect, Option, Positional, Subcommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.job_matching import Matcher, is_job_pattern
from bot.domain.times import parse_long_duration
from bot.errors import UnnamedJob, UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.domain.alerts import Severity
    from bot.domain.boards import BoardSettings
    from bot.domain.jobs import Job, JobRef
    from bot.domain.subscriptions import PatternSubscription, Silence, Subscription, Watched

_MAX_ID_DIGITS = 10
"""Ids fit 32 bits in every database."""
YES = Option("--yes", "Do not ask for confirmation.")
_UNSILENCE_USAGE = "Name one silence by its number: `silence end ID`. `list` shows the numbers."
SETTING_NOTES = (
    "Settings: rule.parameter=value, rule=off, severity=page|warn|info, notify=failures|lifecycle|all, or a rule of "
    "your own on any number in the log, such as `loss > 5 for 10m`. With "
    "`notify=lifecycle`, one message follows the run from the queue to its summary; milestones=STEPS, queued=TIME and "
    "time_limit=TIME adjust it."
)


@dataclass(frozen=True, slots=True)
class WatchCommand:
    """Send the alerts of one job to this channel."""

    ref: str
    settings: tuple[str, ...] = ()
    """Rule settings as typed, such as `low_gpu_utilization.threshold=30`."""


@dataclass(frozen=True, slots=True)
class WatchAnswer:
    """A subscription was created or changed."""

    subscription: Subscription
    job: Job
    created: bool
    expected: str = ""
    """What alerts to expect, as a sentence."""
    has_changed: bool = True
    """False: the subscription existed before with the same settings."""


def _build_watch(arguments: Arguments) -> WatchCommand | WatchPatternCommand:
    if pattern_words(arguments) or arguments.has(EXCLUDE.name):
        return build_watch_pattern(arguments)
    return WatchCommand(*arguments.reference_and_settings())


WATCH = Subcommand(
    "watch",
    "Alert this channel when a job fails, logs errors or leaves its GPUs idle",
    _build_watch,
    "REF | PATTERN... [SETTING...]",
    (EXCLUDE, YES),
    (
        ("watch baseten:lq4j9zm/8w6y2n", "with the default rules"),
        ("watch baseten:lq4j9zm/8w6y2n low_gpu_utilization.threshold=40% log_errors=off", "with other settings"),
        ("watch baseten:lq4j9zm/8w6y2n 'loss > 5 for 10m' 'eval/accuracy falls'", "with rules of your own"),
        ("watch baseten:lq4j9zm/8w6y2n 'tokens_per_second drops 7% for 15m'", "if it becomes slower than it was"),
        ("watch baseten:lq4j9zm/8w6y2n notify=lifecycle", "and one message that follows the run"),
        ("watch baseten:lq4j9zm/*", "every job of a project, also those that start later"),
        ("watch baseten:* owner=me", "your own jobs; in a direct message, only you get the alerts"),
        ("watch name~llama-* --exclude name~*-test announce=off", "by name, without a line for each new job"),
    ),
    notes=f"{SETTING_NOTES} To change them, watch the job again. {PATTERN_NOTES} With a pattern, `limit=N` is the "
    "most jobs to watch at once (default 500), and `announce=off` watches new jobs without a message.",
    aliases=("subscribe",),
    parameters=(replace(JOBS_PARAMETER, is_required=True), SETTINGS_PARAMETER),
    effect=Effect.ADD,
)


@dataclass(frozen=True, slots=True)
class UnwatchCommand:
    """Stop sending alerts to this channel."""

    ref: str | None
    """None: every job that this channel watches."""
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class UndoUnwatchCommand:
    """Watch again what an `unwatch` ended, exactly as before."""

    number: int


@dataclass(frozen=True, slots=True)
class UnwatchAnswer:
    """Subscriptions that ended."""

    jobs: tuple[JobRef, ...]
    by: str = ""
    """Slack user id."""
    undo: str = ""
    """The command that undoes it."""
    shown_on: tuple[str, ...] = ()
    """Ids of the incidents whose root messages show it."""
    pattern: str = ""
    """The pattern that ended, or that selected the jobs."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreAnswer:
    """Subscriptions that were restored with their settings."""

    jobs: tuple[JobRef, ...]
    by: str
    """Slack user id."""
    patterns: tuple[str, ...] = ()
    """The patterns that were restored, as they are typed."""


@dataclass(frozen=True, slots=True)
class ConfirmAnswer:
    """A question before a change to the whole channel."""

    question: str
    label: str
    """Of the button that confirms."""
    command: str
    """What the button runs."""


def _build_unwatch(arguments: Arguments) -> UnwatchCommand | UndoUnwatchCommand | UnwatchPatternCommand:
    if len(arguments.positionals) > 1 and arguments.positionals[0].lower() == "undo":
        return UndoUnwatchCommand(_read_number("Name one: `unwatch undo NUMBER`.", arguments.positionals[1:]))
    names_job = bool(arguments.positionals) or (arguments.context.job is not None and not arguments.has("--all"))
    if not arguments.has("--all") and not names_job:
        raise UnnamedJob
    if arguments.has("--all") and names_job:
        raise UsageError("Name one job to unwatch, or use `--all`.")
    is_confirmed = arguments.has("--yes")
    if pattern_words(arguments) or arguments.has(EXCLUDE.name):
        arguments.at_most(len(pattern_words(arguments)))
        return UnwatchPatternCommand(read_matchers(arguments), is_confirmed)
    return UnwatchCommand(None if arguments.has("--all") else arguments.at_most(1).reference(), is_confirmed)


UNWATCH = Subcommand(
    "unwatch",
    "Stop sending alerts to this channel",
    _build_unwatch,
    "REF | PATTERN... | --all | undo NUMBER",
    (Option("--all", "Stop the alerts of every job."), EXCLUDE, YES),
    (
        ("unwatch baseten:lq4j9zm/8w6y2n", "this job, also if a pattern matches it"),
        ("unwatch baseten:lq4j9zm/*", "this pattern and its jobs"),
        ("unwatch --all", "every job and pattern"),
    ),
    "The answer has an Undo button, which restores the settings too. It works for 30 days.",
    aliases=("unsubscribe",),
    parameters=(Positional("undo", "Restore what the `unwatch` of this number ended.", word="undo"), JOBS_PARAMETER),
    effect=Effect.REPLACE,
)


@dataclass(frozen=True, slots=True)
class ListCommand:
    """List what this channel watches and has silenced."""

    public: bool = False


LIST = Subcommand(
    "list",
    "List what this channel watches and has silenced",
    lambda arguments: ListCommand(arguments.has("--public")),
    options=(PUBLIC,),
    examples=(("list", "jobs, their state and who watches them"),),
    aliases=("ls",),
)


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """What a channel watches and has silenced."""

    watched: tuple[Watched, ...]
    silences: tuple[Silence, ...]
    at: datetime
    patterns: tuple[PatternSubscription, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """Platform → why its jobs cannot be listed now."""
    digest: BoardSettings | None = None
    """The digest of the channel's runs."""


@dataclass(frozen=True, slots=True)
class SilenceCommand:
    """Silence alerts in this channel for a while."""

    duration: timedelta
    ref: str | None = None
    """None: every job, or those that match."""
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""
    is_confirmed: bool = False
    matchers: tuple[Matcher, ...] = ()
    """Which jobs, when no reference names one."""


@dataclass(frozen=True, slots=True)
class UnsilenceCommand:
    """End a silence early."""

    silence_id: int


@dataclass(frozen=True, slots=True)
class SilenceAnswer:
    """A silence was created or ended."""

    silence: Silence
    ended: bool = False
    by: str = ""
    """Who began or ended it: a Slack user id."""
    shown_on: tuple[str, ...] = ()
    """Ids of the incidents whose root messages show it."""
    is_watched: bool = True
    """False: the silence is for a job that this channel does not watch, so it has no effect now."""


def _build_silence(arguments: Arguments) -> SilenceCommand | UnsilenceCommand:
    """Read `silence end ID`, or a duration and a job in any order."""
    typed = (word if is_job_pattern(word) else word.rstrip(STOPS) for word in arguments.positionals)
    words = _join_durations(tuple(typed))
    patterns = pattern_words(replace(arguments, positionals=words))
    replace(arguments, positionals=words).at_most(2 + len(patterns))
    if words and words[0].lower() == "end":
        return UnsilenceCommand(_read_number(_UNSILENCE_USAGE, words[1:]))
    durations = [word for word in words if parse_long_duration(word)]
    jobs = [word for word in words if word not in durations and word not in patterns]
    for word in jobs if not durations else ():
        if re.fullmatch(r"\d+\w?", word):
            read_duration(word)
    if jobs and patterns:
        raise UsageError(f"`{jobs[0][:60]}` names one job, and `{patterns[0][:60]}` selects several. Use one of them.")
    if len(durations) + arguments.has("--until") != 1:
        raise UsageError("Name one duration such as 30m, 2h or 1d, and optionally a job: `silence 2h REF`.")
    severity, name = arguments.text("--severity"), arguments.text("--name")
    matchers = read_matchers(replace(arguments, positionals=patterns))
    if name is not None:
        matchers += (Matcher("name", name, is_pattern=True),)
    named = jobs[0] if jobs else None if matchers else arguments.context.job
    return SilenceCommand(
        duration=read_duration(durations[0]) if durations else _read_until(arguments),
        ref=clean_reference(named) if jobs and named else named,
        matchers=matchers,
        rule=arguments.text("--rule"),
        severity=_read_severity(severity) if severity is not None else None,
        reason=arguments.text("--reason") or "",
        is_confirmed=arguments.has("--yes"),
    )


def _read_number(usage: str, words: tuple[str, ...]) -> int:
    number = words[0].lstrip("#") if len(words) == 1 else ""
    if not (number.isascii() and number.isdigit() and len(number) < _MAX_ID_DIGITS):
        raise UsageError(usage)
    return int(number)


def _read_until(arguments: Arguments) -> timedelta:
    """The time from now to `--until`."""
    now = arguments.context.now
    end_ns = arguments.timestamp_ns("--until", end_of_day=True, after_ns=ns_from_datetime(now))
    left = datetime_from_ns(end_ns + 1) - now if end_ns is not None else timedelta(0)
    if left <= timedelta(0):
        raise UsageError("`--until` must be in the future, such as 18:00, tomorrow 09:00 or 2026-12-01.")
    if left > MAX_DURATION:
        raise UsageError(f"`--until` is too far away. The maximum is {MAX_DURATION.days} days.")
    return left


def _read_severity(text: str) -> Severity:
    from bot.domain.alerts import Severity  # noqa: PLC0415 - help must be fast

    if text.lower() not in list(Severity):
        raise UsageError(f"Invalid severity `{text}`. Use page, warn or info.")
    return Severity(text.lower())


def _join_durations(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words with a number and its unit, `2 hours`, as one word."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].isdigit() and parse_long_duration(f"{joined[-1]} {word}"):
            joined[-1] = f"{joined[-1]} {word}"
        else:
            joined.append(word)
    return tuple(joined)


SILENCE = Subcommand(
    "silence",
    "Silence alerts in this channel for a while",
    _build_silence,
    "DURATION | --until TIME [REF | PATTERN...] | end ID",
    (
        Option("--until", "Until this time instead of for a duration: 18:00, tomorrow 09:00, 2026-12-01.", "TIME"),
        EXCLUDE,
        Option("--name", "Only jobs whose name fits this pattern; `*` stands for any text.", "PATTERN"),
        Option("--rule", "Only alerts of this rule.", "NAME"),
        Option("--severity", "Only alerts of this severity: page, warn or info.", "SEVERITY"),
        Option("--reason", "Tell the others why.", "TEXT"),
        YES,
    ),
    (
        ('silence 2h baseten:lq4j9zm/8w6y2n --reason "restarting nodes"', "one job, two hours"),
        ("silence 1d baseten:lq4j9zm/* --severity warn", "the warnings of every job of a project"),
        ("silence 4h --name 'llama-*' --rule low_gpu_utilization", "one rule on the jobs with such a name"),
        ("silence baseten:lq4j9zm/8w6y2n --until 09:00", "one job, until nine in your time zone"),
        ("silence end 7", "end silence 7 early; `list` shows the numbers"),
    ),
    aliases=("mute",),
    action_aliases=(("unmute", "end"), ("unsilence", "end")),
    parameters=(
        Positional("end", "End the silence of this number.", word="end"),
        Positional("duration", "How long: 30m, 2h or 1d.", accepts=lambda word: bool(parse_long_duration(word))),
        JOBS_PARAMETER,
    ),
    effect=Effect.REPLACE,
)

PatternCommand = WatchPatternCommand | UnwatchPatternCommand
ChannelCommand = (
    WatchCommand
    | UnwatchCommand
    | PatternCommand
    | UndoUnwatchCommand
    | ListCommand
    | SilenceCommand
    | UnsilenceCommand
)
ChannelAnswer = (
    WatchAnswer | WatchPatternAnswer | UnwatchAnswer | RestoreAnswer | ListAnswer | SilenceAnswer | ConfirmAnswer
)
CHANNEL_COMMANDS: tuple[Subcommand[ChannelCommand], ...] = (WATCH, UNWATCH, LIST, SILENCE)
