"""Whose an incident is, and the clicks that change it: Acknowledge, Take over, Resolve and Reopen."""

from datetime import datetime

from bot.commands.answers import ErrorAnswer
from bot.domain.alerts import Incident
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import Action
from bot.slack.render.message import Message
from bot.slack.render.ownership import render_done, render_not_open, render_owned, render_reopened, render_took_over
from bot.store.incidents import Incidents

OWNERSHIP_ACTIONS = frozenset({Action.ACKNOWLEDGE, Action.TAKE_OVER, Action.RESOLVE, Action.REOPEN})


async def change_owner(
    incidents: Incidents, action: Action, value: str, user: str, now: datetime, *, is_root: bool
) -> Message | None:
    """Apply a click and return the private answer; None when the edited root message, which was clicked, says it all.

    Args:
        incidents: the store.
        action: one of OWNERSHIP_ACTIONS.
        value: of the button: the incident's id and, to take over, who has it.
        user: who clicked.
        now: the time of the click.
        is_root: whether the button is on the incident's root message.
    """
    incident_id, _, owner = value.partition(" ")
    if action is Action.RESOLVE:
        incident = await incidents.close(incident_id, user, now)
    elif action is Action.REOPEN:
        incident = await incidents.reopen(incident_id, None, now)
    else:
        incident = await incidents.acknowledge(incident_id, user, now, taken_from=owner or None)
    if incident is None:
        return render_error(ErrorAnswer("Incident not found. It ended more than 30 days ago."))
    if action is Action.RESOLVE:
        return _resolve_answer(incident, user, now, is_root=is_root)
    if action is Action.REOPEN:
        return _reopen_answer(incident, now, is_root=is_root)
    return _acknowledge_answer(incident, user, now, takes_over=bool(owner), is_root=is_root)


def _resolve_answer(incident: Incident, user: str, now: datetime, *, is_root: bool) -> Message | None:
    closing = incident.closing
    if closing is None or (closing.by, closing.at) != (user, now):
        return render_not_open(incident, now)
    return None if is_root else render_done("Closed.", incident)


def _reopen_answer(incident: Incident, now: datetime, *, is_root: bool) -> Message | None:
    if not incident.is_open:
        return render_not_open(incident, now)
    return None if is_root else render_reopened(incident)


def _acknowledge_answer(
    incident: Incident, user: str, now: datetime, *, takes_over: bool, is_root: bool
) -> Message | None:
    if not incident.is_open or incident.acknowledgement is None:
        return render_not_open(incident, now)
    if incident.acknowledgement.by != user:
        return render_owned(incident, now)
    if takes_over:
        return render_took_over(incident)
    is_new = incident.acknowledgement.at == now
    if is_new and is_root:
        return None
    return render_done("Acknowledged. Reminders stop." if is_new else "You have already acknowledged this.", incident)
