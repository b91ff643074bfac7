"""Who may do what: roles granted to people, user groups and channels, for all jobs or for some."""

import enum
from dataclasses import dataclass, replace
from functools import total_ordering

from bot.domain.job_matching import KnownJob, Matcher, job_labels, matches_all

ANY = "*"
"""In `shared_channels`: every channel that is shared with another organization."""


@total_ordering
class AccessRole(enum.Enum):
    """What a person may do; each role includes those before it."""

    NONE = "none"
    READ = "read"
    """Logs, metrics, status and lists."""
    OPERATE = "operate"
    """Also watch, silence, acknowledge and resolve."""
    ADMINISTER = "administer"
    """Also what concerns a whole channel: its notifications, all its jobs at once, its audit trail."""

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, AccessRole):
            return NotImplemented
        roles = list(AccessRole)
        return roles.index(self) < roles.index(other)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for those whom every condition matches; an empty condition matches everyone."""

    role: AccessRole
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    """A person matches by id or by group."""
    channels: frozenset[str] = frozenset()
    jobs: tuple[tuple[Matcher, ...], ...] = ()
    """What the job must match, one of these."""

    def applies_to(self, who: "Person") -> bool:
        """Whether it applies to a person, for some job."""
        is_named = not (self.users or self.groups) or who.user in self.users or bool(who.groups & self.groups)
        return is_named and (not self.channels or who.channel in self.channels)

    def covers(self, job: KnownJob | str | None) -> bool:
        """Whether it covers a job; a pattern of references is covered with all jobs that it matches."""
        if not self.jobs:
            return True
        if job is None:
            return False
        # In a pattern, `*` stands for any number of characters, which a grant's `?` must not match.
        labels = {"job": job.replace("*", "**")} if isinstance(job, str) else job_labels(job)
        return any(matches_all(matchers, labels) for matchers in self.jobs)


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and where."""

    user: str
    channel: str | None
    groups: frozenset[str] = frozenset()
    """Those of the policy's groups that the person is in."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Who may use this installation."""

    default: AccessRole = AccessRole.ADMINISTER
    """The role of everyone in the workspace."""
    grants: tuple[Grant, ...] = ()
    teams: frozenset[str] = frozenset()
    """Other workspaces and organizations whose members are treated like those of the own workspace."""
    shared_channels: frozenset[str] = frozenset()
    """Channels that are shared with another organization (Slack Connect) and may be used; ANY is all of them."""

    @property
    def groups(self) -> frozenset[str]:
        """Every user group that a grant names."""
        return frozenset(group for grant in self.grants for group in grant.groups)

    @property
    def needs_details(self) -> bool:
        """Whether a grant depends on a job's name or owner, which its reference does not tell."""
        labels = {matcher.label for grant in self.grants for matchers in grant.jobs for matcher in matchers}
        return not labels <= {"job"}

    def role_of(self, who: Person, job: KnownJob | str | None) -> AccessRole:
        """The highest role that a person has for a job, or for a pattern of references; None: for no job or several."""
        roles = (grant.role for grant in self.grants if grant.applies_to(who) and grant.covers(job))
        return max((self.default, *roles))

    def best_role_of(self, who: Person) -> AccessRole:
        """The highest role that a person has for any job."""
        return max((self.default, *(grant.role for grant in self.grants if grant.applies_to(who))))

    def for_agents(self, *, is_named: bool) -> "AccessPolicy":
        """Return the policy for agents: they only read, unless a grant lets the person do more who is named."""
        most = AccessRole.ADMINISTER if is_named else AccessRole.READ
        grants = tuple(replace(grant, role=min(grant.role, most)) for grant in self.grants)
        return replace(self, default=min(self.default, AccessRole.READ), grants=grants)

    def allows_shared_channel(self, channel: str | None) -> bool:
        """Whether a channel may be used although another organization shares it."""
        return ANY in self.shared_channels or channel in self.shared_channels


OPEN_ACCESS = AccessPolicy()
"""Without a settings file: everyone in the workspace may do everything. Others may do nothing."""
