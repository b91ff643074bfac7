"""The first message in a channel or to a person: one sentence, and three things to press."""

from bot.domain.wording import plural
from bot.slack.render.blocks import ANSWER_MODAL, WATCH_MODAL, Action, actions, button, context, section
from bot.slack.render.message import Block, Message, message

_WHAT = "I post one message when a training job fails, hangs or leaves its GPUs idle, and keep it up to date."


def render_greeting(watched: int, waiting: int, *, is_first: bool = True) -> Message | None:
    """Posted when the bot joins a channel: what this channel watches, or how to start.

    Args:
        watched: how many jobs the channel watches.
        waiting: how many alerts waited for the invitation and are sent now.
        is_first: whether the bot joins for the first time. Later, it posts nothing if there is nothing to tell.
    """
    here = f"This channel watches {plural(watched, 'job')}: `/train list`." if watched else ""
    late = f"Sending {plural(waiting, 'alert')} that waited for the invitation." if waiting else ""
    how = "" if watched or not is_first else f"Hi! {_WHAT} Type `/train watch JOB`, or press a button."
    text = " ".join(part for part in (here, late, how) if part)
    if not text:
        return None
    return message(text, [section(f"👋 {text}"), _first_steps() if is_first else None])


def render_welcome() -> Message:
    """Sent to a person who opened App Home or the direct message for the first time."""
    text = f"Hi! {_WHAT}"
    small = context(["You get this message once", "`/train help` shows what you can type"])
    return message(text, [section(f"👋 {text}"), _first_steps(), small])


def _first_steps() -> Block | None:
    return actions(
        [
            button("Watch a job", Action.OPEN, "watch", key=WATCH_MODAL, style="primary"),
            button("See running jobs", Action.OPEN, "jobs running", key=f"{ANSWER_MODAL}:jobs"),
            button("How it works", Action.OPEN, "help", key=f"{ANSWER_MODAL}:help"),
        ]
    )
