"""The sentences of digests: what is the matter with how many jobs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.alerts import Resolution, Severity
from bot.domain.digests import Digest, DigestMember
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


def headline(digest: Digest, groups: Sequence[Group]) -> str:
    """`🔴 *37 jobs: NCCL timeout* · 12: disk full · 4 others`."""
    if shared := _shared_cause(digest):
        return f"{_icon(digest)} {_marked(shared, digest)} · {_job_count(digest)}"
    first, *others = _counts(groups)
    rest = f" · {' · '.join(others)}" if others else ""
    return f"{_icon(digest)} {_marked(first, digest)}{rest}"


def spoken_headline(digest: Digest, groups: Sequence[Group]) -> str:
    """The headline as a sentence, for notifications and screen readers."""
    if shared := _shared_cause(digest):
        return f"{_icon(digest)} {shared}: {_job_count(digest)}."
    return f"{_icon(digest)} {', '.join(_counts(groups))}."


def state_counts(digest: Digest) -> list[str]:
    """How many need a person and how many ended, once one ended."""
    over = [one for one in digest.members if not one.is_firing]
    if not over or digest.ended_at is not None:
        return []
    return [f"{len(digest.members) - len(over):,} of {len(digest.members):,} still need attention"]


def ending(member: DigestMember) -> str:
    """How one incident ended: `back to normal after 12 min`."""
    after = f" after {spoken_duration(member.ended_at - member.at)}" if member.ended_at else ""
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


def _marked(text: str, digest: Digest) -> str:
    mark = "*" if digest.ended_at is None else "~"
    return f"{mark}{text}{mark}"


def _counts(groups: Sequence[Group]) -> list[str]:
    shown, hidden = groups[:_MAX_GROUPS], groups[_MAX_GROUPS:]
    first, *others = shown
    parts = [f"{plural(len(first.members), 'job')}: {one_line(first.cause, _CAUSE_LIMIT)}"]
    parts += [f"{len(one.members):,}: {one_line(one.cause, _CAUSE_LIMIT)}" for one in others]
    rest = sum(len(one.members) for one in hidden)
    return [*parts, f"{rest:,} {'other' if rest == 1 else 'others'}"] if rest else parts


def _shared_cause(digest: Digest) -> str:
    """What the members share: a platform that does not answer, a full disk, a node; "" for a storm."""
    kind, _, name = digest.key.partition(":")
    shown = one_line(name, 60)
    sentences = {
        "platform": f"{shown} cannot be read",
        "disk": f"Disk {shown} is full",
        "node": f"Problems on node {shown}",
    }
    return sentences.get(kind, "")


def _job_count(digest: Digest) -> str:
    firing, total = sum(one.is_firing for one in digest.members), len(digest.members)
    return plural(total, "job") if firing in (0, total) else f"{firing:,} of {plural(total, 'job')}"
