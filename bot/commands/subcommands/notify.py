"""`notify`: whom a channel's alerts mention, reminders, quiet hours and the job's owner. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.commands.subcommands.arguments import Arguments, read_duration, read_zone
from bot.commands.subcommands.spec import Effect, Option, Positional, Subcommand
from bot.domain.alerts import Severity
from bot.domain.notify import EscalationStep, MentionTarget, NotifySettings, OwnerContact, QuietHours
from bot.errors import UsageError

_USER = re.compile(r"(?:<@)?(?P<id>[UW][A-Z0-9]{2,20})(?:\|(?P<name>[^>]*))?>?")
_GROUP = re.compile(r"(?:<!subteam\^)?(?P<id>S[A-Z0-9]{2,20})(?:\|(?P<name>[^>]*))?>?")
_CHANNEL = re.compile(r"(?:<#)?(?P<id>[CG][A-Z0-9]{2,20})(?:\|(?P<name>[^>]*))?>?")
_BROADCAST = re.compile(r"(?:<!|@)(?P<id>here|channel)(?:\|(?P<name>[^>]*))?>?")
_SPAN = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-\u2010-\u2015\u2212]\s*(\d{1,2})(?::(\d{2}))?")
_MAX_TARGETS = 10
_MAX_STEPS = 5
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MentionChange:
    """Mention these for alerts of a severity."""

    severity: Severity
    targets: tuple[MentionTarget, ...]
    """Empty: nobody."""

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        mentions = {**settings.mentions, self.severity: self.targets}
        return replace(settings, mentions={severity: targets for severity, targets in mentions.items() if targets})


@dataclass(frozen=True, slots=True)
class ReminderChange:
    """Switch reminders on or off, or set how long the first one waits."""

    enabled: bool
    first: timedelta | None = None

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        return replace(settings, reminders=self.enabled, first_reminder=self.first or settings.first_reminder)


@dataclass(frozen=True, slots=True)
class QuietChange:
    """Set the quiet hours."""

    hours: QuietHours | None
    holds_for_pages: bool = True

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        return replace(settings, quiet=self.hours, quiet_pages=self.holds_for_pages)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """Set how the person who started a job is notified."""

    contact: OwnerContact

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        return replace(settings, owner=self.contact)


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """Choose whether a webhook gets this channel's alerts."""

    name: str
    severity: Severity | None
    """From which severity on; None: not at all."""
    is_default: bool = False
    """Whether the webhook's own setting holds again."""

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        others = {name: severity for name, severity in settings.webhooks.items() if name != self.name}
        return replace(settings, webhooks=others if self.is_default else {**others, self.name: self.severity})


@dataclass(frozen=True, slots=True)
class EscalationChange:
    """Set the escalation chain of a severity."""

    severity: Severity
    steps: tuple[EscalationStep, ...]
    """Empty: none."""

    def apply(self, settings: NotifySettings) -> NotifySettings:
        """The settings with this change."""
        chains = {**settings.escalation, self.severity: self.steps}
        return replace(settings, escalation={severity: steps for severity, steps in chains.items() if steps})


NotifyChange = EscalationChange | MentionChange | ReminderChange | QuietChange | OwnerChange | WebhookChange


@dataclass(frozen=True, slots=True)
class NotifyCommand:
    """Show or change how this channel is notified."""

    change: NotifyChange | None = None


@dataclass(frozen=True, slots=True)
class NotifyMeCommand:
    """Change how the asker is notified of the own jobs."""

    contact: OwnerContact | None
    """None: as the channel chooses."""


@dataclass(frozen=True, slots=True)
class NotifyAnswer:
    """How the channel and the asker are notified."""

    settings: NotifySettings
    contact: OwnerContact | None
    has_changed: bool = False
    routes: Mapping[str, Severity] = field(default_factory=dict)
    """The webhooks that get this channel's alerts, and from which severity on."""


def _build_notify(arguments: Arguments) -> NotifyCommand | NotifyMeCommand:
    words = arguments.positionals
    topic, values = (words[0].lower() if words else ""), words[1:]
    if topic != "quiet" and arguments.has("--except-pages"):
        raise UsageError("`--except-pages` belongs to `notify quiet`.")
    match topic:
        case "":
            return NotifyCommand()
        case "page" | "warn" | "info":
            return NotifyCommand(MentionChange(Severity(topic), _targets(topic, values)))
        case "reminders" | "reminder":
            return NotifyCommand(_reminders(values))
        case "quiet":
            return NotifyCommand(_quiet(arguments, values))
        case "escalate" | "escalation":
            return NotifyCommand(_escalation(values))
        case "owner":
            return NotifyCommand(OwnerChange(_contact("owner", values)))
        case "webhook":
            return NotifyCommand(_webhook(values))
        case "me":
            is_default = [value.lower() for value in values] == ["default"]
            return NotifyMeCommand(None if is_default else _contact("me", values, "|default"))
        case _:
            known = "page, warn, info, reminders, escalate, quiet, owner, webhook or me"
            raise UsageError(f"Unknown setting `{words[0][:40]}`. Use {known}.")


def _targets(topic: str, values: Sequence[str]) -> tuple[MentionTarget, ...]:
    if [value.lower() for value in values] in (["off"], ["none"]):
        return ()
    if not 0 < len(values) <= _MAX_TARGETS:
        raise UsageError(f"Name 1 to {_MAX_TARGETS} people or groups, or `off`: `notify {topic} @oncall`.")
    return tuple(dict.fromkeys(_target(value) for value in values))


