"""Digests of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "boards",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.Column("root", sa.Text()),
        sa.Column("shown", sa.String(40), nullable=False, server_default=""),
        sa.Column("due_at", TIME),
        sa.Column("changes", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_boards"),
    )
    chosen = sa.text("closed_at IS NULL AND kind <> 'starts'")
    op.create_index(
        "uq_boards_chosen", "boards", ["channel"], unique=True, sqlite_where=chosen, postgresql_where=chosen
    )
    op.create_index("ix_boards_due_at", "boards", ["due_at"])
    op.create_index("ix_boards_opened_at", "boards", ["opened_at"])
    op.add_column("runs", sa.Column("value", sa.Text()))
    op.add_column("runs", sa.Column("board_id", sa.String(40)))
    op.create_index("ix_runs_board_id", "runs", ["board_id"])


def downgrade() -> None:
    # The older version cannot show digests of runs; the runs in them get separate messages with their next change.
    op.execute("UPDATE deliveries SET state = 'dead', notification = '' WHERE state = 'queued' AND reason = 'run'")
    op.drop_index("ix_runs_board_id", "runs")
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("board_id")
        runs.drop_column("value")
    op.drop_table("boards")
