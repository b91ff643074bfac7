"""Two Fireworks batch jobs of four ranks (one fails on rank 2) and three RiverGen runs.

The list of all stories is in ``stories.py``.
"""

import math
from datetime import datetime, timedelta

from emulator import training_text as text
from emulator.logs import Line, Script
from emulator.timeline import StoryLog, Timeline
from emulator.world import RivergenRun, Status, World, to_ns

ACCOUNT = "acme"
RANKS = 4
STEP_S = 5
ENDLESS = 10_000_000
MODEL = "mdl-churn"
EPOCH_S = 20
FUTURE = timedelta(hours=12)


def batch_rank_fails(world: World, timeline: Timeline) -> None:
    """Log an ERROR on rank 2 at second 30; the job is FAILED at second 40."""
    began, crash, end = timeline.began, timeline.at(30), timeline.at(40)
    story_log = StoryLog()
    for step in range(int((crash - began).total_seconds()) // STEP_S):
        for rank in range(RANKS):
            moment = began + timedelta(seconds=20 + step * STEP_S, milliseconds=13 * rank)
            if moment < crash:
                story_log.write(moment, text.deepspeed_step(step, rank), rank=rank)
    lines = [
        f"{crash:%Y-%m-%d %H:%M:%S} ERROR data: shard s3://corpora/code-0412.jsonl.zst is corrupt at byte 88127311",
        "Traceback (most recent call last):",
        '  File "/workspace/train.py", line 218, in <module>',
        "    for batch in loader:",
        '  File "/workspace/data.py", line 97, in read_shard',
        "    chunk = decompressor.read(BLOCK)",
        "zstd.ZstdError: zstd decompress error: Data corruption detected",
    ]
    story_log.write(crash, lines, rank=2)
    for rank in (0, 1, 3):
        lost = f"ERROR launcher: rank 2 left the group, stopping rank {rank}"
        story_log.write(crash + timedelta(seconds=4, milliseconds=rank), lost, rank=rank)
    failed = Status(end, "FAILED", "Rank 2 exited with code 1")
    statuses = [*_started(began), failed]
    job = world.add_batch_job(ACCOUNT, "code-sft-r2", lines=story_log.lines, statuses=statuses, num_ranks=RANKS)
    job.display_name = "code-sft"


def batch_healthy(world: World, timeline: Timeline) -> None:
    """Train on four ranks without end; its log is computed and costs no memory."""
    first_ns = to_ns(timeline.began) + 20 * 10**9

    def line_at(number: int) -> Line:
        step, rank = divmod(number, RANKS)
        moment_ns = first_ns + step * STEP_S * 10**9 + rank * 13_000_000 + int(text.noise(23, number) * 999_999)
        return Line(moment_ns, text.deepspeed_step(step, rank), rank=rank)

    job = world.add_batch_job(
        ACCOUNT,
        "embed-v3",
        lines=Script(ENDLESS, line_at),
        statuses=_started(timeline.began),
        num_ranks=RANKS,
    )
    job.display_name = "embedding-v3"


def rivergen_completed(world: World, timeline: Timeline) -> None:
    """Have completed 50 epochs yesterday."""
    began = timeline.began - timedelta(days=1)
    end = began + timedelta(seconds=EPOCH_S * 50 + 40)
    story_log = _epochs(began, end)
    story_log.write(end, "Training completed. Best epoch: 47", level="info")
    _run(world, "run-a4b9c2", story_log, began, Status(end, "completed")).label = "baseline"


def rivergen_running(world: World, timeline: Timeline) -> None:
    """Run on, epoch after epoch."""
    began = timeline.start - timedelta(hours=1)
    story_log = _epochs(began, timeline.start + FUTURE)
    run = _run(world, "run-b7d1e0", story_log, began)
    run.label, run.total_epochs = "wide-network", 10_000


def rivergen_failed(world: World, timeline: Timeline) -> None:
    """Diverge and fail at second 45."""
    began, end = timeline.start - timedelta(hours=2), timeline.at(45)
    story_log = _epochs(began, end - timedelta(seconds=6))
    story_log.write(end - timedelta(seconds=5), "Loss is not finite: nan at batch 118", level="error")
    story_log.write(end, "Training stopped: loss diverged", level="error")
    run = _run(world, "run-c93f5a", story_log, began, Status(end, "failed", "loss diverged"))
    run.label, run.total_epochs = "high-learning-rate", 500


def _started(began: datetime) -> list[Status]:
    return [
        Status(began, "CREATING"),
        Status(began + timedelta(seconds=8), "PENDING"),
        Status(began + timedelta(seconds=16), "RUNNING"),
    ]


def _run(world: World, run_id: str, story_log: StoryLog, began: datetime, *ended: Status) -> RivergenRun:
    statuses = [Status(began, "queued"), Status(began + timedelta(seconds=10), "running"), *ended]
    run = world.add_rivergen_run(MODEL, run_id, lines=story_log.lines, statuses=statuses)
    run.metrics = {"loss": _loss, "val_loss": lambda epoch: _loss(epoch) * 1.06, "accuracy": _accuracy}
    run.epoch_length = timedelta(seconds=EPOCH_S)
    return run


def _epochs(began: datetime, until: datetime) -> StoryLog:
    story_log = StoryLog()
    story_log.write(began, "Initializing distributed training cluster.", level="info")
    story_log.write(began + timedelta(seconds=5), "Loaded dataset 'churn_data_v2'. Shape: (100000, 45)", level="info")
    epoch = 1
    while (moment := began + timedelta(seconds=10 + EPOCH_S * epoch)) < until:
        story_log.write(moment - timedelta(seconds=1), f"batch cache: {90 + epoch % 10} % hits", level="debug")
        story_log.write(
            moment, f"Epoch {epoch} - Loss: {_loss(epoch):.4f} - Val_Loss: {_loss(epoch) * 1.06:.4f}", level="info"
        )
        if epoch % 17 == 0:
            story_log.write(moment, "Gradient clipping triggered on layer 'dense_2'.", level="warning")
        epoch += 1
    return story_log


def _loss(epoch: int) -> float:
    return round(0.31 + 0.38 * math.exp(-epoch / 40) + 0.01 * text.noise(29, epoch), 4)


def _accuracy(epoch: int) -> float:
    return round(0.93 - 0.3 * math.exp(-epoch / 60), 4)