def _target(value: str, *, channels: bool = False) -> MentionTarget:
    for kind in (_USER, _GROUP, _BROADCAST, *((_CHANNEL,) if channels else ())):
        if found := kind.fullmatch(value):
            return MentionTarget(found["id"], (found["name"] or "").removeprefix("@"))
    if value.startswith(("@", "#") if channels else "@"):
        rule = 'Pick the name from Slack\'s list while you type. Slack must also "Escape channels, users, and links"'
        raise UsageError(f"`{value[:40]}` arrived as plain text. {rule} of the command, as manifest.yml sets it.")
    raise UsageError(f"`{value[:40]}` is neither a person nor a group. Use @name, @group, @here or @channel.")


def _reminders(values: Sequence[str]) -> ReminderChange:
    if len(values) != 1:
        raise UsageError("Use `notify reminders on`, `off`, or a duration until the first one such as 30m.")
    word = values[0].lower()
    if word in ("on", "off"):
        return ReminderChange(word == "on")
    first = read_duration(word)
    if not _SHORTEST <= first <= _LONGEST:
        raise UsageError(f"Invalid duration `{values[0]}`. The first reminder waits 5m to 1d.")
    return ReminderChange(enabled=True, first=first)


def _escalation(values: Sequence[str]) -> EscalationChange:
    """Read a severity and pairs of a duration and a target."""
    usage = "Use `notify escalate page 15m @oncall 30m @leads 1h #war-room` or `notify escalate page off`."
    if not values or values[0].lower() not in list(Severity):
        raise UsageError(usage)
    severity, words = Severity(values[0].lower()), values[1:]
    if [word.lower() for word in words] == ["off"]:
        return EscalationChange(severity, ())
    if not words or len(words) % 2 or len(words) > 2 * _MAX_STEPS:
        raise UsageError(f"{usage} A chain has 1 to {_MAX_STEPS} steps.")
    pairs = zip(words[::2], words[1::2], strict=True)
    steps = tuple(EscalationStep(read_duration(after), _target(target, channels=True)) for after, target in pairs)
    times = [step.after for step in steps]
    if times != sorted(set(times)) or not times[0] >= _SHORTEST or times[-1] > _LONGEST * 7:
        raise UsageError("Each step waits longer than the one before, 5m to 7d since the alert fired.")
    return EscalationChange(severity, steps)


def _quiet(arguments: Arguments, values: Sequence[str]) -> QuietChange:
    if [value.lower() for value in values] == ["off"]:
        return QuietChange(None)
    span = _SPAN.fullmatch(values[0]) if 0 < len(values) <= 2 else None
    if span is None:
        raise UsageError("Use `notify quiet 22:00-07:00 Europe/Berlin` or `notify quiet off`.")
    zone = values[1] if len(values) == 2 else str(getattr(arguments.context.zone, "key", "UTC"))
    hours = QuietHours(_minute(span[1], span[2]), _minute(span[3], span[4]), read_zone(zone))
    if hours.start == hours.end:
        raise UsageError("The quiet hours must begin and end at different times.")
    return QuietChange(hours, holds_for_pages=not arguments.has("--except-pages"))


def _minute(hour: str, minute: str | None) -> int:
    total = int(hour) * 60 + int(minute or 0)
    if int(minute or 0) > 59 or total > 1440:
        raise UsageError(f"Invalid time `{hour}:{minute or '00'}`. Use 00:00 to 24:00.")
    return total % 1440


def _webhook(values: Sequence[str]) -> WebhookChange:
    word = values[1].lower() if len(values) == 2 else ""
    if word not in (*Severity, "off", "default"):
        raise UsageError("Use `notify webhook NAME page|warn|info|off|default`: its name, and from which severity on.")
    severity = Severity(word) if word in list(Severity) else None
    return WebhookChange(values[0].lower(), severity, is_default=word == "default")


def _contact(topic: str, values: Sequence[str], more: str = "") -> OwnerContact:
    word = values[0].lower() if len(values) == 1 else ""
    if word not in list(OwnerContact):
        raise UsageError(f"Use `notify {topic} mention|dm|off{more}`.")
    return OwnerContact(word)


NOTIFY = Subcommand(
    "notify",
    "Choose whom alerts mention here, reminders and quiet hours",
    _build_notify,
    "[page|warn|info TARGET...] [reminders on|off|TIME] [quiet HH:MM-HH:MM [ZONE]] [owner|me mention|dm|off] "
    "[webhook NAME page|warn|info|off]",
    (Option("--except-pages", "With `quiet`: pages still mention people and send reminders."),),
    (
        ("notify", "show the settings"),
        ("notify page @oncall", "mention a group or people when something needs action"),
        ("notify reminders 45m", "wait 45 minutes before the first reminder of a page that nobody acknowledged"),
        ("notify escalate page 15m @oncall 1h #war-room", "whom a page reaches next that nobody acknowledged"),
        ("notify quiet 22:00-07:00 Europe/Berlin", "no mentions and no reminders at night"),
        ("notify owner dm", "message the person who started a job instead of a mention here"),
        ("notify webhook pagerduty page", "send pages of this channel to the webhook `pagerduty` too"),
        ("notify me off", "neither mention nor message me about my jobs, in any channel"),
    ),
    parameters=(Positional("words", "What to change, word by word; nothing shows the settings.", is_repeatable=True),),
    effect=Effect.REPLACE,
)
