"""Notes about a command that takes long: that it runs, how far it is, and a button that cancels it."""

from datetime import timedelta

from bot.domain.durations import datetime_from_ns, spoken_duration
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context
from bot.slack.render.icons import CLEARED, PENDING
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import code, plain_time, slack_time

RESTARTING = "trainwatch is restarting. Try again in a minute."
ENDED = "This command has ended, or another process of trainwatch runs it."


def render_working(command_id: str, *, reads_all: bool = False) -> Message:
    """Shown when an answer takes more than two seconds."""
    text = "Reading the whole log into a file…" if reads_all else "Working on it…"
    return message(text, [context([f"{PENDING} {text}"]), _cancel(command_id)])


def render_progress(
    command_id: str, about: str, *, requests: int, lines: int, reached_ns: int | None, took: timedelta
) -> Message:
    """How far a command is: the lines read, up to when, and the requests sent."""
    reached = None if reached_ns is None else datetime_from_ns(reached_ns)
    counts = f"{plural(requests, 'request')}, {spoken_duration(took)}"
    read = f"Read {plural(lines, 'line')}" + ("" if reached is None else f", up to {slack_time(reached, seconds=True)}")
    plain = f"Read {plural(lines, 'line')}" + ("" if reached is None else f", up to {plain_time(reached)}")
    return message(
        f"{plain}, {counts} so far.", [context([f"{PENDING} {code(about, 200)}", read, counts]), _cancel(command_id)]
    )


def render_cancelled(*, is_known: bool) -> Message:
    """Shown to the person who pressed Cancel."""
    text = "Cancelled. What was read until now follows." if is_known else ENDED
    return message(text, [context([f"{CLEARED} {text}" if is_known else text])])


def _cancel(command_id: str) -> Block | None:
    return actions([button("Cancel", Action.CANCEL, command_id)])
