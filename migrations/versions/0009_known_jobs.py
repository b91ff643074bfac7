"""The jobs that platforms list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "listings",
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("claim_token", sa.String(32)),
        sa.Column("wanted_until", TIME),
        sa.Column("value", sa.Text(), nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("provider", name="pk_listings"),
    )
    op.create_table(
        "known_jobs",
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("is_ended", sa.Boolean(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("created_at", TIME),
        sa.Column("started_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "job_id", name="pk_known_jobs"),
    )
    op.create_index("ix_known_jobs_is_ended_changed_at", "known_jobs", ["is_ended", "changed_at"])
    op.create_index("ix_known_jobs_seen_at", "known_jobs", ["seen_at"])


def downgrade() -> None:
    op.drop_table("known_jobs")
    op.drop_table("listings")
