"""`notify`: show and change how a channel and a person are notified."""

from datetime import datetime

from bot.commands.answers import Asker
from bot.commands.subcommands.notify import NotifyAnswer, NotifyCommand, NotifyMeCommand
from bot.store.preferences import Preferences


async def answer_notify(
    command: NotifyCommand | NotifyMeCommand, preferences: Preferences, asker: Asker, now: datetime
) -> NotifyAnswer:
    """Apply the change, if any, and return the settings of the asker's channel and the asker."""
    has_changed = isinstance(command, NotifyMeCommand) or command.change is not None
    if isinstance(command, NotifyMeCommand):
        await preferences.set_contact(asker.user, command.contact)
    elif command.change is not None:
        await preferences.change_channel(asker.channel, command.change.apply, asker.user, now)
    settings = await preferences.of_channel(asker.channel)
    return NotifyAnswer(settings, await preferences.contact_of(asker.user), has_changed)
