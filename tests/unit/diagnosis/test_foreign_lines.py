"""Lines of something else after a failure do not silence it, however much they sound like success or work."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner

HEAD = """\
2026-05-04 09:00:00,114 INFO trainer: model with 124 M parameters, 3 of 3 stages compiled
2026-05-04 09:00:02,871 INFO trainer: reading images and reports from /data/scans
2026-05-04 09:00:09,310 INFO trainer: step 10 loss 2.41 lr 0.0003
2026-05-04 09:00:14,902 INFO trainer: step 20 loss 2.28 lr 0.0003
"""
FRAMES = """\
Traceback (most recent call last):
  File "/work/fit.py", line 88, in main
    step(batch)
"""
FAILURES = {
    "exception": f"{HEAD}{FRAMES}ValueError: cannot reshape 31 rows into 8 columns\n",
    "logged exception": f"{HEAD}2026-05-04 09:00:19,001 ERROR trainer: the run failed\n{FRAMES}KeyError: 'label'\n",
    "memory": f"{HEAD}{FRAMES}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n",
    "disk": f"{HEAD}{FRAMES}OSError: [Errno 28] No space left on device: '/ckpt/step_20.pt'\n",
    "panic": "loaded 12 shards\nthread 'main' panicked at src/train.rs:41:9:\nindex out of bounds: 8\n",
    "fatal words": "reading grid.nml\ntime step 0.5 s\nFatal error: the boundary file has 11 columns, 12 are needed\n",
    "exit status": "compiling the model\nundefined reference to `saxpy_'\nmake: *** [fit] Error 2\n",
}
TAILS = {
    "checks": "12 checks passed, 0 failed\n",
    "tests of a tool": "Ran 12 tests in 0.412s\n\nOK\n",
    "tests in pytest's words": "===== 14 passed, 2 warnings in 3.21s =====\n",
    "a linter": "[notebook-lint] 31 files checked, 31 ok, 0 errors\n",
    "a container that starts again": (
        "Warning  BackOff  12s (x4 over 2m)  kubelet  Back-off restarting failed container trainer in pod trainer-0\n"
        'Normal   Pulled   8s  kubelet  Successfully pulled image "reg.example/train:1.4" in 2.1s\n'
        "Normal   Started  7s  kubelet  Started container trainer\n"
    ),
    "artifacts": "Uploading artifacts...\nlogs/: found 12 matching artifact files\nUploading artifacts... done\n",
    "cleaning up": "Cleaning up project directory and file based variables\nCleaning up ... done\n",
    "end of a job": "Job finished in 312 s\n",
    "wandb": (
        "wandb: Run summary:\nwandb:   train/loss 2.113\nwandb: Waiting for W&B process to finish... (success).\n"
        "wandb: Synced 5 W&B file(s), 0 media file(s), 2 artifact file(s) and 0 other file(s)\n"
    ),
    "uploaded logs": "Finished: uploading logs\n",
    "a sidecar": "sidecar log-shipper exited with exit code 0\nlog-shipper-1 exited with code 0\n",
    "health checks": '127.0.0.1 - - [04/May/2026 09:02:11] "GET /healthz HTTP/1.1" 200 -\n' * 4,
    "answers of another service": '10.2.3.4 - - [04/May/2026:09:02:11 +0000] "POST /api/events HTTP/1.1" 201 12\n' * 14,
    "idle GPUs": "GPU 0: 0 %\nGPU 1: 0 %\n" * 3,
    "rotated logs": "May  4 09:05:02 node7 logrotate[2231]: rotated 3 logs\nlog rotated, 12 files compressed\n",
    "a backup": "[backup] rsync finished: 1,204 files transferred, 0 errors\nrestic: snapshot 4f1c2a saved\n",
    "a report": "Report written to /logs/report.html\nResults saved to /logs/usage-8812.json\n",
    "a new run without progress": "=== attempt 2 ===\nLoading data ... done\nModel built (124 M parameters)\n",
    "a database": "postgres: checkpoint complete: wrote 41 buffers (0.3%)\n",
    "a daemon": 'ts=2026-05-04T09:05:00Z level=info msg="Head GC completed" duration=4ms\n' * 5,
    "a service mesh": (
        "2026-05-04T09:05:02.123456Z\tinfo\txdsproxy\tconnected to delta upstream XDS server: istiod.mesh.svc:15012\n"
        * 12
    ),
    "a log shipper": "[2026/05/04 09:05:02] [ info] [output:es:es.0] flush chunk '1-7.1' succeeded: task_id=1\n" * 12,
    "an exporter": 'time="2026-05-04T09:05:02Z" level=info msg="Collected GPU metrics" gpus=8\n' * 12,
    "exported metrics": 'DCGM_FI_DEV_GPU_UTIL{gpu="3",device="nvidia3"} 0\n' * 12,
    "probes of a pod": '10.0.0.1 - - [04/May/2026 09:05:02] "GET /readyz HTTP/1.1" 200 -\n' * 12,
    "a table of GPUs": "3, NVIDIA H100 80GB HBM3, 35, 0 %, 0 MiB\n" * 12,
    "an upload of logs": "upload: logs/a.txt to s3://fit-logs/a.txt\n" * 12,
    "the time of a command": "\nreal\t0m12.345s\nuser\t0m10.101s\nsys\t0m2.202s\n",
    "a prompt": "(fit) ada@node7:~/fit$ \n",
    "a summary of GitLab": "Cleaning up project directory and file based variables\nERROR: Job failed: exit code 1\n",
    "a summary of GitHub": "##[error]Process completed with exit code 1.\nPost job cleanup.\n",
    "a summary of Slurm": (
        "\nJob ID: 8812\nCluster: hpc\nState: FAILED (exit code 1)\nCPU Efficiency: 12.00% of 01:20:00\n"
    ),
}


def diagnose(scanner: PageScanner, text: str) -> Diagnosis:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(text.encode())
    return diagnoser.report()


@pytest.mark.parametrize("failure", FAILURES)
def test_foreign_lines_do_not_silence_a_failure(scanner: PageScanner, failure: str) -> None:
    alone = diagnose(scanner, FAILURES[failure]).failures[0]
    assert alone.severity == "page"
    found = {name: diagnose(scanner, FAILURES[failure] + tail).failures[:1] for name, tail in TAILS.items()}
    wrong = {
        name: one
        for name, one in found.items()
        if [(each.severity, each.line) for each in one] != [("page", alone.line)]
    }
    assert wrong == {}


STEPS = "".join(
    f"2026-05-04 10:{n // 60:02}:{n % 60:02},000 INFO trainer: step {n} loss 2.2 lr 0.0003\n" for n in range(21, 250)
)
ANSWER = 'INFO:     10.2.0.7:4411 - "POST /v1/completions HTTP/1.1" 200 OK\n'
GOING_ON = {
    "steps": FAILURES["logged exception"] + STEPS,
    "answers": f"INFO:     Uvicorn running on http://0.0.0.0:8000\n{ANSWER}{FRAMES}KeyError: 'prompt'\n{ANSWER * 4}",
}


@pytest.mark.parametrize("log", GOING_ON)
def test_own_lines_show_that_the_program_goes_on(scanner: PageScanner, log: str) -> None:
    assert [one.severity for one in diagnose(scanner, GOING_ON[log]).failures if one.severity == "page"] == []
