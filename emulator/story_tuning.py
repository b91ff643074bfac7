"""A Fireworks fine-tuning job whose loss becomes NaN, in the trainer's log and in its metrics file.

The list of all stories is in ``stories.py``.
"""

import math
from datetime import datetime, timedelta

from emulator import training_text as text
from emulator.fireworks_tuning import SUPERVISED
from emulator.story_batch import ACCOUNT
from emulator.timeline import StoryLog, Timeline
from emulator.world import Status, World

STEP_S = 4
TOTAL = 6_000
LOG_S = 3_600
"""How long before second 0 the trainer began to write."""


def tuning_diverges(world: World, timeline: Timeline) -> None:
    """Have a NaN loss from second 20 on; the job is FAILED at second 50."""
    began, diverged, end = timeline.at(-LOG_S), timeline.at(20), timeline.at(50)
    story_log, rows = StoryLog(), list[tuple[datetime, dict[str, object]]]()
    step = 0
    while (moment := began + timedelta(seconds=20 + step * STEP_S)) < end - timedelta(seconds=4):
        step += 1
        loss = math.nan if moment >= diverged else text.loss_at(step * 9, 11)
        rate = 1e-4 * (1 - step / TOTAL)
        story_log.write(moment, f"INFO trainer: step {step}/{TOTAL} loss={loss:.4f} lr={rate:.3e} tokens/s=18240")
        rows.append((moment, {"step": step, "train/loss": loss, "train/lr": rate, "train/total_tokens": 65536 + step}))
    story_log.write(end - timedelta(seconds=2), "ERROR trainer: loss is not finite for 7 steps, giving up")
    failed = "JOB_STATE_FAILED"
    statuses = [
        Status(began, "JOB_STATE_CREATING"),
        Status(began + timedelta(seconds=15), "JOB_STATE_RUNNING"),
        Status(end, failed, "The trainer exited: loss is not finite"),
    ]
    job = world.add_fine_tuning_job(
        ACCOUNT, SUPERVISED, "support-sft", lines=story_log.lines, statuses=statuses, metric_rows=rows
    )
    job.display_name = "support-tickets-sft"
