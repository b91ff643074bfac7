"""A training loop over gloo in which one rank fails. It runs in PyTorch's own environment, not in trainwatch's.

`FAULT` and `GUILTY` say what goes wrong at step 3, and where. With `DUMPS`, each rank writes its flight recorder into
that folder when a step hangs or fails, as PyTorch does for NCCL, and its stacks when a step hangs.
"""

import datetime
import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
import torch._C._distributed_c10d as c10d
import torch.distributed as dist
import torch.multiprocessing as mp

FAULT, GUILTY, OPERATION = os.environ["FAULT"], int(os.environ["GUILTY"]), os.environ["OPERATION"]
TIMEOUT_S, DUMPS = float(os.environ["TIMEOUT_S"]), os.environ.get("DUMPS")
FAULTY_STEP, STEPS, SIZE = 3, 6, 1024


def load_batch(step: int, rank: int) -> torch.Tensor:
    """Return the data of a step, or fail."""
    if rank == GUILTY and step == FAULTY_STEP:
        if FAULT == "exit":
            os._exit(1)
        if FAULT == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if FAULT == "sleep":
            wait_for_data()
        if FAULT == "raise":
            raise ValueError(f"bad sample {step} in shard 00017")
        if FAULT == "shape":
            return torch.ones(SIZE + 512)
    return torch.ones(SIZE)


def wait_for_data() -> None:
    """Hang."""
    time.sleep(3600)


def synchronize(gradient: torch.Tensor) -> None:
    """Run the collective of a step."""
    limit = datetime.timedelta(seconds=TIMEOUT_S)
    if OPERATION == "monitored_barrier":
        dist.monitored_barrier(timeout=limit, wait_all_ranks=True)
    if OPERATION == "all_gather":
        dist.all_gather([torch.empty(SIZE) for _ in range(dist.get_world_size())], gradient)
    else:
        dist.all_reduce(gradient)


def evaluate() -> None:
    """What each rank does after its last step."""
    dist.barrier()


def train(rank: int) -> None:
    """Train; take a snapshot of each step that hangs."""
    for step in range(STEPS):
        timer = threading.Timer(TIMEOUT_S * 0.6, snapshot, (rank,))
        timer.daemon = True
        timer.start()
        gradient = load_batch(step, rank)
        if not (FAULT == "skip" and rank == GUILTY and step == FAULTY_STEP):
            synchronize(gradient)
        timer.cancel()
        if rank == 0:
            sys.stdout.write(f"step {step} loss {2.0 - step / 10:.4f}\n")
            sys.stdout.flush()
    timer = threading.Timer(TIMEOUT_S * 0.6, snapshot, (rank,))
    timer.daemon = True
    timer.start()
    evaluate()


def snapshot(rank: int) -> None:
    """Write the flight recorder and the stacks of this rank."""
    if DUMPS:
        write_recorder(rank)
        write_stacks(rank)


def write_recorder(rank: int) -> None:
    """Write the flight recorder, as JSON and as a pickle."""
    folder = Path(str(DUMPS))
    (folder / f"trace_rank_{rank}.json").write_bytes(c10d._dump_fr_trace_json())
    (folder / f"trace_rank_{rank}").write_bytes(c10d._dump_fr_trace(True, False))


def write_stacks(rank: int) -> None:
    """Write the stacks, as Python and py-spy dump them."""
    folder = Path(str(DUMPS))
    with (folder / f"stack_rank_{rank}.txt").open("w") as file:
        faulthandler.dump_traceback(file, all_threads=True)
    spied = subprocess.run([os.environ["PY_SPY"], "dump", "--pid", str(os.getpid())], check=False, capture_output=True)
    if spied.returncode == 0:
        (folder / f"spied_rank_{rank}.txt").write_bytes(spied.stdout)


def main(rank: int | None = None, world: int | None = None) -> None:
    """Join the others, and train."""
    if rank is not None:
        os.environ.update(RANK=str(rank), WORLD_SIZE=str(world))
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=300))
    dist.barrier()
    dist.distributed_c10d._set_pg_timeout(datetime.timedelta(seconds=TIMEOUT_S))
    try:
        train(dist.get_rank())
    except RuntimeError:
        if DUMPS:
            write_recorder(dist.get_rank())
        raise
    dist.destroy_process_group()


if __name__ == "__main__":
    if sys.argv[1:] == ["spawn"]:
        world_size = int(os.environ["WORLD_SIZE"])
        mp.spawn(main, args=(world_size,), nprocs=world_size)
    else:
        main()
