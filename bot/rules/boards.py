"""Plan the message of a digest of runs: the counts, the runs in order, and when to look again. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason, stable_id
from bot.domain.boards import BOARD_ROWS, Board, BoardKind, BoardRow, StoredBoard
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.progress import RunProgress
from bot.rules.change_keys import change_key

EDIT_EVERY = timedelta(minutes=1)
_LATEST = timedelta(hours=6)
"""A daily digest that is later than this, after a downtime, waits for the next day."""
_ORDER = (
    JobState.FAILED,
    JobState.PREEMPTED,
    JobState.UNHEALTHY,
    JobState.RUNNING,
    JobState.IDLE,
    JobState.UNKNOWN,
    JobState.STARTING,
    JobState.QUEUED,
    JobState.CANCELLED,
    JobState.SUCCEEDED,
)
_NO_JOB = Job(JobRef("trainwatch", "digest"), JobState.UNKNOWN, "")


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """What to send now, and when to plan again."""

    shown: str
    next_at: datetime | None
    """None: not before a run changes."""
    delivery: Delivery | None = None


def plan_board(stored: StoredBoard, rows: Sequence[BoardRow], now: datetime) -> BoardPlan:
    """Plan a digest that is due, from the runs as they are now."""
    board, kind = build_board(stored, rows, now), stored.settings.kind
    if stored.has_ended:
        last = _delivery(board, DeliveryKind.EDIT, "over") if stored.shown else None
        return BoardPlan(stored.shown, None, last)
    if kind is BoardKind.DAILY:
        note = _delivery(board, DeliveryKind.NOTE, stored.due_at.isoformat())
        return BoardPlan("", stored.settings.next_at(now), note if now - stored.due_at <= _LATEST else None)
    shown = _fingerprint(board)
    next_at = now + EDIT_EVERY if kind is BoardKind.LIVE else None
    if shown == stored.shown:
        return BoardPlan(shown, next_at)
    if stored.shown:
        return BoardPlan(shown, next_at, _delivery(board, DeliveryKind.EDIT, f"edit:{change_key(now, board)}"))
    return BoardPlan(shown, next_at, _delivery(board, DeliveryKind.ROOT, "root"))


def build_board(stored: StoredBoard, rows: Iterable[BoardRow], now: datetime) -> Board:
    """Return the digest as its message shows it."""
    ordered = sorted(rows, key=lambda row: (not row.firing, _ORDER.index(row.job.state), str(row.job.ref)))
    states = Counter(row.job.state for row in ordered)
    return Board(
        id=stored.id,
        channel=stored.channel,
        kind=stored.settings.kind,
        at=now,
        rows=tuple(_needed(row) for row in ordered[:BOARD_ROWS]),
        states=tuple((state, states[state]) for state in _ORDER if states[state]),
        troubled=sum(bool(row.firing) for row in ordered),
        has_ended=stored.has_ended,
    )


def _needed(row: BoardRow) -> BoardRow:
    """The row without what a digest does not show, because a message with many rows is stored whole."""
    return replace(row, job=replace(row.job, details=(), error=None, user=None))


def _delivery(board: Board, kind: DeliveryKind, key: str) -> Delivery:
    job = board.rows[0].job if board.rows else _NO_JOB
    return Delivery(f"{board.id}:{key}", board.channel, Notification(kind, NotifyReason.RUN, job, board=board))


def _fingerprint(board: Board) -> str:
    rows = [f"{row.job.ref} {row.job.state} {row.firing} {_numbers(row.job)}" for row in board.rows]
    return stable_id("b", "|".join([str(board.states), str(board.troubled), *rows]))


def _numbers(job: Job) -> str:
    progress = job.progress or RunProgress()
    used = None if job.utilization is None else round(job.utilization, 2)
    return f"{progress.step} {progress.epoch} {progress.loss} {used}"
