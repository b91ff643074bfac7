"""Six Baseten training jobs: healthy, out of memory, idle GPUs, hanging, preempted, and one on two nodes.

``training_text.py`` has what programs print, ``timeline.py`` when; ``stories.py`` lists all stories.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from emulator import training_text as text
from emulator.hardware_metrics import Gauge, Metrics, Node, Storage
from emulator.logs import Line, Script
from emulator.timeline import StoryLog, Timeline, busy, measured
from emulator.world import Status, TrainingJob, World, to_ns

PROJECT = "p7qr9qv"
GPUS = 8
STEP_S = 4
TOTAL_STEPS = 50_000
ENDLESS = 10_000_000
FUTURE = timedelta(hours=12)
BYTES_FULL = 79.1 * 2**30
OOM_RANK = 3
HEAD_START = 10
"""Lines that the failing rank prints before its peers notice."""

GpuGauge = Callable[[int], Gauge]
"""A GPU's rank -> its series."""


def healthy(world: World, timeline: Timeline) -> None:
    """Train on eight GPUs, well and without end; its log is computed and costs no memory."""
    began = timeline.began
    first_ns = to_ns(began) + 90 * 10**9

    def line_at(number: int) -> Line:
        step, bar = divmod(number, 2)
        message = text.progress_bar(step % TOTAL_STEPS, TOTAL_STEPS, STEP_S) if bar else text.trainer_step(step)
        moment_ns = first_ns + step * STEP_S * 10**9 + bar * 1_200_000 + int(text.noise(11, number) * 900_000)
        return Line(moment_ns, message, "h8a01")

    story_log = StoryLog("h8a01")
    write_start(story_log, began, "h8gpu42-0")
    job = add_job(
        world, "h8gpu42", "llama-70b-sft", Script(ENDLESS, line_at, after=story_log.lines), running_since(began)
    )
    job.metrics = Metrics({"h8gpu42-0": node_metrics(21, began)}, cache_metrics(began))
    job.checkpoint_sync_status = "SYNCING"


def out_of_memory(
    world: World, timeline: Timeline, job_id: str = "oom3r8x", name: str = "mistral-long-context"
) -> None:
    """Fill the memory of rank 3 until it fails at second 20; the job is failed at second 28."""
    began, crash, end = timeline.began, timeline.at(20), timeline.at(28)
    pid, host = 81_234, f"{job_id}-0"
    story_log = StoryLog("x3b7q", seed=202)
    write_start(story_log, began, host)
    last = write_steps(story_log, began, crash)
    story_log.write(
        crash,
        f"{crash:%F %T},204 - trainer - ERROR - step {last + 1} failed on rank {OOM_RANK}: CUDA out of memory",
        level="ERROR",
    )
    root = text.out_of_memory(OOM_RANK, pid)
    mixed = text.interleaved(root[HEAD_START:], text.peer_gone(0), text.peer_gone(5))
    story_log.write(crash, root[:HEAD_START] + mixed)  # with the line above, so that no poll comes between them
    story_log.write(crash + timedelta(seconds=3), text.torchrun_failure(OOM_RANK, pid, host, crash))
    failed = Status(end, "TRAINING_JOB_FAILED", "Training job exited with code 1.")
    job = add_job(world, job_id, name, story_log.lines, [*running_since(began), failed])
    crash_s = to_ns(crash) / 1e9

    def filling(gpu: int) -> Gauge:
        if gpu != OOM_RANK:
            return busy(40 + gpu, 70e9, 1e9)
        return lambda moment: min(BYTES_FULL, 84.6e9 - max(0.0, crash_s - moment) * 1.1e6)

    job.metrics = Metrics({host: node_metrics(31, began, end, memory=filling)}, cache_metrics(began, end))


