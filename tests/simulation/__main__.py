"""`make simulate`: run many seeds on every core; print each violation with the command that replays it.

`--replay SEED` prints everything that happened in one simulation.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time

from tests.simulation.scenario import draw
from tests.simulation.seeds import CHUNK, Chunk, run_chunk
from tests.simulation.simulation import run_scenario


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 when no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, metavar="N", help="number of seeds (default 100,000)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="first seed")
    parser.add_argument("--replay", type=int, metavar="SEED", help="replay one seed and print its course")
    parser.add_argument("--without-scope", action="store_true", help="Slack does not let the bot read its messages")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return _replay(chosen.replay, can_read_history=not chosen.without_scope)
    return _run_all(chosen.first, chosen.seeds, can_read_history=not chosen.without_scope)


def _replay(seed: int, *, can_read_history: bool) -> int:
    scenario = draw(seed, can_read_history=can_read_history)
    _print(str(scenario))
    outcome = run_scenario(scenario)
    _print("\n".join(outcome.trace))
    for one in outcome.violations:
        _print(f"VIOLATION {one.invariant}: {one.detail}")
    counts = f"{len(outcome.violations)} violations, {outcome.posts} messages"
    _print(f"seed {seed}: {counts}, {outcome.lasted_s:.0f} s simulated")
    return 1 if outcome.violations else 0


def _run_all(first: int, count: int, *, can_read_history: bool) -> int:
    starts = range(first, first + count, CHUNK)
    chunks = [Chunk(start, min(CHUNK, first + count - start), can_read_history) for start in starts]
    began, done, failed, messages, simulated_s = time.monotonic(), 0, 0, 0, 0.0
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for result in pool.imap(run_chunk, chunks):
            done, messages, simulated_s = done + result.seeds, messages + result.posts, simulated_s + result.lasted_s
            failed += len(result.violations)
            for seed, violations in result.violations.items():
                for one in violations:
                    _print(f"\rseed {seed}: {one.invariant}: {one.detail}  (--replay {seed})")
            _show_progress(done, count, failed, time.monotonic() - began)
    _print(
        f"\r{done:,} seeds, {failed:,} with violations, {messages:,} messages, "
        f"{simulated_s / 3600:,.0f} h simulated in {time.monotonic() - began:,.0f} s"
    )
    return 1 if failed else 0


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show_progress(done: int, count: int, failed: int, seconds: float) -> None:
    if sys.stderr.isatty():
        left_s = seconds / done * (count - done)
        sys.stderr.write(f"\r{done:,} of {count:,} seeds, {failed:,} with violations, {left_s:,.0f} s left ")


if __name__ == "__main__":
    sys.exit(main())
