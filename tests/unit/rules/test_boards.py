"""Digests of runs: when they are due, and what is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.alerts import DeliveryKind
from bot.domain.boards import BOARD_ROWS, BoardKind, BoardRow, BoardSettings, StoredBoard
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.progress import RunProgress
from bot.rules.boards import build_board, plan_board
from tests.unit.rules.observing import MINUTE, START

LIVE = StoredBoard("brd-1", "C1", BoardSettings(BoardKind.LIVE), START, "", 0)
DAILY = replace(LIVE, settings=BoardSettings(BoardKind.DAILY, "U1", 9 * 60, "Europe/Berlin"))


def row(number: int, state: JobState = JobState.RUNNING, *, firing: int = 0, step: int = 1) -> BoardRow:
    job = Job(JobRef("baseten", f"proj/{number:04}"), state, state.upper(), progress=RunProgress(step=step))
    return BoardRow(job, firing)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-13T07:59:59+00:00", "2026-03-13T08:00:00+00:00"),
        ("2026-03-13T08:00:00+00:00", "2026-03-14T08:00:00+00:00"),
        ("2026-03-28T12:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        ("2026-10-24T12:00:00+00:00", "2026-10-25T08:00:00+00:00"),
        ("2026-12-31T23:30:00+00:00", "2027-01-01T08:00:00+00:00"),
    ],
)
def test_a_daily_digest_keeps_its_local_time(after: str, expected: str) -> None:
    assert DAILY.settings.next_at(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


def test_a_daily_digest_in_an_hour_that_does_not_exist_is_still_sent() -> None:
    skipped = replace(DAILY.settings, minute=150)
    before = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert timedelta(0) < skipped.next_at(before) - before < timedelta(hours=3)


def test_a_live_digest_is_posted_once_and_edited_when_something_changes() -> None:
    first = plan_board(LIVE, [row(1)], START)
    shown = replace(LIVE, shown=first.shown)
    same = plan_board(shown, [row(1)], START + MINUTE)
    moved = plan_board(shown, [row(1, step=2)], START + MINUTE)

    kinds = [one.delivery and one.delivery.notification.kind for one in (first, same, moved)]
    assert kinds == [DeliveryKind.ROOT, None, DeliveryKind.EDIT]
    assert {one.next_at for one in (same, moved)} == {START + 2 * MINUTE}
    over = plan_board(replace(shown, has_ended=True), [], START + MINUTE)
    assert over.next_at is None
    assert over.delivery is not None
    assert plan_board(replace(LIVE, has_ended=True), [], START).delivery is None


def test_a_digest_of_starts_waits_for_a_change() -> None:
    starts = replace(LIVE, settings=BoardSettings(BoardKind.STARTS))
    assert plan_board(starts, [row(1)], START).next_at is None


def test_a_daily_digest_is_a_new_message_each_day_but_not_hours_late() -> None:
    plans = [plan_board(DAILY, [row(1)], START + late) for late in (MINUTE, timedelta(hours=7))]

    assert plans[0].delivery is not None
    assert plans[0].delivery.notification.kind is DeliveryKind.NOTE
    assert plans[1].delivery is None
    assert all(one.next_at is not None and one.next_at > START for one in plans)


def test_runs_that_need_a_person_come_first_and_all_are_counted() -> None:
    rows = [row(number) for number in range(300)]
    rows += [row(900, JobState.QUEUED), row(901, JobState.FAILED), row(902, firing=2)]
    board = build_board(LIVE, rows, START)

    assert [one.job.ref.id for one in board.rows][:3] == ["proj/0902", "proj/0901", "proj/0000"]
    assert len(board.rows) == BOARD_ROWS
    assert (board.total, board.troubled) == (303, 1)
    assert dict(board.states) == {JobState.FAILED: 1, JobState.RUNNING: 301, JobState.QUEUED: 1}