def idle(
    world: World,
    timeline: Timeline,
    job_id: str = "idle5gp",
    name: str = "qwen-vision-pretrain",
    seconds: tuple[float, float] = (2, 90),
) -> None:
    """Starve the GPUs between two seconds of the story: the data loader waits for slow storage."""
    began, dry, wet = timeline.began, *map(timeline.at, seconds)
    story_log = StoryLog("d5k2m", seed=303)
    write_start(story_log, began, f"{job_id}-0")
    last = write_steps(story_log, began, dry)
    waits = int((wet - dry).total_seconds()) // 8
    for number in range(waits):
        waited = 8 * (number + 1)
        shard = 482 + number
        message = f"WARNING data.loader: waited {waited}.3 s for shard train-{shard:05d}.tar (median 0.2 s)"
        story_log.write(dry + timedelta(seconds=waited), message, level="WARNING")
    story_log.write(wet, "INFO data.loader: storage answers again, prefetch queue is full", level="INFO")
    write_steps(story_log, wet, wet + FUTURE, first=last + 1)
    job = add_job(world, job_id, name, story_log.lines, running_since(began))
    job.user_email = "dana@partner.example"  # nobody in the workspace
    dry_s, wet_s = to_ns(dry) / 1e9, to_ns(wet) / 1e9

    def starving(gpu: int) -> Gauge:
        full, empty = busy(60 + gpu, 0.93, 0.06), busy(70 + gpu, 0.03, 0.02)
        return lambda moment: (empty if dry_s <= moment < wet_s else full)(moment)

    job.metrics = Metrics({f"{job_id}-0": node_metrics(51, began, utilization=starving)}, cache_metrics(began))


def hanging(world: World, timeline: Timeline, job_id: str = "hang7nd", name: str = "gpt-oss-rlhf") -> None:
    """Stop stepping at second 15 while the GPUs spin at 100 %: a collective that never returns."""
    began, stuck = timeline.began, timeline.at(15)
    story_log = StoryLog("g7n4w", seed=404)
    write_start(story_log, began, f"{job_id}-0")
    write_steps(story_log, began, stuck)
    job = add_job(world, job_id, name, story_log.lines, running_since(began))
    job.user_email = "ben@example.com"
    stuck_s = to_ns(stuck) / 1e9

    def spinning(gpu: int) -> Gauge:
        working = busy(80 + gpu, 0.92, 0.06)
        return lambda moment: 1.0 if moment >= stuck_s else working(moment)

    job.metrics = Metrics({f"{job_id}-0": node_metrics(81, began, utilization=spinning)}, cache_metrics(began))


def preempted(world: World, timeline: Timeline) -> None:
    """Lose the spot machine at second 35."""
    began, signal, end = timeline.began, timeline.at(32), timeline.at(35)
    story_log = StoryLog("s9p1z", seed=505)
    write_start(story_log, began, "preem4t-0")
    last = write_steps(story_log, began, signal)
    lines = [
        "WARNING launcher: the node is being reclaimed",
        f"WARNING launcher: received SIGTERM, saving an emergency checkpoint at step {last}",
    ]
    story_log.write(signal, lines, level="WARNING")
    story_log.write(signal + timedelta(seconds=2), f"Saving model checkpoint to /mnt/ckpts/checkpoint-{last}")
    lost = Status(end, "TRAINING_JOB_PREEMPTED", "The spot instance was reclaimed.")
    job = add_job(world, "preem4t", "gemma-spot-sft", story_log.lines, [*running_since(began), lost])
    job.user_email = "chen@example.com"
    job.availability_model = "spot"
    job.metrics = Metrics({"preem4t-0": node_metrics(91, began, end)}, cache_metrics(began, end))


