"""What a runner writes before the lines of a program does not change what they say."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.reading.prefixes import parse_timestamp, split_prefix, unwrap_json
from bot.diagnosis.reading.runner_lines import carries_level, unwrap_runner
from bot.domain.levels import stated_level

RUNNERS = {
    "Airflow": "[2026-05-04, 09:00:00 UTC] {{subprocess.py:93}} INFO - {line}",
    "Airflow with pods": "[2026-05-04T09:00:00.123+0000] {{pod_manager.py:431}} INFO - [base] {line}",
    "Argo": "train-wf-x7k2p-train-1234567890: {line}",
    "AWS Batch": "2026-05-04T09:00:00.678000+00:00 train/default/4f1c2a771111 {line}",
    "BuildKit": "#12 3.456 {line}",
    "a numbered listing": "    12\t{line}",
    "Determined": "[2026-05-04T09:00:00.678901Z] 3f0f2a8a || {line}",
    "GitHub, downloaded": "train\tRun training\t2026-05-04T09:00:00.1234567Z {line}",
    "GitLab": "2026-05-04T09:00:00.678901Z 01E {line}",
    "Heroku": "2026-05-04T09:00:00.678901+00:00 app[worker.1]: {line}",
    "journald": "May 04 09:00:00 node-3 train.sh[4242]: {line}",
    "journald with ISO times": "2026-05-04T09:00:00+0000 node-3 python3[4242]: {line}",
    "Metaflow": "2026-05-04 09:00:00.678 [12/train/34 (pid 567)] {line}",
    "pm2": "0|train    | {line}",
    "PowerShell": "python : {line}",
    "Prefect": "09:00:00.678 | INFO    | Task run 'fit-0' - {line}",
    "SageMaker": "2026-05-04T09:00:00.678000+00:00 fit-job/algo-1-1767323045 {line}",
    "stern": "train-7d9c5b6f4d-x2x4z main {line}",
    "supervisord": "2026-05-04 09:00:00,678 DEBG 'train' stderr output: {line}",
    "Terraform": "module.train (remote-exec): {line}",
    "TorchX": "trainer/0 {line}",
    "ts": "May 04 09:00:00 {line}",
    "Vertex": "ERROR\t2026-05-04 09:00:00 +0000\tworkerpool0-0\t{line}",
}
LOG = """\
reading grid.nml
time step 0.5 s
case 3 of 5, 12 boundary columns
mesh has 120 cells
iterating
Traceback (most recent call last):
  File "/work/fit.py", line 88, in main
    step(batch)
ValueError: cannot reshape 31 rows into 8 columns
"""
FATAL = (
    "reading grid.nml\nmesh has 120 cells\niterating\nFatal error: the boundary file has 11 columns, 12 are needed\n"
)
HEALTHY = "reading grid.nml\n" + "".join(f"step {n} loss {3 / n:.3f}\n" for n in range(1, 30)) + "training complete\n"


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("line", ["ValueError: boom", '  File "/w/train.py", line 3, in main', "    loss.backward()"])
def test_what_a_runner_writes_is_removed(runner: str, line: str) -> None:
    assert split_prefix(unwrap_json(RUNNERS[runner].format(line=line))).text == line


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_runner_does_not_change_the_diagnosis(scanner: PageScanner, runner: str) -> None:
    for log in (LOG, FATAL, HEALTHY):
        wrapped = "".join(f"{RUNNERS[runner].format(line=line)}\n" for line in log.splitlines())
        bare, found = answer(scanner, log), answer(scanner, wrapped)
        assert found == bare


def answer(scanner: PageScanner, text: str) -> list[tuple[object, ...]]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(text.encode())
    return [(one.severity, one.category, one.signature, one.line) for one in diagnoser.report().failures]


def test_the_level_of_a_runner_that_only_passes_lines_on_does_not_count() -> None:
    line = "[2026-05-04, 09:00:00 UTC] {subprocess.py:93} INFO - srun: error: node-3: task 0: Killed"
    assert carries_level(line)
    assert stated_level(unwrap_runner(line)) == stated_level("srun: error: node-3: task 0: Killed")
    assert unwrap_runner("[2026-05-04, 09:00:00 UTC] {taskinstance.py:1937} ERROR - Task failed") == (
        "2026-05-04 09:00:00 ERROR - Task failed"
    )


def test_the_time_and_the_rank_of_a_runner_stay() -> None:
    line = unwrap_runner("[2026-05-04T09:00:00.678901Z] 3f0f2a8a [rank=3] || INFO: out of luck")
    assert parse_timestamp(line) is not None
    assert split_prefix(line).source.rank == 3
    assert split_prefix(unwrap_runner("(worker1, rank=9, pid=4242) out of luck")).source.rank == 9


@pytest.mark.parametrize(
    "line",
    [
        "May 04 09:00:00 node-3 slurmd[4242]: error: node is down",
        "2026-05-04 09:00:00 training finished in node/default",
        "step/10 loss 2.0",
        "12\t0.5\t0.25",
        "python train.py: done",
        "2026-05-04 09:00:00,678 INFO trainer: std output",
        "worker-0 main thread exits",
    ],
)
def test_lines_of_programs_stay_as_they_are(line: str) -> None:
    assert unwrap_runner(line) is line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"textPayload": "step 3", "severity": "INFO"}', "step 3"),
        ('{"stream": {"container": "fit"}, "line": "step 3"}', "step 3"),
        ('{"preview": false, "result": {"_raw": "step 3"}}', "step 3"),
        ('{"log": "{\\"level\\": \\"ERROR\\", \\"msg\\": \\"out\\"}\\n", "stream": "stderr"}', "out"),
        ('time=2026-05-04T09:00:00Z level=info msg="ERROR fit: out"', "2026-05-04T09:00:00Z ERROR fit: out"),
        ('ts=2026-05-04T09:00:00Z level=info component=run msg="a b"', "2026-05-04T09:00:00Z INFO - a b"),
        (
            '{"textPayload": "a", "resource": {"type": "k8s_container", "labels": {"pod_name": "fit-3"}}}',
            "[fit-3] a",
        ),
    ],
)
def test_messages_of_log_services_are_unwrapped(line: str, expected: str) -> None:
    assert unwrap_json(line) == expected
