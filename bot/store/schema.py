"""The tables. `migrations/` changes them.

    watches ──< subscriptions      one row per watched job; the channels subscribed to it
       └─────< alerts              the state of each rule on the job
    digests ──< incidents ──< deliveries   messages about many incidents; the threads of each channel; what is sent
    patterns ──< pattern_jobs   subscriptions to every job that matches; the jobs that have joined one
    listings, known_jobs        one row per platform whose jobs are listed; one per listed job
    runs, boards                one row per message that follows a run; messages about many runs
    ended_runs                  one row per job that succeeded or failed, for verdicts on later failures
    silences, notify_settings, people, homes, audit, removed_subscriptions, seen_keys, heartbeats, clocks

Incidents and deliveries outlive their watch, because a channel's thread is closed after the watch is deleted. They
refer to it by `watch_id`, which is never reused. Columns such as `value` and `settings` hold JSON (`bot.store.codec`).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from bot.store.column_types import ForeignText, UtcDateTime

SCHEMA_VERSION = "0015"
"""The newest revision in `migrations/versions`."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite generates only INTEGER keys

# Rows that change with every poll: leave room for their next version, and vacuum early.
_BUSY = {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02}

watches = Table(
    "watches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("provider", String(100), nullable=False, doc="The platform whose rate limit a poll counts against."),
    Column("job_id", ForeignText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, doc="When to poll; while claimed, when the claim ends."),
    Column("claim_token", String(32), doc="Of the process that may write the result; NULL: not claimed."),
    Column("fails", Integer, nullable=False, default=0, doc="Consecutive polls that read neither status nor log."),
    Column("cursor", LargeBinary, doc="LogCursor.state."),
    Column("last_job", Text, doc="Job as of the last poll."),
    Column("seen_at", UtcDateTime, doc="When the platform last answered."),
    Column("memory", Text, nullable=False, default="{}", doc="What the watcher keeps between polls."),
    UniqueConstraint("provider", "job_id"),
    Index(None, "due_at"),
    sqlite_autoincrement=True,
    postgresql_with=_BUSY,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("watch_id", _Id, ForeignKey("watches.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("team", String(100)),
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("settings", Text, nullable=False, doc="RuleSettings."),
    Column("pattern_id", _Id, doc="The pattern that made it; NULL: somebody watches this job by its reference."),
    UniqueConstraint("watch_id", "channel"),
    Index(None, "channel"),
    Index(None, "pattern_id"),
    sqlite_autoincrement=True,
)

removed_subscriptions = Table(
    "removed_subscriptions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("value", Text, nullable=False, doc="RemovedWatching."),
    Column("removed_at", UtcDateTime, nullable=False),
    Index(None, "removed_at"),
    sqlite_autoincrement=True,
)

patterns = Table(
    "patterns",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("team", String(100)),
    Column("provider", String(100), doc="The platform that the matchers are limited to; NULL: any."),
    Column("matchers", Text, nullable=False, doc="tuple[Matcher, ...]."),
    Column("settings", Text, nullable=False, doc="RuleSettings of the jobs that join."),
    Column("announce", Boolean, nullable=False, doc="Whether new jobs are announced in the channel."),
    Column("max_jobs", Integer, nullable=False, doc="The most jobs that it watches at once."),
    Column("skipped", Integer, nullable=False, default=0, doc="Matching jobs that the limit keeps out."),
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "channel"),
    sqlite_autoincrement=True,
)

pattern_jobs = Table(
    "pattern_jobs",
    metadata,
    Column("pattern_id", _Id, ForeignKey("patterns.id", ondelete="CASCADE"), primary_key=True),
    Column("provider", String(100), primary_key=True),
    Column("job_id", ForeignText, primary_key=True),
    Column("joined_at", UtcDateTime, nullable=False, doc="A job joins a pattern once, also if it is unwatched later."),
    Index(None, "joined_at"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("watch_id", _Id, ForeignKey("watches.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", String(100), primary_key=True),
    Column("parameters_key", Text, primary_key=True),
    Column("state", String(20), nullable=False, doc="Copy from `value`, for people who read the table."),
    Column("fired_at", UtcDateTime, doc="Copy from `value`."),
    Column("value", Text, nullable=False, doc="Alert."),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("watch_id", _Id, nullable=False),
    Column("channel", String(100), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("value", Text, nullable=False, doc="Incident."),
    Column("root", Text, doc="Receipt of the root message; NULL until it is sent."),
    Column("is_open", Boolean, nullable=False, server_default=false(), doc="Copy of Incident.is_open."),
    Column("remind_at", UtcDateTime, doc="When to plan the next reminder; NULL: not before the incident changes."),
    Column("reminders", Integer, nullable=False, server_default="0", doc="Number of reminders sent."),
    Column("reminded_at", UtcDateTime, doc="When the last reminder was sent."),
    Column("group_key", String(200), nullable=False, server_default="", doc="Copy of Incident.group."),
    Column("digest_id", String(40), doc="The digest that shows it, instead of separate messages."),
    Index(None, "watch_id", "resolved_at"),
    Index(None, "digest_id"),
    Index(None, "channel", "resolved_at"),
    Index(None, "resolved_at"),
    Index(None, "remind_at"),
    Index(None, "is_open"),
)

_QUEUED, _ATTEMPTED, _TO_VERIFY = "state = 'queued'", "attempt_at IS NOT NULL", "verify_at IS NOT NULL"
"""Partial indexes keep the queue small beside the deliveries of a month."""

_OPEN = "closed_at IS NULL"

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("watch_id", _Id, nullable=False),
    Column("dedupe_key", ForeignText, nullable=False),
    Column("channel", String(100), nullable=False),
    Column("kind", String(20), nullable=False, doc="DeliveryKind."),
    Column("incident_id", String(40)),
    Column("state", String(20), nullable=False, doc="DeliveryState."),
    Column("reason", ForeignText, nullable=False, doc="Why it is in this state."),
    Column("due_at", UtcDateTime, nullable=False, doc="When to send; while claimed, when the claim ends."),
    Column("claim_token", String(32)),
    Column("priority", Integer, nullable=False, server_default="4", doc="DeliveryPriority."),
    Column("attempts", Integer, nullable=False, default=0),
    Column("attempt_at", UtcDateTime, doc="Start of the attempt that runs or whose outcome is unknown; NULL: none."),
    Column("unsure_since", UtcDateTime, doc="Start of the first attempt whose outcome was unknown: copies may exist."),
    Column("verify_at", UtcDateTime, doc="When to look for copies of the sent message; NULL: no need."),
    Column("waits_for", String(20), doc="WaitsFor: whose recovery ends the wait for the next attempt."),
    Column("last_error", ForeignText),
    Column("notification", Text, nullable=False, doc="Notification; empty once it needs no sending."),
    Column("receipt", Text, doc="Receipt, once sent."),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("watch_id", "dedupe_key"),
    Index(
        "ix_deliveries_queue", "channel", "priority", "id", sqlite_where=text(_QUEUED), postgresql_where=text(_QUEUED)
    ),
    Index(None, "attempt_at", sqlite_where=text(_ATTEMPTED), postgresql_where=text(_ATTEMPTED)),
    Index(None, "verify_at", sqlite_where=text(_TO_VERIFY), postgresql_where=text(_TO_VERIFY)),
    Index(None, "incident_id", "state"),
    Index(None, "created_at"),
    sqlite_autoincrement=True,
    postgresql_with=_BUSY,
)

digests = Table(
    "digests",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("key", String(200), nullable=False, doc="What its incidents share; empty for a storm."),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("joined_at", UtcDateTime, nullable=False, doc="When the last incident joined."),
    Column("closed_at", UtcDateTime, doc="Since when no incident joins; NULL: it is open."),
    Column("root", Text, doc="Receipt of the root message; NULL until it is sent."),
    Column("value", Text, nullable=False, doc="DigestState."),
    Column("due_at", UtcDateTime, doc="When to plan its messages; NULL: not before an incident changes."),
    Column("changes", Integer, nullable=False, server_default="0", doc="Number of changes; makes older plans void."),
    Index("uq_digests_open", "channel", "key", unique=True, sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
    Index(None, "due_at"),
    Index(None, "closed_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("job", ForeignText, nullable=False, doc="JobRef as text."),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False, doc="When its last message was planned."),
    Column("root", Text, doc="Receipt of the root message; NULL until it is sent."),
    Column("value", Text, doc="RunReport as last planned."),
    Column("board_id", String(40), doc="The digest that shows it, instead of a separate message."),
    Index(None, "channel", "root"),
    Index(None, "changed_at"),
    Index(None, "board_id"),
)

_CHOSEN = "closed_at IS NULL AND kind <> 'starts'"

boards = Table(
    "boards",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("kind", String(20), nullable=False, doc="BoardKind."),
    Column("settings", Text, nullable=False, doc="BoardSettings."),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime, doc="Since when it is edited no more; NULL: it is current."),
    Column("root", Text, doc="Receipt of the root message; NULL until it is sent."),
    Column("shown", String(40), nullable=False, server_default="", doc="Hash of what its message shows."),
    Column("due_at", UtcDateTime, doc="When to plan its message; NULL: not before a run changes."),
    Column("changes", Integer, nullable=False, server_default="0", doc="Number of changes; makes older plans void."),
    Index("uq_boards_chosen", "channel", unique=True, sqlite_where=text(_CHOSEN), postgresql_where=text(_CHOSEN)),
    Index(None, "due_at"),
    Index(None, "opened_at"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("channel", String(100), nullable=False),
    Column("matchers", Text, nullable=False, doc="tuple[Matcher, ...]."),
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("reason", ForeignText, nullable=False),
    Column("message", Text, doc="Receipt of the message that announced it."),
    Index(None, "ends_at"),
    sqlite_autoincrement=True,
)

notify_settings = Table(
    "notify_settings",
    metadata,
    Column("channel", String(100), primary_key=True),
    Column("value", Text, nullable=False, doc="NotifySettings."),
    Column("updated_by", String(100), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("user", String(100), primary_key=True, doc="Slack user id."),
    Column("owner_contact", String(20), nullable=False, doc="OwnerContact."),
)

homes = Table(
    "homes",
    metadata,
    Column("user", String(100), primary_key=True, doc="Slack user id of a person who has opened App Home."),
    Column("channel", String(100), doc="The direct message with the app."),
    Column("value", Text, nullable=False, doc="HomeFilter."),
    Column("opened_at", UtcDateTime, nullable=False, doc="When it was last opened or used."),
    Column("refresh_at", UtcDateTime, nullable=False, doc="When to refresh it, if it was used a short time ago."),
    Column("shown", String(80), nullable=False, server_default="", doc="Digest of what it shows."),
    Index(None, "opened_at"),
)

seen_keys = Table(
    "seen_keys",
    metadata,
    Column("key", String(200), primary_key=True, doc="Of a request or a mention that was handled."),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(20), nullable=False, doc="AuditKind."),
    Column("user", String(100), nullable=False, doc="Slack user id; empty when unknown."),
    Column("channel", String(100), nullable=False),
    Column("team", String(100), nullable=False),
    Column("text", ForeignText, nullable=False, doc="What was typed or clicked, redacted."),
    Column("job", ForeignText, nullable=False, doc="The job that it was about; empty for none."),
    Column("result", String(20), nullable=False, doc="AuditResult."),
    Column("detail", ForeignText, nullable=False, doc="Why it was refused or failed."),
    Index(None, "at"),
    Index(None, "user", "id"),
    sqlite_autoincrement=True,
)

listings = Table(
    "listings",
    metadata,
    Column("provider", String(100), primary_key=True),
    Column("due_at", UtcDateTime, nullable=False, doc="When to list its jobs; while claimed, when the claim ends."),
    Column("claim_token", String(32), doc="Of the process that lists; NULL: not claimed."),
    Column(
        "wanted_until", UtcDateTime, doc="Until when it is listed for people who pick jobs; NULL: for patterns only."
    ),
    Column("value", Text, nullable=False, server_default="{}", doc="ListingState."),
)

known_jobs = Table(
    "known_jobs",
    metadata,
    Column("provider", String(100), primary_key=True),
    Column("job_id", ForeignText, primary_key=True),
    Column("name", ForeignText),
    Column("owner", ForeignText, doc="As the platform names the person."),
    Column("scope", ForeignText, nullable=False, doc="Copy of KnownJob.scope."),
    Column("state", String(20), nullable=False, doc="JobState."),
    Column("is_ended", Boolean, nullable=False, doc="Copy of JobState.is_terminal."),
    Column("url", ForeignText),
    Column("created_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("seen_at", UtcDateTime, nullable=False, doc="When a listing last had it; older by up to an hour."),
    Column("changed_at", UtcDateTime, nullable=False, doc="When it was created, started or ended, or else first seen."),
    Column("search_text", ForeignText, nullable=False, doc="Its reference, name and owner, without case."),
    Index(None, "is_ended", "changed_at"),
    Index(None, "seen_at"),
)

ended_runs = Table(
    "ended_runs",
    metadata,
    Column("provider", String(100), primary_key=True),
    Column("job_id", ForeignText, primary_key=True),
    Column("scope", ForeignText, nullable=False, doc="Copy of KnownJob.scope."),
    Column("at", UtcDateTime, nullable=False, doc="When it succeeded, or first failed."),
    Column("category", String(20), nullable=False, doc="Of its failure; empty: it succeeded."),
    Column("fingerprint", String(40), nullable=False, doc="Of its failure."),
    Column("node", ForeignText, nullable=False, doc="Where it failed; empty: unknown."),
    Column("value", Text, nullable=False, doc="EndedRun."),
    Index(None, "provider", "scope", "at"),
    Index(None, "node", "at"),
    Index(None, "at"),
)

heartbeats = Table(
    "heartbeats", metadata, Column("name", String(100), primary_key=True), Column("at", UtcDateTime, nullable=False)
)

clocks = Table(
    "clocks",
    metadata,
    Column("process", String(40), primary_key=True, doc="A random id, drawn when the process starts."),
    Column("beat", BigInteger, nullable=False, doc="Counts the updates of this row: a process whose count grows runs."),
    Column("generation", BigInteger, nullable=False, doc="Counts how often the processes' time was set."),
    Column("at", UtcDateTime, nullable=False, doc="The process's time at the update."),
    Column("wall_offset_s", Float, nullable=False, doc="How far its system clock was ahead of that."),
)
