"""`notify`: show and change how a channel and a person are notified."""

from collections.abc import Sequence
from datetime import datetime

from bot.commands.answers import Asker
from bot.commands.subcommands.notify import (
    NotifyAnswer,
    NotifyChange,
    NotifyCommand,
    NotifyMeCommand,
    WebhookChange,
)
from bot.domain.destinations import routes_of
from bot.errors import UsageError
from bot.store.preferences import Preferences


async def answer_notify(
    command: NotifyCommand | NotifyMeCommand, preferences: Preferences, asker: Asker, now: datetime
) -> NotifyAnswer:
    """Apply the change, if any, and return the settings of the asker's channel and the asker.

    Raises:
        UsageError: the webhook is not set up.
    """
    has_changed = isinstance(command, NotifyMeCommand) or command.change is not None
    if isinstance(command, NotifyMeCommand):
        await preferences.set_contact(asker.user, command.contact)
    elif command.change is not None:
        _require_webhook(command.change, [one.name for one in preferences.webhooks])
        await preferences.change_channel(asker.channel, command.change.apply, asker.user, now)
    settings = await preferences.of_channel(asker.channel)
    routes = routes_of(preferences.webhooks, settings.webhooks)
    return NotifyAnswer(settings, await preferences.contact_of(asker.user), has_changed, routes)


def _require_webhook(change: NotifyChange, known: Sequence[str]) -> None:
    if isinstance(change, WebhookChange) and change.name not in known and not change.is_default:
        names = f"Use {', '.join(known)}." if known else "None is set up: see docs/webhooks.md."
        raise UsageError(f"Unknown webhook `{change.name[:40]}`. {names}")
