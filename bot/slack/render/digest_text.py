"""The sentences of digests: what is the matter with how many jobs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.alerts import Resolution, Severity
from bot.domain.digests import Digest, DigestMember, is_of_platform
from bot.domain.durations import spoken_duration
from bot.domain.wording import plural
from bot.slack.render.icons import CLEARED, ENDED, SEVERITY_ICONS
from bot.slack.render.text import one_line

_MAX_GROUPS = 3
_CAUSE_LIMIT = 48


@dataclass(frozen=True, slots=True)
class Group:
    """The members of a digest with the same cause."""

    cause: str
    members: tuple[DigestMember, ...]


def groups_of(members: Sequence[DigestMember]) -> list[Group]:
    """Group members by cause: those that need a person first, then the largest."""
    found: dict[str, list[DigestMember]] = {}
    for one in members:
        found.setdefault(one.cause, []).append(one)
    groups = [Group(cause, tuple(sorted(ones, key=lambda one: not one.is_firing))) for cause, ones in found.items()]
    return sorted(groups, key=lambda group: (not group.members[0].is_firing, -len(group.members)))


def digest_headline(digest: Digest) -> str:
    """`🔴 *37 jobs: NCCL timeout* · 12: disk full · 4 others`: those that need a person, or all when none does."""
    mark = "*" if digest.ended_at is None or is_of_platform(digest.key) else "~"
    if shared := _shared_cause(digest):
        return f"{_icon(digest)} {mark}{shared}{mark} · {_job_count(digest)}"
    first, *others = _counts(groups_of(current_members(digest)))
    return " · ".join((f"{_icon(digest)} {mark}{first}{mark}", *others))


def spoken_headline(digest: Digest) -> str:
    """The headline as a sentence, for notifications and screen readers."""
    over = " Nothing is left to do." if digest.ended_at is not None else ""
    if shared := _shared_cause(digest):
        return f"{_icon(digest)} {shared}: {_job_count(digest)}.{over}"
    return f"{_icon(digest)} {', '.join(_counts(groups_of(current_members(digest))))}.{over}"


def current_members(digest: Digest) -> Sequence[DigestMember]:
    """The members that need a person, or all when none does."""
    return [one for one in digest.members if one.is_firing] or digest.members


def state_counts(digest: Digest) -> list[str]:
    """How many have ended, and how: `48 of 60 jobs back to normal`."""
    over = [one for one in digest.members if not one.is_firing]
    endings = Counter(member_ending(one, short=True) for one in over)
    total = len(digest.members)
    return [f"{count:,} of {plural(total, 'job')} {how}" for how, count in endings.most_common()]


def member_ending(member: DigestMember, *, short: bool = False) -> str:
    """How one incident ended: `back to normal after 12 min`; `short`: without the time."""
    after = f" after {spoken_duration(member.ended_at - member.at)}" if member.ended_at and not short else ""
    if member.is_closed:
        return "closed"
    if member.resolution == Resolution.CLEARED:
        return f"back to normal{after}"
    return f"ended{after}"


def icon_of(member: DigestMember) -> str:
    """The icon of one incident: its severity, or how it ended."""
    if member.is_firing:
        return _SEVERITY_ICONS.get(member.severity_rank, ENDED)
    return CLEARED if member.resolution == Resolution.CLEARED and not member.is_closed else ENDED


_SEVERITY_ICONS = {severity.rank: icon for severity, icon in SEVERITY_ICONS.items()}


def _icon(digest: Digest) -> str:
    if digest.ended_at is None:
        return _SEVERITY_ICONS.get(digest.severity_rank, SEVERITY_ICONS[Severity.INFO])
    endings = Counter(icon_of(one) for one in digest.members)
    return CLEARED if CLEARED in endings else ENDED


def _counts(groups: Sequence[Group]) -> list[str]:
    """The largest groups with their numbers of jobs, and how many other jobs there are."""
    first, *others = groups
    shown = [one for one in others if len(one.members) > 1][: _MAX_GROUPS - 1]
    parts = [f"{plural(len(first.members), 'job')}: {one_line(first.cause, _CAUSE_LIMIT)}"]
    parts += [f"{len(one.members):,}: {one_line(one.cause, _CAUSE_LIMIT)}" for one in shown]
    rest = sum(len(one.members) for one in others) - sum(len(one.members) for one in shown)
    return [*parts, plural(rest, "other")] if rest else parts


def _shared_cause(digest: Digest) -> str:
    """What the members share: a platform that does not answer, a full disk, a node; "" for a storm."""
    kind, _, name = digest.key.partition(":")
    shown = one_line(name, 60)
    readable = "cannot be read" if digest.ended_at is None else "can be read again"
    sentences = {
        "platform": f"{shown[:1].upper()}{shown[1:]} {readable}",
        "metrics": f"The metrics of {shown} {readable}",
        "disk": f"Disk {shown} is full",
        "node": f"Problems on node {shown}",
    }
    return sentences.get(kind, "")


def _job_count(digest: Digest) -> str:
    firing, total = sum(one.is_firing for one in digest.members), len(digest.members)
    return plural(total, "job") if firing in (0, total) else f"{firing:,} of {plural(total, 'job')}"
