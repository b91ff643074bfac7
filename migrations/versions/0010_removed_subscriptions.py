"""Removed subscriptions: what undoing an `unwatch` restores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removed_subscriptions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removed_subscriptions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_removed_subscriptions_removed_at", "removed_subscriptions", ["removed_at"])


def downgrade() -> None:
    op.drop_table("removed_subscriptions")
