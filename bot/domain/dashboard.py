"""What App Home shows one person: open incidents, running jobs and silences, chosen from those of everybody.

`Dashboard` is built once for all people who have App Home open; `select_for` takes one person's part of it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bot.domain.alerts import Incident, Receipt
from bot.domain.job_matching import owner_keys
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.subscriptions import PatternSubscription, Silence, Watched

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

ALL: Final = "all"
"""The scope of everything that the person may see: the own runs, and the channels the person is in."""
MINE: Final = "mine"
"""The scope of the own runs and of what the person watches or has acknowledged."""

MAX_INCIDENTS, MAX_RUNNING, MAX_SILENCES = 12, 15, 8
"""Rows of each list; the rest is counted."""


@dataclass(frozen=True, slots=True)
class HomeFilter:
    """What a person chose to see in App Home."""

    scope: str = ALL
    """ALL, MINE or the id of a channel."""
    failing_only: bool = False


@dataclass(frozen=True, slots=True)
class OpenHome:
    """App Home of a person who used it a short time ago."""

    user: str
    channel: str | None
    """The direct message with the app."""
    chosen: HomeFilter
    opened_at: datetime
    """When it was last opened or used."""
    shown: str = ""
    """Identifies what it shows: a digest of the alerts, a colon, a digest of everything."""


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that needs a person, with the message that shows it."""

    incident: Incident
    root: Receipt | None = None
    """The root message of the incident or of its digest; None until it is sent."""

    @property
    def urgency(self) -> tuple[bool, int, bool, float]:
        """Sorts the most urgent first: audible, severe, without an owner, new."""
        one = self.incident
        is_muted = one.muted is not None and one.resolved_at is None
        return is_muted, -one.severity.rank, one.acknowledgement is not None, -one.opened_at.timestamp()


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A watched job that has not ended, with the channels that watch it."""

    ref: JobRef
    job: Job | None
    """As of the last poll; None before the first."""
    seen_at: datetime | None
    channels: tuple[str, ...]
    watched_by: frozenset[tuple[str, str]] = frozenset()
    """(person, channel) of each subscription."""

    @property
    def ends_at(self) -> datetime | None:
        """When the run will reach its last step at its current pace; rounded, so that it rarely changes."""
        progress = self.job.progress if self.job and self.job.state is JobState.RUNNING else None
        left = progress.time_left if progress else None
        if left is None or progress is None or left > timedelta(days=3650):
            return None
        known = [at for at in (progress.last_at, self.seen_at) if at is not None]  # a log may be in the future
        return _rounded(min(known) + left, left) if known else None

    @property
    def order(self) -> tuple[float, str]:
        """Sorts the first to end first, then by name."""
        ends_at = self.ends_at
        name = (self.job.name if self.job else None) or str(self.ref)
        return (ends_at.timestamp() if ends_at else float("inf")), name.casefold()


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at App Home, and what Slack says about that person."""

    user: str
    email: str | None = None
    direct: str | None = None
    """The direct message with the app."""
    channels: Mapping[str, str] = field(default_factory=dict)
    """Id → name of the channels that the person is in, as far as the app may see them."""
    hidden_kinds: tuple[str, ...] = ()
    """The kinds of channels, `public` and `private`, whose members Slack does not show the app."""
    may_read: Callable[[str, JobRef | None], bool] | None = None
    """Whether the person's role allows to see a job in a channel, or what concerns several; None: everything."""

    @property
    def own_places(self) -> frozenset[str]:
        """Where the app writes to this person only."""
        return frozenset({self.user, *([self.direct] if self.direct else [])})

    def is_in(self, channel: str) -> bool:
        """Whether the person reads what is written there."""
        return channel in self.channels or channel in self.own_places


@dataclass(frozen=True, slots=True)
class PersonalDashboard:
    """The part of a dashboard that one person sees."""

    at: datetime
    chosen: HomeFilter
    incidents: Sequence[OpenIncident] = ()
    """The most urgent ones."""
    incident_count: int = 0
    running: Sequence[RunningJob] = ()
    running_count: int = 0
    silences: Sequence[Silence] = ()
    silence_count: int = 0
    channels: Sequence[tuple[str, str]] = ()
    """(id, name) of the person's channels that watch jobs, those with open incidents first."""
    patterns: Sequence[PatternSubscription] = ()
    """Subscriptions to every job that matches, also of those that start later."""

    @property
    def is_empty(self) -> bool:
        """Whether the person may see nothing at all, whatever is chosen."""
        shown = self.incident_count or self.running_count or self.silence_count or self.patterns
        return self.chosen.scope == ALL and not shown


