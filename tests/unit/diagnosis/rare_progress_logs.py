# ruff: noqa: E501 - log lines are long
"""More styles of training logs: those whose step, total or loss is written in another way."""

from __future__ import annotations

from collections.abc import Iterator

from tests.unit.diagnosis.progress_logs import STYLES, Run, Stated, Style, bar


def litgpt(run: Run, step: int) -> Iterator[Stated]:
    """Four iterations make a step."""
    loss = run.loss(step)
    for batch in range(4 * step - 3, 4 * step + 1):
        mark = " (step)" if batch % 4 == 0 else ""
        yield Stated(
            f"Epoch 1 | iter {batch} step {step} | loss train: {loss}, val: n/a | iter time: 123.45 ms{mark}",
            step,
            None,
            loss,
        )
    if step % 20 == 0:
        yield Stated(f"iter {4 * step}: val loss 2.3412, val time: 1234.5 ms")


def timm(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    batch = step % 60
    yield Stated(
        f"Train: {step // 60} [{batch:4d}/60 ({100 * batch // 59:3d}%)]  Loss: {loss} (4.678)  Time: 0.345s,  744.33/s  (0.345s,  744.33/s)  LR: 1.000e-03  Data: 0.011 (0.022)",
        batch,
        60,
        loss,
    )
    if batch == 59:
        yield Stated(
            "Test: [  10/48]  Time: 0.222 (0.333)  Loss:   0.912 ( 1.022)  Acc@1:  78.125 ( 77.111)  Acc@5:  92.1 ( 93.1)"
        )


def wandb_history(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f'{{"_step": {step}, "_timestamp": {1767225600 + step}.3, "_runtime": {step}.1, "train/loss": {loss}}}',
        step,
        None,
        loss,
    )
    if step % 20 == 0:
        yield Stated(f'{{"_step": {step}, "_timestamp": {1767225600 + step}.4, "val/loss": 3.3125}}')


def levanter(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"2026-01-01 10:00:00 - 0 - levanter.tracker - INFO :: Progress on:train {step}it/{run.total}it rate:1.2s/it remaining:1:23:44 elapsed:00:44 postfix:loss={loss}",
        step,
        run.total,
        loss,
    )
    if step % 20 == 0:
        yield Stated(
            "2026-01-01 10:00:00 - 0 - levanter.tracker - INFO :: Progress on:eval 20it/40it rate:9.2it/s remaining:00:02 elapsed:00:02 postfix:loss=2.512"
        )


def verl(run: Run, step: int) -> Iterator[Stated]:
    """Two counters without a training loss."""
    prefix = "\x1b[36m(TaskRunner pid=4444)\x1b[0m"
    yield Stated(
        f"{prefix} step:{step} - actor/entropy:0.3 - actor/pg_loss:0.0123 - critic/score/mean:0.44 - timing_s/step:44.3",
        step,
        run.total if step > 1 else None,
    )
    yield Stated(f"{prefix} Training Progress: {bar(step, run.total)}", step, run.total)


ALL_STYLES: tuple[Style, ...] = (*STYLES, litgpt, timm, wandb_history, levanter, verl)
