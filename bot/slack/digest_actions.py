"""The clicks on a digest: acknowledge, silence, close or reopen its incidents, or show one with its own buttons."""

from dataclasses import replace
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import ErrorAnswer
from bot.domain.access import AccessRole
from bot.domain.alerts import Incident
from bot.domain.job_matching import Matcher
from bot.domain.wording import plural
from bot.rules.muting import mute
from bot.slack.gate import Attempt, Gate
from bot.slack.payloads import Click
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import Action, section
from bot.slack.render.icons import NOTE, OWNER
from bot.slack.render.incident_root import render_root
from bot.slack.render.message import Message, message
from bot.store.store import Store

SILENCE_FOR = timedelta(hours=1)
_DIGEST_ID = "dig-"


def is_about_digest(click: Click) -> bool:
    """Whether a click is about a digest or one of its members."""
    is_all = click.action in _OF_ALL and click.value.startswith(_DIGEST_ID)
    return is_all or click.action in (Action.MEMBER, Action.SILENCE)


async def change_digest(
    store: Store, gate: Gate, click: Click, client: AsyncWebClient, attempt: Attempt, now: datetime
) -> Message | None:
    """Apply a click and return the private answer; None when the edited root message, which was clicked, shows it.

    Args:
        store: with the digest and its incidents.
        gate: decides for which jobs the person may do it.
        click: on one of all its buttons, or in its menu.
        client: asks Slack about the person.
        attempt: for the audit trail.
        now: the time of the click.
    """
    if click.action == Action.MEMBER:
        incident = await store.incidents.find(click.value)
        if incident is None:
            return render_error(ErrorAnswer(_GONE))
        attempt.job = str(incident.job.ref)
        refusal = await gate.refuse_role(AccessRole.READ, click.origin, client, attempt.job)
        return render_root(incident) if refusal is None else render_error(gate.refuse(attempt, refusal))
    digest_id, _, closed_at = click.value.partition(" ")
    if click.action == Action.REOPEN:
        members = [one for one in await store.digests.members(digest_id) if _was_closed(one, closed_at)]
    else:
        members = [one for one in await store.digests.members(digest_id) if one.is_open]
    if not members:
        text = f"{NOTE} None of these alerts needs anybody any more."
        return message(text, [section(text)])
    allowed, refusal = list[Incident](), None
    for one in members:
        refusal = await gate.refuse_role(AccessRole.OPERATE, click.origin, client, str(one.job.ref))
        if refusal is None:
            allowed.append(one)
    if not allowed and refusal is not None:
        return render_error(gate.refuse(attempt, refusal))
    changed = await _change_all(store, Action(click.action), allowed, click.user, now)
    if changed == len(members) and click.is_root:
        return None
    left = len(members) - changed
    rest = f" {plural(left, 'alert')} belong to others." if left else ""
    text = f"{OWNER} {_DONE[Action(click.action)]} {plural(changed, 'alert')}.{rest}"
    return message(text, [section(text)])


_GONE = "Incident not found. It ended more than 30 days ago."
_DONE = {
    Action.ACKNOWLEDGE: "Acknowledged",
    Action.RESOLVE: "Closed",
    Action.REOPEN: "Reopened",
    Action.SILENCE: "Silenced",
}
_OF_ALL = (Action.ACKNOWLEDGE, Action.RESOLVE, Action.REOPEN)


def _was_closed(incident: Incident, at: str) -> bool:
    """Whether a person closed the incident at this time, and it would need a person otherwise."""
    closing = incident.closing
    return closing is not None and closing.at.isoformat() == at and replace(incident, closing=None).is_open


async def _change_all(store: Store, action: Action, members: list[Incident], user: str, now: datetime) -> int:
    """Change each incident in its own transaction: one that locks many jobs could deadlock with their polls."""
    if action is Action.SILENCE:
        return await _silence(store, members, user, now)
    changed = 0
    for one in members:
        if action is Action.RESOLVE:
            after = await store.incidents.close(one.id, user, now)
            changed += after is not None and after.closing is not None and after.closing.at == now
        elif action is Action.REOPEN:
            after = await store.incidents.reopen(one.id, one.closing.at if one.closing else None, now)
            changed += after is not None and after.is_open
        else:
            after = await store.incidents.acknowledge(one.id, user, now)
            changed += after is not None and after.acknowledgement is not None and after.acknowledgement.by == user
    return changed


async def _silence(store: Store, members: list[Incident], user: str, now: datetime) -> int:
    first, *others = dict.fromkeys(str(one.job.ref) for one in members)
    matcher = Matcher("job", first, tuple(others))
    channel = members[0].channel
    added = await store.silences.add(channel, [matcher], user, now + SILENCE_FOR, now)
    silences = await store.silences.active(channel, now)
    for one in members:
        await store.incidents.change(one.id, lambda incident: mute(incident, silences, now), f"silence {added.id}", now)
    return len(members)
