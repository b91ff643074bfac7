"""A log for the benchmarks: a million lines of four frameworks' styles. The same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bot.domain.logs import Level, LogLine

START_NS = 1_793_491_200_000_000_000


def log_lines(count: int) -> list[LogLine]:
    """Lines a millisecond apart."""
    return [
        LogLine(START_NS + number * 1_000_000, text, replica=f"node{number % 8}", level=Level.INFO)
        for number, text in enumerate(_texts(count))
    ]


def _texts(count: int) -> Iterator[str]:
    dice = random.Random(7)
    for number in range(count):
        match number % 4:
            case 0:
                yield (
                    f"[rank{number % 8}]: step {number} loss {2 + dice.random():.4f} grad_norm 0.12 lr 1e-4"
                    f" tok/s {dice.randrange(9000, 13000)}"
                )
            case 1:
                yield (
                    f"[rank{number % 8}]: iteration {number:8d}/ 159576 | step time (ms): {dice.randrange(900):.1f} |"
                    f" learning rate: 6.000E-05 | loss: 2.444662E+00 | grad norm: 1.2 |"
                )
            case 2:
                yield f"{{'loss': {dice.random():.3f}, 'grad_norm': 0.3, 'learning_rate': 9.7e-06, 'epoch': 0.53}}"
            case _:
                yield f"worker-1 | INFO reading shard {number} from /data/shards/part-{number:05d}.tar, ok"
