"""Runs that ended, for verdicts on later failures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_runs",
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("fingerprint", sa.String(40), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "job_id", name="pk_ended_runs"),
    )
    op.create_index("ix_ended_runs_provider_scope_at", "ended_runs", ["provider", "scope", "at"])
    op.create_index("ix_ended_runs_node_at", "ended_runs", ["node", "at"])
    op.create_index("ix_ended_runs_at", "ended_runs", ["at"])


def downgrade() -> None:
    op.drop_table("ended_runs")
