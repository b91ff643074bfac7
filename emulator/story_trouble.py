"""Jobs whose loss becomes NaN, whose disk fills up, that lose their storage together, or whose platform goes down.

The demo starts them on request (``scenarios.py``); ``stories.py`` lists those that it begins with.
"""

from dataclasses import replace
from datetime import timedelta

from emulator import training_text as text
from emulator.hardware_metrics import Metrics, Storage
from emulator.story_batch import ACCOUNT
from emulator.story_training import (
    FUTURE,
    STEP_S,
    TOTAL_STEPS,
    add_job,
    cache_metrics,
    node_metrics,
    running_since,
    write_start,
    write_steps,
)
from emulator.timeline import StoryLog, Timeline
from emulator.world import Status, World, to_ns

DISK_BYTES = 480e9
STORM_JOBS = 200
STORM_HISTORY = timedelta(minutes=10)


def nan_loss(world: World, timeline: Timeline, job_id: str, name: str, nan_s: float) -> None:
    """Let the loss climb from ten steps before second `nan_s`, and be NaN from then on; nobody stops the job."""
    began, diverged = timeline.began, timeline.at(nan_s)
    story_log = StoryLog("n4n0x", seed=606)
    write_start(story_log, began, f"{job_id}-0")
    rise = diverged - timedelta(seconds=10 * STEP_S)
    step = write_steps(story_log, began, rise)
    moment = rise
    while moment < timeline.start + FUTURE / 12:
        step += 1
        climb = 1.3 ** (10 - (diverged - moment).total_seconds() / STEP_S)
        loss, gradient = (1.15 * climb, 0.8 * climb**2) if moment < diverged else (float("nan"), float("nan"))
        story_log.write(
            moment,
            f"{{'loss': {loss:.4f}, 'grad_norm': {gradient:.6f}, 'learning_rate': 3.000000e-04, "
            f"'epoch': {step / 12_500:.2f}}}",
        )
        if step % 2 == 0:
            bar = text.progress_bar(step, TOTAL_STEPS, STEP_S)
            story_log.write(moment + timedelta(milliseconds=2), bar)
        moment += timedelta(seconds=STEP_S)
    job = add_job(world, job_id, name, story_log.lines, running_since(began))
    job.metrics = Metrics({f"{job_id}-0": node_metrics(151, began)}, cache_metrics(began))


def disk_full(world: World, timeline: Timeline, job_id: str, name: str, full_s: float) -> None:
    """Fill the machine's disk steadily until it is full at second `full_s`, when saving a checkpoint fails."""
    began, full, end = timeline.began, timeline.at(full_s), timeline.at(full_s + 8)
    host, pid = f"{job_id}-0", 70_112
    story_log = StoryLog("d1skf", seed=808)
    write_start(story_log, began, host)
    last = write_steps(story_log, began, full)
    path = f"/scratch/ckpts/checkpoint-{last + 1}/optimizer.pt"
    lines = [
        f"Saving model checkpoint to /scratch/ckpts/checkpoint-{last + 1}",
        "[rank0]: Traceback (most recent call last):",
        '[rank0]:   File "/app/train.py", line 388, in main',
        "[rank0]:     trainer.save_state(path)",
        f'[rank0]:   File "{text.SITE}/torch/serialization.py", line 944, in save',
        "[rank0]:     _save(obj, opened_zipfile, pickle_module, pickle_protocol)",
        f"[rank0]: OSError: [Errno 28] No space left on device: '{path}'",
    ]
    story_log.write(full, lines)
    story_log.write(full + timedelta(seconds=3), text.torchrun_failure(0, pid, host, full))
    failed = Status(end, "TRAINING_JOB_FAILED", "Training job exited with code 1.")
    job = add_job(world, job_id, name, story_log.lines, [*running_since(began), failed])
    full_at_s = to_ns(full) / 1e9

    def used(moment: float) -> float | None:
        in_life = to_ns(began) / 1e9 <= moment < to_ns(end) / 1e9
        return min(1.0, 1 - max(0.0, full_at_s - moment) * 0.4 / 7200) if in_life else None

    def used_bytes(moment: float) -> float | None:
        part = used(moment)
        return None if part is None else part * DISK_BYTES

    node = replace(node_metrics(161, began, end), ephemeral_storage=Storage(used_bytes, used))
    job.metrics = Metrics({host: node}, cache_metrics(began, end))


def lose_storage(world: World, timeline: Timeline, prefix: str, lost_s: float) -> None:
    """Run 200 jobs of one sweep, which lose their shared storage at second `lost_s` and fail within five seconds."""
    began, lost = timeline.start - STORM_HISTORY, timeline.at(lost_s)
    for number in range(STORM_JOBS):
        story_log = StoryLog(seed=900 + number)
        moment, step = began + timedelta(seconds=5 + number % 7), 0
        while moment < lost:
            story_log.write(moment, text.trainer_step(step, story_log.seed))
            moment, step = moment + timedelta(seconds=STEP_S), step + 1
        failed = lost + timedelta(milliseconds=25 * number)
        shard = f"/mnt/shared/sweep/shard-{number:05d}.arrow"
        lines = [
            "Traceback (most recent call last):",
            '  File "/workspace/sweep.py", line 77, in <module>',
            "    for batch in loader:",
            f"OSError: [Errno 116] Stale file handle: '{shard}'",
        ]
        story_log.write(failed, lines)
        statuses = [
            Status(began, "CREATING"),
            Status(began + timedelta(seconds=4), "RUNNING"),
            Status(failed + timedelta(seconds=1), "FAILED", "Rank 0 exited with code 1"),
        ]
        job = world.add_batch_job(ACCOUNT, f"{prefix}-{number:03d}", lines=story_log.lines, statuses=statuses)
        job.display_name = f"{prefix}-{number:03d}"


def unreachable(world: World, timeline: Timeline, prefix: str, jobs: int = 3) -> None:
    """Train some Fireworks jobs, well; what goes down is their platform."""
    began = timeline.began
    for number in range(1, jobs + 1):
        story_log = StoryLog(seed=number)
        write_steps(story_log, began, timeline.start + FUTURE / 12)
        statuses = [Status(began, "CREATING"), Status(began + timedelta(seconds=10), "RUNNING")]
        job = world.add_batch_job(ACCOUNT, f"{prefix}-{number}", lines=story_log.lines, statuses=statuses)
        job.display_name = f"{prefix}-{number}"
