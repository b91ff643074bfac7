"""Digests in Slack: the root message, its lists of jobs, and what its thread is notified of.

The root message groups the incidents by cause: what broke for how many jobs, since when, and what people did about it.
Its buttons act on all of them, its menu and those of the lists on one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.alerts import DeliveryKind, Notification, NotifyReason, Severity
from bot.domain.digests import Digest, DigestMember, is_of_platform
from bot.domain.downtime import DOWNTIME, downtime_start
from bot.domain.durations import spoken_duration
from bot.domain.wording import plural
from bot.rules.digest import ROOT_JOBS
from bot.slack.render.blocks import (
    Action,
    MenuEntry,
    actions,
    button,
    confirm,
    context,
    menu,
    overflow,
    row_sections,
    section,
)
from bot.slack.render.digest_text import (
    current_members,
    digest_headline,
    groups_of,
    icon_of,
    member_ending,
    spoken_headline,
    state_counts,
)
from bot.slack.render.icons import CLEARED, DOWN, ENDED, ESCALATION, REMINDER
from bot.slack.render.mentions import NO_MENTIONS, Mentioned, mention, with_mentions
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import clock_time, code, cut, link, one_line, person, plain_time, slack_time

_MAX_MENU, _OPTION = 40, 30
"""Options of a menu and characters of each: all count against the size of a message. Each list has a menu too."""
_NAMES, _ALL_NAMES = 90, 2400
"""Characters of job names in the root message: one or two lines on a phone; all, when no reply lists them."""
_FACT = 72
_LIST_FACT = 140
_ROW = 600
_SAME_DAY = timedelta(hours=12)
"""A time this near to the message needs no date."""
_DOWNTIME_ROW, _DOWNTIME_BUDGET, _DOWNTIME_MENU = 190, 7400, 15
_LIST_BUDGET = 6500


def render_digest(notification: Notification, mentioned: Mentioned = NO_MENTIONS) -> Message:
    """The message of any notification about a digest."""
    digest = notification.digest
    assert digest is not None
    if notification.kind is not DeliveryKind.REPLY:
        return with_mentions(_render_root(digest), mentioned)
    return with_mentions(_render_reply(notification, digest), mentioned)


def _render_root(digest: Digest) -> Message:
    since = downtime_start(digest.key)
    if since is not None:
        return _render_downtime(digest, since)
    has_ended = digest.ended_at is not None
    names = "" if has_ended else _names(digest)
    is_long = len(names) > _NAMES * 2
    lines = [
        digest_headline(digest),
        "" if has_ended else _fact(digest),
        "" if is_long else names,
        _since(digest),
    ]
    return message(
        spoken_headline(digest),
        [
            section("\n".join(line for line in lines if line)),
            section(names, may_collapse=True) if is_long else None,
            context([*state_counts(digest), *_owners(digest)]),
            _buttons(digest),
        ],
    )


def _render_downtime(digest: Digest, since: datetime) -> Message:
    """What happened while trainwatch was down: one line for each job, those that need a person first."""
    span = f"{_time(since, digest)} to {clock_time(digest.opened_at)}"
    count = sum(one.is_firing for one in digest.members)
    need = f"{plural(count, 'job')} need{'s' if count == 1 else ''} attention" if count else "Nothing needs attention"
    members = sorted(digest.members[:ROOT_JOBS], key=lambda one: (not one.is_firing, -one.severity_rank, one.at))
    rows = [cut(_downtime_row(one, digest), _DOWNTIME_ROW) for one in members]
    spoken = f"{plain_time(since)} to {plain_time(digest.opened_at)}"
    return message(
        f"{DOWN} trainwatch was down from {spoken}. {need}.",
        [
            section(f"{DOWN} *I was down from {span}.* This is what happened. {need}."),
            *row_sections(rows, _DOWNTIME_BUDGET, "job"),
            context(_owners(digest)),
            _buttons(digest),
        ],
    )


def _time(at: datetime, digest: Digest) -> str:
    return clock_time(at) if digest.opened_at - at < _SAME_DAY else slack_time(at)


def _downtime_row(member: DigestMember, digest: Digest) -> str:
    where = f"{one_line(member.name, 30)} {code(str(member.job), 60)} {_time(member.at, digest)}"
    if member.severity_rank == 0:
        return f"{CLEARED if member.cause == 'Finished' else ENDED} {where} {one_line(member.cause, 40)}"
    how = "" if member.is_firing else f" · {member_ending(member)}"
    return f"{icon_of(member)} {where} {one_line(member.cause, 60)}{how}"


def _fact(digest: Digest) -> str:
    """The decisive line of the largest group."""
    fact = groups_of(current_members(digest))[0].members[0].fact
    return code(fact, _FACT) if fact else ""


def _names(digest: Digest) -> str:
    """The jobs that need a person by name, as far as they fit."""
    limit = _ALL_NAMES if is_of_platform(digest.key) else _NAMES
    shown, length, members = list[str](), 0, current_members(digest)
    for one in members:
        name = one_line(one.name, 40)
        length += len(name) + 2
        if shown and length > limit:
            break
        shown.append(name)
    hidden = len(members) - len(shown)
    return f"{', '.join(shown)}{f' and {hidden:,} more' if hidden else ''}"


def _since(digest: Digest) -> str:
    since = f"Since {clock_time(digest.started_at)}" if digest.started_at else ""
    if digest.ended_at is not None and digest.started_at is not None:
        return f"{since} · over after {spoken_duration(digest.ended_at - digest.started_at)}"
    thread = "" if is_of_platform(digest.key) else "each job is in the thread"
    return " · ".join(part for part in (since, thread) if part)


def _owners(digest: Digest) -> list[str]:
    """Who has acknowledged how many, and until when all are silenced."""
    firing = [one for one in digest.members if one.is_firing]
    people = dict.fromkeys(one.acknowledged_by for one in firing if one.acknowledged_by)
    taken = [one for one in firing if one.acknowledged_by]
    parts = []
    if taken:
        number = "all" if len(taken) == len(firing) else f"{len(taken):,} of {len(firing):,}"
        parts.append(f"👍 {number} acknowledged by {', '.join(person(one) for one in [*people][:3])}")
    muted = [one.muted_until for one in firing if one.muted_until is not None]
    if firing and len(muted) == len(firing):
        parts.append(f"🔕 Silenced until {clock_time(min(muted))}")
    return parts


def _buttons(digest: Digest) -> Block | None:
    firing = [one for one in digest.members if one.is_firing]
    if not firing:
        return actions([_undo_resolve(digest)])
    is_page = digest.severity_rank >= Severity.PAGE.rank
    is_open = any(one.acknowledged_by is None for one in firing)
    asks = confirm("Resolve all?", f"Closes {plural(len(firing), 'alert')} of this message.", "Resolve all")
    silence_ids = {one.silence_id for one in firing}
    undo = f"silence end {silence_ids.pop()}" if len(silence_ids) == 1 and None not in silence_ids else ""
    options = firing[:_DOWNTIME_MENU] if digest.key.startswith(DOWNTIME) else firing
    if is_open:
        step = button("Acknowledge all", Action.ACKNOWLEDGE, digest.id, style="primary" if is_page else None)
    else:
        step = button("Resolve all", Action.RESOLVE, digest.id, asks=asks)
    hour = MenuEntry("Silence all 1 hour", Action.SILENCE, digest.id)
    unmute = MenuEntry("Unmute all", Action.CHANGE, undo) if undo else None
    return actions([step, _menu(options), overflow([unmute or hour])])


def _undo_resolve(digest: Digest) -> Block | None:
    """To reopen what was closed last, once nothing else needs a person."""
    closed = [one.ended_at for one in digest.members if one.is_closed and one.ended_at is not None]
    return button("Undo resolve", Action.REOPEN, f"{digest.id} {max(closed).isoformat()}") if closed else None


def _menu(members: Sequence[DigestMember]) -> Block | None:
    """A menu with one job each, to acknowledge, silence or close it alone."""
    return menu("One job…", Action.MEMBER, [(cut(one.name, _OPTION), one.incident_id) for one in members[:_MAX_MENU]])


def _render_reply(notification: Notification, digest: Digest) -> Message:
    match notification.reason:
        case NotifyReason.FIRST:
            return _render_list(digest)
        case NotifyReason.REMINDER:
            return _render_reminder(notification, digest)
        case NotifyReason.ESCALATED:
            return render_digest_escalation(notification, digest)
        case _:
            rows = [digest_headline(digest), _since(digest), *state_counts(digest)]
            return message(spoken_headline(digest), [section("\n".join(row for row in rows if row))])


def _render_list(digest: Digest) -> Message:
    """One line for each job: name, reference and decisive line."""
    rows = [cut(_row(one), _ROW) for one in digest.members]
    names = ", ".join(one_line(one.name, 40) for one in digest.members[:5])
    more = f" and {len(digest.members) - 5} more" if len(digest.members) > 5 else ""
    return message(
        f"{plural(len(digest.members), 'job')}: {names}{more}.",
        [*row_sections(rows, _LIST_BUDGET, "job"), actions([_menu(digest.members)])],
    )


def _row(member: DigestMember) -> str:
    name = f"*{link(member.url, one_line(member.name, 60))}*"
    reference = code(str(member.job), 80)
    fact = f": {code(member.fact, _LIST_FACT)}" if member.fact and member.fact.rstrip(".") != member.cause else ""
    how = "" if member.is_firing else f" · {member_ending(member)}"
    return f"{icon_of(member)} {name} {reference} {slack_time(member.at)} {one_line(member.cause, 60)}{fact}{how}"


def _render_reminder(notification: Notification, digest: Digest) -> Message:
    reminder = notification.reminder
    assert reminder is not None
    open_pages = [one for one in digest.members if one.is_firing and one.acknowledged_by is None]
    waited = spoken_duration(reminder.at - reminder.since)
    what = f"Nobody has acknowledged {plural(len(open_pages), 'alert')} for {waited}"
    note = (
        "This is the last reminder."
        if reminder.next_at is None
        else f"Next reminder in {spoken_duration(reminder.next_at - reminder.at)}."
    )
    text = digest_headline(digest)
    return message(
        f"{REMINDER} {what}.",
        [
            section(f"{REMINDER} *{what}*\n{text}"),
            actions([button("Acknowledge all", Action.ACKNOWLEDGE, digest.id, style="primary")]),
            context([note]),
        ],
    )


def render_digest_escalation(notification: Notification, digest: Digest, where: str = "", thread: str = "") -> Message:
    """A step of the escalation chain: in the thread with a mention, or in another channel with a link."""
    step = notification.escalation
    assert step is not None
    count = sum(one.is_firing and one.acknowledged_by is None for one in digest.members)
    what = f"Nobody has acknowledged {plural(count, 'alert')} for {spoken_duration(step.at - step.since)}"
    target = "" if where else mention(step.target)
    rows = [f"{ESCALATION} *{what}*{where}", digest_headline(digest), target]
    return message(
        f"{ESCALATION} {what}{where}: {spoken_headline(digest)} {target}".rstrip(),
        [
            section("\n".join(row for row in rows if row)),
            actions([button("Acknowledge all", Action.ACKNOWLEDGE, digest.id, style="primary")]),
            context([f"Escalation, step {step.number} of {step.steps}", thread]),
        ],
    )
