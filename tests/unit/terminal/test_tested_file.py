"""`rules test FILE`: the alerts that a log file would have raised, by the times of its lines."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.terminal.exit_codes import ExitCode
from tests.unit.terminal.shell import SECRET, Shell

START = datetime(2026, 3, 13, 10, tzinfo=UTC)


def log_of(minutes: int) -> str:
    """A line each minute; from minute 60 to 90 the loss is high, and a secret is printed beside it."""
    lines = ["a banner without a time"]
    for minute in range(minutes):
        loss = 6.5 if 60 <= minute < 90 else 2.5
        at = START + timedelta(minutes=minute)
        lines.append(f"{at:%Y-%m-%d %H:%M:%S} INFO step {minute} loss: {loss} kl: 0.{minute:03d} {SECRET}")
    return "\n".join(lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text(log_of(120), encoding="utf-8")
    return path


async def test_a_rule_is_tested_on_a_file(log: Path) -> None:
    shell = Shell()

    assert await shell.type("rules", "test", str(log), "loss > 5 for 10m", "loss=off", "kl > 1") == ExitCode.OK

    out = " ".join(shell.out.split())
    assert "1 alert would have fired from 2026-03-13 10:00 to 2026-03-13 11:59 UTC" in out
    assert "03-13 11:10:00 WARN loss above 5 (loss > 5 for 10m) loss is 6.5 at step 70, above 5 for 10 min." in out
    assert "cleared at 03-13 11:44:00, after 34 min" in out
    assert "121 lines read, evaluated every 15 s" in out
    assert "Would not have fired: job_failed, failure, hang," in out
    assert SECRET not in out


async def test_the_answer_is_json_too(log: Path) -> None:
    packed = log.with_name("train.log.gz")
    packed.write_bytes(gzip.compress(log_of(120).encode()))
    shell = Shell()

    await shell.type("rules", "test", str(packed), "loss > 5", "loss=off", "eval/acc falls", "--json")

    answer = json.loads(shell.out)
    assert [(one["rule"], one["severity"]) for one in answer["alerts"]] == [("loss > 5", "warn")]
    assert "`eval/acc` was not found." in answer["notes"]


@pytest.mark.parametrize(
    ("rule", "text", "problem"),
    [
        ("loss > 5", "step 1 loss 2\nstep 2 loss 3\n", "has a time"),
        ("loss > 5 fro 10m", "", "Did you mean `for`?\n  loss > 5 fro 10m\n           ^^^"),
        ("loss > 5", "\1\2\3" * 400, "is a binary file"),
    ],
)
async def test_what_cannot_be_tested_is_explained(tmp_path: Path, rule: str, text: str, problem: str) -> None:
    path = tmp_path / "some.log"
    path.write_text(text, encoding="utf-8")
    shell = Shell()

    assert await shell.type("rules", "test", str(path), rule) != ExitCode.OK
    assert problem in shell.err


async def test_a_long_silence_is_polled_less_often(tmp_path: Path) -> None:
    """Days between two lines take few polls."""
    path = tmp_path / "long.log"
    path.write_text("2026-01-01 10:00:00 step 1 loss 2\n2026-01-02 10:00:00 step 2 loss 7\n", encoding="utf-8")
    shell = Shell()

    assert await shell.type("rules", "test", str(path), "loss > 5", "hang=off") == ExitCode.OK
    assert "loss is 7 at step 2, above 5." in shell.out
