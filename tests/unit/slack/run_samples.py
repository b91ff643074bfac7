"""Reports of one run, from the queue to its summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import DeliveryKind, Notification, NotifyReason
from bot.domain.boards import Board, BoardKind, BoardRow
from bot.domain.jobs import JobRef, JobState
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.runs import RunEventKind, RunProblem, RunReport, RunStatistics
from tests.unit.slack.factories import at, job

PROBLEMS = (
    RunProblem("inc-1", "Loss became NaN", 3, is_firing=True, ts="1.5"),
    RunProblem("inc-2", "GPUs idle", 2, is_firing=False),
)
PROGRESS = RunProgress(
    step=2_600,
    total_steps=5_000,
    loss=1.2123,
    step_s=4.0,
    tokens_per_s=18_240.0,
    checkpoint=Checkpoint(2_500, at(-7), "/mnt/ckpts/checkpoint-2500"),
)
SEEN = RunStatistics(
    queued_at=at(-200),
    started_at=at(-190),
    first_step=1,
    first_step_at=at(-185),
    best_loss=1.1042,
    best_step=2_411,
    utilization_sum=186.0,
    utilization_polls=200,
)
BUSY = replace(job(), progress=PROGRESS, utilization=0.94)
RUNNING = RunReport("run-0123456789ab", "C1", BUSY, SEEN, at(0), time_limit=timedelta(hours=4))
QUEUED = replace(
    RUNNING,
    job=replace(job(JobState.QUEUED), details=(("Priority", "0"),), error="Waiting for 8 H100."),
    statistics=RunStatistics(queued_at=at(-20)),
)
ENDED = replace(
    RUNNING,
    job=replace(job(JobState.SUCCEEDED), ended_at=at(-1), progress=replace(PROGRESS, step=5_000)),
    problems=PROBLEMS[1:],
)
FAILED = replace(
    RUNNING,
    job=replace(job(JobState.FAILED), ended_at=at(-1), error="Exited with code 1.", progress=PROGRESS),
    problems=PROBLEMS,
)


def run_notification(kind: DeliveryKind, report: RunReport) -> Notification:
    return Notification(kind, NotifyReason.RUN, report.job, run=report)


RUNS = {
    "queued": run_notification(DeliveryKind.ROOT, QUEUED),
    "running": run_notification(DeliveryKind.EDIT, RUNNING),
    "running_with_problems": run_notification(DeliveryKind.EDIT, replace(RUNNING, problems=PROBLEMS)),
    "without_log": run_notification(DeliveryKind.EDIT, replace(RUNNING, job=replace(job(), utilization=0.94))),
    "finished": run_notification(DeliveryKind.EDIT, ENDED),
    "failed": run_notification(DeliveryKind.EDIT, FAILED),
    "left": run_notification(DeliveryKind.EDIT, replace(RUNNING, is_left=True)),
    "waiting_reply": run_notification(DeliveryKind.REPLY, replace(QUEUED, event=RunEventKind.WAITING)),
    **{
        f"{event.name.lower()}_reply": run_notification(DeliveryKind.REPLY, replace(RUNNING, event=event))
        for event in RunEventKind
        if event not in (RunEventKind.WAITING, RunEventKind.ENDED)
    },
    "finished_summary": run_notification(DeliveryKind.REPLY, replace(ENDED, event=RunEventKind.ENDED)),
    "failed_summary": run_notification(DeliveryKind.REPLY, replace(FAILED, event=RunEventKind.ENDED)),
}


def board(kind: BoardKind, *rows: BoardRow, more: int = 0, **changes: object) -> Notification:
    states = {JobState.RUNNING: more + len(rows)} if rows else {}
    shown = Board("brd-0123456789ab", "C1", kind, at(0), rows, tuple(states.items()), sum(bool(r.firing) for r in rows))
    about = replace(shown, **changes)  # type: ignore[arg-type]
    return Notification(DeliveryKind.ROOT, NotifyReason.RUN, job(), board=about)


ROWS = (
    BoardRow(BUSY, firing=2),
    BoardRow(replace(BUSY, name="qwen-vision-pretrain", progress=replace(PROGRESS, total_steps=None))),
    BoardRow(replace(job(JobState.QUEUED), name="gemma-spot-sft")),
    BoardRow(replace(job(), name=None, progress=RunProgress(epoch=3.0))),
)
BOARDS = {
    "live": board(BoardKind.LIVE, *ROWS),
    "healthy": board(BoardKind.LIVE, *ROWS[1:]),
    "over": board(BoardKind.LIVE, *ROWS, has_ended=True),
    "empty": board(BoardKind.DAILY),
    "daily": board(BoardKind.DAILY, *ROWS),
    "starts": board(
        BoardKind.STARTS,
        *(BoardRow(replace(BUSY, ref=JobRef("x", f"{n}"), name="n" * 250)) for n in range(40)),
        more=460,
    ),
}
