"""Owners of failures: who acknowledged an incident, its reminders, and how channels and people are notified."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
BATCH = 500


def upgrade() -> None:
    op.create_table(
        "notify_settings",
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.String(100), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_notify_settings"),
    )
    op.create_table(
        "people",
        sa.Column("user", sa.String(100), nullable=False),
        sa.Column("owner_contact", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("user", name="pk_people"),
    )
    op.add_column("incidents", sa.Column("is_open", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("incidents", sa.Column("remind_at", TIME))
    op.add_column("incidents", sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("incidents", sa.Column("reminded_at", TIME))
    # Incidents that were resolved before stay closed: nobody wants reminders of last month's failures.
    op.execute("UPDATE incidents SET is_open = true, remind_at = opened_at WHERE resolved_at IS NULL")
    rewrite_incidents(acknowledgement_of_incident)
    op.execute("UPDATE incidents SET remind_at = NULL WHERE value LIKE '%\"acknowledgement\":{%'")
    op.create_index("ix_incidents_remind_at", "incidents", ["remind_at"])
    op.create_index("ix_incidents_is_open", "incidents", ["is_open"])


def downgrade() -> None:
    op.drop_index("ix_incidents_is_open", "incidents")
    op.drop_index("ix_incidents_remind_at", "incidents")
    rewrite_incidents(acknowledgement_of_alerts)
    with op.batch_alter_table("incidents") as incidents:
        for column in ("reminded_at", "reminders", "remind_at", "is_open"):
            incidents.drop_column(column)
    # Version 0002 knows no reminders and no direct messages.
    op.execute(
        "UPDATE deliveries SET state = 'dead', notification = '' "
        "WHERE state = 'queued' AND (kind = 'direct' OR reason IN ('reminder', 'taken over'))"
    )
    op.drop_table("people")
    op.drop_table("notify_settings")


def rewrite_incidents(change: Any) -> None:
    """Apply a change to the JSON of every incident, in batches."""
    connection, last = op.get_bind(), ""
    page = sa.text("SELECT id, opened_at, value FROM incidents WHERE id > :last ORDER BY id LIMIT :batch")
    update = sa.text("UPDATE incidents SET value = :value WHERE id = :id")
    while rows := connection.execute(page, {"last": last, "batch": BATCH}).all():
        last = rows[-1].id
        for row in rows:
            value = json.loads(row.value)
            if change(row.id, value):
                text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                connection.execute(update, {"id": row.id, "value": text})


def acknowledgement_of_incident(incident_id: str, incident: dict[str, Any]) -> bool:
    """Move the acknowledgement from the alerts to the incident; its time is in the key of the message it caused."""
    users = [user for alert in incident.get("alerts", ()) if (user := alert.pop("acknowledged_by", None))]
    if not users:
        return False
    if incident.get("resolved_at") is None:
        prefix = f"{incident_id}:acknowledged:{users[-1]}:"
        keys = sa.text("SELECT dedupe_key FROM deliveries WHERE dedupe_key LIKE :pattern ORDER BY id DESC LIMIT 1")
        key = op.get_bind().scalar(keys, {"pattern": f"{prefix}%"})
        at = key.removeprefix(prefix) if key else incident["opened_at"]
        incident["acknowledgement"] = {"by": users[-1], "at": at, "taken_from": None}
    return True


def acknowledgement_of_alerts(_: str, incident: dict[str, Any]) -> bool:
    """Move the acknowledgement from the incident to its firing alerts."""
    taken = incident.pop("acknowledgement", None)
    for alert in incident.get("alerts", ()):
        alert["acknowledged_by"] = taken["by"] if taken and alert.get("resolved_at") is None else None
    return taken is not None
