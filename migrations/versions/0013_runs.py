"""Runs: one message that follows a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("root", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_channel_root", "runs", ["channel", "root"])
    op.create_index("ix_runs_changed_at", "runs", ["changed_at"])


def downgrade() -> None:
    # The older version cannot show runs.
    op.execute("UPDATE deliveries SET state = 'dead', notification = '' WHERE state = 'queued' AND reason = 'run'")
    op.drop_table("runs")
