"""The stories that a person starts in the demo by a press: what each does, whom it concerns, and when.

A story may be started several times; each start makes new jobs. ``director.py`` starts them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from emulator.faults import Fault, Faults
from emulator.story_run import ends_well
from emulator.story_training import GPUS, PROJECT, hanging, idle, out_of_memory
from emulator.story_trouble import disk_full, lose_storage, nan_loss, unreachable
from emulator.timeline import Timeline
from emulator.world import World

FIREWORKS_DOWN = Fault("status", path="/fireworks", status=503)


@dataclass(frozen=True, slots=True)
class Cast:
    """What a story acts on."""

    world: World
    faults: Faults
    timeline: Timeline
    number: int
    """How often this story was started before."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A moment of a story, for the control that moves time forward to it."""

    at_s: float
    """Second of the story."""
    label: str
    change: Callable[[Cast], None] | None = None
    """What happens then, if the jobs themselves do not hold it."""
    hold_s: float = 0.0
    """Real seconds after it in which time cannot be moved, because the bot has much to read."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story."""

    name: str
    title: str
    summary: str
    write: Callable[[Cast], None]
    watched: Callable[[int], str]
    """What a person types after `/train watch`, by the number of the start."""
    beats: tuple[Beat, ...] = field(default_factory=tuple)


def _go_down(cast: Cast) -> None:
    cast.faults.add(FIREWORKS_DOWN)


def _come_back(cast: Cast) -> None:
    cast.faults.set(fault for fault in cast.faults.pending if fault is not FIREWORKS_DOWN)


def _ends_well(cast: Cast) -> None:
    ends_well(cast.world, cast.timeline, f"good{cast.number}", _numbered("llama-8b-dpo", cast.number))
    jobs = cast.world.projects[PROJECT].jobs.values()
    running = [job for job in jobs if job.history.at(cast.world.now).name == "TRAINING_JOB_RUNNING"]
    cast.world.gpu_capacity = sum(job.node_count * job.instance_type.gpu_count for job in running)


def _training(write: Callable[[World, Timeline, str, str], None], prefix: str, name: str) -> Callable[[Cast], None]:
    """Return what adds a training job of this story, and the GPUs that it holds."""

    def add(cast: Cast) -> None:
        write(cast.world, cast.timeline, f"{prefix}{cast.number}", _numbered(name, cast.number))
        cast.world.gpu_capacity += GPUS

    return add


def _numbered(name: str, number: int) -> str:
    return name if number == 0 else f"{name}-{number + 1}"


def _group(name: str, number: int) -> str:
    return f"{name}{number + 1}"


def _baseten(prefix: str, settings: str = "") -> Callable[[int], str]:
    return lambda number: f"baseten:{PROJECT}/{prefix}{number} {settings}".strip()


SCENARIOS = (
    Scenario(
        "out-of-memory",
        "Out of memory",
        "A GPU's memory fills up, and the job crashes",
        _training(out_of_memory, "oom", "mistral-128k"),
        _baseten("oom"),
        (Beat(20, "the crash"), Beat(28, "the job fails")),
    ),
    Scenario(
        "hang",
        "Hang",
        "Steps stop while the GPUs spin at 100%",
        _training(hanging, "hang", "qwen-rlhf"),
        _baseten("hang"),
        (Beat(15, "the last step"), Beat(325, "5 min without a step")),
    ),
    Scenario(
        "nan",
        "NaN",
        "The loss climbs and becomes NaN",
        _training(partial(nan_loss, nan_s=20), "nan", "gemma-pretrain"),
        _baseten("nan"),
        (Beat(34, "a NaN loss"),),
    ),
    Scenario(
        "idle-gpus",
        "Idle GPUs",
        "Eight GPUs wait for data, then storage recovers",
        _training(partial(idle, seconds=(10, 1500)), "idle", "vit-pretrain"),
        _baseten("idle"),
        (Beat(10, "GPUs go idle"), Beat(930, "15 min idle"), Beat(1500, "storage recovers"), Beat(1580, "recovery")),
    ),
    Scenario(
        "disk-full",
        "Disk full",
        "A disk fills up until a checkpoint cannot be saved",
        _training(partial(disk_full, full_s=600), "disk", "mixtral-sft"),
        _baseten("disk"),
        (Beat(600, "the disk is full"), Beat(612, "the job fails")),
    ),
    Scenario(
        "platform-down",
        "Platform down",
        "Fireworks stops answering while three runs train, then returns",
        lambda cast: unreachable(cast.world, cast.timeline, _group("reranker", cast.number)),
        lambda number: f"fireworks:acme/{_group('reranker', number)}-* announce=off --yes",
        (
            Beat(10, "Fireworks stops answering", _go_down),
            Beat(325, "5 min without an answer"),
            Beat(900, "Fireworks answers again", _come_back),
            Beat(980, "recovery"),
        ),
    ),
    Scenario(
        "storm",
        "Storm of 200",
        "200 jobs lose their shared storage at the same second",
        lambda cast: lose_storage(cast.world, cast.timeline, _group("sweep", cast.number), 25),
        lambda number: f"fireworks:acme/{_group('sweep', number)}-* announce=off --yes",
        (Beat(32, "200 jobs fail", hold_s=25),),
    ),
    Scenario(
        "ends-well",
        "Ends well",
        "A run waits for GPUs, trains and completes",
        _ends_well,
        _baseten("good", "notify=all queued=10s"),
        (Beat(28, "GPUs are free"), Beat(45, "the first steps"), Beat(106, "the run completes")),
    ),
)


def scenario_named(name: str) -> Scenario:
    """Return a story by its name.

    Raises:
        KeyError: there is none.
    """
    return next((one for one in SCENARIOS if one.name == name), None) or _unknown(name)


def _unknown(name: str) -> Scenario:
    raise KeyError(name)
