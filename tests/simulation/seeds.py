"""Run a range of seeds in one process, which compiles rules and statements once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.invariants import Violation
from tests.simulation.process import SimulatedProcess
from tests.simulation.scenario import draw
from tests.simulation.simulation import run_scenario

CHUNK = 50


@dataclass(frozen=True)
class Chunk:
    """A range of seeds."""

    first: int
    count: int
    can_read_history: bool = True


@dataclass
class ChunkResult:
    """What the seeds of a chunk did together."""

    seeds: int = 0
    posts: int = 0
    lasted_s: float = 0.0
    violations: dict[int, Sequence[Violation]] = field(default_factory=dict)
    """By seed; only seeds with violations."""


def run_chunk(chunk: Chunk, process: type[SimulatedProcess] = SimulatedProcess) -> ChunkResult:
    """Simulate each seed of a chunk."""
    result = ChunkResult()
    for seed in range(chunk.first, chunk.first + chunk.count):
        outcome = run_scenario(draw(seed, can_read_history=chunk.can_read_history), process)
        result.seeds, result.posts = result.seeds + 1, result.posts + outcome.posts
        result.lasted_s += outcome.lasted_s
        if outcome.violations:
            result.violations[seed] = outcome.violations
    return result
