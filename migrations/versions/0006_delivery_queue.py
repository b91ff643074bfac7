"""Deliveries have a priority, and attempts whose outcome is unknown are recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIMES = ("attempt_at", "unsure_since", "verify_at")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("priority", sa.Integer(), nullable=False, server_default="4"))
    for name in _TIMES:
        op.add_column("deliveries", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("deliveries", sa.Column("waits_for", sa.String(20)))
    op.execute(
        "UPDATE deliveries SET priority = CASE kind WHEN 'root' THEN 1 WHEN 'direct' THEN 1 WHEN 'note' THEN 2"
        " WHEN 'edit' THEN 3 ELSE 4 END WHERE state = 'queued'"
    )
    # What was being sent when the old version stopped may have arrived.
    op.execute(
        "UPDATE deliveries SET attempt_at = created_at"
        " WHERE state = 'queued' AND claim_token IS NOT NULL AND kind <> 'edit'"
    )
    op.drop_index("ix_deliveries_state_due_at", "deliveries")
    queued, attempted, sent = (
        sa.text("state = 'queued'"),
        sa.text("attempt_at IS NOT NULL"),
        sa.text("verify_at IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_queue", "deliveries", ["channel", "priority", "id"], sqlite_where=queued, postgresql_where=queued
    )
    op.create_index(
        "ix_deliveries_attempt_at", "deliveries", ["attempt_at"], sqlite_where=attempted, postgresql_where=attempted
    )
    op.create_index("ix_deliveries_verify_at", "deliveries", ["verify_at"], sqlite_where=sent, postgresql_where=sent)


def downgrade() -> None:
    for name in ("queue", "attempt_at", "verify_at"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    op.create_index("ix_deliveries_state_due_at", "deliveries", ["state", "due_at"])
    for name in ("priority", "waits_for", *_TIMES):
        op.drop_column("deliveries", name)
