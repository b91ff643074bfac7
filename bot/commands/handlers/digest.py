"""`digest`: show and change the digest of a channel's runs."""

from datetime import datetime

from bot.commands.answers import Asker
from bot.commands.subcommands.digest import DigestAnswer, DigestCommand
from bot.domain.boards import BoardSettings
from bot.store.boards import Boards


async def answer_digest(command: DigestCommand, boards: Boards, asker: Asker, now: datetime) -> DigestAnswer:
    """Apply the change, if any, and return the digest of the asker's channel."""
    if command.changes:
        kind = command.kind
        chosen = None if kind is None else BoardSettings(kind, asker.user, command.minute, command.zone)
        await boards.choose(asker.channel, chosen, now)
    return DigestAnswer(await boards.of_channel(asker.channel), command.changes)
