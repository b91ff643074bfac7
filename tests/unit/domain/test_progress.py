"""How a run's progress, its last checkpoint and the work lost read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.progress import (
    Checkpoint,
    RunProgress,
    checkpoint_text,
    format_step_seconds,
    lost_work,
    progress_text,
)

SAVED = datetime(2026, 3, 13, 10, 0, tzinfo=UTC)
LAST = SAVED + timedelta(minutes=12)
PROGRESS = RunProgress(step=2926, total_steps=50_000, step_s=4.0, last_ns=ns_from_datetime(LAST))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "step 2,926 of 50,000 · 4.0 s/step · about 52 h left"),
        ({"total_steps": None}, "step 2,926 · 4.0 s/step"),
        ({"step_s": None}, "step 2,926 of 50,000"),
        ({"step": 50_000}, "step 50,000 of 50,000 · 4.0 s/step"),
        ({"step": 49_990}, "step 49,990 of 50,000 · 4.0 s/step · about 40 s left"),
        ({"step": 49_000}, "step 49,000 of 50,000 · 4.0 s/step · about 67 min left"),
        ({"step_s": 40.0}, "step 2,926 of 50,000 · 40 s/step · about 22 d left"),
        ({"step_s": 1e300}, f"step 2,926 of 50,000 · {1e300 / 60:.0f} min/step"),
        ({"finished": True}, "step 2,926 of 50,000 · 4.0 s/step · finished"),
        ({"step": None, "epoch": 3.25, "step_s": None}, "epoch 3.25"),
        ({"step": None}, ""),
        ({"step": 12, "total_steps": 40, "epoch": 3.0, "is_epoch_total": True}, "epoch 3, step 12 of 40 · 4.0 s/step"),
    ],
)
def test_progress_reads_as_step_pace_and_time_left(changes: dict[str, object], text: str) -> None:
    assert progress_text(replace(PROGRESS, **changes)) == text  # type: ignore[arg-type]


def test_a_run_that_ended_has_no_time_left() -> None:
    assert progress_text(PROGRESS, is_running=False) == "step 2,926 of 50,000 · 4.0 s/step"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0384, "38 ms"), (0.25, "0.25 s"), (4, "4.0 s"), (152, "152 s"), (720, "12 min")]
)
def test_a_time_per_step_has_two_digits(seconds: float, text: str) -> None:
    assert format_step_seconds(seconds) == text


def test_lost_work_ends_with_the_newest_step_not_with_the_hang_after_it() -> None:
    progress = replace(PROGRESS, checkpoint=Checkpoint(2500, SAVED))

    assert lost_work(progress, LAST + timedelta(hours=9)) == timedelta(minutes=12)
    assert checkpoint_text(progress, LAST + timedelta(hours=9)) == "last checkpoint 2,500 (12 min of work lost)"
    assert checkpoint_text(progress) == "last checkpoint 2,500"


def test_lost_work_without_times_follows_from_steps_and_pace() -> None:
    assert lost_work(replace(PROGRESS, checkpoint=Checkpoint(2746)), LAST) == timedelta(minutes=12)


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": None},
        {"checkpoint": Checkpoint(2500)} | {"step_s": None},
        {"checkpoint": Checkpoint(2926)},
        {"checkpoint": Checkpoint(2926, LAST)},
        {"checkpoint": Checkpoint(2500, SAVED), "finished": True},
    ],
)
def test_nothing_is_lost_without_a_checkpoint_or_steps_after_it(changes: dict[str, object]) -> None:
    assert lost_work(replace(PROGRESS, **changes), LAST) is None  # type: ignore[arg-type]


def test_a_checkpoint_without_a_step_is_named_by_its_path() -> None:
    assert checkpoint_text(replace(PROGRESS, checkpoint=Checkpoint(path="last.ckpt"))) == "last checkpoint last.ckpt"
    assert checkpoint_text(PROGRESS) == ""


def test_progress_as_json_names_known_values_only() -> None:
    progress = replace(PROGRESS, loss=math.nan, checkpoint=Checkpoint(2500, SAVED, "out/checkpoint-2500"))

    assert json.loads(json.dumps(progress.to_json())) == {
        "step": 2926,
        "total_steps": 50_000,
        "loss": "nan",
        "last": "2026-03-13T10:12:00.000Z",
        "lines": 0,
        "finished": False,
        "step_s": 4.0,
        "is_epoch_total": False,
        "checkpoint": {"step": 2500, "at": "2026-03-13T10:00:00+00:00", "path": "out/checkpoint-2500"},
    }
