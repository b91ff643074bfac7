"""`watch`, `unwatch`, `list` and `silence` in a Slack channel: the rows, the commands and their answers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import STOPS, Arguments, clean_reference, read_duration
from bot.commands.subcommands.spec import PUBLIC, Option, Subcommand
from bot.domain.times import parse_long_duration
from bot.errors import UnnamedJob, UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.domain.alerts import Severity
    from bot.domain.jobs import Job, JobRef
    from bot.domain.subscriptions import Silence, Subscription, Watched

_MAX_ID_DIGITS = 10
"""Ids fit 32 bits in every database."""
YES = Option("--yes", "Do not ask for confirmation.")
_UNSILENCE_USAGE = "Name one silence by its number: `silence end ID`. `list` shows the numbers."
SETTING_NOTES = (
    "Settings: rule.parameter=value, rule=off, severity=page|warn|info, notify=failures|lifecycle|all. With "
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


WATCH = Subcommand(
    "watch",
    "Alert this channel when a job fails, logs errors or leaves its GPUs idle",
    lambda arguments: WatchCommand(*arguments.reference_and_settings()),
    "REF [SETTING...]",
    examples=(
        ("watch baseten:lq4j9zm/8w6y2n", "with the default rules"),
        ("watch baseten:lq4j9zm/8w6y2n low_gpu_utilization.threshold=40% log_errors=off", "with other settings"),
        ("watch baseten:lq4j9zm/8w6y2n notify=lifecycle", "and one message that follows the run"),
    ),
    notes=f"{SETTING_NOTES} The answer shows every rule and its parameters. To change them, watch the job again.",
    aliases=("subscribe",),
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


@dataclass(frozen=True, slots=True)
class RestoreAnswer:
    """Subscriptions that were restored with their settings."""

    jobs: tuple[JobRef, ...]
    by: str
    """Slack user id."""


@dataclass(frozen=True, slots=True)
class ConfirmAnswer:
    """A question before a change to the whole channel."""

    question: str
    label: str
    """Of the button that confirms."""
    command: str
    """What the button runs."""


def _build_unwatch(arguments: Arguments) -> UnwatchCommand | UndoUnwatchCommand:
    if len(arguments.positionals) > 1 and arguments.positionals[0].lower() == "undo":
        return UndoUnwatchCommand(_read_number("Name one: `unwatch undo NUMBER`.", arguments.positionals[1:]))
    names_job = bool(arguments.positionals) or (arguments.context.job is not None and not arguments.has("--all"))
    if not arguments.has("--all") and not names_job:
        raise UnnamedJob
    if arguments.has("--all") and names_job:
        raise UsageError("Name one job to unwatch, or use `--all`.")
    is_confirmed = arguments.has("--yes")
    return UnwatchCommand(None if arguments.has("--all") else arguments.at_most(1).reference(), is_confirmed)


UNWATCH = Subcommand(
    "unwatch",
    "Stop sending alerts to this channel",
    _build_unwatch,
    "REF | --all | undo NUMBER",
    (Option("--all", "Stop the alerts of every job."), YES),
    (("unwatch baseten:lq4j9zm/8w6y2n", "this job"), ("unwatch --all", "every job")),
    "The answer has an Undo button, which restores the settings too. It works for 30 days.",
    aliases=("unsubscribe",),
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


@dataclass(frozen=True, slots=True)
class SilenceCommand:
    """Silence alerts in this channel for a while."""

    duration: timedelta
    ref: str | None = None
    """None: every job, or those of the patterns."""
    rule: str | None = None
    severity: Severity | None = None
    reason: str = ""
    is_confirmed: bool = False
    pattern: str | None = None
    """Of references, with `*`."""
    name: str | None = None
    """A pattern of job names."""


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
    words = _join_durations(tuple(word.rstrip(STOPS) for word in arguments.positionals))
    replace(arguments, positionals=words).at_most(2)
    if words and words[0].lower() == "end":
        return UnsilenceCommand(_read_number(_UNSILENCE_USAGE, words[1:]))
    durations = [word for word in words if parse_long_duration(word)]
    jobs = [word for word in words if word not in durations]
    for word in jobs if not durations else ():
        if re.fullmatch(r"\d+\w?", word):
            read_duration(word)
    if len(durations) != 1:
        raise UsageError("Name one duration such as 30m, 2h or 1d, and optionally a job: `silence 2h REF`.")
    severity, name = arguments.text("--severity"), arguments.text("--name")
    pattern = _read_pattern(jobs[0]) if jobs else None
    named = jobs[0] if jobs and pattern is None else None
    if not jobs and name is None:
        named = arguments.context.job
    return SilenceCommand(
        duration=read_duration(durations[0]),
        ref=clean_reference(named) if jobs and named else named,
        pattern=pattern,
        name=name,
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


def _read_pattern(text: str) -> str | None:
    """A pattern of references, None for a reference."""
    pattern = text.strip("`\"'")
    if "*" not in pattern:
        return None
    platform, colon, _ = pattern.partition(":")
    if not colon or "*" in platform:
        raise UsageError(f"A pattern begins with the platform, such as `baseten:lq4j9zm/*`. Got `{pattern[:80]}`.")
    return pattern


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
    "DURATION [REF | PATTERN] | end ID",
    (
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
        ("silence end 7", "end silence 7 early; `list` shows the numbers"),
    ),
    aliases=("mute",),
    action_aliases=(("unmute", "end"), ("unsilence", "end")),
)

ChannelCommand = WatchCommand | UnwatchCommand | UndoUnwatchCommand | ListCommand | SilenceCommand | UnsilenceCommand
ChannelAnswer = WatchAnswer | UnwatchAnswer | RestoreAnswer | ListAnswer | SilenceAnswer | ConfirmAnswer
CHANNEL_COMMANDS: tuple[Subcommand[ChannelCommand], ...] = (WATCH, UNWATCH, LIST, SILENCE)
