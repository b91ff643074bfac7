"""The first tables: watches, subscriptions, alerts, incidents, deliveries, silences, heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
BUSY = {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02}


def upgrade() -> None:
    create_watches()
    create_subscriptions()
    create_alerts()
    create_incidents()
    create_deliveries()
    create_silences()
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_heartbeats"),
    )


def downgrade() -> None:
    for table in ("heartbeats", "silences", "deliveries", "incidents", "alerts", "subscriptions", "watches"):
        op.drop_table(table)


def create_watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("claim_token", sa.String(32)),
        sa.Column("fails", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.LargeBinary()),
        sa.Column("last_job", sa.Text()),
        sa.Column("seen_at", TIME),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
        sa.UniqueConstraint("provider", "job_id", name="uq_watches_provider_job_id"),
        sqlite_autoincrement=True,
        postgresql_with=BUSY,
    )
    op.create_index("ix_watches_due_at", "watches", ["due_at"])


def create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", ID, nullable=False),
        sa.Column("watch_id", ID, nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("team", sa.String(100)),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name="fk_subscriptions_watch_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("watch_id", "channel", name="uq_subscriptions_watch_id_channel"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscriptions_channel", "subscriptions", ["channel"])


def create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("watch_id", ID, nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("parameters_key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("fired_at", TIME),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name="fk_alerts_watch_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("watch_id", "rule", "parameters_key", name="pk_alerts"),
    )


def create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("watch_id", ID, nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("root", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_watch_id_resolved_at", "incidents", ["watch_id", "resolved_at"])
    op.create_index("ix_incidents_channel_resolved_at", "incidents", ["channel", "resolved_at"])


def create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ID, nullable=False),
        sa.Column("watch_id", ID, nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("incident_id", sa.String(40)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("claim_token", sa.String(32)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("notification", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("watch_id", "dedupe_key", name="uq_deliveries_watch_id_dedupe_key"),
        sqlite_autoincrement=True,
        postgresql_with=BUSY,
    )
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_incident_id_state", "deliveries", ["incident_id", "state"])


def create_silences() -> None:
    op.create_table(
        "silences",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])