def two_nodes(world: World, timeline: Timeline) -> None:
    """Train on two nodes of eight GPUs; node 1 is a little slower, and only per-node metrics show it."""
    began = timeline.began
    tapes = [StoryLog("m0a5c"), StoryLog("m1f8e")]
    for node, story_log in enumerate(tapes):
        write_start(story_log, began, f"multi2n-{node}")
    until = timeline.start + FUTURE
    count = int((until - began).total_seconds()) // STEP_S
    for step in range(count):
        moment = began + timedelta(seconds=100 + step * STEP_S)
        tapes[1].write(moment, text.megatron_step(step, moment))
        if step % 25 == 0:
            tapes[0].write(moment, f"[node 0] dataloader: prefetched 64 batches, queue depth 64, step {step}")
    lines = [line for story_log in tapes for line in story_log.lines]
    job = add_job(world, "multi2n", "megatron-moe-pretrain", lines, running_since(began))
    job.node_count = 2
    nodes = {
        f"multi2n-{n}": node_metrics(101 + 20 * n, began, utilization=_level(121 + n, level)) for n, level in SPEEDS
    }
    job.metrics = Metrics(nodes, cache_metrics(began))


SPEEDS = ((0, 0.95), (1, 0.88))


def _level(seed: int, level: float) -> GpuGauge:
    return lambda gpu: busy(seed + gpu, level, 0.05)


def running_since(began: datetime) -> list[Status]:
    """Return the statuses of a job that was created then and runs 45 seconds later."""
    names = ("TRAINING_JOB_PENDING", "TRAINING_JOB_CREATED", "TRAINING_JOB_DEPLOYING", "TRAINING_JOB_RUNNING")
    return [Status(began + timedelta(seconds=15 * index), name) for index, name in enumerate(names)]


def add_job(world: World, job_id: str, name: str, lines: list[Line] | Script, statuses: list[Status]) -> TrainingJob:
    """Add a named job to the project of the stories."""
    job = world.add_training_job(PROJECT, job_id, lines=lines, statuses=statuses)
    world.projects[PROJECT].name = "foundation-models"
    job.name = name
    return job


def write_start(story_log: StoryLog, began: datetime, host: str) -> None:
    """Write what a program prints when it starts."""
    story_log.write(began + timedelta(seconds=46), text.start_up(GPUS, host))


def write_steps(story_log: StoryLog, since: datetime, until: datetime, first: int = 0) -> int:
    """Write steps, and now and then a progress bar and a checkpoint; return the last step."""
    warm_up_s = 90 if first == 0 else STEP_S
    step = first
    moment = since + timedelta(seconds=warm_up_s)
    while moment < until:
        story_log.write(moment, text.trainer_step(step, story_log.seed))
        if step % 5 == 0:
            story_log.write(moment + timedelta(milliseconds=2), text.progress_bar(step, TOTAL_STEPS, STEP_S))
        if step % 500 == 499:
            story_log.write(
                moment + timedelta(milliseconds=9), f"Saving model checkpoint to /mnt/ckpts/checkpoint-{step + 1}"
            )
        step += 1
        moment += timedelta(seconds=STEP_S)
    return step - 1


def node_metrics(
    seed: int,
    since: datetime,
    until: datetime | None = None,
    *,
    utilization: GpuGauge | None = None,
    memory: GpuGauge | None = None,
) -> Node:
    """Return a node of eight busy GPUs, or with these series, measured while the job lives."""
    used = utilization or _level(seed, 0.94)

    def held(gpu: int) -> Gauge:
        return memory(gpu) if memory else busy(seed + 200 + gpu, 71e9, 6e8)

    def alive(gauge: Gauge) -> Gauge:
        return measured(gauge, since, until)

    return Node(
        gpu_utilization={str(gpu): alive(used(gpu)) for gpu in range(GPUS)},
        gpu_memory_usage_bytes={str(gpu): alive(held(gpu)) for gpu in range(GPUS)},
        cpu_usage=alive(busy(seed + 300, 34.0, 9.0)),
        cpu_memory_usage_bytes=alive(busy(seed + 301, 412e9, 8e9)),
        ephemeral_storage=Storage(alive(busy(seed + 302, 96e9, 2e9)), alive(busy(seed + 303, 0.19, 0.004))),
    )


def cache_metrics(since: datetime, until: datetime | None = None) -> Storage:
    """Return a third of a cache in use while the job lives."""
    return Storage(
        measured(busy(401, 740e9, 1e9), since, until),
        measured(busy(402, 0.37, 0.001), since, until),
    )
