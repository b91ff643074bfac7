# ruff: noqa: E501 - log lines are long
"""Several bars, counters and attempts in one log: the run's own numbers are reported, and a healthy run has no failure."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Severity
from tests.unit.diagnosis.progress_logs import SECOND, START_NS, bar

NOISE = random.Random(3)


class Log(NamedTuple):
    lines: list[str]
    step: int | None
    total: int | None = None
    loss: float | None = None
    gap_s: float = 2.0


def named(name: str, step: int, total: int, more: str = "") -> str:
    return f"{name}: {bar(step, total, '1.20it/s', more)}"


def nested() -> list[str]:
    lines = []
    for epoch in range(3):
        lines.append(named("Epochs", epoch, 3))
        lines += [named("Batches", batch, 1000, f", loss=1.{1000 - batch:04d}") for batch in range(0, 1001, 10)]
        lines += [named("Evaluating", batch, 100) for batch in range(0, 101, 10)]
        lines.append(f"eval_loss: 1.2 accuracy: 0.8{epoch}")
    return lines


def downloads() -> list[str]:
    files = [
        f"model-0000{n}-of-00004.safetensors: {part}%|███  | {part / 20:.2f}G/5.00G [00:12<00:14, 190MB/s]"
        for n in range(1, 5)
        for part in range(0, 101, 5)
    ]
    return [*files, *(named("Loading checkpoint shards", n, 4) for n in range(5))]


def sb3(iteration: int) -> list[str]:
    rows = {
        "ep_rew_mean": 20 + iteration,
        "fps": 1021,
        "iterations": iteration,
        "total_timesteps": 2048 * iteration,
        "approx_kl": 0.009,
        "loss": f"{NOISE.uniform(0, 60):.3f}",
        "value_loss": 80,
    }
    return [f"|    {name:20} | {value!s:11} |" for name, value in rows.items()]


def ultralytics(epoch: int) -> list[str]:
    row = f"{epoch:7d}/100      3.2G      {1.5 - epoch / 50:.3f}      0.92      1.31        24        640"
    validation = "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95)"
    return [
        *(f"{row}: {bar(batch, 120, '5.60it/s')}" for batch in range(0, 121, 10)),
        *(f"{validation}: {bar(batch, 20, '9.10it/s')}" for batch in range(0, 21, 5)),
        "                   all        640       2048      0.912      0.812       0.88       0.61",
    ]


TRAINED = [bar(step, 500, "1.20it/s", f", loss=1.{500 - step:03d}") for step in range(1, 301)]
HEALTHY: dict[str, Log] = {
    "a bar of each of eight ranks": Log([bar(step, 1000, more=f", loss=2.{step:03d}") for step in range(1, 201) for _ in range(8)], 200, 1000, 2.2, 0.2),
    "bars of epochs, batches and an evaluation": Log(nested(), 1000, 1000, 1.0),
    "downloads before and after": Log([*downloads(), *TRAINED, *downloads()], 300, 500, 1.2),
    "an attempt from a checkpoint": Log([f"step {step}/1000 | loss: {2 - step / 1000:.3f}" for step in (*range(1, 501), *range(401, 450))], 449, 1000, 1.551),
    "thousands": Log([f"step: {step / 10:.1f}k/50k | loss: {2 - step / 1000:.3f} | {12 + step % 2}.5k tok/s" for step in range(1, 301)], 30_000, 50_000, 1.7),
    "LightGBM": Log([f"[{n}]\tvalid_0's l2: {1 / n:.4f}" for n in range(1, 301)], 300, gap_s=0.5),
    "XGBoost": Log([f"[{n}]\ttrain-rmse:{1 / (n + 1):.4f}\teval-rmse:{1.1 / (n + 1):.4f}" for n in range(300)], 299, gap_s=0.5),
    "XGBoost with folds": Log([f"[{n}]\ttrain-rmse:{1 / (n + 1):.4f}\teval-rmse:{1.1 / (n + 1):.4f}" for _ in range(5) for n in range(0, 100, 10)], 90, gap_s=5),
    "CatBoost": Log([f"{n}:\tlearn: {1 / (n + 1):.4f}\ttest: {1 / (n + 1):.4f}\tbest: 0.1 ({n})\ttotal: {n}s\tremaining: {300 - n}s" for n in range(300)], 299),
    "Marian": Log([f"[2026-01-01 10:00:00] Ep. {1 + n // 100} : Up. {n * 500} : Sen. {n * 1000:,} : Cost {9 - n / 100:.4f} : Time 95.1s : 21332.1 words/s" for n in range(1, 300)], 149_500, None, 6.01),
    "MindSpore": Log([f"epoch: {1 + n // 100} step: {1 + n % 100}, loss is {3 - n / 1000:.3f}" for n in range(300)], 100, None, 2.701),
    "tables of Stable-Baselines3": Log([row for n in range(1, 100) for row in sb3(n)], 202_752, gap_s=0.3),
    "tables of Ultralytics": Log([row for epoch in range(1, 21) for row in ultralytics(epoch)], 120, 120, 1.1),
    "spaCy": Log([f"{n // 3:3d}  {200 * n:6d}  {3000 / (n + 1):12.2f}  {900 / (n + 1):8.2f}  {60 + n:6.2f}   60.00   61.00" for n in range(30)], None, gap_s=30),
    "single losses that are not finite": Log([f"step {step}/1000 | loss: {math.nan if step % 50 == 0 else 2 - step / 1000:.3f}" for step in range(1, 500)], 499, 1000, 1.501),
    "a spike that comes back": Log([f"{{'loss': {loss:.3f}, 'epoch': {n / 100:.2f}}}" for n, loss in enumerate([*(1.2 + n % 3 / 50 for n in range(60)), 8, 7, 5.5, 4, 3, 2.5, 2, 1.8, 1.6, 1.4, 1.3, 1.2])], None, None, 1.2),
}  # fmt: skip


@pytest.mark.parametrize("log", HEALTHY.values(), ids=HEALTHY)
def test_numbers_of_the_run_are_reported_and_nothing_fails(scanner: PageScanner, log: Log) -> None:
    live, file = Diagnoser(scanner), Diagnoser(scanner)
    for number, text in enumerate(log.lines):
        live.feed(text, timestamp_ns=START_NS + int(number * log.gap_s * SECOND))
    file.feed_page(("\n".join(log.lines) + "\n").encode())

    for diagnosis in (live.report(START_NS + int(len(log.lines) * log.gap_s + 60) * SECOND), file.report()):
        assert [one.title for one in diagnosis.failures if one.severity is not Severity.INFO] == []
        progress = diagnosis.progress
        assert (progress.step, progress.total_steps) == (log.step, log.total)
        assert log.loss is None or progress.loss == log.loss


@pytest.mark.parametrize("name", ["LightGBM", "XGBoost", "CatBoost"])
def test_silence_after_the_last_round_is_not_a_hang(scanner: PageScanner, name: str) -> None:
    """Nothing marks the last round, and predictions may take hours."""
    diagnoser = Diagnoser(scanner)
    for number, text in enumerate(HEALTHY[name].lines):
        diagnoser.feed(text, timestamp_ns=START_NS + number * SECOND)

    assert diagnoser.report(START_NS + 20_000 * SECOND).failures == ()


SHORT = {
    "without a norm": ("{{'loss': {loss}, 'epoch': {n}}}", [3.4, 5.9, 8.1, 8.8, 9.0]),
    "slowly": ("step {n} loss {loss}", [2.9, 3.1, 3.3, 3.6, 3.8]),
}


@pytest.mark.parametrize(("line", "rise"), SHORT.values(), ids=SHORT)
def test_five_reports_far_above_the_spread_are_a_divergence(scanner: PageScanner, line: str, rise: list[float]) -> None:
    diagnoser = Diagnoser(scanner)
    losses = [*(1.2 + n % 3 / 50 for n in range(60)), *rise]
    diagnoser.feed_page("".join(f"{line.format(loss=loss, n=n)}\n" for n, loss in enumerate(losses, 1)).encode())

    (failure,) = diagnoser.report().failures
    assert (failure.severity, failure.signature) == (Severity.PAGE, "divergence")
