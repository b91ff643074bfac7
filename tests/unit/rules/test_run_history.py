"""What earlier runs add to the verdict on a failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Severity
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.run_history import EndedRun, RunFacts, RunHistory
from bot.domain.run_verdicts import Remedy, RunVerdict
from bot.rules.run_history import failed_run, first_page, judge_with_history, node_of, with_judgement

NOW = datetime(2026, 3, 13, 9, 0, tzinfo=UTC)
JOB = Job(JobRef("baseten", "proj/job2"), JobState.FAILED, "FAILED", name="llama-sft")
RESTART = RunVerdict(Remedy.RESTART, "a late rank may recover", "why that rank was late")
FIX = RunVerdict(Remedy.FIX, "the same code fails again")
LINE = "gpu-17:4711:4999 [3] NCCL WARN Call to ibv_modify_qp failed"


def failure(category: str = "collective", verdict: RunVerdict = RESTART, line: str = LINE) -> Failure:
    return Failure(
        severity=Severity.PAGE, category=category, signature="nccl_timeout", title="A collective timed out", hint="",  # type: ignore[arg-type]
        line=1, excerpt=(line,), root_index=0, fingerprint="f1", verdict=verdict,
    )  # fmt: skip


def judge(failed: Failure, history: RunHistory, facts: RunFacts | None = None) -> RunVerdict:
    run = failed_run(JOB, failed, facts or RunFacts(), NOW)
    diagnosis = with_judgement(Diagnosis((failed,)), judge_with_history(failed, run, history))
    page = first_page(diagnosis)
    assert page is not None
    assert page.verdict is not None
    assert not page.verdict.is_from_log_only
    return page.verdict


def earlier(days: float, name: str | None = "llama-sft", category: str = "collective", **facts: object) -> EndedRun:
    found = RunFacts(**facts)  # type: ignore[arg-type]
    at = NOW - timedelta(days=days)
    return EndedRun(JobRef("baseten", "proj/job1"), "proj", at, category, "f1", name=name, facts=found)


def test_without_earlier_runs_the_verdict_of_the_log_remains() -> None:
    verdict = judge(failure(), RunHistory())

    assert (verdict.remedy, verdict.reason) == (RESTART.remedy, RESTART.reason)


@pytest.mark.parametrize(
    ("earlier_failures", "category", "remedy", "reason"),
    [
        (1, "collective", Remedy.RESTART, RESTART.reason),
        (2, "collective", Remedy.CHANGE_NODE, "third failure on gpu-17 within a week"),
        (3, "gpu_fault", Remedy.CHANGE_NODE, "fourth failure on gpu-17 within a week"),
        (40, "hang", Remedy.CHANGE_NODE, "41th failure on gpu-17 within a week"),
        (9, "code", Remedy.RESTART, RESTART.reason),
        (9, "gpu_memory", Remedy.RESTART, RESTART.reason),
    ],
)
def test_third_failure_on_a_node_suspects_the_node(
    earlier_failures: int, category: str, remedy: Remedy, reason: str
) -> None:
    verdict = judge(failure(category), RunHistory(earlier_failures))

    assert (verdict.remedy, verdict.reason) == (remedy, reason)


@pytest.mark.parametrize(
    ("same", "reason"),
    [
        (earlier(1), "same failure as yesterday's run of this job"),
        (earlier(0.2), "same failure as today's run of this job"),
        (earlier(1, name="other"), "same failure as yesterday's run of this project"),
        (earlier(5), "same failure as a run of this job 5 days ago"),
    ],
)
def test_same_failure_before_means_that_a_restart_did_not_help(same: EndedRun, reason: str) -> None:
    verdict = judge(failure(), RunHistory(same=same))

    assert (verdict.remedy, verdict.reason) == (Remedy.FIX, reason)


def test_repeated_preemption_is_still_a_restart() -> None:
    verdict = judge(failure("scheduler"), RunHistory(same=earlier(1, category="scheduler")))

    assert verdict.remedy is Remedy.RESTART


def test_version_that_differs_from_the_last_good_run_is_the_reason() -> None:
    good = earlier(2, category="", versions={"NCCL": "2.21", "torch": "2.9"})
    verdict = judge(failure(), RunHistory(good=good), RunFacts({"NCCL": "2.22", "torch": "2.9"}))

    assert verdict.remedy is Remedy.FIX
    assert verdict.reason == "the last good run of this project used NCCL 2.21, this one 2.22"


def test_argument_or_warning_that_differs_is_to_be_checked() -> None:
    good = earlier(2, category="", arguments={"lr": "0.1"})
    argument = judge(failure("code", FIX), RunHistory(good=good), RunFacts(arguments={"lr": "0.5"}))
    warning = judge(failure("code", FIX), RunHistory(good=good), RunFacts(warnings=("flash attention is off",)))

    assert argument.reason == warning.reason == FIX.reason
    assert argument.missing == "whether it matters that lr was 0.1 in the last good run and is 0.5 in this one"
    assert (
        warning.missing == 'whether it matters that this run warns "flash attention is off", unlike the last good one'
    )


def test_what_waits_or_was_preempted_is_not_compared() -> None:
    good, facts = earlier(2, category="", versions={"NCCL": "2.21"}), RunFacts({"NCCL": "2.22"})
    wait = replace(RESTART, remedy=Remedy.WAIT)

    assert judge(failure("scheduler"), RunHistory(good=good), facts).reason == RESTART.reason
    assert judge(failure(verdict=wait), RunHistory(good=good), facts).remedy is Remedy.WAIT


@pytest.mark.parametrize(
    ("line", "node"),
    [
        (LINE, "gpu-17"),
        ("srun: error: node042: task 3: Killed", "node042"),
        ("Xid 79 on node gpu-9.example", "gpu-9.example"),
        ("error: worker-3 died", ""),
        ("ValueError: x", ""),
    ],
)
def test_node_of_a_failure(line: str, node: str) -> None:
    assert node_of(failure(line=line)) == node
