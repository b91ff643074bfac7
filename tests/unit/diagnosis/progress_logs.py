# ruff: noqa: E501 - log lines are long
"""Generate the logs of training runs in the styles of many frameworks, with the numbers that each line states.

The generators know the numbers; they do not parse their lines. So they are an oracle for the parser.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND


class Stated(NamedTuple):
    """One line and the training progress that it states."""

    text: str
    step: int | None = None
    total: int | None = None
    loss: float | None = None


@dataclass(frozen=True)
class Run:
    """What a style needs to write the lines of one step."""

    total: int
    rng: random.Random

    def loss(self, step: int) -> float:
        return round(2 + 8 / (step + 4) + self.rng.random() / 10, 4)


Style = Callable[[Run, int], Iterator[Stated]]


def bar(step: int, total: int, rate: str = "4.00s/it", more: str = "") -> str:
    return f"{100 * step // total:3d}%|{'█' * (10 * step // total):10s}| {step}/{total} [{step % 60:02d}:{step % 60:02d}<1:02:18, {rate:>9}{more}]"


def huggingface(run: Run, step: int) -> Iterator[Stated]:
    if step % 5 == 0:
        loss = run.loss(step)
        yield Stated(
            f"{{'loss': {loss}, 'grad_norm': 1.25, 'learning_rate': 9.9e-06, 'epoch': {step / 500:.2f}}}", loss=loss
        )
    yield Stated(bar(step, run.total), step, run.total)
    if step % 40 == 0:
        for batch in range(1, 26):
            yield Stated(bar(batch, 25, "9.81it/s"))
        yield Stated(
            f"{{'eval_loss': 1.75, 'eval_runtime': 3.1, 'eval_steps_per_second': 8.0, 'epoch': {step / 500:.2f}}}"
        )


def trl(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    more = ", ".join(f"'rewards/part_{n}/mean': {n / 7:.6f}, 'completions/length_{n}': {n * 31.25}" for n in range(12))
    yield Stated(
        f"{{'loss': {loss}, 'grad_norm': 0.25, 'learning_rate': 1e-06, 'num_tokens': {step * 8192}.0, {more}, 'entropy': 0.31, 'epoch': {step / 100:.2f}}}",
        loss=loss,
    )
    yield Stated(bar(step, run.total, "31.2s/it"), step, run.total)


def unsloth(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(f"{{'loss': {loss}, 'grad_norm': 0.5, 'learning_rate': 2e-04, 'epoch': {step / 60:.2f}}}", loss=loss)
    yield Stated(f"[{step:3d}/{run.total} 00:10 < 01:50, 0.48 it/s, Epoch 0.1/1]", step, run.total)


def lightning(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    batch = (step - 1) % 50 + 1
    yield Stated(
        f"Epoch {(step - 1) // 50}: {bar(batch, 50, '1.37it/s', f', v_num=7, train_loss={loss}')}", batch, 50, loss
    )
    if batch == 50:
        for validation in range(1, 6):
            yield Stated(f"Validation DataLoader 0: {bar(validation, 5, '9.1it/s')}")


def tqdm(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(bar(step, run.total, "1.07it/s", f", loss={loss}"), step, run.total, loss)


def accelerate(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(f"Steps: {bar(step, run.total, '1.02s/it', f', lr=1e-5, step_loss={loss}')}", step, run.total, loss)


def megatron(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f" [2026-01-01 10:00:{step % 60:02d}] iteration {step:8d}/{run.total:8d} | consumed samples: {step * 512:12d} | elapsed time per iteration (ms): 12001.5 | learning rate: 3.000000E-04 | global batch size:   512 | lm loss: {loss:.6E} | loss scale: 1.0 | grad norm: 0.512 | number of skipped iterations:   0 | number of nan iterations:   0 |",
        step, run.total, loss,
    )  # fmt: skip
    if step % 40 == 0:
        yield Stated(f" validation loss at iteration {step} | lm loss value: 2.011E+00 | lm loss PPL: 7.5E+00 |")


def deepspeed(run: Run, step: int) -> Iterator[Stated]:
    yield Stated(
        f"[2026-01-01 10:00:{step % 60:02d},123] [INFO] [logging.py:96:log_dist] [Rank 0] step={step}, skipped=0, lr=[0.0001], mom=[(0.9, 0.95)]",
        step,
    )
    yield Stated(
        f"[2026-01-01 10:00:00,124] [INFO] [timer.py:215:stop] epoch=0/micro_step={8 * step}/global_step={step}, RunningAvgSamplesPerSec=71.2, CurrSamplesPerSec=70.1",
        step,
    )
    loss = run.loss(step)
    yield Stated(f"steps: {step} loss: {loss} iter time (s): 0.901 samples/sec: 71.2", None, None, loss)


def nemo(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"Training epoch 0, iteration {step}/{run.total} | lr: 1.2e-05 | global_batch_size: 512 | global_step: {step} | reduced_train_loss: {loss} | train_step_timing in s: 1.25",
        step,
        run.total,
        loss,
    )


def nemo_bar(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"Epoch 0: {bar(step, run.total, '14.05s/it', f', v_num=, reduced_train_loss={loss}, global_step={step - 1}.0')}",
        step,
        run.total,
        loss,
    )


def torchtitan(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"[rank0]:[titan] 2026-01-01 10:00:{step % 60:02d},123 - root - INFO - \x1b[31mstep: {step:2d}  \x1b[32mloss: {loss:7.4f}  \x1b[38;2;180;60;0mgrad_norm:  1.2512  \x1b[33mmemory: 45.1GiB(57.1%)  \x1b[34mtps: 5,123  \x1b[36mtflops: 300.1  \x1b[35mmfu: 30.1%\x1b[39m",
        step,
        None,
        loss,
    )


def nanogpt(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(f"iter {step}: loss {loss}, time 120.50ms, mfu 31.25%", step, None, loss)
    if step % 25 == 0:
        loss = run.loss(step)
        yield Stated(f"step {step}: train loss {loss}, val loss 2.7512", step, None, loss)


def modded_nanogpt(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"step:{step}/{run.total} train_loss:{loss} train_time:{step * 132}ms step_avg:132.98ms", step, run.total, loss
    )
    if step % 25 == 0:
        yield Stated(
            f"step:{step}/{run.total} val_loss:3.2712 train_time:{step * 132}ms step_avg:132.98ms", step, run.total
        )


def fairseq(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f'2026-01-01 10:00:{step % 60:02d} | INFO | train_inner | {{"epoch": 1, "update": {step / 2184:.3f}, "loss": "{loss}", "ppl": "81.2", "wps": "176776", "ups": "3.1", "num_updates": "{step}", "lr": "0.0009", "gnorm": "1.2"}}',
        step,
        None,
        loss,
    )
    if step % 50 == 0:
        yield Stated(
            f'2026-01-01 10:00:59 | INFO | valid | {{"epoch": 1, "valid_loss": "3.21", "valid_ppl": "9.2", "valid_num_updates": "{step}"}}'
        )


def fairseq_text(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"| epoch 001: {step:6d} / {run.total} loss={loss}, ppl=34.20, wps=176776, ups=3, num_updates={step}, lr=0.0009, gnorm=1.200, clip=100, oom=0, wall={step}",
        step,
        run.total,
        loss,
    )
    if step % 50 == 0:
        yield Stated(f"| epoch 001 | valid on 'valid' subset | loss 4.512 | ppl 22.8 | num_updates {step}")


def keras(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    batch = (step - 1) % 40 + 1
    if batch == 1:
        yield Stated(f"Epoch {(step - 1) // 40 + 1}/100")
    yield Stated(
        f"{batch:2d}/40 [{'=' * (batch // 2)}>{'.' * (30 - batch // 2)}] - ETA: 4:10 - loss: {loss} - accuracy: 0.5120",
        batch,
        40,
        loss,
    )


def keras_backspaces(run: Run, step: int) -> Iterator[Stated]:
    states, losses = [], [run.loss(step) for _ in range(3)]
    for n, loss in enumerate(losses):
        batch = (3 * step + n) % 90 + 1
        states.append("\b" * 70 + f"\r{batch:2d}/90 [==>...........................] - ETA: 1s - loss: {loss}")
    yield Stated("".join(states), (3 * step + 2) % 90 + 1, 90, losses[-1])


def keras3(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    batch = (step - 1) % 40 + 1
    yield Stated(
        f"\x1b[1m{batch:2d}/40\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m━━━━━━\x1b[0m \x1b[1m1s\x1b[0m 12ms/step - accuracy: 0.5120 - loss: {loss}",
        batch,
        40,
        loss,
    )


def mmengine(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    batch = (step - 1) % 70 + 1
    yield Stated(
        f"2026/01/01 10:00:{step % 60:02d} - mmengine - INFO - Epoch(train)  [{(step - 1) // 70 + 1}][{batch:3d}/70]  lr: 2.0000e-02  eta: 2:46:39  time: 0.2912  data_time: 0.0101  memory: 10762  grad_norm: 3.0612  loss: {loss}  loss_cls: 0.2101",
        batch,
        70,
        loss,
    )
    if batch == 70:
        for validation in (10, 20):
            yield Stated(
                f"2026/01/01 10:00:59 - mmengine - INFO - Epoch(val)  [{(step - 1) // 70 + 1}][{validation}/20]    eta: 0:00:01  time: 0.0501  data_time: 0.0021  memory: 1012  "
            )


def mmengine_iterations(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"2026/01/01 10:00:{step % 60:02d} - mmengine - INFO - Iter(train) [{step:6d}/{run.total}]  lr: 1.0000e-02  eta: 2:46:39  time: 0.2912  data_time: 0.0101  memory: 10762  loss: {loss}  decode.loss_ce: 0.2101",
        step,
        run.total,
        loss,
    )


def maxtext(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"completed step: {step}, seconds: 3.201, TFLOP/s/device: 151.201, Tokens/s/device: 5123.501, total_weights: 8192, loss: {loss}",
        step,
        None,
        loss,
    )


def flax(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"I0101 10:00:{step % 60:02d}.123456 140735 logging_writer.py:48] [{step}] learning_rate=0.0001, train_loss={loss}, steps_per_sec=3.1",
        None,
        None,
        loss,
    )
    yield Stated(f"I0101 10:00:{step % 60:02d}.123457 140735 train.py:301] Step {step} of {run.total}", step, run.total)


def mlperf(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f':::MLLOG {{"namespace": "", "time_ms": {1767225600000 + step * 4000}, "event_type": "POINT_IN_TIME", "key": "train_loss", "value": {loss}, "metadata": {{"file": "train.py", "lineno": 88, "step": {step}}}}}',
        step,
        None,
        loss,
    )


def ray(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated("╭───────────────────────────────────────╮")
    yield Stated(f"│ Training finished iteration {step} at 2026-01-01 10:00:00. Total running time: 1min 12s │", step)
    yield Stated("├───────────────────────────────────────┤")
    yield Stated("│ time_this_iter_s              3.91201 │")
    yield Stated(f"│ training_iteration        {step:11d} │", step)
    yield Stated(f"│ loss                      {loss:11.4f} │", None, None, loss)
    yield Stated("╰───────────────────────────────────────╯")


def composer(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(f"[batch={step}/{run.total}]:", step, run.total)
    yield Stated("         Train time/epoch: 0")
    yield Stated(f"         Train loss/train/total: {loss}", None, None, loss)
    yield Stated("         Train throughput/batches_per_sec: 0.2512")


def json_lines(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f'{{"time": "2026-01-01T10:00:{step % 60:02d}Z", "level": "info", "msg": "train", "step": {step}, "max_steps": {run.total}, "loss": {loss}, "lr": 0.0001}}',
        step,
        run.total,
        loss,
    )
    if step % 20 == 0:
        yield Stated('{"time": "2026-01-01T10:00:59Z", "level": "info", "msg": "eval", "eval_loss": 2.5}')


def json_message(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f'{{"ts": "2026-01-01T10:00:{step % 60:02d}Z", "level": "INFO", "msg": "step {step}/{run.total} loss {loss}"}}',
        step,
        run.total,
        loss,
    )


def logfmt(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(
        f"time=2026-01-01T10:00:{step % 60:02d}Z level=info msg=train step={step} total_steps={run.total} loss={loss} lr=1e-4",
        step,
        run.total,
        loss,
    )


def thousands(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    yield Stated(f"Step {step:,} of {run.total:,} | loss: {loss} | 4.0 s/step", step, run.total, loss)


def ranks(run: Run, step: int) -> Iterator[Stated]:
    loss = run.loss(step)
    for rank in run.rng.sample(range(4), 4):
        yield Stated(f"[rank{rank}]: step {step} | loss {loss} | tok/s 43{rank}00", step, None, loss)


def step_lines_and_bar(run: Run, step: int) -> Iterator[Stated]:
    """Global steps with losses, beside a bar of the epoch's batches without one."""
    yield Stated(bar((step - 1) % 30 + 1, 30))
    loss = run.loss(step)
    yield Stated(f"global step {step}/{run.total}: loss={loss}", step, run.total, loss)


