"""A stored state continues in the next process; one of another version or with damage starts again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.state import VERSION
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine
from bot.domain.observations import Observation
from bot.rules.evaluate import resume_diagnosis
from bot.store.codec import from_json, to_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
VERSION_1 = json.loads(Path(__file__).with_name("state_version_1.json").read_text(encoding="utf-8"))
"""Written by a previous version of trainwatch, whose fields have other names."""


def poll(scanner: PageScanner, state: object, *lines: str) -> tuple[list[str], object]:
    """Diagnose lines as the watcher does, and store the state as the database does."""
    logged = tuple(LogLine(NOW_NS, line) for line in lines)
    diagnosis, after = resume_diagnosis(scanner, state, Observation(JobRef("mem", "1"), NOW, lines=logged))
    assert diagnosis is not None
    return [failure.signature for failure in diagnosis.failures], from_json(to_json(after), dict[str, object])


@pytest.mark.parametrize(
    "stored", [VERSION_1, {"version": VERSION + 1, "lines": "?"}, {"version": VERSION, "lines": "?"}]
)
def test_state_of_other_version_or_with_damage_starts_again(scanner: PageScanner, stored: dict[str, object]) -> None:
    found, state = poll(scanner, stored, OOM)
    again, _ = poll(scanner, state)

    assert (found, again) == (["cuda_oom"], ["cuda_oom"])


NUMBERS = {
    "speed": ["step {n} loss 2.0 tok/s inf"],
    "epoch": ["epoch 9{nines} step {n} loss 2.0"],
    "total": ["step {n}/9{nines} loss 2.0"],
    "step": ["9{nines}/100 [====>...] loss: 2.{n}"],
    "loss": ["step {n} loss 1e308 grad_norm 1.0", "step {n} loss -1e308 grad_norm 1.0"],
    "time per step": ["elapsed time per iteration (ms): 9{nines}.1 step {n} loss 2.0"],
    "malformed time per step": ["elapsed time per iteration (ms): 1.2.3 step {n} loss 2.0"],
    "malformed loss": ["  {n}/100 2.1G 1.2.3 0.4"],
    "elapsed time": ["step {n} loss 2.0", "still running 9{nines}:00:00"],
    "date": ["0001-01-01 00:00:00+14:00 step {n} loss 2.0", "9999-12-31 23:59:59-14:00 step {n} loss 2.0"],
}


@pytest.mark.parametrize("lines", NUMBERS.values(), ids=NUMBERS)
def test_extreme_number_in_log_does_not_damage_state(scanner: PageScanner, lines: list[str]) -> None:
    log = [line.format(n=n, nines="9" * 400) for n in range(1, 20) for line in lines]
    _, state = poll(scanner, None, OOM, *log)
    found, _ = poll(scanner, state, *log)
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(log).encode())

    assert "cuda_oom" in found
    json.dumps(diagnoser.report().to_json())
