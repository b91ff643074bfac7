"""App Home: who has it open, and what each person chose to see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "homes",
        sa.Column("user", sa.String(100), nullable=False),
        sa.Column("channel", sa.String(100)),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("refresh_at", TIME, nullable=False),
        sa.Column("shown", sa.String(80), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("user", name="pk_homes"),
    )
    op.create_index("ix_homes_opened_at", "homes", ["opened_at"])


def downgrade() -> None:
    op.drop_table("homes")
