# ruff: noqa: E501 - log lines are long
"""Generate runs in the styles of ten frameworks: healthy, hanging or diverging, from a seed."""

import math
import random
from collections.abc import Callable, Iterator

SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND
STEPS = 500_000


def loss_at(step: int, seed: random.Random) -> float:
    """Return a loss that falls by a power law, with noise and rare spikes."""
    level = 1.8 + 9.0 * math.pow(step + 20, -0.45) * 2
    spike = 1.9 if seed.random() < 0.001 else 1.0
    return level * spike * (1 + seed.gauss(0, 0.02))


def huggingface(step: int, loss: float) -> str:
    return f"{{'loss': {loss:.4f}, 'grad_norm': {loss / 3:.4f}, 'learning_rate': {1e-4 * (1 - step / STEPS):.6e}, 'epoch': {step / 5000:.4f}}}"


def lightning(step: int, loss: float) -> str:
    return f"Epoch {step // 1000}:  {step % 1000 // 10}%|███▏      | {step % 1000}/1000 [{step % 3600 // 60:02d}:{step % 60:02d}<09:41,  1.37it/s, v_num=7, train_loss={loss:.3f}]"


def megatron(step: int, loss: float) -> str:
    return (
        f" iteration {step:8d}/  {STEPS} | consumed samples: {step * 512:12d} | elapsed time per iteration (ms): {12000 + step % 90:.1f} |"
        f" learning rate: 3.000E-04 | global batch size:   512 | lm loss: {loss:.6E} | loss scale: 1.0 | grad norm: {loss / 2:.3f} |"
        " number of skipped iterations:   0 | number of nan iterations:   0 |"
    )


def deepspeed(step: int, loss: float) -> str:
    return f"[2026-01-01 00:00:00,{step % 1000:03d}] [INFO] [logging.py:96:log_dist] [Rank 0] step={step}, skipped=0, lr=[0.0001], mom=[(0.9, 0.95)] loss: {loss:.4f} samples/sec: {512 + step % 5}.1"


def fairseq(step: int, loss: float) -> str:
    return f"2026-01-01 00:00:00 | INFO | train_inner | epoch {step // 2000:03d}:   {step % 2000} / 2000 loss={loss:.3f}, ppl={2**loss:.2f}, wps=176776, ups=3.1, wpb=56091.2, bsz=485, num_updates={step}, lr=0.0009, gnorm=1.2, clip=100, oom=0, train_wall=32, wall={step}"


def keras(step: int, loss: float) -> str:
    return f"{step % 1500}/1500 [=======>......................] - ETA: 4:10 - loss: {loss:.4f} - accuracy: {1 - loss / 20:.4f}"


def rivergen(step: int, loss: float) -> str:
    return f"2026-01-01T00:00:00.123Z [INFO] Epoch {step}/{STEPS} - Loss: {loss:.4f} - Val_Loss: {loss * 1.05:.4f}"


def mllog(step: int, loss: float) -> str:
    return f':::MLLOG {{"namespace": "", "time_ms": {1767225600000 + step * 100}, "event_type": "POINT_IN_TIME", "key": "train_loss", "value": {"NaN" if math.isnan(loss) else round(loss, 5)}, "metadata": {{"file": "train.py", "lineno": 88, "step": {step}}}}}'


def plain(step: int, loss: float) -> str:
    return f"step {step} | loss {loss:.5f} | lr 3e-4 | norm 0.41 | dt 120.1ms | tok/s {431000 + step % 77}"


def detection(step: int, loss: float) -> str:
    return f"2026/01/01 00:00:00 - mmengine - INFO - Epoch(train)  [{1 + step // 700}][{step % 700 + 1}/700]  lr: 2.0e-02  eta: 2:46:39  time: 0.29  data_time: 0.01  memory: 10762  grad_norm: 3.06  loss: {loss:.4f}  loss_cls: 0.2"


STYLES: dict[str, Callable[[int, float], str]] = {
    style.__name__: style
    for style in (huggingface, lightning, megatron, deepspeed, fairseq, keras, rivergen, mllog, plain, detection)
}

SCARY = (
    "[deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768",
    "NCCL INFO NET/Plugin: Failed to find ncclNetPlugin_v8 symbol.",
    "[W Utils.hpp:137] Warning: Environment variable NCCL_ASYNC_ERROR_HANDLING is deprecated; use TORCH_NCCL_ASYNC_ERROR_HANDLING instead",
    "eval_error: 0.06 error_rate=0.01 failed: 0 oom 0",
    "wandb: WARNING Step must only increase in log calls.",
    "Corrupt JPEG data: premature end of data segment",
    "Saving model checkpoint to /ckpt/checkpoint-100; previous removed",
    "Gradient norm: inf",
    "/opt/x.py:3: UserWarning: To avoid out of memory, lower the batch size",
    "slurmstepd: error: _is_a_lwp: open() /proc/7/status failed: No such file or directory",
)
PREFIXES = (
    "",
    "[rank{rank}]: ",
    "{rank}: ",
    "[default{rank}]:",
    "worker-{rank} | ",
    "(pod-{rank}) ",
    "2026-01-01T00:00:00.000000Z ",
)


def healthy(style: str, lines: int, seed: int = 0) -> Iterator[str]:
    """Yield the lines of a healthy run, including prefixes and lines that mention failures."""
    rng = random.Random(seed)
    write = STYLES[style]
    prefix = PREFIXES[seed % len(PREFIXES)]
    for step in range(1, lines + 1):
        if step % 211 == 0:
            yield rng.choice(SCARY)
        yield prefix.format(rank=step % 8) + write(step, loss_at(step, rng))


def timed(style: str, steps: int, gap_s: float, seed: int) -> Iterator[tuple[str, int]]:
    """Yield the lines of a healthy run with their times: steps with jitter and some checkpoints."""
    rng = random.Random(seed)
    write = STYLES[style]
    now_ns = START_NS
    for step in range(1, steps + 1):
        now_ns += int(gap_s * rng.uniform(0.8, 1.3) * SECOND)
        yield write(step, loss_at(step, rng)), now_ns
        if step % 50 == 0:
            yield "Saving model checkpoint to /ckpt/latest", now_ns
            now_ns += int(rng.uniform(1, 4) * 60 * SECOND)


def heartbeats(from_ns: int, minutes: int) -> Iterator[tuple[str, int]]:
    """Yield one line per minute that is not progress, as a hanging run may log."""
    for minute in range(1, minutes + 1):
        yield f"watchman: node alive, GPU 100 %, beat {minute}", from_ns + minute * 60 * SECOND


def diverging(style: str, seed: int) -> Iterator[str]:
    """Yield a run that is healthy at first and then lost: by a jump, a climb or NaN."""
    rng = random.Random(seed)
    write = STYLES[style]
    healthy_steps = rng.randint(60, 400)
    for step in range(1, healthy_steps):
        yield write(step, loss_at(step, rng))
    kind = seed % 3
    for late in range(60):
        step = healthy_steps + late
        climbed = loss_at(step, rng) * (1 + min(late, 20) * 0.2) if kind == 0 else 11 + rng.gauss(0, 0.3)
        yield write(step, math.nan if kind == 2 else climbed)
