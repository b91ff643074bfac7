"""How a channel and a person are notified, as the answer to `notify`."""

from collections.abc import Mapping

from bot.commands.subcommands.notify import NotifyAnswer
from bot.domain.alerts import Severity
from bot.domain.durations import spoken_duration
from bot.domain.notify import MentionTarget, NotifySettings, OwnerContact
from bot.rules.escalation import is_channel
from bot.slack.render.blocks import context, section
from bot.slack.render.icons import SEVERITY_ICONS
from bot.slack.render.message import Message, message
from bot.slack.render.text import code

_OWNER = {
    OwnerContact.MENTION: "mentioned in the alert",
    OwnerContact.DM: "gets a direct message",
    OwnerContact.OFF: "neither mentioned nor messaged",
}
_OWN = {
    OwnerContact.MENTION: "you are mentioned in the alert",
    OwnerContact.DM: "you get a direct message",
    OwnerContact.OFF: "you are neither mentioned nor messaged",
}


def render_notify(answer: NotifyAnswer) -> Message:
    """The settings of the channel and the asker. Shows names without mentioning anybody."""
    settings = answer.settings
    mine = "as the channel chooses" if answer.contact is None else _OWN[answer.contact]
    rows = [
        f"*Mentions:* {_mentions(settings)}",
        f"*Reminders:* {_reminders(settings)}",
        f"*Escalation:* {_escalation(settings)}",
        f"*Quiet hours:* {_quiet(settings)}",
        f"*Who started the job:* {_OWNER[settings.owner]}",
        f"*Your own jobs:* {mine}",
    ]
    if answer.routes:
        rows.append(f"*Webhooks:* {_webhooks(answer.routes)}")
    title = "Settings changed." if answer.has_changed else "How this channel is notified."
    changes = ("/train notify page @oncall", "reminders 45m", "escalate page 15m @oncall", "quiet 22:00-07:00")
    help_row = f"Change: {', '.join(code(one) for one in (*changes, 'owner dm', 'me off'))}"
    text = f"{title} Mentions: {_mentions(settings)}. Reminders: {_reminders(settings)}."
    text += f" Webhooks: {_webhooks(answer.routes)}." if answer.routes else ""
    return message(text, [section("\n".join([f"*{title}*", *rows])), context([help_row])])


def _mentions(settings: NotifySettings) -> str:
    shown = [
        f"{SEVERITY_ICONS[severity]} {severity}: {' '.join(_name(target) for target in settings.mentions[severity])}"
        for severity in Severity
        if settings.mentions.get(severity)
    ]
    return " · ".join(shown) or "nobody"


def _webhooks(routes: Mapping[str, Severity]) -> str:
    return " · ".join(f"{code(name, 40)} from {severity} on" for name, severity in sorted(routes.items()))


def _name(target: MentionTarget) -> str:
    """The name in code marks, because a mention would notify."""
    mark = "#" if is_channel(target.id) else "@"
    return code(f"{mark}{target.name or target.id}", 80)


def _reminders(settings: NotifySettings) -> str:
    if not settings.reminders:
        return "off"
    first = spoken_duration(settings.first_reminder)
    return f"when nobody has acknowledged a page for {first}, then after twice as long each time"


def _escalation(settings: NotifySettings) -> str:
    chains = [
        f"{SEVERITY_ICONS[severity]} {severity}: "
        + ", ".join(f"after {spoken_duration(step.after)} {_name(step.target)}" for step in steps)
        for severity in Severity
        if (steps := settings.escalation.get(severity))
    ]
    return " · ".join(chains) or "none"


def _quiet(settings: NotifySettings) -> str:
    quiet = settings.quiet
    if quiet is None:
        return "none"
    pages = "" if settings.quiet_pages else "; pages break through"
    return f"{_clock(quiet.start)} to {_clock(quiet.end)} {code(quiet.zone)}, without mentions and reminders{pages}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
