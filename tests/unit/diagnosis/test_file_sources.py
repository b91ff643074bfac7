"""The process of each file of a run, from the names of all files."""

from __future__ import annotations

import pytest

from bot.diagnosis.file_sources import process_of, sources_of

POD = "/var/log/pods/ml_{pod}_6f0c2b1a-1111-2222-3333-444455556666/trainer/{restart}.log"
RUNS: dict[str, dict[str, int | str]] = {
    "slurm": {"llama-991-0.out": 0, "llama-991-1.out": 1, "llama-991-2.out": 2},
    "slurm without an ending": {"train.991.0": 0, "train.991.1": 1},
    "elements of an array": {"slurm-991_0.out": "slurm-991_0", "slurm-991_1.out": "slurm-991_1"},
    "deepspeed": {"2026-03-13-10:00:00_rank0.log": 0, "2026-03-13-10:00:00_rank1.log": 1},
    "nemo": {"nemo_log_globalrank-9_localrank-1.txt": 9, "nemo_log_globalrank-8_localrank-0.txt": 8},
    "mpi": {"out/1/rank.0/stdout": 0, "out/1/rank.1/stdout": 1},
    "torchrun": {"x/attempt_0/0/stderr.log": 0, "x/attempt_0/1/stderr.log": 1, "x/launcher.log": "launcher"},
    "torchrun on nodes": {
        "gpu-a/attempt_0/0/stderr.log": "gpu-a rank 0",
        "gpu-b/attempt_0/0/stderr.log": "gpu-b rank 0",
    },
    "nodes": {"logs/node-0.log": "node-0", "logs/node-1.log": "node-1"},
    "seeds": {"logs/seed_0.log": "seed_0", "logs/seed_1.log": "seed_1"},
    "workers beside a master": {"job-master-0.log": "job-master-0", "job-worker-0.log": "job-worker-0"},
    "pods of a node": {
        POD.format(pod="llama-0", restart=0): "llama-0/trainer",
        POD.format(pod="llama-1", restart=0): "llama-1/trainer",
        POD.format(pod="llama-1", restart=1): "llama-1/trainer",
    },
    "rotated": {"train.log": "train", "train.log.1": "train.log.1", "train.log.0": "train.log.0"},
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_each_file_has_its_process(run: dict[str, int | str]) -> None:
    assert {one.path: one.label for one in sources_of(list(run))} == run


@pytest.mark.parametrize(
    "paths",
    [
        ("a/rank_3.out", "a/rank_3.err"), ("x/attempt_0/3/stdout.log", "x/attempt_0/3/stderr.log"),
        ("worker-ab-01-77.out", "worker-ab-01-77.err"), ("job.stdout", "job.stderr"),
        ("train.log", "train.log.1", "train.log.2.gz"),
        (POD.format(pod="a", restart=0), POD.format(pod="a", restart=1)),
    ],
)  # fmt: skip
def test_files_of_one_process_belong_together(paths: tuple[str, ...]) -> None:
    assert len({process_of(path) for path in paths}) == 1
