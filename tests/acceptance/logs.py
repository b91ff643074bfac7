"""A log with everything that has gone wrong somewhere: 10,000 lines and more, each system's own fields."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from emulator.logs import Line
from emulator.world import Status, World
from tests.acceptance.program import ANCHOR, ANCHOR_NS

REFERENCES = {
    "baseten": "baseten:proj/job1",
    "baseten-model": "baseten-model:mod1/dep1",
    "fireworks": "fireworks:acme/batch-1",
    "rivergen": "rivergen:mdl-1/run-1",
}
LEVELS = {
    "baseten": (None, "DEBUG", "INFO", "WARNING", "ERROR"),
    "baseten-model": (None, "DEBUG", "INFO", "WARNING", "ERROR"),
    "fireworks": (None,),
    "rivergen": (None, "debug", "info", "warning", "error"),
}
TEXTS = (
    "step {n} loss=0.{n}",
    "  {n} indented, trailing spaces  ",
    "Traceback (most recent call last):\n  File \"train.py\", line {n}\nValueError: nope",
    "\t<!channel> `{n}` *bold* <@U123> &amp; \"quoted\" \\ backslash",
    "Größe {n}: ∇loss → 0 \U0001f525 \u202eturned\u202c \u2028 separated",
    "\x1b[31mred {n}\x1b[0m\r\x07\x00 control",
    "",
    "{n}",
)  # fmt: skip
BURST = 120
"""Lines in one millisecond."""


@cache
def hostile_lines(count: int, system: str, *, span_s: int = 3600, seed: int = 1, replicas: int = 3) -> Sequence[Line]:
    """Lines in order of time: bursts, equal stamps, true duplicates, odd text; up to shortly before the anchor."""
    dice = random.Random(seed)
    step_ns = span_s * 10**9 // count
    lines: list[Line] = []
    at_ns = ANCHOR_NS - span_s * 10**9
    while len(lines) < count:
        number = len(lines)
        at_ns += dice.choice((0, 1, 2 * step_ns, 2 * step_ns + dice.randrange(1000)))
        if number % 2500 == 700:
            burst_ns = at_ns // 10**6 * 10**6 + 10**6
            lines += [
                _line(burst_ns + dice.randrange(4) * 100, number + n, system, dice, replicas) for n in range(BURST)
            ]
            at_ns = burst_ns + 10**6
        lines.append(_line(at_ns, number, system, dice, replicas))
        if number % 40 == 0:
            lines += [lines[-1]] * dice.randrange(1, 3)
    return tuple(sorted(lines, key=lambda line: line.timestamp_ns))


def giant_line(system: str) -> Line:
    """Two megabytes in one line."""
    return Line(ANCHOR_NS - 5 * 10**8, "boom " * 400_000 + "\U0001f4a5 end", "r0abc", LEVELS[system][-1])


def put(world: World, system: str, lines: Sequence[Line]) -> str:
    """Put the log at the system's address, with its job ended so that nothing changes; return the reference."""
    began = ANCHOR - timedelta(hours=5)
    address = REFERENCES[system].partition(":")[2].split("/")
    match system:
        case "baseten":
            statuses = [Status(began, "TRAINING_JOB_RUNNING"), Status(ANCHOR, "TRAINING_JOB_COMPLETED")]
            world.add_training_job(address[0], address[1], lines=lines, statuses=statuses)
        case "baseten-model":
            world.add_deployment(address[0], address[1], lines=lines, statuses=[Status(began, "ACTIVE")])
        case "fireworks":
            statuses = [Status(began, "RUNNING"), Status(ANCHOR, "COMPLETED")]
            world.add_batch_job(address[0], address[1], lines=lines, statuses=statuses, num_ranks=4)
        case _:
            statuses = [Status(began, "running"), Status(ANCHOR, "completed")]
            world.add_rivergen_run(address[0], address[1], lines=lines, statuses=statuses)
    return REFERENCES[system]


def _line(at_ns: int, number: int, system: str, dice: random.Random, replicas: int) -> Line:
    text = TEXTS[number % len(TEXTS)].format(n=number)
    level = dice.choice(LEVELS[system])
    request_id = f"req-{dice.randrange(5)}" if number % 3 == 0 else None
    return Line(at_ns, text, f"r{dice.randrange(replicas)}abc", level, request_id, rank=dice.randrange(4))
