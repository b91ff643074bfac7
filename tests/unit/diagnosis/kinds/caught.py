# ruff: noqa: E501 - log lines are long
"""Failures of one part of a program, with proof that the rest went on: trials, requests, fits, workers, early ends."""

from tests.unit.diagnosis.kinds.case import STEPS, Case, library

CASES = [
    # ---------------------------------------------------------------- one trial of a study
    Case(
        "a study goes on after a trial",
        "[W 2026-03-02 07:00:00,100] Trial 4 failed with parameters: {'depth': 9} because of the following error: RuntimeError('histogram overflow').\n"
        + library("RuntimeError: histogram overflow", "optuna/study/_optimize.py")
        + "".join(
            f"[I 2026-03-02 07:1{n}:00,100] Trial {n} finished with value: 0.{n} and parameters: {{'depth': 3}}.\n"
            for n in range(5, 8)
        ),
        "quiet",
        "code",
    ),
    Case(
        "a tuner goes on after a trial",
        "2026-03-02 07:00:00,100\tERROR tune_controller.py:1331 -- Trial task failed for trial DQN_00001\n"
        + library("ValueError: the action is outside the space", "ray/tune/trainable.py")
        + "".join(f"Trial DQN_0000{n} completed after 9 iterations at 2026-03-02 08:00:0{n}.\n" for n in range(2, 5)),
        "quiet",
        "code",
    ),
    Case(
        "every later trial fails as well",
        "".join(
            f"[W 2026-03-02 07:0{n}:00,100] Trial {n} failed with value None.\n"
            + library("RuntimeError: histogram overflow", "optuna/study/_optimize.py")
            for n in range(4)
        ),
        "page",
        "code",
    ),
    # ---------------------------------------------------------------- fits whose errors a warning lists
    Case(
        "a search that lists failed fits in a warning",
        "2 fits failed with the following error:\n"
        + library("ValueError: alpha must be positive", "sklearn/base.py")
        + "\n  warnings.warn(some_fits_failed_message, FitFailedWarning)\nbest params: {'alpha': 0.1}\n",
        "info",
        "code",
    ),
    Case(
        "a warning at exit explains nothing",
        library("ValueError: alpha must be positive")
        + "UserWarning: resource_tracker: There appear to be 3 leaked semaphore objects\n  warnings.warn('resource_tracker: There appear to be %d '\n",
        "page",
        "code",
    ),
    # ---------------------------------------------------------------- one client's request
    Case(
        "a refused request in structured logs",
        '{"level": "error", "message": "bad request", "status": 422, "exc_info": "ValidationError: 1 validation error for Body\\nprompt\\n  Field required [type=missing]"}\n'
        + '{"level": "info", "message": "ok", "status": 200}\n' * 3,
        "quiet",
    ),
    Case(
        "structured logs in which every request fails",
        '{"level": "error", "message": "failed", "status_code": 500, "exc_info": "Traceback (most recent call last):\\n  File \\"/srv/a.py\\", line 2, in f\\n    g()\\nRuntimeError: no weights"}\n'
        * 4,
        "page",
        "code",
    ),
    # ---------------------------------------------------------------- a process that its supervisor starts again
    Case(
        "a stub that will be restarted",
        'E0302 07:00:00.000000 1 python_be.cc:2066] "Stub process is unhealthy and it will be restarted."\n',
        "warn",
        "launch",
    ),
    Case(
        "torchrun finishes after a restart",
        STEPS
        + library("ConnectionResetError: [Errno 104] Connection reset by peer")
        + "E0302 07:00:00.000000 5 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1) local_rank: 1 (pid: 4) of binary: python\n"
        + "I0302 07:00:09.000000 5 torch/distributed/elastic/agent/server/api.py:889] [default] worker group successfully finished. Waiting 300 seconds for other agents to finish.\n",
        "info",
    ),
    # ---------------------------------------------------------------- ends that are named like exceptions
    *(
        Case(f"an early end: {line}", STEPS + line + "\n", "none")
        for line in (
            "EarlyStopping: Training stopped early as nothing improved in 8 epochs.",
            "optuna.exceptions.TrialPruned: Trial was pruned at step 12.",
            "EarlyStopException: best score 0.91 at round 70",
        )
    ),
    # ---------------------------------------------------------------- advice of a library about settings
    Case(
        "nccl names a setting that may cause trouble",
        'n2:5:9 [0] NCCL WARN Missing "iommu=pt" from kernel command line which can lead to system instability or hang!\n'
        + STEPS,
        "none",
    ),
    Case(
        "a note of success after padding in its level",
        "".join(f"[2026-03-02 07:{n:02d}:00,100] [    INFO] - loss: 2.{n}, global_step: {n}\n" for n in range(20))
        + "[2026-03-02 08:50:00,100] [    INFO] - Training completed.\nLAUNCH INFO 2026-03-02 08:50:01,002 Exit code 0\n",
        "none",
    ),
]
