"""Keep the messages that announce silences current: a silence that ended early must not look active."""

import logging

from bot.commands.answers import Answer
from bot.commands.subcommands.subscriptions import SilenceAnswer
from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.slack.render.answers import render
from bot.slack.reply import Reply
from bot.store.silences import Silences

log = logging.getLogger(__name__)


async def update_announcement(reply: Reply, answer: Answer, ts: str | None, silences: Silences) -> None:
    """After the answer about a silence: remember its message, or edit the message of a silence that ended.

    Args:
        reply: where the answer went.
        answer: any answer; only those about silences matter.
        ts: of the answer's message; None if it has none that can be edited.
        silences: the store.
    """
    if not isinstance(answer, SilenceAnswer):
        return
    message = answer.silence.message
    if not answer.ended and ts is not None:
        await silences.set_message(answer.silence.id, Receipt(reply.channel, ts))
    elif answer.ended and message is not None and message.ts != ts:
        try:
            await reply.edit(message, render(answer))
        except DeliveryError as error:  # for example, somebody deleted it
            log.warning("silence not edited", extra={"reason": error.reason, "channel": message.channel})
