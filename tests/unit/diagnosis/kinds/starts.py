# ruff: noqa: E501 - log lines are long
"""Processes that never started, reports printed over several lines, and clusters without room."""

from tests.unit.diagnosis.kinds.case import Case, library

CASES = [
    # ---------------------------------------------------------------- a process that never started
    Case(
        "numactl's usage",
        "0: usage: numactl [--membind= | -m <nodes>] command args ...\n0: <40-47> is invalid\nsrun: error: n2: task 0: Exited with exit code 1\n1: gpus=8\n2: gpus=8\n",
        "page",
        "launch",
        "Exited with exit code",
    ),
    Case(
        "a binary that is not there",
        "slurmstepd: error: execve(): fit.sh: No such file or directory\nsrun: error: n2: task 0: Exited with exit code 2\n",
        "page",
        "launch",
    ),
    Case(
        "a task that ended at once",
        "loading the modules\nsrun: error: n2: task 3: Exited with exit code 5\n",
        "page",
        "launch",
        "task 3",
    ),
    Case(
        "a rendezvous in a report over several lines",
        '[ERROR] 2026-03-02 07:00:00,200 error_handler: {\n  "message": {\n    "message": "RendezvousTimeoutError: some nodes did not join",\n    "extraInfo": {\n',
        "page",
        "launch",
        "RendezvousTimeoutError",
    ),
    Case(
        "an error file of a worker",
        '{\n  "message": {\n    "error": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB",\n    "rank": 3\n',
        "page",
        "gpu_memory",
        "CUDA out of memory",
    ),
    Case(
        "a reason in a report",
        '{\n\t"status": "failed",\n\t"reason": "DistStoreError: Timed out after 900 seconds waiting for clients. 1/2 clients joined.",\n',
        "page",
        "launch",
    ),
    # ---------------------------------------------------------------- clusters without room
    Case(
        "kube-scheduler",
        "5m  Warning  FailedScheduling  pod/fit-0  0/8 nodes are available: 8 Insufficient amd.com/gpu.\n",
        "warn",
        "scheduler",
    ),
    Case(
        "ray's autoscaler",
        "(autoscaler +1m2s) Error: No available node types can fulfill resource request {'GPU': 16.0}.\n",
        "warn",
        "scheduler",
    ),
    Case(
        "a cloud without machines",
        "sky.exceptions.ResourcesUnavailableError: Failed to provision all possible launchable resources.\n",
        "page",
        "scheduler",
    ),
    Case(
        "a volume",
        '5m  Warning  FailedMount  pod/fit-0  MountVolume.SetUp failed for volume "weights" : mount failed: exit status 32\n',
        "warn",
        "storage|launch",
    ),
    Case(
        "a cluster without room, then a crash",
        "5m  Warning  FailedScheduling  pod/fit-0  0/8 nodes are available: 8 Insufficient amd.com/gpu.\n"
        + library("KeyError: 'ids'"),
        "page",
        "code",
        "KeyError",
    ),
]
