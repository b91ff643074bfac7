"""Rules on the diagnosis of the log: a known failure, a hang, a bad loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Clear, Finding, Memory, Severity, Unknown
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import JobState, Resources
from bot.domain.observations import Observation
from bot.domain.progress import RunProgress
from bot.rules.catalog import rule_named
from bot.rules.rule import Context
from tests.unit.rules.observing import MINUTE, REF, START, gpu, job

OOM = Failure(
    severity=Severity.PAGE,
    category="gpu_memory",
    signature="cuda_oom",
    title="GPU out of memory",
    hint="Use a smaller batch.",
    line=7,
    ranks=(3, 0, 1),
    count=3,
    first_ns=ns_from_datetime(START),
    last_ns=ns_from_datetime(START),
    excerpt=("step 7", "[rank3]: torch.OutOfMemoryError: CUDA out of memory.", "bye"),
    confidence=0.9,
    fingerprint="oom",
    why="The earliest failure.",
    root_index=1,
)
HANG = replace(
    OOM, category="hang", signature="no_progress", title="No new step for 5 min", fingerprint="no_progress", ranks=()
)


def context(rule: str, *failures: Failure, minute: int = 0, memory: Memory | None = None) -> Context:
    found = rule_named(rule)
    assert found is not None
    diagnosis = Diagnosis(failures=failures, lines=10)
    return Context(Observation(REF, START + minute * MINUTE, job()), found.fill({}), memory or {}, diagnosis)


def judge(rule: str, asked: Context) -> tuple[Finding | Clear | Unknown, Memory]:
    found = rule_named(rule)
    assert found is not None
    return found.condition(asked)


def test_a_failure_has_title_root_line_rank_and_hint() -> None:
    verdict, _ = judge("failure", context("failure", OOM))

    assert isinstance(verdict, Finding)
    evidence = verdict.evidence
    assert verdict.severity is Severity.PAGE
    assert (evidence.title, evidence.hint, evidence.root) == ("GPU out of memory", "Use a smaller batch.", 1)
    assert evidence.summary == "torch.OutOfMemoryError: CUDA out of memory."
    assert ("Rank", "3 first, then 2 more") in evidence.facts
    assert ("Occurrences", "3") in evidence.facts


def test_the_rank_is_shown_with_the_number_of_ranks() -> None:
    asked = context("failure", OOM)
    two_nodes = replace(job(), resources=Resources(gpu_count=8, node_count=2))
    verdict, _ = judge("failure", replace(asked, observation=replace(asked.observation, job=two_nodes)))

    assert isinstance(verdict, Finding)
    assert ("Rank", "3 of 16 first, then 2 more") in verdict.evidence.facts


@pytest.mark.parametrize(("category", "rule"), [("gpu_memory", "failure"), ("hang", "hang"), ("numerics", "loss")])
def test_each_category_belongs_to_one_rule(category: str, rule: str) -> None:
    one = replace(OOM, category=category)  # type: ignore[arg-type]
    found = [name for name in ("failure", "hang", "loss") if isinstance(judge(name, context(name, one))[0], Finding)]

    assert found == [rule]


def test_notes_are_ignored() -> None:
    assert isinstance(judge("failure", context("failure", replace(OOM, severity=Severity.INFO)))[0], Clear)


def test_an_unreadable_log_is_unknown() -> None:
    asked = replace(context("failure"), diagnosis=None)

    assert isinstance(judge("failure", asked)[0], Unknown)


def test_a_failure_resolves_after_the_quiet_time_unless_the_job_ended() -> None:
    late = context("failure", OOM, minute=31)
    dead = replace(late, observation=replace(late.observation, job=job(JobState.FAILED)))

    assert isinstance(judge("failure", late)[0], Clear)
    assert isinstance(judge("failure", dead)[0], Finding)


def test_a_continuing_hang_notifies_once() -> None:
    """Its duration grows at every poll; the evidence does not change, so no message is edited."""
    first, memory = judge("hang", context("hang", HANG))
    longer = replace(HANG, title="No new step for 6 min", last_ns=ns_from_datetime(START + timedelta(minutes=1)))
    second, _ = judge("hang", context("hang", longer, minute=1, memory=memory))

    assert isinstance(first, Finding)
    assert isinstance(second, Finding)
    assert first.evidence == second.evidence
    assert (first.notify, second.notify) == (True, False)


@pytest.mark.parametrize(
    ("levels", "activity"),
    [
        ([1.0, 1.0, 0.97, 1.0], "All 4 GPUs at 100%: spinning in a collective."),
        ([0.01, 0.0, 0.02, 0.0], "All 4 GPUs idle (0%): waiting, not computing."),
        ([0.99, 1.0, 0.0, 1.0], "GPU 2 idle while the others are at 100%: check that rank first."),
        ([0.5, 0.6, 0.4, 0.5], "GPUs at 40% to 60%."),
        ([], ""),
    ],
)
def test_a_hang_says_where_the_run_stopped_and_what_its_gpus_do(levels: list[float], activity: str) -> None:
    """It quotes no line: the last step is not the fault."""
    series = tuple(gpu([0.9, 0.9, level, level, level], index=index) for index, level in enumerate(levels))
    asked = context("hang", HANG, minute=5)
    progress = RunProgress(step=2680, total_steps=50_000, last_ns=ns_from_datetime(START + MINUTE))
    watched = replace(
        asked,
        observation=replace(asked.observation, series=series),
        diagnosis=Diagnosis((HANG,), 10, progress),
    )
    verdict, memory = judge("hang", watched)
    later, _ = judge("hang", replace(watched, memory=memory, observation=replace(watched.observation, series=())))

    assert isinstance(verdict, Finding)
    evidence = verdict.evidence
    assert evidence.summary == (activity or "Stopped after step 2,680 of 50,000.")
    assert (evidence.lines, evidence.root) == ((), None)
    assert not activity or ("Stopped after", "step 2,680 of 50,000") in evidence.facts
    assert isinstance(later, Finding)
    assert later.evidence == evidence, "a poll without metrics does not change the message"


@pytest.mark.parametrize(
    ("level", "line", "hint"),
    [
        (0.01, "WARNING data.loader: waited 88.3 s for shard train-00492.tar", "Check the storage"),
        (0.99, "WARNING data.loader: waited 88.3 s for shard train-00492.tar", "Use a smaller batch."),
        (0.01, "12:00:04 INFO waiting for rank 3", "Use a smaller batch."),
    ],
)
def test_a_hang_with_idle_gpus_that_waits_for_data_advises_on_storage(level: float, line: str, hint: str) -> None:
    asked = context("hang", replace(HANG, excerpt=("step 2680 loss 1.2", line)), minute=5)
    series = (gpu([0.9, 0.9, level, level, level]),)
    verdict, _ = judge("hang", replace(asked, observation=replace(asked.observation, series=series)))

    assert isinstance(verdict, Finding)
    assert (verdict.evidence.hint or "").startswith(hint)


def test_a_replica_is_not_called_a_rank() -> None:
    verdict, _ = judge("failure", context("failure", replace(OOM, ranks=("n4n0x",))))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.facts[0] == ("Replica", "n4n0x")


def test_a_hang_quotes_the_newest_line_after_the_last_step_and_forgets_it_when_it_ends() -> None:
    waiting = replace(HANG, excerpt=("step 2680 loss 1.2", "12:00:04 INFO waiting for rank 3"))
    first, memory = judge("hang", context("hang", waiting))
    heartbeat = replace(waiting, excerpt=(*waiting.excerpt, "12:00:09 INFO still waiting"))
    second, memory = judge("hang", context("hang", heartbeat, memory=memory))
    cleared, memory = judge("hang", context("hang", memory=memory))

    assert isinstance(first, Finding)
    assert ("Newest line", "waiting for rank 3") in first.evidence.facts
    assert isinstance(second, Finding)
    assert second.evidence == first.evidence
    assert isinstance(cleared, Clear)
    assert memory == {}