STYLES: tuple[Style, ...] = (
    huggingface, trl, unsloth, lightning, tqdm, accelerate, megatron, deepspeed, nemo, nemo_bar, torchtitan, nanogpt,
    modded_nanogpt, fairseq, fairseq_text, keras, keras_backspaces, keras3, mmengine, mmengine_iterations, maxtext, flax,
    mlperf, ray, composer, json_lines, json_message, logfmt, thousands, ranks, step_lines_and_bar,
)  # fmt: skip

PREPARATION = (
    *(
        Stated(f"Map (num_proc=8): {100 * n // 40:3d}%|██▌       | {n * 250}/10000 [00:01<00:10, 812.50 examples/s]")
        for n in range(1, 41)
    ),
    *(Stated(f"Tokenizing train dataset: {bar(n, 20, '81.2 examples/s')}") for n in range(1, 21)),
    Stated("Generating train split: 10000 examples [00:00, 91234.50 examples/s]"),
    *(Stated(f"Loading checkpoint shards: {bar(n, 4, '1.20s/it')}") for n in range(1, 5)),
    *(Stated(f"Fetching 12 files: {bar(n, 12, '9.20it/s')}") for n in range(1, 13)),
)
CHATTER = (
    Stated("wandb: logged 12 metrics"),
    Stated("INFO data.loader: waited 0.3 s for shard s3://corpora/0412.jsonl.zst"),
    Stated("WARNING: could not decode /data/1.jpg, skipping this sample"),
)


def generate(style: Style, lines: int, seed: int, *, prepares: bool = True, restarts: bool = True) -> list[Stated]:
    """Return about `lines` lines of one run, which may fail and resume from a checkpoint in the middle."""
    rng = random.Random(seed)
    run = Run(rng.choice([500, 5_000, 50_000, 1_000_000]), rng)
    found = list(PREPARATION) if prepares else []
    step, restart_at = rng.choice([1, 90]), lines // 2 if restarts else 0
    while len(found) < lines and step < run.total:
        for stated in style(run, step):
            found.append(stated)
            if rng.random() < 0.03:
                found.append(rng.choice(CHATTER))
        step += 1
        if restart_at and len(found) > restart_at and step > 30:
            step, restart_at = step - 20, 0
            found += PREPARATION[-16:]
    return found[:lines]


def expected(lines: list[Stated]) -> tuple[int | None, int | None, float | None]:
    """Return the step, total and loss of the newest lines that state them; a total belongs to its step."""
    newest = next((one for one in reversed(lines) if one.step is not None), None)
    loss = next((one.loss for one in reversed(lines) if one.loss is not None), None)
    return (newest.step, newest.total, loss) if newest is not None else (None, None, loss)
