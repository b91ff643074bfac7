"""Digests: one message for many incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("joined_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("root", sa.Text()),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("changes", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_digests_open", "digests", ["channel", "key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("ix_digests_due_at", "digests", ["due_at"])
    op.create_index("ix_digests_closed_at", "digests", ["closed_at"])
    op.add_column("incidents", sa.Column("group_key", sa.String(200), nullable=False, server_default=""))
    op.add_column("incidents", sa.Column("digest_id", sa.String(40)))
    op.create_index("ix_incidents_digest_id", "incidents", ["digest_id"])


def downgrade() -> None:
    # The older version knows no digests: each incident gets messages of its own again, with its next change.
    op.execute("UPDATE deliveries SET state = 'dead', notification = '' WHERE state = 'queued' AND watch_id = 0")
    op.execute("UPDATE deliveries SET state = 'superseded' WHERE state = 'folded'")
    op.drop_index("ix_incidents_digest_id", "incidents")
    with op.batch_alter_table("incidents") as incidents:
        incidents.drop_column("digest_id")
        incidents.drop_column("group_key")
    op.drop_table("digests")
