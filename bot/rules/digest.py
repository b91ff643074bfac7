"""Plan the messages of one digest from its incidents: its root message, the list of jobs, its end and its reminders."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Incident,
    Notification,
    NotifyReason,
    Severity,
    stable_id,
)
from bot.domain.digest_plans import DigestPlan, StoredDigest
from bot.domain.digests import Digest, DigestMember, is_of_platform
from bot.domain.downtime import DOWNTIME
from bot.domain.grouping import Grouping
from bot.domain.jobs import JobState
from bot.domain.notify import DueIncident, NotifySettings, RemindersSent
from bot.domain.reminders import Reminder
from bot.rules.change_keys import change_key
from bot.rules.escalation import plan_escalation
from bot.rules.lead import is_active, lead_alert
from bot.rules.reminders import MAX_REMINDERS, interval, open_pages

LISTED_JOBS = 20
"""Jobs in one reply."""
ROOT_JOBS = 60
"""Jobs in a root message that names them: about a downtime or a platform."""
_ENDINGS = {JobState.SUCCEEDED: "Finished", JobState.CANCELLED: "Stopped", JobState.PREEMPTED: "Preempted"}
_LIST_AFTER, _LIST_EVERY = timedelta(seconds=3), timedelta(seconds=10)
"""Fewer jobs than a full reply are listed when no other has joined for a moment, or the last list is older; jobs with a
page are not kept waiting for others."""
_MENTION_EVERY = timedelta(minutes=5)
"""While pages of a digest wait for somebody, people are mentioned again for new ones at most this often."""
_FACT_CHARS = 300
_CLOCK_SKEW = timedelta(minutes=1)
"""If the last incident joined further in the future, the clock was set back since: the digest closes."""


def plan_digest(
    stored: StoredDigest, incidents: Sequence[Incident], settings: NotifySettings, grouping: Grouping, now: datetime
) -> DigestPlan:
    """Plan one digest, whose incidents are given in the order in which they joined."""
    closed_at = stored.closed_at or _closing(stored, incidents, grouping, now)
    leaving = tuple(one for one in incidents if closed_at is not None and _is_news(one, closed_at))
    staying = [one for one in incidents if one not in leaving]
    if not staying:
        return DigestPlan(stored.state, closed_at, None, leaving=leaving)
    draft = _DigestDraft(stored, staying, grouping, now)
    draft.show()
    draft.announce()
    draft.list_members()
    draft.remind(settings)
    draft.escalate(settings)
    if closed_at is None:
        draft.wake_at(max(stored.joined_at, now - timedelta(minutes=1)) + grouping.close_after)
    return DigestPlan(draft.state, closed_at, draft.next_at, tuple(draft.deliveries), leaving)


def build_digest(stored: StoredDigest, incidents: Sequence[Incident]) -> Digest:
    """Return the digest as its message shows it."""
    members = tuple(member_of(one) for one in incidents)
    has_ended = not any(one.is_firing for one in members)
    ends = [one.ended_at for one in members if one.ended_at is not None]
    return Digest(
        stored.id,
        stored.channel,
        stored.key,
        stored.opened_at,
        members,
        started_at=min((one.at for one in members), default=None),
        ended_at=max(ends, default=None) if has_ended else None,
    )


def member_of(incident: Incident) -> DigestMember:
    """Return an incident as a digest shows it."""
    job, lead, taken, muted = incident.job, lead_alert(incident), incident.acknowledgement, incident.muted
    closing = incident.closing
    has_ended = incident.resolved_at is not None and not incident.is_failure
    return DigestMember(
        incident_id=incident.id,
        job=job.ref,
        name=job.name or str(job.ref),
        url=job.url,
        cause=lead.title if lead is not None else _ENDINGS.get(job.state, "Ended"),
        fact=_fact(incident),
        severity_rank=lead.severity.rank if lead is not None else 0,
        at=(lead.evidence.first_at or lead.fired_at) if lead is not None else job.ended_at or incident.opened_at,
        is_firing=incident.is_open and lead is not None,
        ended_at=_ended_at(incident) if has_ended or closing is not None else None,
        resolution=lead.resolution.value if lead is not None and lead.resolution is not None else "",
        acknowledged_by=taken.by if taken is not None and incident.is_open else None,
        is_closed=closing is not None,
        muted_until=muted.until if muted is not None else None,
        silence_id=muted.silence_id if muted is not None else None,
        user=job.user,
    )


def _ended_at(incident: Incident) -> datetime | None:
    """When a person closed it or its lead alert ended."""
    if incident.closing is not None and not incident.is_open:
        return incident.closing.at
    lead = lead_alert(incident)
    return lead.resolved_at if lead is not None and lead.resolved_at is not None else incident.resolved_at


def _fact(incident: Incident) -> str:
    """The decisive line of the lead alert."""
    lead = lead_alert(incident)
    if lead is None:
        return incident.job.error or ""
    evidence = lead.evidence
    if evidence.messages:
        return evidence.messages[0].message[:_FACT_CHARS]
    return (evidence.summary if is_active(incident.job, lead) else lead.evidence.summary)[:_FACT_CHARS]


def _closing(stored: StoredDigest, incidents: Sequence[Incident], grouping: Grouping, now: datetime) -> datetime | None:
    """When a digest closes: without new incidents; that of a platform, when the platform has answered for a while."""
    if not is_of_platform(stored.key):
        is_recent = -_CLOCK_SKEW < now - stored.joined_at < grouping.close_after
        return None if is_recent else max(now, stored.joined_at)
    ends = [one.resolved_at for one in incidents]
    has_ended = all(end is not None and now - end >= grouping.reopen_within for end in ends)
    return now if has_ended else None


def _is_news(incident: Incident, closed_at: datetime) -> bool:
    """Whether something new happened to an incident after its digest closed."""
    return any(
        one.resolved_at is None and one.caused_by is None and one.fired_at > closed_at for one in incident.alerts
    )


def _has_page(incident: Incident) -> bool:
    return any(one.severity is Severity.PAGE and one.caused_by is None for one in incident.alerts)


def _is_unclaimed(incident: Incident) -> bool:
    return incident.acknowledgement is None and incident.muted is None


class _DigestDraft:
    """The messages of a digest while they are planned."""

    def __init__(self, stored: StoredDigest, incidents: Sequence[Incident], grouping: Grouping, now: datetime) -> None:
        self._stored, self._incidents, self._grouping, self._now = stored, incidents, grouping, now
        self._digest = build_digest(stored, incidents)
        self.state = stored.state
        self.next_at: datetime | None = None
        self.deliveries: list[Delivery] = []

    def show(self) -> None:
        """Post the root message, or edit it if it changed; say so when something worse happened."""
        state, rank = self.state, self._digest.severity_rank
        shown = stable_id("shown", repr(self._digest))
        is_first = not self._stored.has_root and not state.shown
        if is_first:
            self._add(DeliveryKind.ROOT, NotifyReason.FIRST, mention=self._severity())
        elif shown != state.shown:
            reason = NotifyReason.CHANGED if self._digest.ended_at is None else NotifyReason.RESOLVED
            self._add(DeliveryKind.EDIT, reason)
        is_worse = bool(state.severity_rank) and rank > state.severity_rank and self._severity() is not None
        pages = sum(map(_has_page, self._incidents))
        returns = state.is_end_announced and self._digest.ended_at is None  # `announce` mentions people
        if is_worse or (not returns and self._are_pages_new(pages)):
            self._add(DeliveryKind.REPLY, NotifyReason.CHANGED, broadcast=True, mention=self._severity())
            state = replace(state, paged=pages, mentioned_at=self._now)
        elif is_first or returns or state.paged is None:
            state = replace(state, paged=pages, mentioned_at=self._now)
        # What had ended before the first message needs no reply about its end.
        is_announced = state.is_end_announced or (is_first and self._digest.ended_at is not None)
        severity_rank = max(rank, state.severity_rank, 1)
        self.state = replace(state, shown=shown, severity_rank=severity_rank, is_end_announced=is_announced)

    def _are_pages_new(self, pages: int) -> bool:
        """Whether to mention people because pages joined: at once if no other page waits for them, else later."""
        state, unclaimed = self.state, {one.id for one in self._incidents if _is_unclaimed(one) and open_pages(one)}
        if state.paged is None or state.mentioned_at is None or pages <= state.paged or not unclaimed:
            return False
        due_at = state.mentioned_at + _MENTION_EVERY
        if len(unclaimed) <= pages - state.paged or self._now >= due_at:
            return True
        self.wake_at(due_at)
        return False

    def announce(self) -> None:
        """Reply once that everything has ended, and once that it began again."""
        ended_at, is_announced = self._digest.ended_at, self.state.is_end_announced
        if ended_at is None and is_announced:
            self._add(DeliveryKind.REPLY, NotifyReason.RETURNED, broadcast=True, mention=self._severity())
            self.state = replace(self.state, is_end_announced=False)
        elif ended_at is not None and not is_announced:
            due_at = ended_at + self._grouping.group_interval
            if self._now >= due_at:
                self._add(DeliveryKind.REPLY, NotifyReason.RESOLVED)
                self.state = replace(self.state, is_end_announced=True)
            else:
                self.wake_at(due_at)

    def list_members(self) -> None:
        """Reply with the jobs that no reply has listed, up to LISTED_JOBS each."""
        names_jobs = self._stored.key.startswith(DOWNTIME) or is_of_platform(self._stored.key)
        in_root = ROOT_JOBS if names_jobs else 0
        listed = set(self.state.listed)
        new = [one for one in self._digest.members[in_root:] if one.incident_id not in listed]
        due_at = max(self._stored.joined_at + _LIST_AFTER, self._stored.opened_at)
        every = _LIST_AFTER if any(one.severity_rank == Severity.PAGE.rank for one in new) else _LIST_EVERY
        due_at = min(due_at, (self.state.listed_at or self._stored.opened_at) + every)
        while new and (len(new) >= LISTED_JOBS or self._now >= due_at):
            chunk, new = new[:LISTED_JOBS], new[LISTED_JOBS:]
            names = tuple(one.incident_id for one in chunk)
            digest = replace(self._digest, members=tuple(chunk))
            self._add(DeliveryKind.REPLY, NotifyReason.FIRST, digest=digest, key=f"list:{names[0]}")
            self.state = replace(self.state, listed=(*self.state.listed, *names), listed_at=self._now)
        if new:
            self.wake_at(due_at)

    def remind(self, settings: NotifySettings) -> None:
        """Remind the channel of pages that nobody has acknowledged; all pages of the digest share the reminders."""
        fired = sorted(self._unclaimed_pages())
        if not fired or not settings.reminders:
            return
        since, sent, last_at = fired[0], self.state.reminders, self.state.reminded_at
        # Counted from the first page that no reminder has covered: a storm that goes on must not postpone them.
        uncovered = next((at for at in fired if last_at is None or at > last_at), None)
        sent = sent if uncovered is None else 0
        if sent >= MAX_REMINDERS:
            return
        due_at = (uncovered or last_at or since) + interval(settings.first_reminder, sent)
        not_before = max(due_at, settings.quiet_until(Severity.PAGE, max(due_at, self._now)) or due_at)
        if self._now < not_before:
            self.wake_at(not_before)
            return
        wanted = self._now + interval(settings.first_reminder, sent + 1)
        next_at = None if sent + 1 >= MAX_REMINDERS else settings.quiet_until(Severity.PAGE, wanted) or wanted
        reminder = Reminder(sent + 1, since, self._now, next_at)
        self._add(DeliveryKind.REPLY, NotifyReason.REMINDER, broadcast=True, mention=Severity.PAGE, reminder=reminder)
        self.state = replace(self.state, reminders=sent + 1, reminded_at=self._now)
        if next_at is not None:
            self.wake_at(next_at)

    def escalate(self, settings: NotifySettings) -> None:
        """Take the next step of the escalation chain, once for all incidents that nobody has acknowledged."""
        waiting = [one for one in self._incidents if one.is_open and not (one.acknowledgement or one.muted)]
        if not waiting:
            return
        worst = max(waiting, key=lambda one: one.severity.rank)
        plan = plan_escalation(DueIncident(0, worst, RemindersSent(), self._now, settings), self._now)
        if plan.next_at is not None:
            self.wake_at(plan.next_at)
        if plan.delivery is not None and (step := plan.delivery.notification.escalation) is not None:
            key = f"{self._digest.id}:escalation:{worst.severity}:{step.number}"
            about = plan.delivery.notification
            about = replace(about, incident=None, digest=self._digest, thread=self._stored.root)
            self.deliveries.append(replace(plan.delivery, dedupe_key=key, notification=about))

    def wake_at(self, at: datetime) -> None:
        """Plan again at this time, or before."""
        self.next_at = at if self.next_at is None else min(at, self.next_at)

    def _unclaimed_pages(self) -> Iterator[datetime]:
        for incident in self._incidents:
            if _is_unclaimed(incident):
                yield from (page.fired_at for page in open_pages(incident))

    def _severity(self) -> Severity | None:
        """Whom to mention; nobody for what has ended."""
        if self._digest.ended_at is not None or not any(one.is_firing for one in self._digest.members):
            return None
        return next((one for one in Severity if one.rank == self._digest.severity_rank), None)

    def _add(
        self,
        kind: DeliveryKind,
        reason: NotifyReason,
        *,
        digest: Digest | None = None,
        key: str = "",
        broadcast: bool = False,
        mention: Severity | None = None,
        reminder: Reminder | None = None,
    ) -> None:
        shown = digest or self._digest
        notification = Notification(
            kind,
            reason,
            self._incidents[0].job,
            broadcast=broadcast,
            mention=mention,
            reminder=reminder,
            digest=shown,
        )
        what = key or ("root" if kind is DeliveryKind.ROOT else f"{kind}:{reason}:{change_key(self._now, shown)}")
        self.deliveries.append(Delivery(f"{shown.id}:{what}", shown.channel, notification))
