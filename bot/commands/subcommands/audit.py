"""`audit`: who did what, in a Slack channel or in the whole installation. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import Arguments, clean_reference
from bot.commands.subcommands.spec import JSON, WINDOW_OPTIONS, Frontend, Option, Subcommand
from bot.domain.durations import datetime_from_ns
from bot.errors import UsageError

if TYPE_CHECKING:  # help and other commands start faster without it
    from bot.domain.audit import AuditEntry

_USER = re.compile(r"(?:<@|@)?([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>?")
DEFAULT_AUDIT = 20
_MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class AuditCommand:
    """List commands, clicks and refusals, newest first."""

    user: str | None = None
    """Slack user id."""
    job: str | None = None
    """A part of the reference."""
    channel: str | None = None
    since: datetime | None = None
    limit: int = DEFAULT_AUDIT
    before: int | None = None
    """The number of an entry: only older ones."""
    json: bool = False


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """A page of the audit trail."""

    entries: tuple[AuditEntry, ...]
    """Newest first."""
    total: int
    """How many match, on this and older pages."""
    command: AuditCommand

    @property
    def older(self) -> AuditCommand | None:
        """The command for the next page; None after the last one."""
        if len(self.entries) >= self.total or not self.entries:
            return None
        return replace(self.command, before=self.entries[-1].id)


def _build_audit(arguments: Arguments) -> AuditCommand:
    begin_ns = arguments.window().begin_ns(arguments.context.now)
    since = None if begin_ns is None else datetime_from_ns(begin_ns)
    job = arguments.text("--job")
    return AuditCommand(
        user=_read_user(arguments.text("--user")),
        job=None if job is None else clean_reference(job),
        channel=arguments.text("--channel"),
        since=since,
        limit=arguments.count("--limit", _MAX_LIMIT) or DEFAULT_AUDIT,
        before=arguments.count("--before"),
        json=arguments.has("--json"),
    )


def _read_user(text: str | None) -> str | None:
    if text is None:
        return None
    found = _USER.fullmatch(text)
    if found is None:
        raise UsageError(f"Invalid user `{text[:40]}`. Mention a person, or use a Slack user id such as U0123ABCD.")
    return found[1]


AUDIT = Subcommand(
    "audit",
    "List who did what in this channel: commands, clicks and refusals",
    _build_audit,
    options=(
        Option("--user", "Only what this person did.", "USER"),
        Option("--job", "Only what concerns jobs with this text in their reference.", "TEXT"),
        Option("--channel", "Only what happened in this channel.", "ID", frontends=(Frontend.SHELL,)),
        WINDOW_OPTIONS[0],
        Option("--limit", f"Maximum number of records (default {DEFAULT_AUDIT}).", "N", "-n"),
        Option("--before", "Only records older than this one.", "N"),
        JSON,
    ),
    examples=(("audit", "the last commands and clicks"), ("audit --since 2d --job baseten:lq4j9zm", "about some jobs")),
    notes="In a shell it lists all channels. Records are deleted after TRAINWATCH_AUDIT_KEEP.",
)
