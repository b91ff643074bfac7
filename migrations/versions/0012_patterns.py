"""Subscriptions to every job that matches a pattern."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "patterns",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("team", sa.String(100)),
        sa.Column("provider", sa.String(100)),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("announce", sa.Boolean(), nullable=False),
        sa.Column("max_jobs", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patterns"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_patterns_channel", "patterns", ["channel"])
    op.create_table(
        "pattern_jobs",
        sa.Column("pattern_id", ID, nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("joined_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["pattern_id"], ["patterns.id"], name="fk_pattern_jobs_pattern_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pattern_id", "provider", "job_id", name="pk_pattern_jobs"),
    )
    op.create_index("ix_pattern_jobs_joined_at", "pattern_jobs", ["joined_at"])
    op.add_column("subscriptions", sa.Column("pattern_id", ID))
    op.create_index("ix_subscriptions_pattern_id", "subscriptions", ["pattern_id"])


def downgrade() -> None:
    # The older version watches the jobs that joined until they end.
    op.drop_index("ix_subscriptions_pattern_id", "subscriptions")
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.drop_column("pattern_id")
    op.drop_table("pattern_jobs")
    op.drop_table("patterns")
