"""What training programs print: banners, steps, progress bars, tracebacks, torchrun's last words. Pure text.

Not when it is printed, nor in which job (``story_*.py``). Written after the formats of PyTorch, NCCL, Transformers,
DeepSpeed and Megatron; names and numbers are made up.
"""

import math
from datetime import datetime

MASK = (1 << 64) - 1
SITE = "/usr/local/lib/python3.11/site-packages"


def noise(seed: int, number: int) -> float:
    """Return a repeatable number in 0..1; cheap enough to compute a line when it is asked for (splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def token(seed: int, number: int, length: int = 8) -> str:
    """Return a repeatable hexadecimal id."""
    return f"{int(noise(seed, number) * (1 << 53)):016x}"[-length:]


def loss_at(step: int, seed: int = 1) -> float:
    """Return a believable training loss: falling, flattening, jittering."""
    return 1.12 + 2.1 * math.exp(-step / 700) + 0.08 * (noise(seed, step) - 0.5)


def trainer_step(step: int, seed: int = 1) -> str:
    """Return the dictionary that the Transformers trainer prints."""
    gradient = 0.55 + 0.4 * noise(seed + 1, step)
    rate = 2e-05 * max(0.05, 1 - step / 60_000)
    return (
        f"{{'loss': {loss_at(step, seed):.4f}, 'grad_norm': {gradient:.6f}, "
        f"'learning_rate': {rate:.6e}, 'epoch': {step / 12_500:.2f}}}"
    )


def progress_bar(step: int, total: int, seconds_per_step: float) -> str:
    """Return one state of a tqdm bar."""
    part = step / total
    filled = "█" * int(part * 20)
    spent, left = (_clock(int(count * seconds_per_step)) for count in (step, total - step))
    return f"{part:4.0%}|{filled:<20}| {step}/{total} [{spent}<{left}, {seconds_per_step:5.2f}s/it]"


def megatron_step(iteration: int, moment: datetime, seed: int = 3) -> str:
    """Return the line that Megatron prints for each iteration."""
    elapsed = 3900 + 200 * noise(seed, iteration)
    return (
        f" [{moment:%Y-%m-%d %H:%M:%S.%f}] iteration {iteration:8d}/  250000 | "
        f"consumed samples: {iteration * 1024:12d} | "
        f"elapsed time per iteration (ms): {elapsed:.1f} | learning rate: 1.500000E-04 | global batch size:  1024 | "
        f"lm loss: {loss_at(iteration, seed):.6E} | loss scale: 1.0 | grad norm: {0.3 + noise(seed, -iteration):.3f} | "
        "number of skipped iterations:   0 | number of nan iterations:   0 |"
    )


def deepspeed_step(step: int, rank: int, seed: int = 5) -> str:
    """Return DeepSpeed's line about a step, as one rank logs it."""
    return (
        f"[Rank {rank}] step={step}, skipped=0, lr=[1.9e-05], mom=[(0.9, 0.95)], "
        f"loss={loss_at(step, seed + rank):.4f}, samples_per_sec={41 + 3 * noise(seed, step):.2f}"
    )


def start_up(gpus: int, host: str) -> list[str]:
    """Return what a torchrun job prints before its first step."""
    return [
        "W1120 08:59:58.104000 71 torch/distributed/run.py:793] *****************************************",
        "W1120 08:59:58.104000 71 torch/distributed/run.py:793] Setting OMP_NUM_THREADS environment variable for each "
        "process to be 1 in default, to avoid your system being overloaded.",
        *(f"[rank{rank}] {host}: using cuda:{rank} (NVIDIA H100 80GB HBM3)" for rank in range(gpus)),
        f"{host}:93:93 [0] NCCL INFO Bootstrap : Using eth0:10.4.18.7<0>",
        f"{host}:93:93 [0] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB eth0:10.4.18.7<0>",
        *(
            f"{host}:9{3 + rank}:41{rank} [{rank}] NCCL INFO comm 0x55d0c1 rank {rank} nranks {gpus} - Init COMPLETE"
            for rank in range(gpus)
        ),
        "Loading checkpoint shards: 100%|██████████| 4/4 [00:21<00:00,  5.31s/it]",
        "***** Running training *****",
        "  Num examples = 400,000",
        "  Num Epochs = 4",
        "  Instantaneous batch size per device = 4",
        "  Gradient Accumulation steps = 1",
        "  Total optimization steps = 50,000",
    ]


