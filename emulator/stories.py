"""The stories: what happens in the emulated clouds after a start, each with the reference a person types for it.

Each is written in ``story_training.py`` or ``story_run.py`` (Baseten training jobs), ``story_serving.py``
(deployments), ``story_batch.py`` (Fireworks, RiverGen) or ``story_tuning.py`` (Fireworks' fine-tuning). Everything
follows from the start and the pace; nothing runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emulator import story_batch, story_run, story_serving, story_training, story_tuning
from emulator.timeline import Pace, Timeline
from emulator.world import World


@dataclass(frozen=True, slots=True)
class Story:
    """One story: what a person types to look at it, and what a watcher should say about it."""

    name: str
    reference: str
    summary: str
    write: Callable[[World, Timeline], None]
    event_s: float | None = None
    """Second of the story at which there is something to alert about; None: never."""


STORIES = (
    Story("healthy", "baseten:p7qr9qv/h8gpu42", "8 GPUs, trains well and does not end", story_training.healthy),
    Story("oom", "baseten:p7qr9qv/oom3r8x", "CUDA OOM on rank 3 of 8", story_training.out_of_memory, 20),
    Story("idle", "baseten:p7qr9qv/idle5gp", "GPUs idle at 3 %, then recover", story_training.idle, 2),
    Story("hang", "baseten:p7qr9qv/hang7nd", "steps stop, GPUs spin at 100 %", story_training.hanging, 15),
    Story("preempted", "baseten:p7qr9qv/preem4t", "the spot machine is reclaimed", story_training.preempted, 35),
    Story("ends-well", "baseten:p7qr9qv/end2end", "from the queue to its end, without trouble", story_run.ends_well),
    Story("two-nodes", "baseten:p7qr9qv/multi2n", "2 nodes of 8 GPUs, one slower", story_training.two_nodes),
    Story("serving", "baseten-model:qwen7b1/srv4ce1", "traffic, then a burst of errors", story_serving.serving, 12),
    Story("unhealthy", "baseten-model:qwen7b1/unh2lth", "UNHEALTHY, later ACTIVE", story_serving.unhealthy, 25),
    Story("batch-fails", "fireworks:acme/code-sft-r2", "rank 2 of 4 fails", story_batch.batch_rank_fails, 30),
    Story(
        "batch-healthy", "fireworks:acme/embed-v3", "4 ranks, trains well and does not end", story_batch.batch_healthy
    ),
    Story("tuning", "fireworks:acme/sft/support-sft", "fine-tuning, loss NaN", story_tuning.tuning_diverges, 20),
    Story("run-completed", "rivergen:mdl-churn/run-a4b9c2", "completed yesterday", story_batch.rivergen_completed),
    Story("run-failed", "rivergen:mdl-churn/run-c93f5a", "diverges and fails", story_batch.rivergen_failed, 45),
    Story("run-running", "rivergen:mdl-churn/run-b7d1e0", "epoch after epoch", story_batch.rivergen_running),
)


def start_stories(world: World, start: datetime, pace: Pace = "demo") -> tuple[Story, ...]:
    """Put every story into the world.

    Args:
        world: where the jobs go.
        start: second 0 of each story; the jobs have hours of history by then.
        pace: "demo": everything alert-worthy happens within a minute; "real": it takes twenty times as long.
    """
    timeline = Timeline(start, pace)
    for story in STORIES:
        story.write(world, timeline)
    return STORIES
