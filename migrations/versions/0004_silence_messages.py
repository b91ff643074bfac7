"""The message that announced a silence, so that it can be edited when the silence ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("silences", sa.Column("message", sa.Text()))


def downgrade() -> None:
    op.drop_column("silences", "message")