def out_of_memory(rank: int, pid: int) -> list[str]:
    """Return the traceback of a rank whose GPU is full."""
    return _prefixed(
        rank,
        "Traceback (most recent call last):",
        '  File "/app/train.py", line 412, in <module>',
        "    main()",
        '  File "/app/train.py", line 371, in main',
        "    trainer.train(resume_from_checkpoint=args.resume)",
        f'  File "{SITE}/transformers/trainer.py", line 2245, in train',
        "    return inner_training_loop(",
        f'  File "{SITE}/transformers/trainer.py", line 3736, in training_step',
        "    loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)",
        f'  File "{SITE}/transformers/models/llama/modeling_llama.py", line 823, in forward',
        "    logits = self.lm_head(hidden_states[:, slice_indices, :])",
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB. GPU {rank} has a total capacity of "
        f"79.11 GiB of which 1.27 GiB is free. Process {pid} has 77.83 GiB memory in use. Of the allocated memory "
        "74.02 GiB is allocated by PyTorch, and 2.64 GiB is reserved by PyTorch but unallocated. If reserved but "
        "unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid "
        "fragmentation.",
    )


def peer_gone(rank: int) -> list[str]:
    """Return the traceback of a rank that lost a peer: a consequence, not the cause."""
    return _prefixed(
        rank,
        "Traceback (most recent call last):",
        '  File "/app/train.py", line 412, in <module>',
        "    main()",
        f'  File "{SITE}/torch/distributed/distributed_c10d.py", line 2810, in all_reduce',
        "    work = group.allreduce([tensor], opts)",
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:3384, "
        "remote process exited or there was a network error, NCCL version 2.21.5",
        "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.",
    )


def torchrun_failure(rank: int, pid: int, host: str, moment: datetime) -> list[str]:
    """Return torchrun's last words about a rank that failed."""
    stamp = moment.strftime("%m%d %H:%M:%S.%f")
    source = "71 torch/distributed/elastic/multiprocessing/api.py"
    line = "-" * 60
    return [
        *(f"W{stamp} {source}:897] Sending process {pid - rank + other} closing signal SIGTERM" for other in (0, 1, 2)),
        f"E{stamp} {source}:869] failed (exitcode: 1) local_rank: {rank} (pid: {pid}) of binary: /usr/local/bin/python",
        "Traceback (most recent call last):",
        '  File "/usr/local/bin/torchrun", line 8, in <module>',
        "    sys.exit(main())",
        f'  File "{SITE}/torch/distributed/launcher/api.py", line 263, in launch_agent',
        "    raise ChildFailedError(",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
        "=" * 60,
        "train.py FAILED",
        line,
        "Failures:",
        "  <NO_OTHER_FAILURES>",
        line,
        "Root Cause (first observed failure):",
        "[0]:",
        f"  time      : {moment:%Y-%m-%d_%H:%M:%S}",
        f"  host      : {host}",
        f"  rank      : {rank} (local_rank: {rank})",
        f"  exitcode  : 1 (pid: {pid})",
        "  error_file: <N/A>",
        "  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html",
        "=" * 60,
    ]


def interleaved(*streams: list[str]) -> list[str]:
    """Mix the lines of several ranks as their shared pipe does: a few of one, a few of the next."""
    pending = [list(stream) for stream in streams]
    mixed: list[str] = []
    turn = 0
    while any(pending):
        stream = pending[turn % len(pending)]
        count = 1 + turn % 3
        mixed += stream[:count]
        del stream[:count]
        turn += 1
    return mixed


def _prefixed(rank: int, *lines: str) -> list[str]:
    return [f"[rank{rank}]: {line}" for line in lines]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
