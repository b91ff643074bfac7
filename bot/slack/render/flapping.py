"""Replies about an alert that is flapping, and about one that stopped."""

from bot.domain.alerts import Incident, IncidentAlert, NotifyReason
from bot.domain.durations import spoken_duration
from bot.domain.grouping import STANDARD
from bot.slack.render.alert_text import TITLE_LIMIT, firings_text
from bot.slack.render.blocks import context, section
from bot.slack.render.icons import REPEATS
from bot.slack.render.jobs import job_name
from bot.slack.render.message import Message, message
from bot.slack.render.text import clock_time, code, one_line, plain_time


def render_flapping(incident: Incident, alert: IncidentAlert, reason: NotifyReason) -> Message:
    """The one reply when an alert starts flapping, or the one when it is stable again."""
    assert alert.history is not None
    title, first_at = one_line(alert.title, TITLE_LIMIT), alert.history.first_at
    count, spoken = firings_text(alert, clock_time(first_at)), firings_text(alert, plain_time(first_at))
    calm = spoken_duration(STANDARD.calm_after)
    if reason is NotifyReason.STABLE:
        state = "still firing" if alert.resolved_at is None else "back to normal"
        what, note = "is stable again", f"It has been {state} for at least {calm}."
    else:
        what, note = (
            "is flapping",
            f"The first message counts from now on. A reply follows after {calm} without a change.",
        )
    return message(
        f"{REPEATS} {title} {what} on {job_name(incident.job)}: {spoken}.",
        [section(f"{REPEATS} *{title}* {what}: {count}.\n{note}"), context([code(alert.id)])],
    )
