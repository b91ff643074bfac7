"""Decide which new incidents of a channel share one message: a storm, or a cause that several jobs share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.digests import STORM
from bot.domain.downtime import DOWNTIME
from bot.domain.grouping import Grouping


@dataclass(frozen=True, slots=True)
class NewIncident:
    """An incident without a root message in the channel."""

    id: str
    group: str = ""
    """`Incident.group`."""


@dataclass(frozen=True, slots=True)
class ChannelQueue:
    """What a channel has when incidents are decided."""

    new: Sequence[NewIncident]
    """Decided now."""
    waiting: Sequence[NewIncident] = ()
    """Decided within the last minute; their root messages wait in the outbox."""
    sent: int = 0
    """Root messages of the last minute that were sent or are being sent."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The open digests: key → id."""
    grouped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Earlier unresolved incidents with a separate root message: group → ids."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Incidents that become members of a digest."""

    key: str
    incident_ids: tuple[str, ...]
    digest_id: str | None
    """None: the digest opens now."""


def join_digests(queue: ChannelQueue, grouping: Grouping) -> list[Joined]:
    """Return the incidents that become part of a digest; the others get separate messages.

    Incidents with a group share its digest from the second one on, and what is left becomes a storm when there is more
    than `storm_size`. A digest that is open takes everything that belongs to it.
    """
    joined, rest = _join_groups(queue)
    storm = queue.digests.get(STORM)
    if storm is None and queue.sent + len(rest) + len(queue.waiting) <= grouping.storm_size:
        return joined
    taken = {one for group in joined for one in group.incident_ids}
    waiting = tuple(one.id for one in queue.waiting if one.id not in taken)
    members = (*waiting, *(one.id for one in rest))
    return [*joined, Joined(STORM, members, storm)] if members else joined


def _join_groups(queue: ChannelQueue) -> tuple[list[Joined], list[NewIncident]]:
    by_group: dict[str, list[NewIncident]] = {}
    for one in queue.new:
        by_group.setdefault(one.group, []).append(one)
    rest = by_group.pop("", [])
    joined = []
    for group, new in by_group.items():
        earlier = [*queue.grouped.get(group, ()), *(one.id for one in queue.waiting if one.group == group)]
        members = tuple(dict.fromkeys([*earlier, *(one.id for one in new)]))
        is_enough = len(members) > 1 or group.startswith(DOWNTIME)
        if group in queue.digests or is_enough:
            joined.append(Joined(group, members, queue.digests.get(group)))
        else:
            rest += new
    return joined, rest
