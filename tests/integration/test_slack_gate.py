"""The gate without a database, and the acknowledgement of slow listeners."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.audit import AuditKind
from bot.slack.payloads import PayloadOrigin
from bot.slack.unhandled import COMMAND, acknowledge_unhandled
from bot.store.audit import AuditQuery
from tests.integration.polling import DATABASE
from tests.integration.slack_harness import SlackHarness


async def test_an_answer_does_not_wait_for_a_busy_database(
    harness: SlackHarness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = replace(harness.listeners.gate, record_timeout_s=0.05)
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with gate.recorded(AuditKind.COMMAND, PayloadOrigin("U0ADA", "C1"), "help"):
            pass
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert "audit entry not stored" in [one.getMessage() for one in caplog.records]


async def test_an_attempt_that_is_cancelled_is_recorded_as_failed(harness: SlackHarness) -> None:
    gate = harness.listeners.gate
    with pytest.raises(KeyboardInterrupt):
        async with gate.recorded(AuditKind.CLICK, PayloadOrigin(None, None), "status a:1"):
            raise KeyboardInterrupt
    (record,) = (await harness.store.audit.page(AuditQuery())).entries
    assert ("failed", "interrupted", "") == (record.result, record.detail, record.user)


def test_a_command_whose_listener_is_slow_is_acknowledged_without_a_text() -> None:
    assert not acknowledge_unhandled({"command": COMMAND, "user_id": "U1"}).body
    assert "/train help" in str(acknowledge_unhandled({"command": "/other"}).body)
