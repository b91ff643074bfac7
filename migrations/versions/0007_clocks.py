"""The clocks of the running processes, so that they agree on the time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clocks",
        sa.Column("process", sa.String(length=40), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall_offset_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_clocks")),
    )


def downgrade() -> None:
    op.drop_table("clocks")
