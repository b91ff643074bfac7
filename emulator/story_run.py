"""A Baseten training job that goes well, from the queue to its end, within two minutes.

The list of all stories is in ``stories.py``.
"""

from emulator import training_text as text
from emulator.hardware_metrics import Gauge, Metrics, Node
from emulator.story_training import GPUS, PROJECT
from emulator.timeline import StoryLog, Timeline, busy, measured
from emulator.world import Status, World

STEPS = 200
QUEUED_S, STARTING_S, RUNNING_S, FIRST_STEP_S, STEP_S = 0, 28, 34, 40, 0.3
LAST_STEP_S = FIRST_STEP_S + STEPS * STEP_S
ENDED_S = LAST_STEP_S + 4
CHECKPOINT_STEPS = 50


def ends_well(world: World, timeline: Timeline, job_id: str = "end2end", name: str = "llama-8b-sft") -> None:
    """Wait for the GPUs of a job that runs out of memory, take 200 steps in a minute, and complete."""
    host = f"{job_id}-0"
    story_log = StoryLog("e2e5d", seed=707)
    story_log.write(timeline.at(RUNNING_S + 1), text.start_up(GPUS, host)[:-1])
    for step in range(1, STEPS + 1):
        at = timeline.at(FIRST_STEP_S + step * STEP_S)
        story_log.write(at, text.trainer_step(step * 12, story_log.seed))
        story_log.write(at, text.progress_bar(step, STEPS, (timeline.at(STEP_S) - timeline.at(0)).total_seconds()))
        if step % CHECKPOINT_STEPS == 0:
            path = f"/mnt/ckpts/checkpoint-{step}"
            saved = f"Model weights saved in {path}/model.safetensors"
            story_log.write(at, [f"Saving model checkpoint to {path}", saved])
    story_log.write(timeline.at(LAST_STEP_S + 1), "Training completed. Do not forget to share your model on the hub =)")
    statuses = [
        Status(timeline.at(QUEUED_S), "TRAINING_JOB_PENDING"),
        Status(timeline.at(STARTING_S), "TRAINING_JOB_DEPLOYING"),
        Status(timeline.at(RUNNING_S), "TRAINING_JOB_RUNNING"),
        Status(timeline.at(ENDED_S), "TRAINING_JOB_COMPLETED"),
    ]
    job = world.add_training_job(PROJECT, job_id, lines=story_log.lines, statuses=statuses)
    job.name = name
    world.gpu_capacity = 56  # as many as the other stories hold
    since, until = timeline.at(RUNNING_S), timeline.at(ENDED_S)

    def gauge(seed: int, level: float, jitter: float) -> Gauge:
        return measured(busy(seed, level, jitter), since, until)

    job.metrics = Metrics(
        {
            host: Node(
                gpu_utilization={str(gpu): gauge(710 + gpu, 0.93, 0.05) for gpu in range(GPUS)},
                gpu_memory_usage_bytes={str(gpu): gauge(730 + gpu, 61e9, 5e8) for gpu in range(GPUS)},
                cpu_usage=gauge(750, 31.0, 8.0),
                cpu_memory_usage_bytes=gauge(751, 402e9, 6e9),
            )
        }
    )
