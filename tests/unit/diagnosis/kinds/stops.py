# ruff: noqa: E501 - log lines are long
"""Stops by a person, a scheduler or a launcher, and the last words of operating systems."""

from tests.unit.diagnosis.kinds.case import STEPS, Case, library

INTERRUPT = library("KeyboardInterrupt", "torch/optim/adamw.py")
ECHO = (
    "Process SpawnProcess-2:\nTraceback (most recent call last):\n"
    '  File "/usr/lib/python3.11/multiprocessing/queues.py", line 103, in get\n    res = self._recv_bytes()\n'
    '  File "/usr/lib/python3.11/multiprocessing/connection.py", line 399, in _recv\n    raise EOFError\n'
)

CASES = [
    # ---------------------------------------------------------------- one kind, one severity
    Case(
        "scancel",
        STEPS + "slurmstepd: error: *** JOB 81 ON n4 CANCELLED AT 2026-03-02T07:00:00 ***\n",
        "warn",
        "scheduler",
        "CANCELLED AT",
    ),
    Case(
        "bkill",
        STEPS + "TERM_OWNER: job killed by owner.\nExited with signal termination: 2.\n",
        "warn",
        "scheduler",
        "TERM_OWNER",
    ),
    Case("Ctrl-C", STEPS + INTERRUPT, "warn", "scheduler", "KeyboardInterrupt"),
    Case(
        "Ctrl-C in lightning",
        STEPS + "Detected KeyboardInterrupt, attempting graceful shutdown ...\n",
        "warn",
        "scheduler",
        "Detected KeyboardInterrupt",
    ),
    Case(
        "a closed terminal",
        STEPS
        + "W0302 07:00:00.000000 12 torch/distributed/elastic/agent/server/api.py:723] Received 1 death signal, shutting down workers\n",
        "warn",
        "scheduler",
        "death signal",
        hint="nohup",
    ),
    Case(
        "a closed terminal in a shell",
        STEPS + "./fit.sh: line 12:  4410 Hangup                  python fit.py\n",
        "warn",
        "scheduler",
        "Hangup",
        hint="nohup",
    ),
    Case(
        "SIGTERM of a server",
        "INFO:     Uvicorn running on http://0.0.0.0:8000\n"
        + library("KeyboardInterrupt: terminated", "vllm/entrypoints/launcher.py"),
        "warn",
        "scheduler",
        "terminated",
        hint="SIGTERM",
    ),
    Case(
        "SIGTERM of torchrun",
        STEPS
        + library(
            "torch.distributed.elastic.multiprocessing.api.SignalException: Process 70 got signal: 15",
            "torch/distributed/elastic/agent/server/api.py",
        ),
        "warn",
        "scheduler",
        "got signal: 15",
    ),
    Case(
        "SIGINT of deepspeed's launcher",
        STEPS
        + "[2026-03-02 07:00:09,000] [INFO] [launch.py:319:sigkill_handler] Killing subprocess 77\n[2026-03-02 07:00:09,100] [INFO] [launch.py:325:sigkill_handler] Main process received SIGINT, exiting\n",
        "warn",
        "scheduler",
        "received SIGINT",
    ),
    Case("SIGTERM in a shell", STEPS + "Terminated\n", "warn", "scheduler", "Terminated"),
    Case("SIGTERM as an exit code", STEPS + "command terminated with exit code 143\n", "warn", "scheduler", "143"),
    Case(
        "Ray's driver gets SIGTERM",
        STEPS + "*** SIGTERM received at time=1772000000 on cpu 3 ***\n",
        "warn",
        "scheduler",
        "SIGTERM received",
    ),
    # ---------------------------------------------------------------- what a stop explains
    Case(
        "Ctrl-C with the echo of a worker",
        STEPS + ECHO + "EOFError\n" + INTERRUPT,
        "warn",
        "scheduler",
        "KeyboardInterrupt",
    ),
    Case(
        "Ctrl-C with a worker that lost its socket",
        STEPS
        + ECHO.replace("raise EOFError", "s.connect(address)")
        + "FileNotFoundError: [Errno 2] No such file or directory\n"
        + INTERRUPT,
        "warn",
        "scheduler",
        "KeyboardInterrupt",
    ),
    Case(
        "Ctrl-C with a broken pipe",
        STEPS
        + ECHO.replace("raise EOFError", "n = write(self._handle, buf)")
        + "BrokenPipeError: [Errno 32] Broken pipe\n"
        + INTERRUPT,
        "warn",
        "scheduler",
        "KeyboardInterrupt",
    ),
    Case(
        "scancel, then the ranks fail",
        STEPS
        + "slurmstepd: error: *** STEP 8.0 ON n4 CANCELLED AT 2026-03-02T07:00:00 ***\n"
        + library(
            "RuntimeError: DataLoader worker (pid 6) is killed by signal: Terminated. ",
            "torch/utils/data/dataloader.py",
        )
        + "Killed\n",
        "warn",
        "scheduler",
        "CANCELLED AT",
    ),
    Case(
        "SIGTERM, then the emergency checkpoint fails",
        STEPS
        + "launcher: received SIGTERM, saving\n"
        + library("OSError: [Errno 28] No space left on device", "torch/serialization.py"),
        "warn",
        "scheduler",
        "received SIGTERM",
    ),
    # ---------------------------------------------------------------- what a stop does not explain
    Case(
        "a crash before scancel",
        STEPS
        + library("KeyError: 'label'")
        + "slurmstepd: error: *** STEP 8.0 ON n4 CANCELLED AT 2026-03-02T07:00:00 ***\n",
        "page",
        "code",
        "KeyError",
    ),
    Case(
        "a rank that waited half an hour before scancel",
        STEPS
        + "[rank1]:[E ProcessGroupNCCL.cpp:607] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9, OpType=ALLREDUCE) ran for 1800003 milliseconds before timing out.\nslurmstepd: error: *** JOB 8 ON n4 CANCELLED AT 2026-03-02T07:00:00 ***\n",
        "page",
        "collective",
        "timeout",
    ),
    Case(
        "SIGTERM at the time limit",
        STEPS
        + "launcher: received SIGTERM\nslurmstepd: error: *** JOB 8 ON n4 CANCELLED AT 2026-03-02T07:00:00 DUE TO TIME LIMIT ***\n",
        "page",
        "scheduler",
        "TIME LIMIT",
    ),
    Case(
        "the step is cancelled after a task ran out of memory",
        STEPS
        + "slurmstepd: error: *** STEP 8.0 ON n4 CANCELLED AT 2026-03-02T07:00:00 ***\nslurmstepd: error: Detected 1 oom_kill event in StepId=8.0. Some of the step tasks have been OOM Killed.\n",
        "page",
        "host_memory",
        "oom_kill",
    ),
    # ---------------------------------------------------------------- the kernel's killer behind an exception of Ray
    Case(
        "oom_kill after a crashed Ray worker",
        STEPS
        + library(
            "ray.exceptions.RayTaskError(WorkerCrashedError): ray::fit() (pid=9, ip=10.0.0.4)\nray.exceptions.WorkerCrashedError: The worker died unexpectedly while executing this task.",
            "ray/_private/worker.py",
        )
        + "slurmstepd: error: Detected 2 oom_kill events in StepId=9.0. Some of the step tasks have been OOM Killed.\n",
        "page",
        "host_memory",
        "oom_kill",
    ),
    Case(
        "the kernel's killer after a dead actor",
        STEPS
        + library(
            "ray.exceptions.ActorDiedError: The actor died unexpectedly before finishing this task.",
            "ray/_private/worker.py",
        )
        + "[1822.11] Memory cgroup out of memory: Killed process 44 (ray::Fit) total-vm:99kB\n",
        "page",
        "host_memory",
        "Killed process",
    ),
    Case(
        "a killed pod after a broken pipe",
        STEPS
        + library("BrokenPipeError: [Errno 32] Broken pipe", "multiprocess/connection.py")
        + "Reason: OOMKilled\nExit Code: 137\n",
        "page",
        "host_memory",
        "OOMKilled",
    ),
    # ---------------------------------------------------------------- preemption
    Case(
        "Compute Engine",
        STEPS + "compute.instances.preempted us-east5-a/instances/tpu-7 DONE\n",
        "page",
        "scheduler",
        "preempted",
    ),
    Case(
        "Kubernetes shuts a node down",
        STEPS + "Pod was terminated in response to imminent node shutdown.\n",
        "page",
        "scheduler",
        "imminent node shutdown",
    ),
    Case(
        "a spot interruption",
        STEPS
        + "WARNING agent: Spot instance interruption notice received, the instance will be terminated in two minutes\n",
        "page",
        "scheduler",
        "interruption notice",
    ),
    Case(
        "Ray's node was preempted",
        STEPS
        + "(Head pid=1) The actor died unexpectedly before finishing this task.\n(Head pid=1) The actor died because its node has died. Node Id: 77\n(Head pid=1) \tthe actor's node was preempted: spot reclaim\n",
        "page",
        "scheduler",
        "preempted",
        hint="resume",
    ),
    Case(
        "Ray's node was preempted, in a traceback",
        STEPS
        + library(
            "ray.exceptions.NodeDiedError: The node 10.0.0.8 of the actor has died\n\tthe node was preempted by its provider",
            "ray/train/v2/controller.py",
        ),
        "page",
        "scheduler",
        "preempted",
    ),
    Case(
        "Slurm preempts",
        STEPS + "slurmstepd: error: *** JOB 8 ON n4 CANCELLED AT 2026-03-02T07:00:00 DUE TO PREEMPTION ***\n",
        "page",
        "scheduler",
        "PREEMPTION",
    ),
    # ---------------------------------------------------------------- the reason of a stop, logged after it
    Case(
        "an eviction for disk",
        STEPS
        + "Terminated\nWarning  Evicted  pod/sft-0  The node was low on resource: ephemeral-storage. Threshold quantity: 8Gi.\n",
        "page",
        "storage",
        "ephemeral-storage",
    ),
    Case(
        "a pod over its limit of disk",
        STEPS + "Terminated\nPod ephemeral local storage usage exceeds the total limit of containers 40Gi.\n",
        "page",
        "storage",
        "ephemeral",
    ),
    Case(
        "a launcher that sees no progress",
        STEPS
        + "[agent] ERROR no progress since step 39 for 905s (limit 900s): run is considered hung\n[agent] sending SIGTERM to process group 8\n",
        "page",
        "hang",
        "no progress",
    ),
    Case(
        "a killed worker of a pool",
        library(
            "loky.process_executor.TerminatedWorkerError: A worker process was terminated. Perhaps memory.",
            "loky/executor.py",
        )
        + "\nThe exit codes of the workers are {SIGKILL(-9)}\n",
        "page",
        "host_memory",
    ),
    Case(
        "paddle's allocator",
        library(
            "SystemError: Operator matmul raises a paddle::memory::allocation::BadAlloc exception.", "paddle/tensor.py"
        ),
        "page",
        "gpu_memory",
    ),
    Case(
        "too few processes for the parallel sizes",
        library("AssertionError: world_size (6) is not divisible by tensor_parallel (4)", "megatron/state.py"),
        "page",
        "launch",
    ),
    Case(
        "horovod's stalled ranks",
        STEPS
        + "W horovod/common/stall_inspector.cc:107] One or more tensors were submitted to be reduced, gathered or broadcasted by subset of ranks and are waiting\n"
        + "E horovod/common/stall_inspector.cc:92] Stalled ranks: 3. One or more ranks stalled for longer than 900 seconds. Will shutdown.\n",
        "page",
        "hang",
        ranks=(3,),
    ),
]
