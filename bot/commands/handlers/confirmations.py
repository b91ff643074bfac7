"""The question before a request in plain words changes something: `stop telling me about X`. Pure."""

from datetime import timedelta

from bot.commands.subcommands.subscriptions import ConfirmAnswer, SilenceCommand, UnwatchCommand, WatchCommand
from bot.commands.subcommands.table import SlackCommand
from bot.domain.durations import spoken_duration


def needs_question(command: SlackCommand) -> bool:
    """Whether a command changes something and does not ask by itself, as one for the whole channel does."""
    return (
        isinstance(command, WatchCommand | UnwatchCommand | SilenceCommand)
        and getattr(command, "ref", None) is not None
    )


def question_before(command: SlackCommand, text: str) -> ConfirmAnswer:
    """Return the question for a resolved command; `text` is the command as its button runs it."""
    job = f"`{getattr(command, 'ref', '')}`"
    match command:
        case WatchCommand():
            return ConfirmAnswer(f"Alert this channel about {job}?", "Watch", text)
        case UnwatchCommand():
            return ConfirmAnswer(f"Stop the alerts of {job} in this channel?", "Stop watching", text)
        case SilenceCommand(duration):
            span = spoken_duration(duration or timedelta())
            return ConfirmAnswer(f"Mute the alerts of {job} in this channel for {span}?", f"Mute for {span}", text)
        case _:
            return ConfirmAnswer(f"Run `{text}`?", "Run", text)