class Dashboard:
    """The open incidents, running jobs and silences of all channels."""

    def __init__(
        self,
        at: datetime,
        incidents: Iterable[OpenIncident] = (),
        watched: Iterable[Watched] = (),
        silences: Iterable[Silence] = (),
        patterns: Iterable[PatternSubscription] = (),
    ) -> None:
        """Index everything by channel and by person."""
        self.at = at
        self._incidents = sorted(incidents, key=lambda one: one.urgency)
        self._failing = frozenset(one.incident.channel for one in self._incidents)
        self._running = sorted(_running_jobs(watched), key=lambda one: one.order)
        ranked = list(enumerate(self._running))
        grouped = _group((channel, rank) for rank, one in ranked for channel in one.channels)
        # Places in the order of `_running`: sets of numbers are joined fast for many people.
        self._ranks_in = {channel: frozenset(ranks) for channel, ranks in grouped.items()}
        self._running_of = _group((one.job.user.lower(), one) for one in self._running if one.job and one.job.user)
        self._watched_by = _group((user, one) for one in self._running for user in {who for who, _ in one.watched_by})
        self._silences_in = _group((one.channel, one) for one in silences)
        self._patterns_in = _group((one.channel, one) for one in patterns)
        self._busy = self._failing.union(self._ranks_in, self._silences_in, self._patterns_in)

    @property
    def incidents(self) -> Sequence[OpenIncident]:
        """All open incidents, the most urgent first."""
        return self._incidents

    def select_for(self, viewer: Viewer, chosen: HomeFilter) -> PersonalDashboard:
        """Return what one person may see and chose to see."""
        if chosen.scope not in (ALL, MINE) and not viewer.is_in(chosen.scope):
            chosen = replace(chosen, scope=ALL)
        places = {ALL: {*viewer.channels, *viewer.own_places}, MINE: viewer.own_places}.get(
            chosen.scope, {chosen.scope}
        )
        own = self._own_jobs(viewer) if chosen.scope in (ALL, MINE) else []
        incidents = self._incidents_for(viewer, places, own if chosen.scope in (ALL, MINE) else None)
        running, running_count = self._running_for(viewer, places, own)
        listed = [one for one in sorted(places) if viewer.may_read is None or viewer.may_read(one, None)]
        silences = [one for place in listed for one in self._silences_in.get(place, ())]
        return PersonalDashboard(
            self.at,
            chosen,
            incidents[:MAX_INCIDENTS],
            len(incidents),
            running,
            running_count,
            silences[:MAX_SILENCES],
            len(silences),
            self._channels_of(viewer),
            [one for place in listed for one in self._patterns_in.get(place, ())],
        )

    def _channels_of(self, viewer: Viewer) -> list[tuple[str, str]]:
        named = [(one, viewer.channels[one]) for one in self._busy.intersection(viewer.channels)]
        return sorted(named, key=lambda one: (one[0] not in self._failing, one[1].casefold(), one[0]))

    def _own_jobs(self, viewer: Viewer) -> list[RunningJob]:
        """The jobs that the person started, then those that the person watches in a channel the person is in."""
        keys = dict.fromkeys(owner_keys(viewer.email)) if viewer.email else {}
        started = [one for key in keys for one in self._running_of.get(key, ())]
        watched = (one for one in self._watched_by.get(viewer.user, ()) if _is_watched_by(viewer, one))
        return list({one.ref: one for one in (*started, *watched)}.values())

    def _incidents_for(
        self, viewer: Viewer, places: Collection[str], own: Sequence[RunningJob] | None
    ) -> list[OpenIncident]:
        """Those of the places and, unless `own` is None, those that are the person's own or of watched jobs."""
        watched = {(channel, one.ref) for one in own or () for user, channel in one.watched_by if user == viewer.user}
        found = []
        for one in self._incidents:
            incident, key = one.incident, (one.incident.channel, one.incident.job.ref)
            is_own = own is not None and (key in watched or is_owned_by(incident, viewer.user, viewer.email))
            if (incident.channel in places or is_own) and (viewer.may_read is None or viewer.may_read(*key)):
                found.append(one)
        return found

    def _running_for(
        self, viewer: Viewer, places: Collection[str], own: Sequence[RunningJob]
    ) -> tuple[list[RunningJob], int]:
        """The first running jobs, the person's own before others, and how many there are."""
        ranks = set().union(*(self._ranks_in[one] for one in places if one in self._ranks_in))
        if viewer.may_read is not None:
            own = [one for one in own if _may_see(viewer, one)]
            ranks = {rank for rank in ranks if _may_see(viewer, self._running[rank])}
        first = heapq.nsmallest(MAX_RUNNING + len(own), ranks)
        shown = {one.ref: one for one in (*own, *(self._running[rank] for rank in first))}
        elsewhere = sum(all(channel not in places for channel in one.channels) for one in own)
        return list(shown.values())[:MAX_RUNNING], len(ranks) + elsewhere


def is_owned_by(incident: Incident, user: str, email: str | None) -> bool:
    """Whether a person acknowledged the incident or, as long as nobody has, started its job."""
    if incident.acknowledgement is not None:
        return incident.acknowledgement.by == user
    return bool(email and incident.job.user) and (incident.job.user or "").lower() in owner_keys(email or "")


def _is_watched_by(viewer: Viewer, one: RunningJob) -> bool:
    """Whether the person watches the job in a channel that the person is in, or may be in for all that Slack says."""
    return any(
        user == viewer.user and (viewer.is_in(channel) or viewer.hidden_kinds) for user, channel in one.watched_by
    )


def _may_see(viewer: Viewer, one: RunningJob) -> bool:
    """Whether the person may read about the job where the person is: a role in another channel does not count."""
    places = [channel for channel in one.channels if viewer.is_in(channel)] or [viewer.direct or viewer.user]
    return viewer.may_read is None or any(viewer.may_read(place, one.ref) for place in places)


def _running_jobs(watched: Iterable[Watched]) -> Iterator[RunningJob]:
    """One entry for each watched job that has not ended, with all its channels."""
    by_job = _group((one.subscription.job, one) for one in watched)
    for ref, each in by_job.items():
        job = each[0].job
        if job is None or not job.state.is_terminal:
            by = frozenset((one.subscription.created_by, one.subscription.channel) for one in each)
            yield RunningJob(ref, job, each[0].seen_at, tuple(one.subscription.channel for one in each), by)


def _group(pairs: Iterable[tuple[_Key, _Value]]) -> dict[_Key, list[_Value]]:
    groups: defaultdict[_Key, list[_Value]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


def _rounded(at: datetime, left: timedelta) -> datetime:
    """The time to 5 minutes, or to an hour or a day if it is far away."""
    grain = 300 if left < timedelta(hours=3) else 1800 if left < timedelta(days=1) else 3600 * 6
    return datetime.fromtimestamp(round(at.timestamp() / grain) * grain, tz=at.tzinfo)
