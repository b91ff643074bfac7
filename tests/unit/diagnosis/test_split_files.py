"""A run split into a file for each rank gets the verdict of the same run in one interleaved file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.diagnosis.findings import Failure
from tests.unit.diagnosis.test_merged_files import CONNECTION, OOM, TRACEBACK, diagnose_run

CAUSES = (
    [*TRACEBACK.splitlines(), OOM],
    [*TRACEBACK.splitlines(), "KeyError: 'labels'"],
    [*TRACEBACK.splitlines(), "RuntimeError: CUDA error: uncorrectable ECC error encountered"],
)
LOST = [*TRACEBACK.splitlines(), CONNECTION]


@dataclass(frozen=True)
class Run:
    """A run whose rank `failing` fails, after which some others lose their connection to it."""

    ranks: int
    failing: int
    cause: Sequence[str]
    steps: int
    delays: Sequence[int]
    """After how many seconds each rank reports the lost connection; 0 if it reports nothing."""

    def lines(self) -> list[tuple[float, int, str]]:
        """Times in seconds, ranks and lines, in the order of time."""
        found = [
            (float(step), rank, f"step {step} loss 2.5") for step in range(self.steps) for rank in range(self.ranks)
        ]
        found += [(self.steps + 1 + n / 1000, self.failing, text) for n, text in enumerate(self.cause)]
        for rank, delay in zip(range(self.ranks), self.delays, strict=False):
            if delay and rank != self.failing:
                found += [(self.steps + 1 + delay + n / 1000, rank, text) for n, text in enumerate(LOST)]
        return sorted(found, key=lambda one: one[0])


RUNS = st.integers(2, 9).flatmap(
    lambda ranks: st.builds(
        Run, st.just(ranks), st.integers(0, ranks - 1), st.sampled_from(CAUSES), st.integers(1, 40),
        st.lists(st.integers(0, 20), min_size=ranks, max_size=ranks),
    )
)  # fmt: skip


def stamped(seconds: float, text: str) -> str:
    """Only steps have a time, as in most logs."""
    minute, second = divmod(int(seconds), 60)
    return f"2026-03-13 10:{minute:02d}:{second:02d} INFO {text}" if text.startswith("step") else text


def page_of(texts: dict[str, str]) -> Failure:
    (page,) = (one for one in diagnose_run(texts).failures if one.severity == "page")
    return page


@settings(deadline=None, max_examples=15)
@given(RUNS)
def test_split_run_gets_the_verdict_of_the_interleaved_one(run: Run) -> None:
    split = {f"logs/rank_{rank}.log": "" for rank in range(run.ranks)}
    together = ""
    for seconds, rank, text in run.lines():
        split[f"logs/rank_{rank}.log"] += f"{stamped(seconds, text)}\n"
        together += f"[rank{rank}]: {stamped(seconds, text)}\n"

    one, several = page_of({"train.log": together}), page_of(split)

    assert (several.signature, several.title) == (one.signature, one.title)
    assert several.root_rank == one.root_rank == run.failing
    assert several.file == f"logs/rank_{run.failing}.log"
    assert several.line == run.steps + len(run.cause)
