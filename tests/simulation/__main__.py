"""`make simulate`: run many seeds on every core; print each violation with the command that replays it.

`--replay SEED` prints everything that happened in one simulation. `--log FILE` continues a run that was interrupted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.simulation.scenario import draw
from tests.simulation.seeds import CHUNK, Chunk, ChunkResult, run_chunk
from tests.simulation.simulation import run_scenario


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 when no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, metavar="N", help="number of seeds (default 100,000)")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="first seed")
    parser.add_argument("--replay", type=int, metavar="SEED", help="replay one seed and print its course")
    parser.add_argument("--without-scope", action="store_true", help="Slack does not let the bot read its messages")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append finished seeds to a file; skip those in it")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return _replay(chosen.replay, can_read_history=not chosen.without_scope)
    starts = range(chosen.first, chosen.first + chosen.seeds, CHUNK)
    ends = chosen.first + chosen.seeds
    chunks = [Chunk(start, min(CHUNK, ends - start), not chosen.without_scope) for start in starts]
    return _run_all(chunks, chosen.log)


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


def _run_all(chunks: Sequence[Chunk], log: Path | None) -> int:
    finished = _read_log(log)
    chunks = [one for one in chunks if one not in finished]
    count = sum(one.count for one in chunks)
    began, done, failed, messages, simulated_s = time.monotonic(), 0, 0, 0, 0.0
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for chunk, result in zip(chunks, pool.imap(run_chunk, chunks), strict=True):
            _append_to_log(log, chunk, result)
            done, messages, simulated_s = done + result.seeds, messages + result.posts, simulated_s + result.lasted_s
            failed += len(result.violations)
            for seed, violations in result.violations.items():
                for one in violations:
                    _print(f"\rseed {seed}: {one.invariant}: {one.detail}  (--replay {seed})")
            _show_progress(done, count, failed, time.monotonic() - began)
    if finished:
        _print(f"\r{sum(one.count for one in finished):,} seeds before, {sum(finished.values()):,} with violations")
    _print(
        f"\r{done:,} seeds, {failed:,} with violations, {messages:,} messages, "
        f"{simulated_s / 3600:,.0f} h simulated in {time.monotonic() - began:,.0f} s"
    )
    return 1 if failed or any(finished.values()) else 0


def _read_log(log: Path | None) -> dict[Chunk, int]:
    """Return the finished chunks, and in each the number of seeds with violations."""
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log is not None and log.exists() else []
    return {Chunk(**entry["chunk"]): len(entry["violations"]) for entry in entries}


def _append_to_log(log: Path | None, chunk: Chunk, result: ChunkResult) -> None:
    if log is not None:
        with log.open("a") as file:
            file.write(f"{json.dumps({'chunk': asdict(chunk), 'violations': list(result.violations)})}\n")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show_progress(done: int, count: int, failed: int, seconds: float) -> None:
    if sys.stderr.isatty():
        left_s = seconds / done * (count - done)
        sys.stderr.write(f"\r{done:,} of {count:,} seeds, {failed:,} with violations, {left_s:,.0f} s left ")


if __name__ == "__main__":
    sys.exit(main())
